from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from digest.errors import GatherError
from digest.gather.fetch import Fetcher
from digest.gather.parsing import Parsers
from digest.gather.sources import SourceRead, Validators, adopted, read_source
from digest.settings import Gather, Select, Source
from tests.gather.web import Page, Web

ITEM = "<item><title>{0}</title><link>https://coast.example.org/{1}</link><description>{2}</description></item>"
FEED = (
    "<rss version='2.0'><channel><title>The Coast</title>"
    + ITEM.format("Two tugs for the harbour", 1, "The board said so to everybody who asked.")
    + ITEM.format("AI counts the gulls", 2, "A camera does what an old man did before.")
    + ITEM.format("Sponsored: tea", 3, "Buy this tea today and drink it tomorrow.")
    + "</channel></rss>"
).encode()


@pytest.fixture
def feed(web: Web) -> Source:
    web.pages["/feed"] = Page(FEED, headers={"ETag": '"1"', "Last-Modified": "yesterday"})
    return Source(kind="feed", url=web.url("/feed"), topics=("harbour",), language="en")


async def test_a_source_gives_its_stories_and_how_to_know_it_again(
    fetcher: Fetcher, parsers: Parsers, feed: Source, now: datetime
) -> None:
    read = await read_source(fetcher, "coast", feed, None, now, parsers=parsers)
    assert (read.name, read.status, read.found, len(read.stories)) == ("coast", "ok", 3, 3)
    assert {(s.source, s.topics, s.language) for s in read.stories} == {("coast", ("harbour",), "en")}
    assert (read.validators.etag, read.validators.last_modified) == ('"1"', "yesterday")
    assert read.validators.body_hash is not None


async def test_a_server_may_say_that_nothing_changed(
    web: Web, fetcher: Fetcher, parsers: Parsers, feed: Source, now: datetime
) -> None:
    web.pages["/feed"] = Page(status=304, headers={"ETag": '"2"'})
    read = await read_source(fetcher, "coast", feed, Validators('"1"', "yesterday", "hash"), now, parsers=parsers)
    assert read == SourceRead("coast", "unchanged", (), 0, Validators('"2"', "yesterday", "hash"))


async def test_the_same_body_is_unchanged_and_its_new_validators_are_kept(
    web: Web, fetcher: Fetcher, parsers: Parsers, feed: Source, now: datetime
) -> None:
    first = await read_source(fetcher, "coast", feed, None, now, parsers=parsers)
    web.pages["/feed"] = Page(FEED, headers={"ETag": '"other"'})
    second = await read_source(fetcher, "coast", feed, first.validators, now, parsers=parsers)
    assert second.status == "unchanged"
    assert second.validators == Validators('"other"', None, first.validators.body_hash)


@pytest.mark.parametrize(
    ("rules", "links"),
    [
        ({"exclude": ("sponsored",)}, "12"),
        ({"include": ("TUGS", "tea")}, "13"),
        ({"include": ("ai",)}, "2"),
        ({"include": ("old  man",)}, "2"),
        ({"include": ("tea",), "exclude": ("drink it",)}, ""),
    ],
)
async def test_words_let_stories_in_and_keep_them_out(
    fetcher: Fetcher, parsers: Parsers, feed: Source, now: datetime, rules: dict[str, Any], links: str
) -> None:
    read = await read_source(fetcher, "coast", feed.model_copy(update=rules), None, now, parsers=parsers)
    assert "".join(story.link[-1] for story in read.stories) == links
    assert read.found == 3


async def test_a_page_is_read_by_its_rules(web: Web, fetcher: Fetcher, parsers: Parsers, now: datetime) -> None:
    web.pages["/page"] = Page(b"<h2>News</h2><ul><li><a href='/1'>One boat came in</a></li></ul>")
    source = Source(kind="page", url=web.url("/page"), select=Select(within="News", item="li"))
    read = await read_source(fetcher, "coast", source, None, now, parsers=parsers)
    assert [story.link for story in read.stories] == [web.url("/1")]


async def test_links_are_seen_from_where_a_redirect_led(
    web: Web, fetcher: Fetcher, parsers: Parsers, now: datetime
) -> None:
    web.pages["/old"] = Page(status=301, headers={"Location": "/new/page"})
    web.pages["/new/page"] = Page(b"<ul><li><a href='1'>One boat came in</a></li></ul>")
    source = Source(kind="page", url=web.url("/old"), select=Select(item="li"))
    assert (await read_source(fetcher, "coast", source, None, now, parsers=parsers)).stories[0].link == web.url(
        "/new/1"
    )


