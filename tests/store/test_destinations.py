"""Limits and places, and the breaker's count, on both databases."""

from __future__ import annotations

import asyncio

from digest.model.breaker import Window
from digest.model.delivery import DeliveryState
from digest.model.destination import Destination, Slowed
from digest.store import breakers, destinations, issues
from digest.store.engine import Store
from tests.store.world import NOW, after, claim, crowd, record, result, row, sending_issue, states, subscribe


async def test_a_limit_is_kept_whole_and_a_new_one_voids_the_places_of_the_old(store: Store) -> None:
    to = Destination("example.org", 2.0, Slowed(0.5, 2.0, NOW))
    async with store.write() as conn:
        await destinations.put(conn, to, NOW)
        kept = (await destinations.known(conn))["example.org"]
        await destinations.move_on(conn, "example.org", after(60))
        [moved] = await destinations.locked(conn, ["example.org"])
        await destinations.put(conn, to, after(1))
        [renewed] = await destinations.locked(conn, ["example.org"])
        await destinations.remove(conn, "example.org")
        assert await destinations.known(conn) == {}
    assert (kept.name, kept.rate, kept.slowed, kept.due) == (to.name, 2.0, to.slowed, NOW)
    assert (moved.plan, moved.due) == (kept.plan, after(60))
    assert renewed.plan != kept.plan


async def test_who_has_no_place_yet_is_pending_until_it_comes_and_due_when_the_limit_goes(store: Store) -> None:
    ids = await subscribe(store, "a@example.org", "b@example.org")
    a, b = ids.values()
    issue = await sending_issue(store)
    await claim(store, issue)
    async with store.write() as conn:
        await destinations.send_back(conn, issue, {b: (7, after(90))}, NOW)
        assert await destinations.places_of(conn, issue, [a, b]) == {b: (7, after(90))}
        assert await destinations.next_turn(conn, issue) == after(90)
    waiting = await row(store, issue, b)
    assert (waiting["state"], waiting["not_before"], waiting["attempts"]) == ("pending", after(90), 0)
    assert (waiting["worker"], waiting["lease"]) == (None, None)
    async with store.write() as conn:
        await destinations.pull_forward(conn, 8, after(1))
    assert (await row(store, issue, b))["not_before"] == after(90)
    async with store.write() as conn:
        await destinations.pull_forward(conn, 7, after(1))
        assert await destinations.places_of(conn, issue, [a, b]) == {}
    assert (await row(store, issue, b))["not_before"] == after(1)
    assert await states(store, issue) == {a: "claimed", b: "pending"}


async def test_the_first_cohort_comes_back_before_the_rest_leaves(store: Store) -> None:
    await crowd(store, 250)
    issue = await sending_issue(store)
    async with store.write() as conn:
        assert await breakers.allowance(conn, issue, 150) == 150
    first = await claim(store, issue, limit=150)
    async with store.write() as conn:
        assert await breakers.allowance(conn, issue, 150) == 50
    second = await claim(store, issue, "w2", limit=50)
    async with store.write() as conn:
        assert await breakers.allowance(conn, issue, 150) is None
    await record(store, "w1", [result(issue, each.subscriber_id) for each in first.mails])
    async with store.write() as conn:
        assert await breakers.allowance(conn, issue, 150) is None
    await record(store, "w2", [result(issue, each.subscriber_id) for each in second.mails])
    async with store.write() as conn:
        assert await breakers.allowance(conn, issue, 150) == 150
        await breakers.put(conn, issue, Window("x" * 200, 101))
        assert await breakers.allowance(conn, issue, 150) == 0
        assert await breakers.window(conn, issue) == Window("x" * 200, 101)


async def test_what_is_in_doubt_is_sent_again_once(store: Store) -> None:
    [reader] = (await subscribe(store, "a@example.org")).values()
    issue = await sending_issue(store)
    for turn in range(2):
        await claim(store, issue)
        await record(store, "w1", [result(issue, reader, DeliveryState.UNCERTAIN, 0, "no reply")])
        async with store.write() as conn:
            assert await breakers.resend(conn, NOW) == 1 - turn
    async with store.write() as conn:
        assert await breakers.were_resent(conn, {(issue, reader), (issue, 99)}) == {(issue, reader)}
    assert await states(store, issue) == {reader: "uncertain"}


async def test_who_holds_an_issue_keeps_nobody_from_writing_rows_that_name_it(store: Store) -> None:
    """A claim holds the breaker's row and names the issue; a record holds the issue and wants the breaker's row."""
    if store.is_sqlite:  # its writers come one at a time: nothing can lock up
        return
    issue = await sending_issue(store, "a@example.net")
    async with store.write() as recording:
        await issues.get(recording, issue, lock=True)
        async with asyncio.timeout(10), store.write() as claiming:
            assert await breakers.allowance(claiming, issue, 5) == 1
