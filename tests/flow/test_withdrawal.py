"""Stories whose pages have gone, or changed their headline, are noticed before an issue is approved."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpcore2
import pytest

from digest.flow import editing, gathering, keeping, links, membership, produce, withdrawal
from digest.gather.connect import GuardedBackend
from digest.gather.fetch import Response
from digest.gather.sources import SourceRead, Validators
from digest.model.edit import Act, Move
from digest.model.issue import Issue
from digest.model.story import RawStory
from digest.store import cooldowns, sources, stories
from tests.daemon.conftest import OpenSite
from tests.daemon.desk import NOTES, Site
from tests.gather.web import Page

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
HTML = {"Content-Type": "text/html; charset=utf-8"}
TITLES = {"a": "Navy orders four patrol ships", "b": "Radar makers merge after long talks", "c": "Tank plant opens in June",
          "d": "Drone firm sells 300 aircraft"}  # fmt: skip


ITEM = "<item><title>A password is changed</title><link>{}</link></item>"


def page(title: str) -> Page:
    article = (
        f"<html><head><title>{title} | The Wire</title></head><body><article><h1>{title}</h1></article></body></html>"
    )
    return Page(article.encode(), headers=HTML)


def publish_pages(site: Site, titles: dict[str, str]) -> None:
    """A feed whose stories have pages on the same server."""
    date = format_datetime(site.clock.now())
    items = "".join(
        f"<item><title>{title}</title><link>{site.web.url('/' + key)}</link><description>{title}, it is told."
        f"</description><pubDate>{date}</pubDate></item>"
        for key, title in titles.items()
    )
    feed = f'<?xml version="1.0"?><rss version="2.0"><channel><title>Wire</title>{items}</channel></rss>'
    site.web.pages["/feed.xml"] = Page(feed.encode(), headers={"Content-Type": "application/rss+xml"})
    site.web.pages |= {f"/{key}": page(title) for key, title in titles.items()}


async def under_review(make_site: OpenSite, more: str = "") -> tuple[Site, Issue]:
    site = await make_site(f"stories = {{ min = 2, max = 3 }}\n{more}")
    publish_pages(site, TITLES)
    await membership.sync(site.room)
    await gathering.gather(site.room)
    return site, await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)


def key_of(site: Site, issue: Issue, place: int) -> str:
    return issue.stories[place].link.removeprefix(site.web.url("/"))


async def test_stories_that_stand_are_not_named(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    assert await withdrawal.withdrawn(site.room, issue) == []


@pytest.mark.parametrize("status", [404, 410])
async def test_a_page_that_has_gone_is_named(make_site: OpenSite, status: int) -> None:
    site, issue = await under_review(make_site)
    site.web.pages[f"/{key_of(site, issue, 1)}"] = Page(status=status)
    assert await withdrawal.withdrawn(site.room, issue) == [(issue.stories[1], "its page has gone")]


async def test_a_page_that_leads_home_has_gone_too(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    site.web.pages[f"/{key_of(site, issue, 0)}"] = Page(status=302, headers={"Location": "/"})
    site.web.pages["/"] = page("The Wire")
    assert [reason for _, reason in await withdrawal.withdrawn(site.room, issue)] == [
        "its link leads to the home page now"
    ]


async def test_a_link_that_was_looked_at_is_not_asked_again_by_preflight(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    gone = key_of(site, issue, 1)
    site.web.pages |= {f"/{gone}": Page(status=404), "/own": page("Unsubscribe")}
    await withdrawal.look_again(site.room, issue)
    asked = [path for path in site.web.paths if path != "/own"]
    named = [(story.link, None) for story in issue.stories]
    (found,) = await links.check_links(site.room, named, site.web.url("/own"))
    assert (found.check, found.where) == ("dead links", issue.stories[1].link)
    assert [path for path in site.web.paths if path != "/own"] == asked


async def test_another_headline_is_named(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    site.web.pages[f"/{key_of(site, issue, 0)}"] = page("Correction: minister did not resign")
    ((story, reason),) = await withdrawal.withdrawn(site.room, issue)
    assert (story, reason) == (issue.stories[0], "its page is headed “Correction: minister did not resign” now")


@pytest.mark.parametrize(
    "answer", [Page(status=500), Page(status=403), Page(b"", headers=HTML), Page(b"%PDF-1.4 \x00\x01")]
)
async def test_a_server_in_trouble_withdraws_nothing(make_site: OpenSite, answer: Page) -> None:
    site, issue = await under_review(make_site)
    site.web.pages |= {f"/{key}": answer for key in TITLES}
    assert await withdrawal.withdrawn(site.room, issue) == []


async def test_a_fault_of_ours_keeps_no_issue_from_leaving(
    make_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, issue = await under_review(make_site)
    site.web.pages[f"/{key_of(site, issue, 1)}"] = Page(status=404)
    link = issue.stories[0].link
    headline = site.room.parsers.headline

    async def breaks(response: Response) -> str | None:
        if response.url == link:
            raise RuntimeError("a fault of ours")
        return await headline(response)

    monkeypatch.setattr(type(site.room.parsers), "headline", lambda _self, response: breaks(response))
    assert await withdrawal.look_again(site.room, issue) == (
        issue, [f"“{issue.stories[1].title}” (wire): its page has gone"]
    )  # fmt: skip


async def test_a_machine_without_room_for_a_process_keeps_no_issue_from_leaving(
    make_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, issue = await under_review(make_site)
    await site.room.parsers.aclose()

    async def no_room(*_: object, **__: object) -> None:
        raise BlockingIOError("no room")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", no_room)
    assert await withdrawal.look_again(site.room, issue) == (issue, [])


async def test_a_page_that_robots_txt_keeps_us_from_is_not_asked_and_stands(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    site.web.pages |= {"/robots.txt": Page(b"User-agent: *\nDisallow: /\n"), "/a": Page(status=404)}
    site.web.paths.clear()
    assert (await withdrawal.withdrawn(site.room, issue), site.web.paths) == ([], ["/robots.txt"])


async def test_who_asks_us_to_wait_is_remembered_by_the_site(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    site.web.pages |= {f"/{key}": Page(status=429, headers={"Retry-After": "3600"}) for key in TITLES}
    await withdrawal.withdrawn(site.room, issue)
    async with site.room.store.read() as conn:
        kept = [(each.domain, each.strikes) for each in await cooldowns.all_cooldowns(conn)]
    assert kept == [(f"127.0.0.1:{site.web.port}", 1)]


@pytest.mark.parametrize(("moved_to", "asked"), [(None, 3), ("{here}", 3), ("http://news.example.org/feed", 0)])
async def test_the_links_of_a_source_that_moved_outside_do_not_lead_to_our_hosts(
    make_site: OpenSite, moved_to: str | None, asked: int
) -> None:
    site, issue = await under_review(make_site)
    async with site.room.store.write() as conn:
        values = {"moved_to": moved_to and moved_to.format(here=site.web.url("/feed.xml")), "moved_since": NOW}
        await sources.record(conn, "wire", status="ok", **values)
    site.web.paths.clear()
    await withdrawal.withdrawn(site.room, issue)
    assert len([path for path in site.web.paths if path != "/robots.txt"]) == asked


async def looked_at(site: Site, issue: Issue) -> int:
    """How many pages the check before an approval has asked for."""
    site.web.paths.clear()
    site.clock.pass_(601)  # what was found before is forgotten
    await withdrawal.withdrawn(site.room, issue)
    return len([path for path in site.web.paths if path != "/robots.txt"])


async def test_what_a_public_page_named_for_a_source_of_ours_is_never_asked_inside(
    make_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, issue = await under_review(make_site)
    assert await looked_at(site, issue) == 3
    feed = site.web.pages["/feed.xml"]
    assert isinstance(feed, Page)

    async def connect(_self: Any, **_: Any) -> Any:
        """Whoever is asked, the test's server answers."""
        return await httpcore2.AnyIOBackend().connect_tcp("127.0.0.1", site.web.port)

    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(GuardedBackend, "connect_tcp", connect)
        site.web.pages |= {
            "/feed.xml": Page(status=302, headers={"Location": "http://papers.example.org/feed"}),
            "/feed": Page(feed.body.replace(b"</channel>", ITEM.format(site.web.url("/secret")).encode() + b"</channel>"),
                          headers=feed.headers),
        }  # fmt: skip
        (report,) = await gathering.gather(site.room)
        assert (report.status, report.new) == ("ok", 1)
    # The next day it answers from inside again; what stood there before has been in other people's hands all the same.
    site.web.pages["/feed.xml"] = feed
    site.clock.pass_(24 * 3600)
    await gathering.gather(site.room)
    assert await looked_at(site, issue) == 0
    publish_pages(
        site, {"x": "Submarine yard takes on apprentices", "y": "Radio mast is repaired", "z": "Depot is moved"}
    )
    await gathering.gather(site.room)
    site.clock.pass_(1)
    fresh = await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)
    assert {key_of(site, fresh, place) for place in range(3)} == {"x", "y", "z"}
    assert await looked_at(site, fresh) == 3


