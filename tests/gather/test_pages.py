from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml.html import HtmlElement

from digest.errors import GatherError
from digest.gather import pages
from digest.gather.encodings import decode
from digest.gather.pages import PageRead, parse_page, stories_of_page
from digest.settings import Select, Source

URL = "https://coast.example.org/news/tugs/"
PAGE = """<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8"><title>Tugs | The Coast</title></head><body>
<nav><ul><li><a href="/">Home</a></li></ul></nav>
<main><section><h2>  More from
 the HARBOUR </h2><ul>
<li class="card"><a href="/news/ferry/?utm_source=list"><h3>The ferry runs again</h3></a>
<p>After a long winter the ferry crosses the bay again.</p>
<time datetime="2026-11-02T08:00:00Z">2 Nov</time><img data-src="/p/ferry.jpg" src="data:x"></li>
<li class="card"><a href="buoy/">A buoy is lost</a><p>Nobody knows where it went on Friday night.</p></li>
<li class="card"><a href="/news/ferry/"><h3>The ferry runs again</h3></a></li>
<li class="ad"><a href="https://shop.example.com/tea"><h3>Buy tea</h3></a></li>
</ul><h2>Elsewhere</h2><ul><li><a href="/else"><h3>Somewhere else</h3></a></li></ul></section></main>
<footer><ul><li><a href="/about"><h3>About</h3></a></li></ul></footer></body></html>"""


def read(page: str | bytes, now: datetime, article: bool = False, **select: Any) -> PageRead:
    rules = Select(**select) if select else None
    source = Source(kind="page", url=URL, topics=("harbour",), include_article=article, select=rules)
    return parse_page(page.encode() if isinstance(page, str) else page, None, URL, "coast", source, now)


def titles(read: PageRead) -> list[str]:
    return [story.title for story in read.stories]


def test_what_follows_a_heading_is_its_list(now: datetime) -> None:
    found = read(PAGE, now, within="More from the harbour", item="li")
    assert found.state == "items"
    assert titles(found) == ["The ferry runs again", "A buoy is lost", "Buy tea"]
    ferry = found.stories[0]
    assert ferry.link == "https://coast.example.org/news/ferry/"
    assert ferry.teaser == "After a long winter the ferry crosses the bay again."
    assert ferry.published == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert ferry.image == "https://coast.example.org/p/ferry.jpg"
    assert (ferry.language, ferry.topics, ferry.source) == ("en-GB", ("harbour",), "coast")
    assert found.stories[1].link == "https://coast.example.org/news/tugs/buoy/"


def test_items_may_be_named_by_selectors(now: datetime) -> None:
    found = read(PAGE, now, within="main ul", item=".card", title="h3", link="a", teaser="p", date="time", image="img")
    assert titles(found) == ["The ferry runs again"]
    assert found.stories[0].image == "https://coast.example.org/p/ferry.jpg"


def test_without_within_the_whole_page_is_searched(now: datetime) -> None:
    assert titles(read(PAGE, now, item="li"))[0] == "Home"


def test_links_may_be_let_in_kept_out_and_counted(now: datetime) -> None:
    rules: dict[str, Any] = {"within": "More from the harbour", "item": "li"}
    assert titles(read(PAGE, now, **rules, url_include="/news/")) == ["The ferry runs again", "A buoy is lost"]
    assert titles(read(PAGE, now, **rules, url_exclude=r"^https://shop\.")) == [
        "The ferry runs again",
        "A buoy is lost",
    ]
    assert titles(read(PAGE, now, **rules, limit=1)) == ["The ferry runs again"]
    assert read(PAGE, now, **rules, url_include="/nowhere/").state == "empty"


@pytest.mark.parametrize("item", ["a", "li"])
def test_a_link_around_the_whole_card_is_its_link(now: datetime, item: str) -> None:
    cards = "<ul><a href='/1'><li><h3>One boat came in</h3><p>It was a small boat with a red sail.</p></li></a></ul>"
    found = read(cards, now, item=item)
    assert [(s.link, s.title) for s in found.stories] == [("https://coast.example.org/1", "One boat came in")]


def test_a_deeper_heading_belongs_to_the_list_and_a_higher_one_ends_it(now: datetime) -> None:
    page = (
        "<h3>News</h3><div class=i><h4><a href=/1>First of them</a></h4></div>"
        "<h2>Other</h2><div class=i><a href=/2>Second</a></div>"
    )
    assert titles(read(page, now, within="News", item=".i")) == ["First of them"]


