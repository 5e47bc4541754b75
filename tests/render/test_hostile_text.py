"""Whatever a feed says, the mail stays whole: no controls, no templates, nothing turned around, nothing of ours leaks."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.model.issue import AlsoIn
from digest.render.merge import Merge, Personal
from tests.render.sample_issue import Renderer, an_issue, six_stories

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


def _mail(layout: str, title: str, teaser: str, source: str, section: str, language: str) -> tuple[str, str, str]:
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
    return (*Merge(rendered).fill(READER), rendered.subject)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(LAYOUTS), HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.sampled_from(["en", "ar", "ja"]))
def test_no_feed_can_break_a_mail(
    layout: str, title: str, teaser: str, source: str, section: str, language: str
) -> None:
    html, text, subject = _mail(layout, f"T{title}", f"T{teaser}", f"S{source}", f"S{section}", language)
    for part in (html, text, subject):
        assert not _NEVER.search(part)
        part.encode("utf-8")
    words = re.sub(r"(?s)<style.*?</style>", "", html)
    assert not _TEMPLATE.search(words)
    assert not _TEMPLATE.search(text + subject)
    assert _tags(html) == _tags(_mail(layout, "Title", "Teaser", "Source", "Section", language)[0])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_a_story_lacks_leaves_no_word_behind(layout: str) -> None:
    bare = [
        replace(story, teaser="", link="", image=None, language=None, guid=None, topics=(), section="", source="wire")
        for story in six_stories()
    ]
    rendered = Renderer()(an_issue(tuple(bare)), theme={"layout": layout}, preheader="")
    for part in Merge(rendered).fill(READER):
        assert not re.search(r"None|undefined|null|href=\"\"|src=\"\"|<p[^>]*></p>", part)


def test_an_address_with_braces_is_encoded_in_both_parts() -> None:
    first, *rest = six_stories()
    odd = replace(first, link="https://x.example/{{a}}?q=a b|c", image="https://x.example/{{i}}.png")
    html, text = Merge(Renderer()(an_issue((odd, *rest)))).fill(READER)
    assert "https://x.example/%7B%7Ba%7D%7D?q=a%20b%7Cc\n" in text
    assert 'href="https://x.example/%7B%7Ba%7D%7D?q=a%20b%7Cc"' in html
    assert 'src="https://x.example/%7B%7Bi%7D%7D.png"' in html
