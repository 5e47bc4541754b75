from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.gather.identity import LINK_MAX, absolute_link, link_key, picture_link, reader_link, title_key


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("HTTPS://Www.Example.ORG/A/b?x=1#part", "https://www.example.org/A/b?x=1#part"),
        ("/news/1/", "https://paper.example.org/news/1/"),
        ("//cdn.example.org/x", "https://cdn.example.org/x"),
        ("  https://example.org/a\n/b  ", "https://example.org/a/b"),
        ("https://example.org/two words", "https://example.org/two%20words"),
        ("https://example.org/?utm_source=rss&id=7&fbclid=abc", "https://example.org/?id=7"),
        ("https://example.org/?id=7&amp;utm_medium=mail", "https://example.org/?id=7"),
        ("https://example.org/?ref=paper.example.org&b=2&a=1", "https://example.org/?b=2&a=1"),
        ("https://example.org/?ref=somebody", "https://example.org/?ref=somebody"),
        ("https://example.org/a#utm_source=feed", "https://example.org/a"),
        ("https://example.org/a#at_home", "https://example.org/a#at_home"),
        ("https://bank.example.com@evil.test/", "https://evil.test/"),
        ("https://example.org\\@evil.test/", "https://example.org/@evil.test/"),
        ("http://example.org:8080/a", "http://example.org:8080/a"),
        ("http://[2001:db8::1]/a", "http://[2001:db8::1]/a"),
    ],
)
def test_readers_get_an_absolute_link_without_tracking(url: str, link: str) -> None:
    assert reader_link(url, "https://paper.example.org/feed/") == link


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "mailto:news@example.org", "data:text/html,x", "ftp://example.org/", "http://", "http://[x/",
     "https://exa mple.org/", "http://example.org:port/", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)"],
)  # fmt: skip
def test_what_is_no_web_address_is_no_link(url: str) -> None:
    assert reader_link(url, "https://paper.example.org/") is None


def test_a_link_that_no_mail_client_would_follow_is_none() -> None:
    base = "https://example.org/"
    longest = base + "a" * (LINK_MAX - len(base))
    assert [reader_link(longest), picture_link(longest, base)] == [longest, longest]
    assert [reader_link(longest + "a"), picture_link(longest + "a", base)] == [None, None]
    assert reader_link(longest + "?utm_source=feed") == longest
    assert link_key(base + "読" * 700) == link_key(base + "%E8%AA%AD" * 700) != ""


def test_pictures_keep_their_parameters() -> None:
    assert absolute_link("/p.jpg?utm_source=x", "https://example.org/") == "https://example.org/p.jpg?utm_source=x"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://www.example.org/story/", "https://example.org/story"),
        ("https://m.example.org/story", "https://amp.example.org/story/amp/"),
        ("https://example.org:443/story", "http://example.org:80/story"),
        ("https://bücher.example.org/", "https://xn--bcher-kva.example.org"),
        ("https://example.org/a/../b/./c", "https://example.org/b/c"),
        ("https://example.org/%7euser/%c3%a9", "https://example.org/~user/é"),
        ("https://example.org/a?b=2&a=1&utm_campaign=x", "https://example.org/a?a=1&b=2"),
        ("https://example.org/a?output=amp", "https://example.org/a#comments"),
        ("https://example.org/a?q=two+words", "https://example.org/a?q=two%20words"),
        ("https://example.org./a", "https://example.org/a"),
    ],
)
def test_addresses_of_one_page_have_one_key(one: str, other: str) -> None:
    assert link_key(one) == link_key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/?article=1", "https://example.org/?article=2"),
        ("https://example.org/#!/story/1", "https://example.org/#!/story/2"),
        ("https://example.org/Story", "https://example.org/story"),
        ("https://example.org/a%2Fb", "https://example.org/a/b"),
        ("https://example.org:8443/a", "https://example.org/a"),
        ("https://www.org/", "https://org/"),
    ],
)
def test_addresses_of_two_pages_have_two_keys(one: str, other: str) -> None:
    assert link_key(one) != link_key(other)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60).map("https://example.org/".__add__) | st.text(max_size=60))
@example("https://www.www.example.org/amp/amp/?amp;amp;a=1")
@example("https://example.org/%2575tm?utm%5Fsource=x&%61mp;b")
def test_link_key_is_idempotent(url: str) -> None:
    assert link_key(link_key(url)) == link_key(url)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60).map("HTTP://Example.org/".__add__) | st.text(max_size=60), st.none() | st.text(max_size=20))
def test_no_text_crashes_reader_link(url: str, base: str | None) -> None:
    link = reader_link(url, base)
    assert link is None or link.startswith(("http://", "https://"))


def test_titles_are_equal_but_for_case_punctuation_and_width() -> None:
    assert title_key("“Navy’s  new ship — in Ｒotterdam!”") == title_key("navy's New Ship in Rotterdam")
    assert title_key("政府は新しい防衛計画を発表した。") == title_key("政府は、新しい防衛計画を発表した")


@pytest.mark.parametrize("title", ["", "Weekly roundup", "News in brief", "社説", "今日のニュース", "!!! ??? ... ---"])
def test_a_common_title_identifies_nothing(title: str) -> None:
    assert title_key(title) == ""


def test_the_title_of_a_column_identifies_nothing_however_long() -> None:
    assert title_key("Weekly news roundup and market calendar") == ""
