"""Stories completed by their own pages: what is taken from them, which pages are asked for, and what a failure costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from digest.gather import lead
from digest.gather.articles import canonical_of, described, is_for_payers, with_article
from digest.gather.completing import AT_MOST, with_articles
from digest.gather.document import parse
from digest.gather.fetch import Fetcher
from digest.gather.parsing import Parsers
from digest.gather.sources import read_source
from digest.model.story import RawStory
from digest.settings import Source
from tests.gather.web import Page, Web

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
LEAD = (
    "The harbour board said on Monday that it will buy two tugs from a yard up the coast, and pay for them next spring."
)
DESCRIPTION = (
    "Two tugs are to be bought by the board, which has wanted them since the great storm of three winters ago."
)
ARTICLE = f"""<html lang="en-GB"><head><meta charset="utf-8"><title>Two tugs for the harbour | The Coast</title>
<meta property="og:site_name" content="The Coast"><meta property="og:image" content="/p/tugs.jpg">
<meta property="article:published_time" content="2026-11-02T08:00:00Z">{{head}}</head><body>
<div class="cookies"><p>We use cookies to make this page better for you and for all of our many advertisers.</p></div>
<main><article><h1>Two tugs for the harbour</h1><p>By us</p><p>{LEAD}</p><p>{LEAD.replace("Monday", "Friday")}</p>
<p>{LEAD.replace("buy", "sell")}</p></article></main></body></html>"""


def story(**values: object) -> RawStory:
    known: dict[str, object] = {
        "source": "coast", "guid": None, "link": "https://coast.example.org/1", "link_key": "https://coast.example.org/1",
        "title": "Two tugs for the harbour", "title_key": "two tugs for the harbour", "teaser": "",
    }  # fmt: skip
    return RawStory(**known | values)  # type: ignore[arg-type]


def completed(raw: RawStory, head: str = "") -> RawStory:
    page = ARTICLE.replace("{head}", head).encode()
    return with_article(raw, page, "text/html", "https://coast.example.org/1", NOW)


def test_a_bare_story_gets_teaser_date_picture_and_language() -> None:
    found = completed(story(), f'<meta name="description" content="{DESCRIPTION}">')
    assert found.teaser == DESCRIPTION
    assert found.published == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert found.image == "https://coast.example.org/p/tugs.jpg"
    assert found.language == "en-GB"


def test_without_a_description_the_first_paragraph_is_the_teaser() -> None:
    assert completed(story()).teaser == LEAD


def test_without_the_extra_the_first_paragraph_is_still_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lead, "find_spec", lambda name: None)
    assert not lead.can_read_articles()
    assert completed(story()).teaser == LEAD


def test_what_the_source_said_itself_stays() -> None:
    raw = story(teaser=DESCRIPTION, published=NOW, image="https://a.test/b.jpg", language="nl", title="Tugs!")
    assert completed(raw) == raw


def test_a_title_that_was_cut_is_made_whole() -> None:
    assert completed(story(title="Two tugs for…")).title == "Two tugs for the harbour"
    assert completed(story(title="Two boats for…")).title == "Two boats for…"


@pytest.mark.parametrize(
    "head",
    ['<meta property="article:content_tier" content="locked">',
     '<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree":"False"}</script>',
     '<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree":false}</script>'],
)  # fmt: skip
def test_a_page_for_payers_lends_its_description_and_never_the_words_of_its_wall(head: str) -> None:
    assert is_for_payers(parse(ARTICLE.replace("{head}", head).encode(), None))
    assert completed(story(), head).teaser == ""
    assert completed(story(), head + f'<meta name="description" content="{DESCRIPTION}">').teaser == DESCRIPTION


@pytest.mark.parametrize(
    ("h1", "headline", "shared", "title"),
    [
        ("Two tugs come", "Two tugs come", "You won’t believe these tugs", "Two tugs come"),
        ("Two tugs come", "", "Harbour: Two tugs come", "Two tugs come"),
        ("The Coast", "", "Two tugs come", "Two tugs come"),
        ("The Coast", "Two tugs come", "", "Two tugs come"),
        ("Two tugs come", "", "", "Two tugs come"),
    ],
)
def test_of_several_titles_two_that_agree_are_right(h1: str, headline: str, shared: str, title: str) -> None:
    head = f'<meta property="og:title" content="{shared}">' if shared else ""
    data = (
        f'<script type="application/ld+json">{{"@type":"Article","headline":"{headline}"}}</script>' if headline else ""
    )
    assert described(parse(f"{head}{data}<h1>{h1}</h1>".encode(), None), "https://a.test/").title == title


@pytest.mark.parametrize(
    "markup",
    [
        '<meta property="article:published_time" content="2026-11-02T08:00:00Z"><time datetime="2026-10-01">',
        '<script type="application/ld+json">{"@graph":[{"@type":"Comment","datePublished":"2025-01-01"},'
        '{"@type":"Article","datePublished":"2026-11-02T08:00:00Z"}]}</script>',
        '<meta name="date" content="2026-11-02T08:00:00Z"><meta property="article:modified_time" content="2026-11-05">',
        '<article><h1>x</h1><abbr itemprop="datePublished" title="2026-11-02T08:00:00Z">today</abbr></article>',
        '<article><h1>x</h1><time datetime="2026-11-02T08:00:00Z">today</time></article><time datetime="2026-11-05">',
        '<meta property="article:published_time" content="2027-11-02"><meta name="date" content="2026-11-02T08:00:00Z">',
    ],
)  # fmt: skip
def test_the_day_of_publication_is_told_from_other_days(markup: str) -> None:
    found = with_article(story(), f"<html>{markup}<p>x</p>".encode(), None, "https://coast.example.org/1", NOW)
    assert found.published == datetime(2026, 11, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize("name", ["/static/logo.png", "/img/default-share.jpg"])
def test_the_sign_of_the_site_is_no_picture_of_a_story(name: str) -> None:
    page = f'<meta property="og:image" content="{name}"><p>{LEAD}</p>'
    data = '<script type="application/ld+json">{"@type":"Article","image":"/p/2.jpg"}</script>'
    found = with_article(story(), (data + page).encode(), None, "https://coast.example.org/1", NOW)
    assert found.image == "https://coast.example.org/p/2.jpg"


def test_of_several_h1_the_one_in_the_article_is_its_title() -> None:
    page = "<h1>The Coast</h1><main><article><h1>Two tugs come</h1></article></main><h1>More news</h1>"
    assert described(parse(page.encode(), None), "https://a.test/").title == "Two tugs come"


@pytest.mark.parametrize(
    ("head", "key"),
    [
        ('<link rel="canonical" href="https://coast.example.org/news/tugs/?utm_source=x">', "https://coast.example.org/news/tugs"),
        ('<link rel="canonical" href="/news/tugs">', "https://coast.example.org/news/tugs"),
        ('<meta property="og:url" content="https://www.example.org/tugs">', "https://example.org/tugs"),
        ('<link rel="canonical" href="https://coast.example.org/"><meta property="og:url" content="/tugs">',
         "https://coast.example.org/tugs"),
        ('<link rel="canonical" href="http://www.coast.example.org/1/">', ""),
        ('<link rel="canonical" href="https://other.example.com/1">', ""),
        ('<link rel="canonical" href="https://coast.example.org/">', ""),
        ('<link rel="canonical" href="javascript:tugs()">', ""),
        ('<link rel="canonical">', ""),
    ],
)  # fmt: skip
def test_the_link_that_a_page_calls_its_own_is_a_second_key_within_its_domain(head: str, key: str) -> None:
    assert completed(story(), head).canonical_key == key


@pytest.mark.parametrize(
    ("link", "url", "own"),
    [
        ("https://passes.example.net/r/1", "https://coast.example.org/1", "https://coast.example.org/tugs"),
        ("https://passes.example.net/r/1", "https://coast.example.org/1", "https://passes.example.net/r/2"),
        ("https://mine.github.io/1", "https://mine.github.io/1", "https://yours.github.io/1"),
        ("https://a.co.uk/1", "https://a.co.uk/1", "https://b.co.uk/1"),
    ],
)
def test_nobody_speaks_for_the_links_of_another_site(link: str, url: str, own: str) -> None:
    assert canonical_of(parse(f'<link rel="canonical" href="{own}">'.encode(), None), url, link) == ""


# -- which pages are asked for -------------------------------------------------------------------------------------------


async def test_only_new_stories_that_lack_something_are_asked_for_and_not_too_many(
    web: Web, fetcher: Fetcher, parsers: Parsers
) -> None:
    page = Page(ARTICLE.replace("{head}", "").encode())
    web.pages = {f"/{n}": page for n in range(30)}
    whole = story(link=web.url("/29"), link_key="29", teaser=DESCRIPTION, published=NOW, image="https://a.test/b.jpg")
    raw = [whole, *(story(link=web.url(f"/{n}"), link_key=str(n)) for n in range(20))]

    async def known(keys: Sequence[str]) -> set[str]:
        assert keys == [each.link_key for each in raw]
        return {"0", "1"}

    found = await with_articles(fetcher, parsers, raw, NOW, web.url("/feed"), known)
    assert set(web.paths) == {"/robots.txt", *(f"/{n}" for n in range(2, 2 + AT_MOST))}
    assert [each.link for each in found] == [each.link for each in raw]
    assert [each.teaser == LEAD for each in found] == [False] * 3 + [True] * AT_MOST + [False] * 8


async def test_a_story_that_lacks_nothing_but_its_length_is_asked_for_after_the_others(
    web: Web, fetcher: Fetcher, parsers: Parsers
) -> None:
    page = Page(ARTICLE.replace("{head}", "").encode())
    web.pages = {f"/{n}": page for n in range(14)}
    whole = {"teaser": DESCRIPTION, "published": NOW, "image": "https://a.test/b.jpg"}
    raw = [story(link=web.url("/0"), link_key="0", **whole, minutes=3)]
    raw += [story(link=web.url(f"/{n}"), link_key=str(n), **whole) for n in range(1, 13)]
    raw += [story(link=web.url("/13"), link_key="13")]
    await with_articles(fetcher, parsers, raw, NOW, web.url("/feed"))
    assert set(web.paths) == {"/robots.txt", "/13", *(f"/{n}" for n in range(1, AT_MOST))}


async def test_a_page_that_cannot_be_had_costs_only_itself(web: Web, fetcher: Fetcher, parsers: Parsers) -> None:
    web.pages = {"/1": Page(ARTICLE.replace("{head}", "").encode()), "/2": Page(b""), "/3": Page(status=500)}
    raw = [story(link=web.url(f"/{n}"), link_key=str(n)) for n in range(1, 5)]
    raw.append(story(link="https://news.google.com/rss/articles/x", link_key="g"))
    raw.append(story(link="http://127.0.0.2/", link_key="private"))
    found = await with_articles(fetcher, parsers, raw, NOW, web.url("/feed"))
    assert found[0].teaser == LEAD
    assert found[1:] == tuple(raw[1:])


async def test_the_setting_of_a_source_decides(web: Web, fetcher: Fetcher, parsers: Parsers) -> None:
    web.pages = {
        "/feed": Page(b"<rss><channel><item><title>Two tugs for the harbour</title><link>/1</link></item></channel></rss>"),
        "/1": Page(ARTICLE.replace("{head}", "").encode()),
    }  # fmt: skip
    source = Source(kind="feed", url=web.url("/feed"))
    [plain] = (await read_source(fetcher, "coast", source, None, NOW, parsers=parsers)).stories
    fuller = source.model_copy(update={"fetch_article": True})
    [full] = (await read_source(fetcher, "coast", fuller, None, NOW, parsers=parsers)).stories
    assert (plain.teaser, full.teaser) == ("", LEAD)
    assert web.paths == ["/feed", "/feed", "/robots.txt", "/1"]