async def test_a_page_whose_list_is_gone_is_a_failure_that_names_the_rule(
    web: Web, fetcher: Fetcher, parsers: Parsers, now: datetime
) -> None:
    web.pages["/page"] = Page(b"<h2>Newest</h2><ul><li><a href='/1'>One</a></li></ul>")
    source = Source(kind="page", url=web.url("/page"), select=Select(within="News", item="li"))
    with pytest.raises(GatherError, match="the rule within = 'News' matches nothing"):
        await read_source(fetcher, "coast", source, None, now, parsers=parsers)


async def test_an_error_page_in_place_of_a_feed_is_a_failure(
    web: Web, fetcher: Fetcher, parsers: Parsers, feed: Source, now: datetime
) -> None:
    web.pages["/feed"] = Page(b"<html><body>Down for maintenance")
    with pytest.raises(GatherError, match="an HTML page, not a feed"):
        await read_source(fetcher, "coast", feed, None, now, parsers=parsers)


# -- moved for good ------------------------------------------------------------------------------------------------------


async def test_where_a_feed_has_moved_is_told_without_what_only_tracks_us(
    web: Web, fetcher: Fetcher, parsers: Parsers, feed: Source, now: datetime
) -> None:
    web.pages["/old"] = Page(status=301, headers={"Location": "/feed?utm_source=redirect"})
    web.pages["/feed?utm_source=redirect"] = web.pages["/feed"]
    read = await read_source(
        fetcher, "coast", feed.model_copy(update={"url": web.url("/old")}), None, now, parsers=parsers
    )
    assert (read.moved_to, read.asked_whole, read.found) == (web.url("/feed"), True, 3)


async def test_the_adopted_address_is_asked_first(
    web: Web, fetcher: Fetcher, parsers: Parsers, feed: Source, now: datetime
) -> None:
    old = feed.model_copy(update={"url": web.url("/old")})
    read = await read_source(fetcher, "coast", old, None, now, web.url("/feed"), parsers=parsers)
    assert (read.moved_to, read.found, web.paths) == (web.url("/feed"), 3, ["/feed"])


async def test_when_the_adopted_address_fails_the_one_in_the_settings_counts(
    web: Web, fetcher: Fetcher, parsers: Parsers, feed: Source, now: datetime
) -> None:
    read = await read_source(fetcher, "coast", feed, None, now, web.url("/gone"), parsers=parsers)
    assert (read.moved_to, read.found, web.paths) == (None, 3, ["/gone", "/feed"])


WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("url", "moved_to", "age", "is_adopted"),
    [
        ("http://a.example.org/x", "http://b.example.org/x", WEEK, True),
        ("http://a.example.org/x", "http://b.example.org/x", WEEK - timedelta(seconds=1), False),
        ("http://a.example.org/x", "https://a.example.org/x", timedelta(0), True),
        ("http://a.example.org", "https://a.example.org/", timedelta(0), True),
        ("http://a.example.org/x", "https://a.example.org/y", timedelta(0), False),
        ("http://a.example.org/x", "https://b.example.org/x", timedelta(0), False),
        ("https://a.example.org/x", "http://a.example.org/x", WEEK, False),
        ("https://a.example.org/x", "https://b.example.org/x", WEEK, True),
        ("http://a.example.org/x", None, WEEK, False),
    ],
)
def test_an_address_is_adopted_after_a_week_and_at_once_when_it_is_only_safer(
    url: str, moved_to: str | None, age: timedelta, is_adopted: bool, now: datetime
) -> None:
    assert adopted(url, moved_to, now - age, now) == (moved_to if is_adopted else None)


# -- wishes, bounds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ttl", "header", "minutes"),
    [(None, None, None), (60, None, 60), (None, "max-age=600", 10), (5, "max-age=600", 10)],
)
async def test_the_longest_wish_of_feed_and_server_counts(
    web: Web,
    fetcher: Fetcher,
    parsers: Parsers,
    feed: Source,
    now: datetime,
    ttl: int | None,
    header: str | None,
    minutes: int | None,
) -> None:
    body = FEED.replace(b"<channel>", f"<channel><ttl>{ttl}</ttl>".encode()) if ttl else FEED
    web.pages["/feed"] = Page(body, headers={"Cache-Control": header} if header else {})
    read = await read_source(fetcher, "coast", feed, None, now, parsers=parsers)
    assert read.wish == (timedelta(minutes=minutes) if minutes else None)


