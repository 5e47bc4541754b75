"""The rendered snapshot: deterministic, escaped, complete."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from digest.errors import TemplateError
from digest.render.inline import inline
from digest.render.merge import Merge, Personal
from tests.render.sample_issue import Renderer, a_newsletter, an_issue, six_stories

InSite = Callable[..., Renderer]

HOSTILE = [
    "</style><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "<![endif]--><script>alert(1)</script>",
    "{{ 7 * 191 }} {{ x }}",
    "{% raw %}{% endraw %}{# gone #}",
    "]]> <![CDATA[ x",
    'a" onmouseover="alert(1)',
    "don\u0092t \u0000stop\u0085 \ud800now\udfff",
    "<img src=x onerror=alert(1)>",
    "&amp; &lt;b&gt; &#x3c;script&#x3e;",
    "zq0123456789abcdefnqz",
]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.comments = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def _structure(html: str) -> tuple[list[tuple[str, tuple[str, ...]]], int]:
    """Elements with the names of their attributes, and how many comments there are."""
    parser = _Tags()
    parser.feed(html)
    return parser.tags, parser.comments


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_story_text_neither_breaks_out_nor_runs(render: Renderer, reader: Personal, text: str) -> None:
    changes = {"title": f"Title {text}", "teaser": f"Teaser {text}", "source": f"Source {text}"}
    harmless = {key: value.split()[0] for key, value in changes.items()}
    rendered = render.with_story(**changes)
    html, plain = Merge(rendered).fill(reader)
    assert _structure(html) == _structure(Merge(render.with_story(**harmless)).fill(reader)[0])
    assert "1337" not in html + plain
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", html + plain + rendered.subject)
    assert not re.search(r"\{[{%#]|[}%#]\}", plain + rendered.subject + re.sub(r"(?s)<style.*?</style>", "", html))
    if "{" in text:
        assert text in plain.replace("\u2060", "")


def test_a_windows_apostrophe_becomes_what_was_meant(render: Renderer) -> None:
    assert render.with_story(title="It\u0092s here").subject == "It’s here"


def test_only_web_links_and_pictures_are_kept(render: Renderer) -> None:
    rendered = render.with_story(link="javascript:alert(1)", image="data:image/png;base64,AAAA")
    assert "javascript:" not in rendered.html + rendered.text
    assert "data:" not in rendered.html
    assert "Malaysia sets aside" in rendered.html


def test_an_intro_is_escaped_and_keeps_its_paragraphs(render: Renderer) -> None:
    rendered = render(an_issue(intro="First <b>line</b>.\n\nSecond {{ line }}."))
    assert "First &lt;b&gt;line&lt;/b&gt;." in rendered.html
    assert rendered.html.count('class="intro-text') == 2
    assert "Second {{ line }}." in rendered.text


def test_two_renders_give_the_same_bytes(render: Renderer) -> None:
    assert render() == render()


def test_two_processes_give_the_same_bytes() -> None:
    """The whole mails, headers and boundary included, in each layout, of much and odd text, whatever a set's order."""
    program = (
        "from tests.render.test_golden_mails import *\n"
        "from digest.render.trial.specimens import specimens\n"
        "import hashlib, sys\n"
        "odd = [each for each in specimens() if each.name in ('hostile text', 'sections, ar')]\n"
        "for layout in ('classic', 'compact', 'briefing'):\n"
        "    subject = Subject('sample', a_newsletter(theme={'layout': layout}), SITE, ZoneInfo('Europe/London'))\n"
        "    for each in odd:\n"
        "        print(hashlib.sha256(draw(Renderer().environment(), subject, each).message).hexdigest())\n"
    )
    root = Path(__file__).parents[2]
    found = []
    for seed in ("0", "1", "4294967295"):
        environ = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=environ, cwd=root)
        found.append(run.stdout.split())
    assert found[0] == found[1] == found[2]
    assert len(set(found[0])) == 6


def test_another_story_gives_another_nonce(render: Renderer) -> None:
    assert render().nonce != render.with_story(title="Another").nonce


def test_subject_and_preheader_come_from_the_stories(render: Renderer) -> None:
    rendered = render()
    assert rendered.subject == "Malaysia sets aside RM21.70 billion for defence"
    assert rendered.preheader.startswith("DroneShield doubles")
    assert " · GAO: " in rendered.preheader


def test_a_subject_is_one_line_without_markup(render: Renderer) -> None:
    assert render.with_story(title="A\r\nBcc: x@example.org\x00 & <b>").subject == "A Bcc: x@example.org & <b>"


