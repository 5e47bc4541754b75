"""A sender, a real database, a real mail server: limits, slow-downs, the breaker, quiet hours, what is in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from digest.flow import departure, publish, report
from digest.flow.outcomes import next_issue, verdict
from digest.flow.send import Sender, share
from digest.model.breaker import REFUSED, Window
from digest.model.delivery import DeliveryState, Outcome, Reply
from digest.model.issue import IssueState
from digest.store import breakers
from digest.store.engine import Store
from digest.store.outbox import Tries
from digest.store.tables import messages
from tests.conftest import Database
from tests.deliver.server import CUT, DOT, RCPT, SILENCE, Server
from tests.fakes import FakeClock
from tests.flow.post import Hurried, readers, world
from tests.store.world import subscribe


@pytest.fixture
def clock() -> FakeClock:
    return Hurried()


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    store = await Store.open(database.url, database.root)
    yield store
    await store.close()


async def test_a_limited_domain_waits_in_its_row_and_holds_nobody_up(
    tmp_path: Path, store: Store, clock: FakeClock
) -> None:
    async with Server() as server:
        post = await world(tmp_path, store, server, clock, smtp='[smtp.domains."slow.test"]\nrate = 1')
        await subscribe(store, *readers(60, "slow.test"), *readers(40, "example.org"))
        issue = await post.begun()
        begun = clock.now()
        await post.run()
        spent = (clock.now() - begun).total_seconds()
        assert post.came("example.org") == 40
        assert 3 <= post.came("slow.test") <= 4 + spent
        clock.pass_(10)
        before = post.came("slow.test")
        await post.run()
        assert 8 <= post.came("slow.test") - before <= 14 + (clock.now() - begun).total_seconds() - spent - 10
        # The limit is lifted: whoever waits leaves at once.
        free = await world(tmp_path, store, server, clock)
        await free.run()
        assert (await free.tally(issue)).sent == 100
        assert free.came("slow.test") == 60


async def test_who_sends_waits_for_a_turn_that_comes_soon(tmp_path: Path, store: Store, clock: FakeClock) -> None:
    async with Server() as server:
        post = await world(tmp_path, store, server, clock, smtp='[smtp.domains."slow.test"]\nrate = 2')
        await subscribe(store, *readers(30, "slow.test"))
        issue, begun = await post.begun(), clock.now()
        await departure.deliver(post.room, issue, asyncio.Event(), lambda _issue, _state: None)
        assert (await post.tally(issue)).sent == 30
        assert clock.now() - begun >= timedelta(seconds=12)


async def test_the_relays_rate_is_one_for_all_senders(tmp_path: Path, store: Store, clock: FakeClock) -> None:
    async with Server() as server:
        post = await world(tmp_path, store, server, clock, smtp="rate = 0.05")
        await subscribe(store, *readers(10, "example.org"))
        await post.begun()
        for _ in range(3):
            await post.run()
        assert len(server.taken) == 1
        clock.pass_(20)
        await post.run()
        assert len(server.taken) == 2


async def test_a_domain_that_asks_for_patience_is_slowed_and_it_is_said(
    tmp_path: Path, store: Store, clock: FakeClock
) -> None:
    async with Server(script={RCPT: ["451 4.7.0 too fast"] * 40}) as server:
        post = await world(tmp_path, store, server, clock)
        await subscribe(store, *readers(40, "slow.test"))
        issue = await post.begun()
        await post.run()
        said = (await post.said(issue, "destination.slowed"))[-1]
        assert said.startswith("slow.test slowed to ")
        assert len((await report.report(post.room, issue)).waits) == 1
        server.script.clear()
        await subscribe(store, *readers(30, "example.org"))
        second = await post.begun()
        await post.run()
        assert post.came("example.org") == 30
        assert (await post.tally(second)).sent < 70
        clock.pass_(24 * 3600)
        await post.run()
        assert (await report.report(post.room, second)).waits == []


async def test_an_issue_of_which_too_much_is_refused_pauses_itself(
    tmp_path: Path, store: Store, clock: FakeClock
) -> None:
    async with Server(script={RCPT: ["550 5.1.1 no such user"] * 60}) as server:
        post = await world(tmp_path, store, server, clock, delivery="breaker = { max_failed = 20 }")
        await subscribe(store, *readers(300, "example.org"))
        issue = await post.begun()
        await post.run()
        now = await publish.get(post.room, issue)
        assert now.state is IssueState.PAUSED
        assert now.reason.endswith("of the last 200 mails were refused")
        assert (await post.tally(issue)).waiting >= 100  # the first cohort was all that left
        async with store.read() as conn:
            notes = list((await conn.execute(select(messages.c.content))).scalars())
        assert any(b"is paused" in note for note in notes)
        await publish.resume(post.room, issue)
        await post.run()
        await post.run()
        found = await report.report(post.room, issue)
        assert (found.issue.state, found.tally.waiting) == (IssueState.SENT, 0)


async def test_an_issue_whose_sender_died_before_it_paused_it_is_paused_by_the_next(
    tmp_path: Path, store: Store, clock: FakeClock
) -> None:
    async with Server() as server:
        post = await world(tmp_path, store, server, clock)
        await subscribe(store, *readers(30, "example.org"))
        issue = await post.begun()
        async with store.write() as conn:  # what stands in the database when the sender dies right behind its record
            await breakers.allowance(conn, issue, 1)
            await breakers.put(conn, issue, Window(REFUSED * 101, 101))
        await post.run()
        now = await publish.get(post.room, issue)
        assert (now.state, now.reason) == (IssueState.PAUSED, "101 of the last 200 mails were refused")
        async with store.read() as conn:
            notes = list((await conn.execute(select(messages.c.content))).scalars())
        assert len(notes) == 1
        assert b"is paused" in notes[0]
        await publish.resume(post.room, issue)
        await post.run()
        assert (await publish.get(post.room, issue)).state is IssueState.SENT


async def test_while_a_first_cohort_is_out_others_have_their_turn(
    tmp_path: Path, store: Store, clock: FakeClock
) -> None:
    async with Server(script={DOT: [SILENCE]}) as server:
        post = await world(tmp_path, store, server, clock)
        await subscribe(store, *readers(230, "example.org"))
        first = await post.begun()
        clock.pass_(1)
        second = await post.begun()
        stop, sender = asyncio.Event(), Sender(post.room)
        sending = asyncio.create_task(sender.run(stop, finish_s=0.5))
        async with asyncio.timeout(30):
            while (await post.tally(second)).sent < 230:  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # noqa: TID251 the server is real
        assert (await post.tally(first)).waiting >= 31
        stop.set()
        await sending
        await sender.close()
        assert (await post.tally(first)).uncertain == 1


async def test_a_sender_has_as_large_a_part_of_a_domains_connections_as_of_all(
    tmp_path: Path, store: Store, clock: FakeClock
) -> None:
    async with Server() as server:
        extra = 'domains = { "a.test" = { connections = 4 }, "b.test" = { connections = 1 } }'
        smtp = (await world(tmp_path, store, server, clock, smtp=extra)).room.settings.smtp
        smtp = smtp.model_copy(update={"connections": 10})
        ours = share(smtp, 5)
        assert (ours.connections, {name: each.connections for name, each in ours.domains.items()}) == (
            5,
            {"a.test": 2, "b.test": 1},
        )
        assert share(smtp, 10).domains == smtp.domains


async def test_a_domain_with_one_connection_holds_nobody_up(tmp_path: Path, store: Store, clock: FakeClock) -> None:
    async with Server(script={DOT: [SILENCE]}) as server:
        post = await world(tmp_path, store, server, clock, smtp='[smtp.domains."narrow.test"]\nconnections = 1')
        await subscribe(store, *readers(30, "narrow.test"), *readers(60, "example.org"))
        issue = await post.begun()
        stop, sender = asyncio.Event(), Sender(post.room)
        sending = asyncio.create_task(sender.run(stop, finish_s=0.5))
        async with asyncio.timeout(30):
            while (await post.tally(issue)).sent < 59:  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # noqa: TID251 the server is real
        assert post.came("narrow.test") == 0  # the first of them has its only connection
        stop.set()
        await sending
        await sender.close()
        assert (await post.tally(issue)).uncertain == 1
        clock.pass_(60)
        await post.run()
        assert (await post.tally(issue)).sent == 89


async def test_in_quiet_hours_nothing_leaves_and_it_is_said(tmp_path: Path, store: Store, clock: FakeClock) -> None:
    clock.at = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
    async with Server() as server:
        post = await world(tmp_path, store, server, clock, delivery='quiet = "22:00-06:00"')
        await subscribe(store, *readers(3, "example.org"))
        issue = await post.begun()
        await departure.deliver(post.room, issue, asyncio.Event(), lambda _issue, _state: None)
        assert server.taken == []
        assert (await report.report(post.room, issue)).waits == ["quiet hours until 06:00 UTC"]
        clock.at = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
        await post.run()
        assert len(server.taken) == 3


@pytest.mark.parametrize(("uncertain", "state"), [("hold", "uncertain"), ("resend", "sent")])
async def test_what_is_in_doubt_is_sent_again_if_the_settings_say_so(
    tmp_path: Path, store: Store, clock: FakeClock, uncertain: str, state: str
) -> None:
    async with Server(script={DOT: [CUT]}) as server:
        post = await world(tmp_path, store, server, clock, smtp=f'uncertain = "{uncertain}"')
        await subscribe(store, "reader@example.org")
        issue = await post.begun()
        await departure.deliver(post.room, issue, asyncio.Event(), lambda _issue, _state: None)
        found = await report.report(post.room, issue)
        figures: dict[str, Any] = {"sent": found.tally.sent, "uncertain": found.tally.uncertain}
        assert figures == {"sent": 0, "uncertain": 0} | {state: 1}
        assert found.issue.state is IssueState.SENT


async def test_a_try_that_would_come_after_the_next_issue_is_given_up(
    tmp_path: Path, store: Store, clock: FakeClock
) -> None:
    async with Server() as server:
        room = (await world(tmp_path, store, server, clock)).room
    now = datetime(2026, 11, 23, 6, 57, tzinfo=UTC)
    until = next_issue(room, "defence-notes", now)
    assert until == datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    later = Outcome(DeliveryState.DEFERRED, Reply(450, "4.2.0 later"))
    settled = [
        verdict((1, 1), later, Tries(), at, give_up=timedelta(hours=12), jitter=0, next_issue=until)
        for at in (now, now - timedelta(minutes=10))
    ]
    assert [each.state for each in settled] == ["failed", "deferred"]
    assert settled[0].reply == "given up, the next issue comes first: 4.2.0 later"
    assert next_issue(replace(room), "gone", now) is None