def test_the_heading_that_has_items_is_meant_when_two_have_the_text(now: datetime) -> None:
    page = "<h2>News</h2><h2>News</h2><ul><li><a href=/1>First of them</a></li></ul>"
    assert titles(read(page, now, within="News", item="li")) == ["First of them"]


@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        ({"within": "More from nobody", "item": "li"}, "within = 'More from nobody'"),
        ({"within": "Who: what?", "item": "li"}, "within = 'Who: what?'"),
        ({"within": "#gone", "item": "li"}, "within = '#gone'"),
        ({"item": ".gone"}, "item = '.gone'"),
        ({"within": "main ul", "item": "li", "title": ".gone"}, "title = '.gone'"),
        ({"within": "main ul", "item": "li", "link": ".gone"}, "link = '.gone'"),
        ({"within": "main ul", "item": "p"}, "item = 'p' (a link in it)"),
    ],
)
def test_a_rule_that_matches_nothing_is_named(now: datetime, rules: dict[str, Any], missing: str) -> None:
    found = read(PAGE, now, **rules)
    assert (found.state, found.missing, found.stories) == ("missing", missing, ())


def test_a_list_that_is_there_may_be_empty(now: datetime) -> None:
    assert read("<h2>News</h2><ul></ul>", now, within="News", item="li").state == "empty"
    assert read("<ul id=news></ul>", now, within="#news", item="li").state == "empty"


@pytest.mark.parametrize("selector", ["li[", "li:story", "li::before", "news|li"])
def test_what_is_no_selector_is_refused(now: datetime, selector: str) -> None:
    with pytest.raises(GatherError, match="not a CSS selector") as caught:
        read(PAGE, now, item=selector)
    assert caught.value.permanent


@pytest.mark.parametrize("body", [b"", b"   ", b"<!-- nothing -->"])
def test_an_empty_page_is_a_failure_or_empty(now: datetime, body: bytes) -> None:
    with contextlib.suppress(GatherError):
        assert read(body, now, item="li").state == "missing"


def test_the_second_card_of_a_story_lends_what_the_first_has_not(now: datetime) -> None:
    page = (
        "<ul><li><a href=/1>One boat came in</a></li><li><a href=/2>Another boat came in</a></li>"
        "<li><a href=/1?utm_source=x><h3>One boat</h3><p>It was a small boat with a red sail.</p><img src=/1.jpg></a>"
    )
    [one, other] = read(page, now, item="li").stories
    assert (one.title, one.teaser) == ("One boat came in", "It was a small boat with a red sail.")
    assert one.image == "https://coast.example.org/1.jpg"
    assert other.teaser == ""


def test_a_page_of_equal_headings_is_walked_through_once(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    following = pages._following

    def counted(element: HtmlElement, section: HtmlElement, *, inside: bool) -> HtmlElement | None:
        steps.append(1)
        return following(element, section, inside=inside)

    monkeypatch.setattr(pages, "_following", counted)
    page = "<h2>News</h2><p>x</p>" * 2000 + "<h2>News</h2><ul><li><a href=/1>One boat came in</a></li></ul>"
    assert titles(read(page, now, within="News", item="li")) == ["One boat came in"]
    assert len(steps) < 10_000


def test_a_menu_or_footer_below_a_heading_is_not_its_list(now: datetime) -> None:
    page = (
        "<h2>News</h2><nav><li><a href=/n>Home of all</a></li></nav><ul><li><a href=/1>One boat came in</a></li></ul>"
    )
    assert titles(read(page, now, within="News", item="li")) == ["One boat came in"]


# -- something else stands there -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<body><div id=root></div><script src=/app.js></script>", "needs JavaScript"),
        ("<body><noscript>You need to enable JavaScript to run this app.</noscript><div></div>", "needs JavaScript"),
        ("<title>Just a moment...</title><body><p>Checking.</p>", "no robot"),
        ("<title>Page not found | Coast</title><body><h1>Oh</h1>" + "<p>words</p>" * 50, "says that it is not there"),
        ("<h1>Seite nicht gefunden</h1>", "says that it is not there"),
        ("<title>Before you continue</title><p>We use cookies.</p><button>Accept</button>", "asks for consent"),
        ("<meta http-equiv=refresh content='0; url=/new/'><p>Moved.</p>", "https://coast.example.org/new/: use that"),
        ("<frameset cols='20%,80%'><frame src=a><frame src=b></frameset>", "consists of frames"),
        ("<p>Subscribe to read this and all other pages.</p>", "for subscribers"),
        ("<h1>News</h1><p>We have built a new page for you.</p>", "the rule item = 'li' matches nothing"),
    ],
)
def test_a_page_that_is_another_one_now_is_named_in_plain_words(page: str, words: str, now: datetime) -> None:
    source = Source(kind="page", url=URL, select=Select(item="li"))
    with pytest.raises(GatherError, match=words):
        stories_of_page(page.encode(), None, URL, "coast", source, now)


