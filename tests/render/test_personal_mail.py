"""Templates that ask who the subscriber is: drawn for each, with the bytes of those that do not ask."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import TemplateError
from digest.model.issue import RenderedIssue
from digest.render.frozen import Frozen, freeze, thaw
from digest.render.merge import UNSAFE, Personal
from digest.render.mime import Mails
from digest.render.templates import sources_of
from digest.render.trial.checks import faults_of
from digest.render.trial.mails import Subject, draw
from digest.render.trial.specimens import specimens
from tests.render.sample_issue import SHIPPED, SITE, Renderer, a_newsletter, an_issue

InSite = Callable[..., Renderer]
KIM = Personal(
    "kim@example.com",
    "Kim Ash",
    frozenset(),
    "https://n.example/u/1",
    "https://n.example/v/1?a&b",
    "https://n.example/p",
)
NOBODY = replace(KIM, name="")
_PAGE = "<!DOCTYPE html><html><head><title>x</title></head><body><p>{}</p></body></html>"
_GREETING = "{% if subscriber.name %}Good morning, {{ subscriber.name }}.{% else %}Good morning.{% endif %}"
_NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)


def _page(body: str) -> str:
    return _PAGE.replace("{}", body)


def _mails(rendered: RenderedIssue) -> Mails:
    return Mails(rendered, "7:defence-notes:digest:example")


def _parts(mails: Mails, personal: Personal) -> tuple[str, str]:
    return mails.merge_for(personal).fill(personal)


def _wire(mails: Mails, personal: Personal) -> bytes:
    return mails.mail(personal, message_id="1@example.org", date=_NOW, smtputf8=True)


def _greeted(in_site: InSite) -> RenderedIssue:
    shipped = {part: (SHIPPED / f"mail/digest.{part}.j2").read_text(encoding="utf-8") for part in ("html", "txt")}
    html = re.sub("(<body[^>]*>)", rf"\1<p>{_GREETING}</p>", shipped["html"])
    return in_site(digest_html=html, digest_txt=f"{_GREETING}\n\n{shipped['txt']}")()


# -- both ways are one -------------------------------------------------------------------------------------------------


def _drawn_anew(rendered: RenderedIssue, renderer: Renderer) -> RenderedIssue:
    """The same issue as if its templates had asked for something."""
    shown = (renderer.newsletter, SITE, renderer.language, ZoneInfo("Europe/London"))
    sources = sources_of(renderer.environment())
    return replace(rendered, personal=freeze(Frozen(an_issue(), *shown, rendered.subject, rendered.preheader, sources)))


_BOTH = {
    layout: (_mails(plain), _mails(_drawn_anew(plain, renderer)))
    for layout in ("classic", "compact", "briefing")
    for renderer in [Renderer(newsletter=a_newsletter(theme={"layout": layout}))]
    for plain in [renderer()]
}


@given(
    layout=st.sampled_from(list(_BOTH)),
    name=st.text(max_size=40),
    email=st.sampled_from(
        ["a@example.com", ".dot@example.com", "From@example.com", "o'neil&s@example.com", "zoë@x.test"]
    ),
    topics=st.frozensets(st.sampled_from(["navy", "industry", "procurement", "other"])),
)
@settings(max_examples=80, deadline=None)
def test_a_mail_drawn_for_one_subscriber_has_the_bytes_of_one_drawn_for_all(
    layout: str, name: str, email: str, topics: frozenset[str]
) -> None:
    personal = Personal(email, name, topics, "https://u.test/x", f"https://v.test/{'a' * 90}", "https://p.test/?a=1&b")
    once, each = _BOTH[layout]
    assert _wire(each, personal) == _wire(once, personal)
    assert each.merge_for(personal).fill_web(personal) == once.merge_for(personal).fill_web(personal)


def test_an_issue_is_personal_only_when_its_templates_ask(render: Renderer, in_site: InSite) -> None:
    assert render().personal is None
    first, second = _greeted(in_site), _greeted(in_site)
    assert first.personal is not None
    assert first == second


# -- asking ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "shown"),
    [
        (_GREETING, "Good morning, Kim Ash."),
        ("{{ 'x' if not subscriber.name else 'y' }}", "y"),
        ("{{ subscriber.name or 'reader' }}", "Kim Ash"),
        ("{{ subscriber.name | default('reader', true) }}", "Kim Ash"),
        ("{% if subscriber.email == 'kim@example.com' %}x{% endif %}", "x"),
        ("{% if subscriber.name != subscriber.email %}x{% endif %}", "x"),
        ("{% if 'Ash' in subscriber.name %}x{% endif %}", "x"),
        ("{% if subscriber.name < 'L' and subscriber.name >= 'K' %}x{% endif %}", "x"),
        ("{% for letter in subscriber.name %}{{ letter }}-{% endfor %}", "K-i-m- -A-s-h-"),
        ("{{ subscriber.name | length }}", "7"),
        ("{{ subscriber.name | upper }}", "KIM ASH"),
        ("{{ subscriber.name | truncate(3, true, '', 0) }}", "Kim"),
        ("{{ subscriber.name | replace('Kim', 'K.') }}", "K. Ash"),
        ("{{ subscriber.name.split() | first | default('') }}", "Kim"),
        ("{{ subscriber.name[:1] }}", "K"),
        ("{{ subscriber.name + '!' }}{{ 'Dear ' + subscriber.name }}", "Kim Ash!Dear Kim Ash"),
        ("{{ '%s.' % subscriber.name }}", "Kim Ash."),
        ("{{ {'Kim Ash': 'x'}.get(subscriber.name) }}", "x"),
        ("{{ subscriber.name | int(7) }}", "7"),
        ("{{ subscriber.name | isolate }}", "Kim Ash"),
        ("{{ unsubscribe_url | urlencode }}", "https%3A//n.example/u/1"),
        ("{{ subscriber.name | urlencode }}", "Kim%20Ash"),
    ],
)
def test_a_template_may_ask_for_a_subscribers_values(in_site: InSite, use: str, shown: str) -> None:
    rendered = in_site(digest_html=_page(use), digest_txt=f"[{use}]")()
    html, text = _parts(_mails(rendered), KIM)
    assert f"<p>{shown}</p>" in html
    assert text == f"[{shown}]\n"


def test_a_value_that_is_printed_as_it_is_is_escaped_for_its_place(in_site: InSite) -> None:
    page = _page(
        f'{_GREETING}<a title="{{{{ subscriber.name }}}}" href="https://n.example/?n={{{{ subscriber.name }}}}">x</a>'
    )
    html, text = _parts(
        _mails(in_site(digest_html=page, digest_txt=_GREETING)()), replace(KIM, name='"Kim" & <Sons>\n\x00')
    )
    shown = "&quot;Kim&quot; &amp; &lt;Sons&gt;"
    assert f"Good morning, {shown}." in html
    assert f'title="{shown}" href="https://n.example/?n=%22Kim%22%20%26%20%3CSons%3E"' in html
    assert text == 'Good morning, "Kim" & <Sons>.\n'


def test_mails_that_are_alike_are_inlined_and_cut_once(in_site: InSite) -> None:
    mails = _mails(_greeted(in_site))
    named = [replace(KIM, name=name, email=f"{name}@example.com") for name in ("a", "b", "c")]
    assert len({mails.merge_for(each) for each in named}) == 1
    assert mails.merge_for(NOBODY) is not mails.merge_for(KIM)
    assert mails.merge_for(NOBODY) is mails.merge_for(replace(NOBODY, email="z@example.com"))


def test_more_variants_than_are_kept_are_drawn_anew_and_come_out_the_same(in_site: InSite) -> None:
    rendered = in_site(digest_html=_page("{{ subscriber.name | upper }}"), digest_txt=_GREETING)()
    mails = _mails(rendered)
    crowd = [replace(KIM, name=f"reader {number}") for number in range(40)]
    for personal in [*crowd, *crowd]:
        html, text = _parts(mails, personal)
        assert f"<p>{personal.name.upper()}</p>" in html
        assert text == f"Good morning, {personal.name}.\n"


@pytest.mark.parametrize("name", ["5 stories, en", "hostile text", "60 stories, en"])
def test_such_a_template_is_tried_as_any_other(in_site: InSite, name: str) -> None:
    _greeted(in_site)
    subject = Subject("sample", a_newsletter(), SITE, ZoneInfo("Europe/London"))
    (specimen,) = [each for each in specimens() if each.name == name]
    drawn = draw(in_site().environment(), subject, specimen)
    assert drawn.rendered.personal is not None
    assert faults_of(drawn) == []
    assert draw(in_site().environment(), subject, specimen).message == drawn.message


def test_topics_leave_stories_out_all_the_same(in_site: InSite) -> None:
    mails = _mails(_greeted(in_site))
    for part in _parts(mails, replace(KIM, topics=frozenset({"navy"}))):
        assert "Good morning, Kim Ash." in part
        assert "Canada narrows" in part
        assert "auditors count" not in part


def test_the_snapshot_itself_is_the_mail_of_a_reader_without_a_name(in_site: InSite) -> None:
    rendered = _greeted(in_site)
    assert "Good morning." in rendered.html
    assert rendered.text.startswith("Good morning.\n")


def test_a_storys_number_is_not_to_be_asked_for_even_then(in_site: InSite) -> None:
    with pytest.raises(TemplateError, match="number cannot be used in a condition"):
        in_site(digest_txt=f"{_GREETING}{{% story lead %}}{{% if number %}}x{{% endif %}}{{% endstory %}}")()


# -- what was approved -------------------------------------------------------------------------------------------------


def test_a_template_that_is_changed_afterwards_changes_nothing(in_site: InSite, tmp_path: Path) -> None:
    rendered = _greeted(in_site)
    before = _wire(_mails(rendered), KIM)
    for file in (tmp_path / "mail").iterdir():
        file.write_text("changed")
    read_again = RenderedIssue(**{name: getattr(rendered, name) for name in RenderedIssue.__slots__})
    changed = replace(read_again, personal=json.dumps(json.loads(rendered.personal or "")))  # nothing is kept of it
    assert _wire(_mails(changed), KIM) == before


def _without_templates(document: dict[str, Any]) -> None:
    document["templates"] = {}


def _with_another_title(document: dict[str, Any]) -> None:
    document["newsletter"]["title"] = "Another"


def _of_another_digest(document: dict[str, Any]) -> None:
    del document["zone"]


@pytest.mark.parametrize("change", [_without_templates, _with_another_title, _of_another_digest])
def test_what_would_not_come_out_as_it_was_approved_goes_to_all_without_a_name(
    in_site: InSite, change: Callable[[dict[str, Any]], None]
) -> None:
    rendered = _greeted(in_site)
    document = json.loads(rendered.personal or "")
    change(document)
    mails = _mails(replace(rendered, personal=json.dumps(document)))
    assert _wire(mails, KIM) == _wire(_mails(replace(rendered, personal=None)), KIM)
    assert "Good morning." in _parts(mails, KIM)[1]


def test_what_is_frozen_comes_back_as_it_was() -> None:
    newsletter = a_newsletter(
        reply_to="Desk <desk@example.org>", schedule="0 7 * * *", timezone="Asia/Tokyo", skip_dates=["2026-12-25"],
        cutoff="90s", late="1.5h", stories={"max_age": "3d"}, sections=[{"title": "Sea", "topics": ["navy"]}],
        theme={"layout": "compact", "accent": "#123"}, language="ja",
    )  # fmt: skip
    frozen = Frozen(an_issue(), newsletter, SITE, "ja", ZoneInfo("Asia/Tokyo"), "\ud800 subject", "", {"a.j2": "ä"})
    assert thaw(freeze(frozen)) == frozen


def test_a_setting_that_there_is_no_more_is_passed_over() -> None:
    frozen = Frozen(an_issue(), a_newsletter(), SITE, "en", ZoneInfo("UTC"), "s", "p", {})
    document = json.loads(freeze(frozen))
    document["newsletter"]["theme"]["shadow"] = document["site"]["motto"] = document["issue"]["mood"] = "gone"
    assert thaw(json.dumps(document)) == frozen


# -- names that mean harm ----------------------------------------------------------------------------------------------

_HARM = (
    "<p title='{{ subscriber.name | lower }}'>{{ subscriber.name | upper }}</p>"
    '<a href="https://n.example/?n={{ subscriber.name | lower | urlencode }}&amp;m=1">{{ subscriber.name[1:] }}</a>'
)


@pytest.fixture(scope="module")
def harmed(tmp_path_factory: pytest.TempPathFactory) -> Mails:
    folder = tmp_path_factory.mktemp("site")
    (folder / "mail").mkdir()
    (folder / "mail/digest.html.j2").write_text(_page(_HARM))
    (folder / "mail/digest.txt.j2").write_text("[{{ subscriber.name | trim | lower }}]")
    return _mails(Renderer(folders=(folder, SHIPPED))())


class _Read(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.attributes: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name: value or "" for name, value in attrs}

    def handle_data(self, data: str) -> None:
        if data.strip("\n"):
            self.texts.append(data)


_PIECES = [
    "<script>",
    "</p>",
    "-->",
    "<!--",
    '"',
    "'",
    "&",
    "&lt;",
    "{{",
    "{%",
    "zq",
    "qz",
    "javascript:",
    "\r\n",
    "\x00",
    "]]>",
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.lists(st.sampled_from(_PIECES) | st.text(max_size=8), max_size=6).map("".join))
def test_no_name_gets_out_of_its_place_through_a_filter(harmed: Mails, name: str) -> None:
    personal = replace(KIM, name=f"n{name}")
    html, text = _parts(harmed, personal)
    shown = UNSAFE.sub("", personal.name)
    found = _Read()
    found.feed(html)
    assert found.tags == ["html", "head", "title", "body", "p", "p", "a"]
    assert found.texts == ["x", *filter(None, [shown.upper(), shown[1:]])]
    assert found.attributes["title"] == shown.lower()
    assert parse_qs(urlsplit(found.attributes["href"]).query) == {"n": [shown.lower()], "m": ["1"]}
    assert text == f"[{shown.strip().lower()}]\n"


def test_a_name_made_like_a_placeholder_is_a_name(in_site: InSite) -> None:
    rendered = in_site(digest_html=_page("{{ subscriber.name | lower }}"), digest_txt="{{ subscriber.name | lower }}")()
    mails = _mails(rendered)
    for name in (f"zq{rendered.nonce}vqz", rendered.nonce[:8], f"zq{rendered.nonce}s0bqz", "<!--zq"):
        html, text = _parts(mails, replace(KIM, name=name))
        assert f"<p>{name}</p>" in html.replace("&lt;", "<")
        assert text == f"{name}\n"


@pytest.mark.parametrize(("use", "name"), [
    ("{% if subscriber.name %}{{ subscriber.name.split()[0] }}{% endif %}", "\u00a0"),
    ("{{ subscriber.name.format(newsletter) }}", "{0.__class__}"),
    ("{{ subscriber.name | format }}", "%s"),
])  # fmt: skip
def test_a_name_that_is_too_much_for_a_template_costs_its_owner_the_greeting_only(
    in_site: InSite, use: str, name: str
) -> None:
    mails = _mails(in_site(digest_html=_page(f"{use} {{{{ subscriber.email }}}}"), digest_txt=use)())
    assert _parts(mails, replace(KIM, name=name)) == _parts(mails, NOBODY)
    assert "kim@example.com" in _parts(mails, replace(KIM, name=name))[0]
    assert _parts(mails, replace(KIM, name="Ash"))[1] == "Ash\n"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<b style='color: {{ subscriber.name | lower }}'>x</b>", "cannot be made safe"),
        ("<b onclick='say(\"{{ subscriber.name | lower }}\")'>x</b>", "cannot be made safe"),
        ("<script>say('{{ subscriber.name | upper }}')</script>", "cannot be made safe"),
        ("<style data-premailer='ignore'>{{ subscriber.name | upper }} {}</style>", "cannot be made safe"),
        ("<a href='{{ subscriber.name | lower }}'>x</a>", r"\| urlencode"),
        ("<a href='https://n.example/?n={{ subscriber.name | lower }}'>x</a>", r"\| urlencode"),
    ],
)
def test_a_name_where_no_escaping_helps_is_refused_before_anybody_gets_it(
    in_site: InSite, body: str, reason: str
) -> None:
    with pytest.raises(TemplateError, match=reason):
        in_site(digest_html=_page(body))()


def test_what_fails_for_readers_with_a_name_fails_when_the_issue_is_drawn(in_site: InSite) -> None:
    with pytest.raises(TemplateError, match="'nmae' is undefined") as caught:
        in_site(digest_txt="Hello\n{% if subscriber.name %}{{ nmae }}{% endif %}")()
    assert caught.value.line == 2
