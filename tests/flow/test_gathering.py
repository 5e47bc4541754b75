"""Gathering, from the answers of a server to what the database knows: whatever is promised over several looks."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpcore2
import pytest
from sqlalchemy import event, select

from digest.errors import GatherError, StoreError
from digest.flow import gathering, keeping, source_health, suggesting
from digest.flow.gathering import SourceReport
from digest.gather import sources as gather_sources
from digest.gather.connect import GuardedBackend
from digest.model.story import Story
from digest.settings import Select, Source
from digest.store import cooldowns, sources, stories
from digest.store.sources import SourceRow
from digest.store.tables import events
from tests.daemon.conftest import OpenSite
from tests.daemon.desk import Site, hours, minutes
from tests.gather.web import Page

ITEM = "<item><title>{title}</title><link>{link}</link><guid>{guid}</guid>{date}</item>"
DAY = 24 * 3600.0


def feed(*items: str) -> bytes:
    return f"<rss version='2.0'><channel><title>Wire</title>{''.join(items)}</channel></rss>".encode()


def item(key: str, title: str = "", link: str = "", date: str = "") -> str:
    link = link or f"https://news.example.com/{key}"
    return ITEM.format(title=title or f"Story number {key} of the day", link=link, guid=link, date=date)


def dated(site: Site, ago: timedelta = timedelta()) -> str:
    return f"<pubDate>{format_datetime(site.clock.now() - ago)}</pubDate>"


def offer(site: Site, body: bytes = b"", path: str = "/feed.xml", status: int = 200, **headers: str) -> None:
    site.web.pages[path] = Page(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


async def look(site: Site, **more: Any) -> SourceReport:
    (report,) = await gathering.gather(site.room, **more)
    return report


async def row(site: Site, name: str = "wire") -> SourceRow:
    async with site.room.store.read() as conn:
        found = await sources.source(conn, name)
    assert found is not None
    return found


async def pool(site: Site) -> list[Story]:
    async with site.room.store.read() as conn:
        return await stories.pool(conn, None, site.clock.now() - 2 * keeping.OLD)


async def health(site: Site, name: str = "wire") -> dict[str, Any]:
    return next(each for each in await source_health.health(site.room) if each["name"] == name)


async def told(site: Site) -> list[tuple[str, str]]:
    async with site.room.store.read() as conn:
        query = select(events.c.action, events.c.data).where(events.c.action.like("source.%")).order_by(events.c.id)
        return [(action, data["source"]) for action, data in await conn.execute(query)]


@pytest.fixture
async def site(make_site: OpenSite) -> Site:
    made = await make_site()
    made.web.paths.clear()
    return made


# -- validators ----------------------------------------------------------------------------------------------------------


async def test_validators_are_sent_back_as_they_came_and_renewed_with_each_answer(site: Site) -> None:
    body = feed(item("a"))
    offer(site, body, ETag='W/"1 x"', Last_Modified="Some day, perhaps")
    await look(site)
    offer(site, body, ETag='"2"')  # the same words, with another ETag and no date
    assert (await look(site)).status == "unchanged"
    offer(site, status=304, ETag='"3"')
    assert (await look(site)).status == "unchanged"
    await look(site)
    sent = [(each.get("if-none-match"), each.get("if-modified-since")) for each in site.web.headers]
    assert sent == [(None, None), ('W/"1 x"', "Some day, perhaps"), ('"2"', None), ('"3"', None)]


async def test_a_server_that_says_unchanged_for_ever_is_asked_for_all_of_it_after_eight_days(site: Site) -> None:
    offer(site, feed(item("a")), ETag='"1"')
    await look(site)
    offer(site, status=304)
    for _ in range(7):
        site.clock.pass_(DAY)
        assert (await look(site)).status == "unchanged"
    site.clock.pass_(DAY)
    offer(site, feed(item("a"), item("b")), ETag='"1"')
    report = await look(site)
    assert (report.status, report.new) == ("ok", 1)
    assert "if-none-match" not in site.web.headers[-1]
    await look(site)
    assert site.web.headers[-1]["if-none-match"] == '"1"'


async def test_a_body_that_cannot_be_read_leaves_no_validators(site: Site) -> None:
    offer(site, feed(item("a")), ETag='"good"')
    await look(site)
    offer(site, b"<html><body>Down for maintenance", ETag='"bad"')
    assert (await look(site)).status == "failed"
    offer(site, feed(item("a"), item("b")), ETag='"new"')
    assert (await look(site)).new == 1
    assert [each.get("if-none-match") for each in site.web.headers] == [None, '"good"', '"good"']


# -- moved, gone ---------------------------------------------------------------------------------------------------------


async def test_an_address_that_moved_is_followed_at_once_and_asked_first_after_a_week(site: Site) -> None:
    new = site.web.url("/new.xml")
    offer(site, status=301, Location="/new.xml")
    offer(site, feed(item("a")), "/new.xml")
    await look(site)
    told = await health(site)
    assert (told["moved_to"], told["moved_since"], told["adopted"]) == (new, site.clock.now(), None)
    site.clock.pass_(7 * DAY - 1)
    await look(site)
    site.clock.pass_(1)
    await look(site)
    assert site.web.paths == ["/feed.xml", "/new.xml"] * 2 + ["/new.xml"]
    assert (await health(site))["adopted"] == new
    offer(site, b"not here", "/new.xml", status=404)
    offer(site, feed(item("a"), item("b")))
    assert (await look(site)).new == 1
    assert site.web.paths[-2:] == ["/new.xml", "/feed.xml"]
    assert ((await health(site))["adopted"], (await health(site))["moved_to"]) == (None, None)


async def test_an_address_that_moves_on_is_adopted_only_where_it_has_been_for_a_week(site: Site) -> None:
    for number in range(5):
        offer(site, status=301, Location=f"/{number}.xml")
        offer(site, feed(item("a")), f"/{number}.xml")
        await look(site)
        site.clock.pass_(2 * DAY)
    assert (await health(site))["adopted"] is None


async def test_where_a_source_moved_is_forgotten_with_its_address(make_site: OpenSite) -> None:
    site = await make_site()
    offer(site, status=301, Location="/new.xml")
    offer(site, feed(item("a")), "/new.xml")
    await look(site)
    site.clock.pass_(8 * DAY)
    assert (await health(site))["adopted"]
    site.room.settings.sources["wire"] = site.room.settings.sources["wire"].model_copy(
        update={"url": site.web.url("/other.xml")}
    )
    offer(site, feed(item("z")), "/other.xml")
    assert (await health(site))["moved_to"] is None
    site.web.paths.clear()
    await look(site)
    assert site.web.paths == ["/other.xml"]


async def test_a_source_that_is_gone_for_good_is_asked_only_by_name_or_with_new_settings(site: Site) -> None:
    await look(site)
    offer(site, status=410)
    report = await look(site)
    assert (report.status, report.found) == ("failed", 4)
    site.web.paths.clear()
    site.clock.pass_(30 * DAY)
    report = await look(site)
    assert (report.status, site.web.paths) == ("failed", [])
    assert report.error == "127.0.0.1 says that this page is gone for good (410): it is not asked any more"
    assert await gathering.gather(site.room, due_only=True) == []
    health_now = await health(site)
    assert (health_now["status"], health_now["next_check"]) == ("gone", None)
    assert await told(site) == [("source.failing", "wire")]
    assert len(await site.notes()) == 0  # nobody is in desk.notify
    site.publish("a", "b", "c", "d", "e")
    assert (await look(site, gone_too=True)).new == 1
    assert (await health(site))["status"] == "ok"
    offer(site, status=410)
    await look(site)
    site.room.settings.sources["wire"] = site.room.settings.sources["wire"].model_copy(update={"weight": 2.0})
    site.publish("f")
    assert [each.new for each in await gathering.gather(site.room, due_only=True)] == [1]


# -- asked to wait ---------------------------------------------------------------------------------------------------------


async def test_a_server_that_asks_us_to_wait_is_not_asked_before_also_by_another_process(
    make_site: OpenSite, site: Site
) -> None:
    await look(site)
    offer(site, status=429, Retry_After="1200")
    report = await look(site)
    assert (report.status, report.error) == (
        "failed",
        "127.0.0.1 asks to be asked less often (429); not before 2026-11-23 07:20 UTC",
    )
    site.web.paths.clear()
    another = await make_site()
    another.clock.pass_(1199)
    report = await look(another)
    waiting = f"127.0.0.1:{site.web.port} has asked us to wait until 2026-11-23 07:20 UTC"
    assert (report.status, report.found, report.error) == ("unchanged", 4, waiting)
    assert (await health(another))["cooldown_until"] == another.clock.now() + timedelta(seconds=1)
    assert another.web.paths == []
    another.clock.pass_(1)
    another.publish("e")
    assert (await look(another)).new == 1
    assert (await health(another))["cooldown_until"] is None


async def test_a_source_that_was_never_read_fails_while_its_server_wants_us_to_wait(site: Site) -> None:
    offer(site, status=503, Retry_After="600")
    await look(site)
    report = await look(site)
    assert (report.status, report.found) == ("failed", 0)
    assert "has asked us to wait until" in str(report.error)
    assert site.web.paths == ["/feed.xml"]


async def test_trouble_without_a_word_about_time_is_one_sources_own(site: Site) -> None:
    offer(site, status=503)
    await look(site)
    site.publish("a")
    assert (await look(site)).status == "ok"


async def test_trying_a_source_obeys_whom_it_asks(site: Site) -> None:
    offer(site, status=429)
    for words in ("not before 2026-11-23 07:05 UTC", "has asked us to wait until 2026-11-23 07:05 UTC"):
        with pytest.raises(GatherError, match=words):
            await gathering.try_source(site.room, "wire")
    assert site.web.paths == ["/feed.xml"]


async def kept_cooldowns(site: Site) -> list[str]:
    async with site.room.store.read() as conn:
        return [each.domain for each in await cooldowns.all_cooldowns(conn)]


async def test_a_robots_txt_that_asks_us_to_wait_is_obeyed_by_another_process_too(site: Site) -> None:
    page = Source(kind="page", url=site.web.url("/page"), select=Select(item="li"))
    site.room.settings.sources["wire"] = page
    offer(site, path="/robots.txt", status=429, Retry_After="3600")
    assert "has asked us to wait until" in str((await look(site)).error)
    assert await kept_cooldowns(site) == [f"127.0.0.1:{site.web.port}"]


async def test_who_asks_us_to_wait_is_kept_whatever_ends_the_asking(site: Site) -> None:
    offer(site, status=429, Retry_After="1200")
    with pytest.raises(GatherError, match="less often"):
        await suggesting.suggest(site.room, site.web.url("/feed.xml"))
    assert await kept_cooldowns(site) == [f"127.0.0.1:{site.web.port}"]


async def test_a_page_of_ours_that_leads_outside_suggests_no_feed_of_ours(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect_tcp(self: GuardedBackend, *_: object, **__: object) -> httpcore2.AsyncNetworkStream:
        return await httpcore2.AnyIOBackend().connect_tcp("127.0.0.1", site.web.port, 5.0)  # whoever is asked

    monkeypatch.setattr(GuardedBackend, "connect_tcp", connect_tcp)
    head = f'<head><link rel="alternate" type="application/rss+xml" href="{site.web.url("/feed.xml")}"></head>'
    offer(site, f"<html>{head}<body><p>x</p></body></html>".encode(), "/page")
    offer(site, path="/ours", status=302, Location="http://news.example.org/page")
    with pytest.raises(GatherError, match="has no stories"):
        await suggesting.suggest(site.room, site.web.url("/ours"))
    assert site.web.paths == ["/ours", "/page"]
    (proposal,) = await suggesting.suggest(site.room, site.web.url("/page"))
    assert proposal.url == site.web.url("/feed.xml")


async def test_what_a_database_in_trouble_did_not_take_is_kept_later(site: Site) -> None:
    offer(site, status=429, Retry_After="1200")
    async with site.room.store.write() as conn:
        refusing = "create trigger full before insert on cooldowns begin select raise(abort, 'no room'); end"
        await conn.exec_driver_sql(refusing)
    with pytest.raises(StoreError, match="no room"):
        await look(site)
    async with site.room.store.write() as conn:
        await conn.exec_driver_sql("drop trigger full")
    await look(site)
    assert site.web.paths == ["/feed.xml"]
    assert await kept_cooldowns(site) == [f"127.0.0.1:{site.web.port}"]


# -- when --------------------------------------------------------------------------------------------------------------


async def test_the_daemon_asks_only_what_is_due_and_a_restart_changes_nothing(make_site: OpenSite, site: Site) -> None:
    assert len(await gathering.gather(site.room, due_only=True)) == 1
    planned = (await row(site)).next_check
    assert planned is not None
    assert timedelta(minutes=15) <= planned - site.clock.now() <= timedelta(minutes=16.5)
    another = await make_site()
    another.clock.at = planned - timedelta(seconds=1)
    assert await gathering.gather(another.room, due_only=True) == []
    assert (await look(another)).status == "unchanged"  # asked by name, it is asked now
    another.clock.at = (await row(another)).next_check or planned
    assert len(await gathering.gather(another.room, due_only=True)) == 1


async def test_a_wish_is_kept_while_the_feed_is_unchanged(site: Site) -> None:
    offer(site, feed("<ttl>120</ttl>", item("a")), ETag='"1"')
    await look(site)
    offer(site, status=304)
    await look(site)
    planned = (await row(site)).next_check
    assert planned
    assert planned - site.clock.now() >= hours(2)


async def test_a_failing_source_is_asked_less_and_less_often(site: Site) -> None:
    offer(site, status=500)
    spans = []
    for _ in range(7):
        await look(site)
        planned = (await row(site)).next_check
        assert planned
        spans.append((planned - site.clock.now()) / minutes(15))
    wanted = (1, 2, 4, 8, 16, 24, 24)
    assert all(least <= span <= least * 1.1 for least, span in zip(wanted, spans, strict=True))
    site.publish("a")
    await look(site)
    assert (await row(site)).failures == 0


async def test_a_clock_that_was_put_back_does_not_stop_gathering(site: Site) -> None:
    await look(site)
    site.clock.pass_(-30 * DAY)
    assert len(await gathering.gather(site.room, due_only=True)) == 1


# -- what a look leaves --------------------------------------------------------------------------------------------------


async def test_a_fault_of_ours_in_one_source_sinks_no_other(
    make_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await make_site(tables='[sources.other]\nkind = "feed"\nurl = "http://127.0.0.1:9/"\n')
    site.room.settings.sources["other"] = site.room.settings.sources["wire"].model_copy(update={"weight": 2.0})
    whole = gather_sources.newest

    def fails_once(*given: Any) -> Any:
        monkeypatch.setattr(gather_sources, "newest", whole)
        raise ZeroDivisionError("strange bytes")

    monkeypatch.setattr(gather_sources, "newest", fails_once)
    reports = await gathering.gather(site.room)
    assert sorted(each.status for each in reports) == ["failed", "ok"]
    assert [each.error for each in reports if each.error] == [
        "Digest cannot read this source (ZeroDivisionError); the log says more"
    ]
    assert len(await pool(site)) == 4


async def test_without_its_database_gathering_says_so_when_all_looks_are_over(site: Site) -> None:
    async with site.room.store.write() as conn:
        await conn.exec_driver_sql("drop table sources")
    with pytest.raises(StoreError, match="no such table"):
        await look(site)


async def test_what_no_database_takes_is_replaced_and_sinks_no_story(site: Site) -> None:
    spoilt = {"id": "a\0b", "url": "https://news.example.com/a", "title": "A title \ud800 cut in two"}
    good = {"id": "c", "url": "https://news.example.com/c", "title": "A good story", "content_text": "x\0y"}
    document = {"version": "https://jsonfeed.org/version/1.1", "title": "Wire", "items": [spoilt, good]}
    offer(site, json.dumps(document).encode())
    assert (await look(site)).new == 2
    assert sorted(each.title for each in await pool(site))[0] == "A good story"
    assert (await look(site)).new == 0


async def test_a_long_feed_is_kept_in_short_transactions(site: Site) -> None:
    offer(site, feed(*(item(str(number)) for number in range(600))))
    begun: list[int] = []
    event.listen(site.room.store.engine.sync_engine, "begin", lambda _connection: begun.append(1))
    report = await look(site)
    assert (report.found, report.new, len(await pool(site))) == (500, 500, 500)
    assert len(begun) >= 500 / 50


async def test_the_time_of_a_story_is_taken_while_nobody_can_build_an_issue(site: Site) -> None:
    """A writer holds the database; what is kept after it has let go bears a time after that."""
    site.clock.pass_(0)
    async with site.room.store.write():
        keeping_task = asyncio.create_task(gathering.gather(site.room))
        while not site.web.paths:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # noqa: TID251
        await asyncio.sleep(0.1)  # noqa: TID251 - long enough to come to the lock
        site.clock.pass_(60)
        built = site.clock.now()
        site.clock.pass_(1)
    await keeping_task
    assert all(each.first_seen > built for each in await pool(site))


async def test_a_first_look_brings_no_old_news(site: Site) -> None:
    items = [item("dateless"), item("old", date=dated(site, hours(400))), item("new", date=dated(site))]
    offer(site, feed(*items))
    await look(site)
    ages = {each.guid: site.clock.now() - each.published for each in await pool(site)}
    assert [round(ages[f"https://news.example.com/{key}"] / hours(1)) for key in ("dateless", "old", "new")] == [
        365 * 24, 400, 0,
    ]  # fmt: skip
    site.clock.pass_(60)
    offer(site, feed(item("later"), *items))
    await look(site)
    assert {each.guid: each.published for each in await pool(site)}[
        "https://news.example.com/later"
    ] == site.clock.now()


async def test_a_source_with_another_address_is_looked_at_for_the_first_time(site: Site) -> None:
    await look(site)
    wire = site.room.settings.sources["wire"]
    site.room.settings.sources["wire"] = wire.model_copy(update={"url": site.web.url("/other.xml")})
    offer(site, feed(item("dateless")), "/other.xml")
    await look(site)
    found = next(each for each in await pool(site) if "dateless" in each.link)
    assert site.clock.now() - found.published == keeping.OLD
    assert found.undated


# -- renamed -------------------------------------------------------------------------------------------------------------


async def test_a_feed_that_moves_to_another_domain_brings_no_news(site: Site) -> None:
    site.publish("a", "b", "c", "d", prefix="Ship")
    await look(site)
    date = dated(site)
    moved = [
        item(key, f"Ship number {key} of the day", f"https://fresh.example.net/{key}", date) for key in ("a", "b", "c")
    ]
    offer(site, feed(*moved, item("e", "A story that is really new", date=date)))
    assert (await look(site)).new == 1
    found = await pool(site)
    assert len(found) == 5
    links = {each.title: each.link for each in found}
    assert links["Ship number a of the day"] == "https://fresh.example.net/a"
    offer(site, feed(*moved))
    assert (await look(site)).new == 0


# -- health --------------------------------------------------------------------------------------------------------------


async def test_a_drop_under_a_third_of_the_usual_count_is_an_alarm(site: Site) -> None:
    for number, count in enumerate((9, 10, 11)):
        offer(site, feed(*(item(f"{number}-{n}") for n in range(count))))
        await look(site)
    assert ((await health(site))["usual"], (await health(site))["alarm"]) == (10, None)
    offer(site, feed(*(item(f"x-{n}") for n in range(3))))
    await look(site)
    told = await health(site)
    assert (told["status"], told["found"], told["usual"], told["alarm"]) == ("ok", 3, 10, "only 3 items, usually 10")
    offer(site, feed())
    await look(site)
    told = await health(site)
    assert (told["status"], told["alarm"]) == ("empty", "only 0 items, usually 10")


async def test_a_page_is_broken_empty_or_fine(site: Site) -> None:
    page = Source(kind="page", url=site.web.url("/page"), select=Select(within="News", item="li"))
    site.room.settings.sources["wire"] = page
    states = []
    for body in ("<h2>News</h2><ul><li><a href='/1'>One boat</a></ul>", "<h2>News</h2><ul></ul>", "<h2>Sport</h2>"):
        offer(site, body.encode(), "/page")
        await look(site)
        states.append((await health(site))["status"])
    assert states == ["ok", "empty", "broken"]
    async with site.room.store.read() as conn:
        assert await source_health.broken(conn, ["wire", "unknown"]) == [
            ("wire", "the page has changed: the rule within = 'News' matches nothing on it")
        ]
    site.room.settings.sources["wire"] = page.model_copy(update={"url": site.web.url("/feed.xml"), "kind": "feed"})
    await look(site)
    async with site.room.store.read() as conn:
        assert await source_health.broken(conn, ["wire"]) == []


async def test_editors_are_told_once_of_a_source_that_fails_for_a_day(make_site: OpenSite) -> None:
    site = await make_site(tables='[desk]\nnotify = ["desk@example.org", "night@example.org"]\n')
    await look(site)
    site.clock.pass_(60)
    site.break_source()
    since = site.clock.now()
    for _ in range(5):
        await look(site)
        assert (await health(site))["failing_since"] == since
        site.clock.pass_(DAY / 3)
    assert await told(site) == [("source.failing", "wire")]
    notes = await site.notes()
    assert len(notes) == 2
    assert "The source wire has brought nothing since Monday, 23 November, 07:01 (UTC)." in notes[0]
    assert "127.0.0.1 has no such page (404)" in notes[0]
    site.publish("a")
    await look(site)
    assert await told(site) == [("source.failing", "wire"), ("source.well", "wire")]
    assert ((await health(site))["failing_since"], len(await site.notes())) == (None, 2)


async def test_a_look_that_dies_half_way_is_taken_up_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stories are kept, what says that they were is not: the next look asks for all of it and brings the rest."""
    offer(site, feed(*(item(str(n)) for n in range(120))), ETag='"1"')
    kept = stories.add_all
    chunks: list[int] = []

    async def dies(*given: Any) -> Any:
        chunks.append(1)
        if len(chunks) == 2:
            raise asyncio.CancelledError
        return await kept(*given)

    monkeypatch.setattr(stories, "add_all", dies)
    with pytest.raises(asyncio.CancelledError):
        await look(site)
    assert len(await pool(site)) == 50
    monkeypatch.setattr(stories, "add_all", kept)
    assert (await look(site)).new == 70
    assert "if-none-match" not in site.web.headers[-1]
    assert {site.clock.now() - each.published for each in await pool(site)} == {keeping.OLD}


async def test_a_story_that_its_site_carries_under_two_links_is_kept_and_asked_for_once(site: Site) -> None:
    own = site.web.url("/news/tugs")
    body = f"<p>{'The harbour board will buy two tugs from the yard. ' * 53}</p>"
    page = f'<link rel="canonical" href="{own}"><article><h1>Two tugs</h1>{body}</article>'.encode()
    site.web.pages |= {"/news/tugs": Page(page), "/town/tugs": Page(page)}
    wire = site.room.settings.sources["wire"].model_copy(update={"fetch_article": True})
    site.room.settings.sources["wire"] = wire
    for path in ("/town/tugs", "/news/tugs", "/town/tugs"):
        offer(site, feed(item("1", "Two tugs for the harbour", link=site.web.url(path))))
        await look(site)
    (kept,) = await pool(site)
    assert (kept.link, kept.minutes, kept.walled) == (site.web.url("/town/tugs"), 2, False)
    assert site.web.paths.count("/town/tugs") + site.web.paths.count("/news/tugs") == 1