def test_an_empty_list_is_no_fault_and_an_empty_shell_is_one(now: datetime) -> None:
    source = Source(kind="page", url=URL, select=Select(within="#root", item="li"))
    quiet = "<body><p>" + "The harbour is quiet today, says the board. " * 20 + "</p><ul id=root></ul>"
    assert stories_of_page(quiet.encode(), None, URL, "coast", source, now) == ()
    with pytest.raises(GatherError, match="needs JavaScript"):
        stories_of_page(b"<body><div id=root></div><script></script>", None, URL, "coast", source, now)


# -- the page's own article ----------------------------------------------------------------------------------------------

ARTICLE = """<html lang="en"><head><title>Tugs | The Coast</title><meta property="og:site_name" content="The Coast">
<meta property="og:type" content="article"><meta property="og:title" content="Two tugs for the old harbour | The Coast">
<meta property="og:description" content="The harbour board will buy two tugs from a yard up the coast.">
<meta property="og:image" content="/p/tugs.jpg"><meta property="article:published_time" content="2026-11-02T08:00:00Z">
<link rel="canonical" href="/news/tugs"></head><body><article><h1>Two tugs</h1><p>By us</p>
<p>The harbour board said on Monday that it will buy two tugs from a yard.</p></article>
<ul><li><a href="/news/tugs/">Two tugs again</a></li>
<li><a href="/news/ferry/">The ferry runs</a></li></ul></body></html>"""


def test_the_article_of_a_page_comes_first_and_once(now: datetime) -> None:
    found = read(ARTICLE, now, article=True, item="li")
    assert [story.link for story in found.stories] == [
        "https://coast.example.org/news/tugs",
        "https://coast.example.org/news/ferry/",
    ]
    tugs = found.stories[0]
    assert tugs.title == "Two tugs for the old harbour"
    assert tugs.teaser == "The harbour board will buy two tugs from a yard up the coast."
    assert tugs.published == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert tugs.image == "https://coast.example.org/p/tugs.jpg"


def test_without_meta_the_article_speaks_for_itself(now: datetime) -> None:
    page = ARTICLE[ARTICLE.index("<body>") :].replace("<p>By us", "<time>2 November 2026</time><p>By us")
    tugs = read(page, now, article=True).stories[0]
    assert (tugs.title, tugs.link) == ("Two tugs", URL)
    assert tugs.teaser == "The harbour board said on Monday that it will buy two tugs from a yard."
    assert tugs.published == datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize("wrap", ["{}", "[{}]", '{{"@graph": [{{"@type": "WebSite"}}, {}]}}', "<!-- {} -->", "{};"])
def test_linked_data_is_read_in_its_many_wrappings(now: datetime, wrap: str) -> None:
    image = '"image": [{"url": "/b.png"}]'
    data = f'{{"@type": ["NewsArticle"], "headline": "A buoy is lost", "datePublished": "2026-11-02", {image}}}'
    page = f'<script type="application/ld+json">{wrap.format(data)}</script><p>x</p>'
    story = read(page, now, article=True).stories[0]
    assert (story.title, story.image) == ("A buoy is lost", "https://coast.example.org/b.png")
    assert story.published == datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize("canonical", ["https://other.example.com/news/tugs", "/", "javascript:x", ""])
def test_a_canonical_link_elsewhere_or_to_the_home_page_is_not_followed(now: datetime, canonical: str) -> None:
    page = ARTICLE.replace('href="/news/tugs"', f'href="{canonical}"')
    assert read(page, now, article=True).stories[0].link == URL


