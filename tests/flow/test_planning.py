"""From when on each mail of an issue may leave, in the ledger and in what the editor is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from digest.flow import departure, planning, publish, report
from digest.model.issue import IssueState
from digest.model.subscriber import ListEntry
from digest.store import recipients, subscribers
from digest.store.engine import Store
from tests.conftest import Database
from tests.deliver.server import Server
from tests.fakes import FakeClock
from tests.flow.post import Hurried, readers, world

LOCAL = "local_time = true\n"


@pytest.fixture
def clock() -> FakeClock:
    return Hurried()


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    store = await Store.open(database.url, database.root)
    yield store
    await store.close()


async def live_in(store: Store, clock: FakeClock, zone: str | None, *emails: str) -> None:
    entries = [ListEntry(2, email, "", (), None, zone) for email in emails]
    async with store.write() as conn:
        await subscribers.take_over(conn, "notes", entries, clock.now())


async def test_an_issue_comes_at_seven_by_each_readers_clock(tmp_path: Path, store: Store, clock: FakeClock) -> None:
    async with Server() as server:
        post = await world(tmp_path, store, server, clock, newsletter=LOCAL)
        await live_in(store, clock, "Asia/Tokyo", *readers(5, "tokyo.test"))
        await live_in(store, clock, "America/New_York", *readers(3, "york.test"))
        await live_in(store, clock, None, *readers(2, "example.org"))
        issue = await post.begun()
        assert await planning.planned(post.room, await publish.get(post.room, issue)) == (
            "7 at once, the last at 12:00 UTC"
        )
        await departure.deliver(post.room, issue, asyncio.Event(), lambda _issue, _state: None)
        assert [post.came(domain) for domain in ("tokyo.test", "example.org", "york.test")] == [5, 2, 0]
        found = await report.report(post.room, issue)
        assert (found.issue.state, found.waits) == (
            IssueState.SENDING,
            ["3 wait for their hour, the last leaves at 12:00 UTC"],
        )
        # Neither a retry nor a pause makes it come too early, and the next issue is not kept back.
        await publish.retry(post.room, issue, failed=False, uncertain=False)
        await publish.pause(post.room, issue)
        await publish.resume(post.room, issue)
        await post.run()
        assert post.came("york.test") == 0
        assert await departure.unfinished(post.room, "defence-notes") is None
        clock.pass_(5 * 3600)
        assert await departure.unfinished(post.room, "defence-notes") is not None
        await post.run()
        assert post.came("york.test") == 3
        assert (await publish.get(post.room, issue)).state is IssueState.SENT


async def test_what_is_expected_before_the_approval_is_what_is_planned_with_it(
    tmp_path: Path, store: Store, clock: FakeClock
) -> None:
    async with Server() as server:
        post = await world(tmp_path, store, server, clock, newsletter=LOCAL)
        await live_in(store, clock, "America/Los_Angeles", *readers(2, "angeles.test"))
        await live_in(store, clock, "Pacific/Auckland", *readers(1, "auckland.test"))
        issue = await publish.get(post.room, await post.begun())
        assert await planning.expected(post.room, issue) == "1 at once, the last at 15:00 UTC"
        assert await planning.planned(post.room, issue) == "1 at once, the last at 15:00 UTC"
        plain = await world(tmp_path, store, server, clock)
        assert await planning.expected(plain.room, issue) == await planning.planned(plain.room, issue) == ""


WARMUP = "warmup = { defence-notes = { first = 20, factor = 2 } }"


async def test_a_newsletter_that_warms_up_sends_so_many_a_day(tmp_path: Path, store: Store, clock: FakeClock) -> None:
    async with Server() as server:
        post = await world(tmp_path, store, server, clock, delivery=WARMUP)
        await live_in(store, clock, None, *readers(70, "example.org"))
        issue = await publish.get(post.room, await post.begun())
        assert await planning.planned(post.room, issue) == "20 at once, the last on 25 November at 07:00 UTC"
        assert await planning.expected(post.room, issue) == "none at once, the last on 25 November at 07:00 UTC"
        came = []
        for _ in range(3):
            await post.run()
            came.append(post.came("example.org"))
            clock.pass_(24 * 3600)
        assert came == [20, 60, 70]
        assert (await publish.get(post.room, issue.id)).state is IssueState.SENT
        # Thursday is the fourth day.
        issue = await publish.get(post.room, await post.begun())
        assert await planning.planned(post.room, issue) == ""


async def test_an_issue_that_is_taken_back_or_ended_leaves_its_share_to_others(
    tmp_path: Path, store: Store, clock: FakeClock
) -> None:
    async with Server() as server:
        post = await world(tmp_path, store, server, clock, delivery=WARMUP)
        await live_in(store, clock, None, *readers(70, "example.org"))
        first = await post.begun()
        await post.run()
        await publish.cancel(post.room, first)
        clock.pass_(60)
        second = await publish.get(post.room, await post.begun())
        assert await planning.planned(post.room, second) == "none at once, the last on 25 November at 07:01 UTC"


async def test_who_warms_up_by_the_readers_clocks_does_both(tmp_path: Path, store: Store, clock: FakeClock) -> None:
    async with Server() as server:
        post = await world(tmp_path, store, server, clock, delivery=WARMUP, newsletter=LOCAL)
        await live_in(store, clock, "America/New_York", *readers(30, "york.test"))
        issue = await post.begun()
        async with store.read() as conn:
            assert {f"{at:%d %H}": number for at, number in (await recipients.starts(conn, issue)).items()} == {
                "23 12": 20,
                "24 12": 10,
            }
