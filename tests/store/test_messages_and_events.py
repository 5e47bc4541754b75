"""Messages, the event log and the health of sources, on both databases."""

from __future__ import annotations

import asyncio

import pytest

from digest.model.delivery import DeliveryState
from digest.store import events, messages, sources
from digest.store.engine import Store
from digest.store.events import Event
from digest.store.messages import Kind, Message
from digest.store.outbox import MESSAGES
from digest.store.sources import SourceRow
from tests.conftest import OpenStore
from tests.store.world import LEASE, NOW, after, new_issue, record, result

_D = DeliveryState
CONTENT = b"Subject: a note\r\n\r\n\x00\xff\r\n"


async def _queue(store: Store, *recipients: str) -> list[int]:
    async with store.write() as conn:
        return [await messages.add(conn, Kind.NOTE, "news@example.org", to, CONTENT, NOW) for to in recipients]


async def _claim(store: Store, worker: str = "w1", limit: int = 10, at: float = 0) -> list[Message]:
    async with store.write() as conn:
        return await messages.claim(conn, worker, limit, after(at), LEASE)


async def test_a_message_is_claimed_with_every_byte(store: Store) -> None:
    [number] = await _queue(store, "desk@example.org")
    assert await _claim(store) == [Message(number, "desk@example.org", "news@example.org", CONTENT, 0, None)]
    assert await _claim(store, "w2") == []


async def test_a_claim_of_messages_is_never_more_than_its_limit(store: Store) -> None:
    numbers = await _queue(store, *(f"r{number}@example.org" for number in range(10)))
    assert sorted(message.id for message in await _claim(store, limit=3)) == numbers[:3]
    async with store.read() as conn:
        assert [state for _, state, _, _ in await messages.outcomes(conn, numbers)].count("claimed") == 3


async def test_two_claimers_at_once_share_the_messages(open_store: OpenStore) -> None:
    stores = [await open_store(), await open_store()]
    numbers = await _queue(stores[0], *(f"r{number}@example.org" for number in range(30)))

    async def work(index: int) -> list[int]:
        mine: list[int] = []
        while taken := await _claim(stores[index % 2], f"w{index}", limit=4):
            mine += [message.id for message in taken]
        return mine

    taken = [each for mine in await asyncio.gather(*map(work, range(4))) for each in mine]
    assert sorted(taken) == numbers


async def test_what_became_of_messages_is_told_in_the_order_they_were_queued(store: Store) -> None:
    a, b, c = await _queue(store, "a@example.org", "b@example.org", "c@example.org")
    await _claim(store, limit=2)
    outcomes = [result(MESSAGES, b, _D.FAILED, 550, "no such user"), result(MESSAGES, a)]
    await record(store, "w1", outcomes, after(1))
    async with store.read() as conn:
        assert await messages.outcomes(conn, [c, b, a]) == [
            ("a@example.org", "sent", 250, "queued"),
            ("b@example.org", "failed", 550, "no such user"),
            ("c@example.org", "pending", None, ""),
        ]
        assert await messages.outcomes(conn, []) == []


async def test_a_deferred_message_is_due_again_at_its_time(store: Store) -> None:
    [number] = await _queue(store, "a@example.org")
    await _claim(store)
    async with store.read() as conn:
        assert not await messages.any_due(conn, after(0))
    await record(store, "w1", [result(MESSAGES, number, _D.DEFERRED, 451, "later", after(60))], after(1))
    async with store.read() as conn:
        assert not await messages.any_due(conn, after(59))
        assert await messages.any_due(conn, after(60))
    assert await _claim(store, "w2", at=59) == []
    [again] = await _claim(store, "w2", at=60)
    assert (again.attempts, again.first_try) == (1, after(1))


async def test_a_result_of_another_worker_is_ignored(store: Store) -> None:
    [number] = await _queue(store, "a@example.org")
    await _claim(store)
    await record(store, "w2", [result(MESSAGES, number)])
    async with store.read() as conn:
        assert await messages.outcomes(conn, [number]) == [("a@example.org", "claimed", None, "")]


async def test_only_waiting_messages_are_abandoned(store: Store) -> None:
    pending, deferred, sent, other = await _queue(store, "a@x.org", "b@x.org", "c@x.org", "d@x.org")
    async with store.write() as conn:
        await messages.abandon(conn, [], "nothing", NOW)
    await _claim(store, limit=3)
    back = [result(MESSAGES, pending, _D.PENDING, 0, "untried"), result(MESSAGES, sent)]
    await record(store, "w1", [*back, result(MESSAGES, deferred, _D.DEFERRED, 451, "later", after(60))])
    async with store.write() as conn:
        await messages.abandon(conn, [pending, deferred, sent], "the sender was told", after(1))
        found = await messages.outcomes(conn, [pending, deferred, sent, other])
        assert [(state, reply) for _, state, _, reply in found] == [
            ("skipped", "the sender was told"),
            ("skipped", "the sender was told"),
            ("sent", "queued"),
            ("pending", ""),
        ]


# -- events ------------------------------------------------------------------------------------------------------------


async def test_what_happened_to_an_issue_is_told_oldest_first(store: Store) -> None:
    issue, other = await new_issue(store), await new_issue(store, after(60))
    async with store.write() as conn:
        await events.add(conn, after(5), "daemon", "issue.built", issue_id=issue, newsletter="n", stories=3)
        await events.add(conn, after(4), "cli", "issue.held", issue_id=issue, reason="typo", who=["é", None])
        await events.add(conn, after(6), "cli", "issue.built", issue_id=other)
        await events.add(conn, after(7), "cli", "list.read")
        assert await events.of_issue(conn, issue) == [
            Event(after(5), "daemon", "issue.built", "n", issue, "", {"stories": 3}),
            Event(after(4), "cli", "issue.held", None, issue, "typo", {"who": ["é", None]}),
        ]


async def test_an_event_is_undone_with_what_it_tells_of(store: Store) -> None:
    issue = await new_issue(store)

    async def fail() -> None:
        async with store.write() as conn:
            await events.add(conn, NOW, "cli", "issue.held", issue_id=issue)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.read() as conn:
        assert await events.of_issue(conn, issue) == []


# -- sources -----------------------------------------------------------------------------------------------------------


async def test_what_is_known_of_a_source_is_kept_and_changed_column_by_column(store: Store) -> None:
    async with store.write() as conn:
        assert await sources.all_sources(conn) == {}
        await sources.record(conn, "wire", status="ok", found=12, etag='"1"', asked_at=NOW, good_at=NOW, rules="r1")
        await sources.record(conn, "gazette", status="failed", error="timed out", asked_at=NOW)
        await sources.record(conn, "wire", status="failed", error="503", asked_at=after(60))
        assert await sources.all_sources(conn) == {
            "wire": SourceRow(
                "wire", "failed", 12, rules="r1", etag='"1"', asked_at=after(60), good_at=NOW, error="503"
            ),
            "gazette": SourceRow("gazette", "failed", 0, error="timed out", asked_at=NOW),
        }
