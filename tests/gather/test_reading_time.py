"""How long an article takes to read, where its whole text is known, and never where it is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.gather.articles import with_article
from digest.gather.feeds import parse_feed
from digest.gather.notice import File, read_notice
from digest.gather.pages import parse_page
from digest.gather.reading_time import minutes_of
from digest.model.story import RawStory
from digest.settings import Source

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
URL = "https://coast.example.org/tugs"
TEN_WORDS = "The harbour board will buy two tugs from the yard. "


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        (TEN_WORDS * 14, 1),
        (TEN_WORDS * 39, 1),
        (TEN_WORDS * 40, 2),
        (TEN_WORDS * 106, 4),
        ("港湾局は来春二隻の曳船を買う。" * 100, 3),
        ("항구는 두 척의 예인선을 산다. " * 100, 2),
        ("ท่าเรือจะซื้อเรือลากจูงสองลำในฤดูใบไม้ผลิหน้า" * 100, 5),
        ("港湾局は来春二隻の曳船を買う。" * 100 + TEN_WORDS * 53, 5),
        ("बंदरगाह समिति अगले वसंत में दो नई नावें खरीदेगी। " * 29, 1),
        ("துறைமுக வாரியம் அடுத்த ஆண்டு இரண்டு இழுவைப் படகுகளை வாங்கும் " * 33, 1),
        ("the board—all five of them—will buy tugs–two of them; " * 53, 2),
        ("<p>" + TEN_WORDS * 53 + "</p><script>" + "var tug = 1; " * 5000 + "</script>", 2),
        ("<p>" + TEN_WORDS * 53 + "</p><style>" + "p { color: red } " * 5000, 2),
        ("<iframe src='https://v.example.org/1'/><svg class='icon'/>" + TEN_WORDS * 106, 4),
        (f"<a href='{'x/' * 900}'>" + TEN_WORDS * 53 + "</a>" + "&nbsp;" * 3000, 2),
    ],
)
def test_words_and_characters_are_counted_each_by_its_own_measure(text: str, minutes: int) -> None:
    assert minutes_of(text) == minutes


@pytest.mark.parametrize(
    "text",
    ["", TEN_WORDS * 12, TEN_WORDS * 100 + "…", TEN_WORDS * 100 + "[...]", TEN_WORDS * 100 + "<a>Read more</a>",
     TEN_WORDS * 100 + "and so […] The post Tugs appeared first on The Coast."],
)  # fmt: skip
def test_the_beginning_of_an_article_is_not_measured(text: str) -> None:
    assert minutes_of(text) is None


def test_a_line_of_the_sites_software_makes_no_excerpt() -> None:
    assert minutes_of(TEN_WORDS * 100 + "The post Tugs appeared first on The Coast.") == 4


@given(st.text() | st.text(alphabet="<>/!script &;#x0p", max_size=300).map(lambda text: text * 40))
def test_no_text_crashes_the_count(text: str) -> None:
    assert minutes_of(text) is None or minutes_of(text) in range(1, 2000)


# -- where it is known -------------------------------------------------------------------------------------------------


def _of_feed(item: str, form: str = "rss") -> int | None:
    head = '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>Coast</title>'
    feed = f"{head}<item><title>Two tugs</title><link>{URL}</link>{item}</item></channel></rss>"
    if form == "atom":
        feed = (
            f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Coast</title><entry><id>1</id><title>Two tugs</title>'
            f'<link href="{URL}"/>{item}</entry></feed>'
        )
    if form == "json":
        feed = (
            f'{{"version":"https://jsonfeed.org/version/1.1","title":"C","items":[{{"id":"1","url":"{URL}",{item}}}]}}'
        )
    (story,) = parse_feed(feed.encode(), None, URL, "coast", Source(kind="feed", url=URL), NOW)
    return story.minutes


def test_a_feeds_content_is_the_article_and_its_summary_is_not() -> None:
    long = TEN_WORDS * 106
    assert _of_feed(f"<description>{long}</description>") is None
    assert _of_feed(f"<description>{long}</description><description>{long}</description>") is None
    assert _of_feed(f"<description>x</description><content:encoded><![CDATA[<p>{long}]]></content:encoded>") == 4
    assert _of_feed(f"<content:encoded>{long} [&amp;#8230;]</content:encoded>") is None
    assert _of_feed(f"<summary>{long}</summary>", "atom") is None
    assert _of_feed(f'<content type="html">{long}</content>', "atom") == 4
    assert _of_feed(f'"title":"T","summary":"{long}"', "json") is None
    assert _of_feed(f'"title":"T","content_text":"{long}"', "json") == 4


def _of_page(page: str) -> RawStory:
    raw = RawStory("coast", None, URL, URL, "Two tugs", "", "")
    return with_article(raw, page.encode(), "text/html", URL, NOW)


def _article(paragraph: str, head: str = "") -> str:
    return f"<html><head>{head}</head><body><article><h1>Two tugs</h1>{paragraph}</article></body></html>"


def _paragraphs(number: int) -> str:
    return "".join(f"<p>On day {day} of its session, {TEN_WORDS * 4}</p>" for day in range(number))


def test_an_articles_page_is_measured_unless_there_is_a_wall() -> None:
    whole = _article(_paragraphs(24))
    assert (_of_page(whole).minutes, _of_page(whole).walled) == (4, False)
    for_payers = '<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree":false}</script>'
    assert (_of_page(_article(_paragraphs(24), for_payers)).minutes, _of_page(_article("", for_payers)).walled) == (
        None,
        True,
    )


@pytest.mark.parametrize(
    "wall",
    ["Subscribe to continue reading.", "Nur für Abonnenten", "Article réservé aux abonnés", "この記事は会員限定です"],
)
def test_a_beginning_with_a_wall_below_it_is_a_stub(wall: str) -> None:
    stub = _of_page(_article(_paragraphs(4) + f"<div>{wall}</div>"))
    assert (stub.minutes, stub.walled) == (None, True)
    whole = _of_page(_article(_paragraphs(24) + f"<div>{wall}</div>"))
    assert (whole.minutes, whole.walled) == (4, False)


FREE = '<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree":true}</script>'


@pytest.mark.parametrize(
    "page",
    [
        _article(_paragraphs(6)).replace("<body>", "<body><header>Already a subscriber? <a>Log in</a></header>"),
        _article(_paragraphs(6)).replace("</body>", "<footer>Offers for subscribers only</footer></body>"),
        _article(_paragraphs(6) + "<p>The harbour radio raises its prices for subscribers.</p>"),
        _article(_paragraphs(6) + "<p>Subscribe to continue with our letter.</p>", FREE),
    ],
)
def test_a_short_article_is_no_stub_by_what_the_site_says_on_every_page(page: str) -> None:
    assert (_of_page(page).minutes, _of_page(page).walled) == (1, False)


def test_the_text_that_a_page_declares_counts_first() -> None:
    declared = f'<script type="application/ld+json">{{"@type":"Article","articleBody":"{TEN_WORDS * 106}"}}</script>'
    assert _of_page(_article("<p>Short.</p>", declared)).minutes == 4


def test_the_own_article_of_a_section_page_is_measured_too() -> None:
    source = Source(kind="page", url=URL, include_article=True)
    read = parse_page(_article(_paragraphs(24)).encode(), None, URL, "coast", source, NOW)
    assert [story.minutes for story in read.stories] == [4]


def test_a_notice_is_as_long_as_its_text() -> None:
    def notice(text: str) -> int | None:
        content = f"---\ntitle: Two tugs\nlink: {URL}\n---\n{text}".encode()
        story = read_notice(File("tugs.md", content, NOW), "desk", Source(kind="folder", path="."), NOW).story
        assert story
        return story.minutes

    assert notice(TEN_WORDS * 106) == 4
    assert notice(f"See [the plan](https://a.test/x) and\n\n{TEN_WORDS}") is None