async def test_of_an_endless_feed_the_newest_are_taken(
    web: Web, fetcher: Fetcher, parsers: Parsers, feed: Source, now: datetime
) -> None:
    """Oldest first, as some write them."""
    item = "<item><title>Story {n}</title><link>https://coast.example.org/{n}</link><pubDate>{date}</pubDate></item>"
    dates = [format_datetime(now - timedelta(hours=600 - n)) for n in range(600)]
    items = "".join(item.format(n=n, date=date) for n, date in enumerate(dates))
    web.pages["/feed"] = Page(f"<rss version='2.0'><channel>{items}</channel></rss>".encode())
    read = await read_source(fetcher, "coast", feed, None, now, parsers=parsers)
    assert (read.found, len(read.stories)) == (500, 500)
    assert {story.link.rpartition("/")[2] for story in read.stories} == {str(n) for n in range(100, 600)}


@pytest.mark.parametrize(
    ("tag", "language"),
    [("en", "en"), ("pt_BR", "pt-BR"), (" de-AT ", "de-AT"), ("English", "en"), ("e", "en"), ("en; drop", "en")],
)
async def test_only_a_language_tag_is_a_language(
    web: Web, fetcher: Fetcher, parsers: Parsers, feed: Source, now: datetime, tag: str, language: str | None
) -> None:
    """What is no tag counts as none: then the words are listened to."""
    web.pages["/feed"] = Page(FEED.replace(b"<channel>", f"<channel><language>{tag}</language>".encode()))
    read = await read_source(fetcher, "coast", feed.model_copy(update={"language": None}), None, now, parsers=parsers)
    assert {story.language for story in read.stories} == {language}


async def test_a_page_asks_for_leave_and_a_feed_does_not(
    web: Web, fetcher: Fetcher, parsers: Parsers, feed: Source, now: datetime
) -> None:
    web.pages |= {"/robots.txt": Page(b"User-agent: *\nDisallow: /"), "/page": Page(b"<li><a href='/1'>One boat</a>")}
    assert (await read_source(fetcher, "coast", feed, None, now, parsers=parsers)).found == 3
    page = Source(kind="page", url=web.url("/page"), select=Select(item="li"))
    with pytest.raises(GatherError, match=r"asks us in its robots\.txt"):
        await read_source(fetcher, "coast", page, None, now, parsers=parsers)
    assert "/page" not in web.paths


# -- what is no feed and no page -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"  \n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("kind", ["feed", "page"])
async def test_an_empty_answer_is_a_failure(
    web: Web, fetcher: Fetcher, parsers: Parsers, now: datetime, kind: str, body: bytes
) -> None:
    web.pages["/x"] = Page(body)
    source = Source.model_validate({"kind": kind, "url": web.url("/x"), "select": {"item": "li"}})
    with pytest.raises(GatherError):
        await read_source(fetcher, "coast", source, None, now, parsers=parsers)


@pytest.mark.parametrize(
    "headers", [{}, *({"Content-Type": each} for each in ("text/html", "application/octet-stream", "nonsense", ";;="))]
)
async def test_a_wrong_content_type_or_none_changes_nothing(
    web: Web, fetcher: Fetcher, parsers: Parsers, feed: Source, now: datetime, headers: dict[str, str]
) -> None:
    web.pages |= {
        "/feed": Page(FEED, headers=headers),
        "/page": Page(b"<li><a href='/1'>One boat</a>", headers=headers),
    }
    assert (await read_source(fetcher, "coast", feed, None, now, parsers=parsers)).found == 3
    page = Source(kind="page", url=web.url("/page"), select=Select(item="li"))
    assert (await read_source(fetcher, "coast", page, None, now, parsers=parsers)).found == 1


@pytest.mark.parametrize(
    ("host", "asked"), [("127.0.0.1:{port}", {"/robots.txt", "/secret"}), ("news.example.org", set())]
)
async def test_a_source_of_ours_opens_no_door_for_links_that_a_stranger_named(
    web: Web, out_there: None, parsers: Parsers, now: datetime, host: str, asked: set[str]
) -> None:
    item = f"<item><title>Two tugs for the harbour</title><link>{web.url('/secret')}</link></item>"
    web.pages |= {
        "/ours": Page(status=302, headers={"Location": f"http://{host.format(port=web.port)}/feed"}),
        "/feed": Page(f"<rss version='2.0'><channel>{item}</channel></rss>".encode()),
    }
    source = Source(kind="feed", url=web.url("/ours"), fetch_article=True)
    async with Fetcher(Gather(private_hosts=("127.0.0.1",), pause=timedelta())) as fetcher:
        read = await read_source(fetcher, "coast", source, None, now, parsers=parsers)
    assert [story.link for story in read.stories] == [web.url("/secret")]
    assert set(web.paths) - {"/ours", "/feed"} == asked