def test_an_empty_subject_falls_back_to_the_newsletters_title(render: Renderer) -> None:
    assert Renderer(newsletter=a_newsletter(subject="{{ '' }}"))().subject == "Defence Notes"


def test_an_editors_subject_is_text_and_no_template(render: Renderer) -> None:
    assert render(subject="{{ lead.title }}").subject == "{{ lead.title }}"


def test_an_empty_preheader_leaves_no_trace(render: Renderer) -> None:
    assert 'class="preheader"' not in render(preheader="").html


def test_an_issue_without_stories_is_refused(render: Renderer) -> None:
    with pytest.raises(TemplateError, match="no stories"):
        render(an_issue(()))


def test_stories_stand_in_their_order_whatever_the_tuples(render: Renderer) -> None:
    assert render(an_issue(six_stories()[::-1])).html == render().html


def test_html_and_text_hold_the_same_stories_and_links(render: Renderer, reader: Personal) -> None:
    rendered = render()
    _, text = Merge(rendered).fill(replace(reader, unsubscribe_url="https://u.test/"))
    for story in six_stories():
        assert f'href="{story.link.replace("&", "&amp;")}"' in rendered.html
        assert story.link in rendered.text
        assert story.title.lower() in " ".join(rendered.text.lower().split())
    assert max(map(len, text.splitlines())) <= 72


def test_the_head_of_the_mail_is_in_order(render: Renderer) -> None:
    html = render().html
    assert html.startswith('<!DOCTYPE html>\n<html lang="en" dir="ltr"')
    assert "<title>Malaysia sets aside" in html
    for wanted in (
        'charset="utf-8"',
        "x-apple-disable-message-reformatting",
        "PixelsPerInch",
        "supported-color-schemes",
    ):
        assert wanted in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert "!important" in html
    assert html.count("&zwnj;") + html.count("\u200c") <= 30


def test_tables_pictures_and_headings_are_accessible(render: Renderer) -> None:
    html = render().html
    tables = re.findall(r"<table[^>]*>", html)
    assert tables
    assert all('role="presentation"' in table for table in tables)
    assert all(re.search(r'alt="[^"]+"', picture) for picture in re.findall(r"<img[^>]*>", html))
    assert re.findall(r"<h(\d)", html) == ["1"] + ["2"] * 6
    assert not re.search(r'<img[^>]*(width="100%"|height=)', html)


def test_a_right_to_left_newsletter_is_mirrored() -> None:
    html = Renderer(language="ar")().html
    assert html.count('dir="rtl"') >= 2
    assert '<td class="folio strong plain" align="right"' in html
    assert '<td class="folio strong plain" align="left"' in html


def test_a_story_in_another_language_says_so(render: Renderer) -> None:
    assert 'lang="he" dir="rtl" align="right"' in render.with_story(language="he").html
    assert render.with_story(language="en").html.count(' lang="') == 2
    tags, _ = _structure(render.with_story(language='x" onclick="y').html)
    assert not any("onclick" in names for _, names in tags)


def test_thirty_stories_stay_under_the_clip(render: Renderer, reader: Personal) -> None:
    teaser = "The auditors count the drawings that changed after steel had been cut, and advise patience. " * 3
    story = six_stories()[1]
    many = tuple(replace(story, story_id=n, position=n, teaser=teaser) for n in range(30))
    html, _ = Merge(render(an_issue(many))).fill(reader)
    assert len(html.encode()) < 102_000


def test_nothing_is_fetched_while_styles_are_inlined(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr(socket, "create_connection", forbidden)
    links = '<link rel="stylesheet" href="http://192.0.2.1/a.css"><link rel="stylesheet" href="/etc/passwd">'
    html = f"<!DOCTYPE html><html><head>{links}<style>p {{color: #123456}}</style></head><body><p>x</p></body></html>"
    assert '<p style="color:#123456">' in inline(html, "t")


def test_a_lower_case_doctype_is_not_lost() -> None:
    assert inline("<!-- x --><!doctype html><html><body><p>x</p></body></html>", "t").startswith(
        "<!DOCTYPE html>\n<html>"
    )


def test_outlooks_comments_survive_byte_for_byte(render: Renderer) -> None:
    html = render().html
    assert html.count("<!--[if mso]>") == html.count("<![endif]-->")
    assert '<table role="presentation" align="center" width="600"' in html
