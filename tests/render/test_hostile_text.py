"""Whatever a feed says, the mail stays whole: no controls, no templates, nothing turned around, nothing of ours leaks."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.header import decode_header, make_header
from functools import cache
from html.parser import HTMLParser
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from digest.model.issue import AlsoIn, RenderedIssue
from digest.render.merge import Merge, Personal
from digest.render.mime import Mails
from tests.render.sample_issue import SLOT, Renderer, an_issue, six_stories

LAYOUTS = ["classic", "compact", "briefing"]
_NEVER = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]")
_TEMPLATE = re.compile(r"\{[{%#]|[}%#]\}")
_PIECES = [
    "{{ lead.title }}", "{{{{", "}}}", "{%", "%}", "{#", "#}", "{{{% raw %}}}", "</style>", "--><script>x</script>",
    "<![endif]-->", "]]>", "\x00", "\x92", "\ud800", "\udfff", "\u202e", "\u2066", "\u2028", "\r\n", "\t",
    "&amp;", "&#123;&#123;", "<b>", "\"'`",
    "שלום", "مرحبا", "防衛", "🚢", "e\u0301", "https://x.example/{{a}}", "zq", "qz", "x" * 90, "%7B%7B",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(_PIECES) | st.text(max_size=12), max_size=8).map("".join)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "bdi":  # comes and goes with the direction of a text
            self.tags.append(tag)


def _tags(html: str) -> list[str]:
    parser = _Tags()
    parser.feed(html)
    return parser.tags


READER = Personal(
    "reader@example.com", "Kim", frozenset(), "https://n.example/u/1", "https://n.example/v/1", "https://n.example/p/1"
)


@dataclass(frozen=True)
class Mail:
    """What one reader gets. head: the header fields in their order, unfolded and decoded."""

    html: str
    text: str
    head: tuple[tuple[str, str], ...]


def _received(rendered: RenderedIssue) -> Mail:
    """The mail as a client reads it, from its bytes."""
    raw = Mails(rendered, "7:defence-notes:digest:sample").mail(READER, message_id="m" * 31 + "@example.org", date=SLOT)
    assert raw.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", raw)
    message = message_from_bytes(raw)
    parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    text, html = (part.decode() for part in parts if isinstance(part, bytes))
    assert (html, text) == tuple(part.replace("\n", "\r\n") for part in Merge(rendered).fill(READER))
    head = tuple((name, str(make_header(decode_header(value.replace("\r\n", ""))))) for name, value in message.items())
    return Mail(html.replace("\r\n", "\n"), text.replace("\r\n", "\n"), head)


def _mail(layout: str, title: str, teaser: str, source: str, section: str, language: str) -> Mail:
    first, *rest = six_stories()
    second = replace(
        rest[0],
        title=title,
        teaser=teaser,
        source=source,
        section=section,
        also=(AlsoIn(source, "https://a.example/1"),),
    )
    stories = (replace(first, title=title, teaser=teaser, source=source), second, *rest[1:])
    rendered = Renderer(language=language)(an_issue(stories), theme={"layout": layout})
    return _received(rendered)


@cache
def _usual(layout: str, language: str) -> Mail:
    return _mail(layout, "Title", "Teaser", "Source", "Section", language)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(LAYOUTS), HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.sampled_from(["en", "ar", "ja"]))
def test_no_feed_can_break_a_mail(
    layout: str, title: str, teaser: str, source: str, section: str, language: str
) -> None:
    mail = _mail(layout, f"T{title}", f"T{teaser}", f"S{source}", f"S{section}", language)
    usual = _usual(layout, language)
    values = "\n".join(value for _, value in mail.head)
    for part in (mail.html, mail.text, values):
        assert not _NEVER.search(part)
        part.encode("utf-8")
    words = re.sub(r"(?s)<style.*?</style>", "", mail.html)
    assert not _TEMPLATE.search(words)
    assert not _TEMPLATE.search(mail.text + values)
    assert _tags(mail.html) == _tags(usual.html)
    assert [name for name, _ in mail.head] == [name for name, _ in usual.head]
    # The lead's headline is the subject; nothing else of a feed is in any field.
    differ = {name for (name, one), (_, other) in zip(mail.head, usual.head, strict=True) if one != other}
    assert differ <= {"Subject", "Content-Type"}  # of which the boundary follows from the words


LINKS = st.lists(st.sampled_from([*_PIECES, "https://x.example/", "javascript:", "?q=", "#"]), max_size=6).map("".join)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(LAYOUTS), LINKS, LINKS, LINKS, HOSTILE)
def test_no_address_of_a_feed_can_break_a_mail(layout: str, link: str, image: str, other: str, language: str) -> None:
    at = "https://x.example/"
    told = [
        replace(story, link=at + link, image=at + image, also=(AlsoIn("A", at + other),), language=language or None)
        for story in six_stories()
    ]
    mail = _received(Renderer()(an_issue(tuple(told)), theme={"layout": layout}))
    words = re.sub(r"(?s)<style.*?</style>", "", mail.html)
    for part in (words, mail.text):
        assert not _NEVER.search(part)
        assert not _TEMPLATE.search(part)
    addresses = re.findall(r'(?:href|src)="([^"]*)"', mail.html)
    assert all(re.match(r"https?://[^\s<>\"]+$", address) for address in addresses)


NOTHING = {
    "teaser": "", "link": "", "image": None, "language": None, "guid": None, "topics": (), "section": "", "also": (),
    "minutes": None,
}  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example("classic", "en", set(NOTHING))
@given(st.sampled_from(LAYOUTS), st.sampled_from(["en", "ar", "ja"]), st.sets(st.sampled_from(sorted(NOTHING))))
def test_what_a_story_lacks_leaves_no_word_behind(layout: str, language: str, lacking: set[str]) -> None:
    full = {"section": "At sea", "also": (AlsoIn("Wire", ""),), "minutes": 4, "language": "de"}
    values: dict[str, Any] = full | {name: NOTHING[name] for name in lacking}
    bare = [replace(story, **values, source="wire") for story in six_stories()]
    rendered = Renderer(language=language)(an_issue(tuple(bare)), theme={"layout": layout}, preheader="")
    mail = _received(rendered)
    for part in (mail.html, mail.text, *(value for _, value in mail.head)):
        assert not re.search(r"None|undefined|null|NaN|href=\"\"|src=\"\"|<p[^>]*></p>", part)


def test_an_address_with_braces_is_encoded_in_both_parts() -> None:
    first, *rest = six_stories()
    odd = replace(first, link="https://x.example/{{a}}?q=a b|c", image="https://x.example/{{i}}.png")
    html, text = Merge(Renderer()(an_issue((odd, *rest)))).fill(READER)
    assert "https://x.example/%7B%7Ba%7D%7D?q=a%20b%7Cc\n" in text
    assert 'href="https://x.example/%7B%7Ba%7D%7D?q=a%20b%7Cc"' in html
    assert 'src="https://x.example/%7B%7Bi%7D%7D.png"' in html
