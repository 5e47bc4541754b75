from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from digest.errors import GatherError
from digest.gather.fetch import Fetcher
from digest.gather.parsing import Parsers
from digest.gather.sources import SourceRead, Validators, read_source
from digest.settings import Select, Source
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