async def test_new_links_from_outside_are_not_asked_inside_though_a_clock_was_put_back(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    site.clock.at -= timedelta(hours=1)
    renamed = tuple(
        RawStory("wire", f"new-{each.guid}", site.web.url(f"/secret-{each.guid}"), f"new-{each.link_key}", each.title,
                 each.title_key, each.teaser, each.published)
        for each in issue.stories
    )  # fmt: skip
    async with site.room.store.read() as conn:
        row = await sources.source(conn, "wire")
    await keeping.keep(site.room, SourceRead("wire", "ok", renamed, 3, Validators(), inside=False), row)
    async with site.room.store.read() as conn:
        pool = await stories.pool(conn, ["wire"], NOW - timedelta(days=9))
        assert {each.link for each in renamed} < {each.link for each in pool}
        assert set((await gathering.namers(conn, site.room, issue.stories)).values()) == {""}


async def test_what_was_found_holds_for_some_minutes(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    site.web.pages[f"/{key_of(site, issue, 0)}"] = Page(status=404)
    first = await withdrawal.withdrawn(site.room, issue)
    asked = len(site.web.paths)
    assert (await withdrawal.withdrawn(site.room, issue), len(site.web.paths)) == (first, asked)
    site.web.pages[f"/{key_of(site, issue, 0)}"] = page(issue.stories[0].title)
    site.clock.pass_(601)
    assert (await withdrawal.withdrawn(site.room, issue), len(site.web.paths)) == ([], asked + 3)


async def test_by_default_they_are_warned_of_and_stay(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    site.web.pages[f"/{key_of(site, issue, 0)}"] = Page(status=404)
    assert await withdrawal.look_again(site.room, issue) == (
        issue, [f"“{issue.stories[0].title}” (wire): its page has gone"]
    )  # fmt: skip


async def test_dropped_if_so_wished_and_the_next_best_comes_in(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site, 'withdrawn = "drop"')
    site.web.pages[f"/{key_of(site, issue, 0)}"] = Page(status=404)
    site.web.pages[f"/{key_of(site, issue, 1)}"] = page("Something else altogether")
    changed, warnings = await withdrawal.look_again(site.room, issue)
    (spare,) = set(TITLES.values()) - {story.title for story in issue.stories}
    assert [story.title for story in changed.stories] == [issue.stories[1].title, issue.stories[2].title, spare]
    assert changed.stories[2].why.endswith("; it came for a story that was withdrawn")
    assert warnings == [
        f"“{issue.stories[0].title}” (wire): its page has gone; it was dropped",
        f"“{issue.stories[1].title}” (wire): its page is headed “Something else altogether” now",
    ]


async def test_an_editors_own_headline_is_no_withdrawal(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    edited = await editing.apply(site.room, issue.id, [Move(Act.TITLE, issue.stories[0].story_id, "Quite other words")])
    assert await withdrawal.withdrawn(site.room, edited) == []


async def test_however_many_are_withdrawn_the_choice_is_made_once(
    make_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, issue = await under_review(make_site, 'withdrawn = "drop"')
    for place in (0, 1):
        site.web.pages[f"/{key_of(site, issue, place)}"] = Page(status=404)
    choices = []
    choose = produce.choose

    async def counted(*asked: Any) -> Any:
        choices.append(asked)
        return await choose(*asked)

    monkeypatch.setattr(produce, "choose", counted)
    changed, warnings = await withdrawal.look_again(site.room, issue)
    (spare,) = set(TITLES.values()) - {story.title for story in issue.stories}
    assert [story.title for story in changed.stories] == [issue.stories[2].title, spare]
    assert (len(choices), len(warnings)) == (1, 2)
