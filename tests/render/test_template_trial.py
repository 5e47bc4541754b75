"""What a template author is told: faults with part and remedy, and none for the shipped templates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from digest.render.trial.checks import Fault, faults_of
from digest.render.trial.mails import Subject, draw
from digest.render.trial.specimens import Specimen, issue_of, specimens
from tests.render.sample_issue import SHIPPED, SITE, Renderer, a_newsletter

HTML = (SHIPPED / "mail/digest.html.j2").read_text()
TEXT = (SHIPPED / "mail/digest.txt.j2").read_text()
SPECIMENS = {each.name: each for each in specimens()}


def tried(renderer: Renderer, specimen: Specimen, layout: str = "classic") -> list[Fault]:
    subject = Subject("sample", a_newsletter(theme={"layout": layout}), SITE, ZoneInfo("Europe/London"))
    return faults_of(draw(renderer.environment(), subject, specimen))


@pytest.mark.parametrize("layout", ["classic", "compact", "briefing"])
@pytest.mark.parametrize(
    "name", ["5 stories, en", "5 stories, ar", "hostile text", "no links, no topics", "sections, ja"]
)
def test_the_shipped_templates_have_no_fault(name: str, layout: str) -> None:
    assert tried(Renderer(), SPECIMENS[name], layout) == []


@pytest.mark.parametrize(
    ("part", "was", "now", "check"),
    [
        ("txt", "{{ unsubscribe_url }}", "", "ways out"),
        ("html", "{% story story %}", "{% if true %}", "story blocks"),
        ("txt", "{% for group in sections %}", "{% for group in sections | reverse %}", "text part"),
        ("html", "</body>", "<p>None</p></body>", "leftovers"),
        ("html", "</body>", '<p style="display:flex">x</p></body>', "client support"),
    ],
)
def test_a_fault_is_told(part: str, was: str, now: str, check: str, in_site: Callable[..., Renderer]) -> None:
    source = HTML if part == "html" else TEXT
    assert was in source
    broken = source.replace(was, now)
    if check == "story blocks":
        broken = broken.replace("{% endstory %}", "{% endif %}")
    issue = issue_of("en", 6, lambda story: replace(story, section="A" if 0 < story.position < 3 else "B"))
    found = tried(in_site(**{f"digest_{part}": broken}), Specimen("", "en", issue))
    assert (check, part) in {(fault.check, fault.part) for fault in found}
    assert all(fault.remedy for fault in found)


def test_what_inlining_changes_is_told(in_site: Callable[..., Renderer]) -> None:
    """premailer counts an attribute in a selector for nothing."""
    odd = HTML.replace("</body>", '<s title="t">x</s></body>')
    odd = odd.replace("</head>", "<style>s[title] { color: #111111; } s { color: #222222; }</style></head>")
    found = tried(in_site(digest_html=odd), SPECIMENS["1 story, en"])
    assert [fault.check for fault in found] == ["inlining"]