@pytest.mark.parametrize(
    "page",
    ["<h1>Sorry</h1><p>This page was not found on our server, whatever you have tried.</p>",
     "<article><a href=/1>One</a></article><article><a href=/2>Two</a></article>",
     '<script type="application/ld+json">{broken</script><h1>x</h1>'],
)  # fmt: skip
def test_a_page_that_is_no_article_gives_none(now: datetime, page: str) -> None:
    assert read(page, now, article=True) == PageRead((), "empty")


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("é".encode("utf-8-sig"), "text/html; charset=windows-1252", "é"),
        ("é".encode("utf-16"), None, "é"),
        ("é“".encode("windows-1252"), "text/html; charset=ISO-8859-1", "é“"),
        ("<meta charset=koi8-r>ж".encode("koi8-r"), None, "<meta charset=koi8-r>ж"),
        ("é".encode(), None, "é"),
        ("é“".encode("windows-1252"), None, "é“"),
        ("é".encode(), "text/html; charset=x-nonsense", "é"),
        ("é".encode(), "text/html; charset=base64", "é"),
        ("é".encode(), "text/html; charset=ISO-8859-1", "é"),
        ("é".encode(), "text/html; charset=windows-1252", "é"),
        ("Łódź“".encode(), "text/html; charset=us-ascii", "Łódź“"),
        ("é“".encode("windows-1252"), "text/html; charset=utf-8", "é“"),
        ("Łódź é ".encode() + "“5 €”".encode("windows-1252"), None, "Łódź é “5 €”"),
        ("żółw ".encode() + b"cut \xc3", None, "żółw cut \ufffd"),
        ("Börse".encode() + b"\xe2\x80</h2>", None, "Börse\ufffd</h2>"),
        ("Börse für".encode() + b"\xed\xa0\x80 alle", None, "Börse für\ufffd alle"),
        ("Börse für Öl".encode() + b" caf\xe9 cl\xe2t", None, "Börse für Öl café clât"),
        (b"Tugs\xe2\x80", None, "Tugs\ufffd"),
        ("Börse für ".encode() + b"caf\xc3", "text/html; charset=iso-8859-1", "Börse für caf\ufffd"),
        ("é caf".encode() + b"\xe2\x80", "text/html; charset=iso-8859-1", "é caf\ufffd"),
        ("Börse für Öl".encode() + b"<p>caf\xc3</p>", "text/html; charset=iso-8859-15", "Börse für Öl<p>caf\ufffd</p>"),
        ("Börse für 5 ¤, IRMÃ".encode("latin-1"), "text/html; charset=iso-8859-15", "Börse für 5 €, IRMÃ"),
        ("Börse für Öl é".encode("latin-1"), "text/html; charset=iso-8859-1", "Börse für Öl é"),
        ("ж".encode("cp1251"), "text/html; charset=windows-1251", "ж"),
        (
            b"<!--" + b" " * 3000 + b"--><meta charset=koi8-r>" + "ж".encode("koi8-r"),
            None,
            "<!--" + " " * 3000 + "--><meta charset=koi8-r>ж",
        ),
        ('<?xml version="1.0" encoding="koi8-r"?>ж'.encode("koi8-r"), None, '<?xml version="1.0" encoding="koi8-r"?>ж'),
    ],
)
def test_a_page_is_decoded_as_browsers_do(body: bytes, content_type: str | None, text: str) -> None:
    assert decode(body, content_type) == text


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300) | st.text("<>lihrefa123/&;\"'= h2Newstimg", max_size=200).map(str.encode))
def test_no_bytes_crash_the_reading_of_pages(body: bytes) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    for within in ("News", None):
        with contextlib.suppress(GatherError):
            found = read(b"<h2>News</h2>" + body, now, article=True, within=within, item="li, a, h3")
            assert found.state in {"missing", "empty", "items"}


def test_a_reference_to_no_character_costs_that_character_alone(now: datetime) -> None:
    page = (
        "<h2>News</h2><ul><li><a href=/1>Tugs &#xD800;&#1;&#99999999999; in harbour</a><li><a href=/2>Ferries</a></ul>"
    )
    found = read(page, now, within="News", item="li")
    assert [story.title for story in found.stories] == ["Tugs \ufffd\ufffd\ufffd in harbour", "Ferries"]
