"""Subscribers, subscriptions and opt-outs, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest
from sqlalchemy import func, select, update

from digest.model.subscriber import Audience, Counts, ListEntry, Subscriber, Subscription, SubscriptionState
from digest.store import departures, subscribers
from digest.store.engine import Connection, Store
from digest.store.tables import subscribers as people
from digest.store.tables import subscriptions
from tests.conftest import OpenStore
from tests.store.world import NOW, after, entry, numbers, subscribe, subscription_states

_S = SubscriptionState


async def _take_over(store: Store, *entries: ListEntry, to: str = "notes", at: float = 0) -> Counts:
    async with store.write() as conn:
        return await subscribers.take_over(conn, to, entries, after(at))


async def _person(store: Store, email: str) -> Subscriber:
    async with store.read() as conn:
        found = await subscribers.by_email(conn, email)
    assert found is not None
    return found


async def _put_state(conn: Connection, subscriber: int, state: SubscriptionState) -> None:
    await conn.execute(update(subscriptions).where(subscriptions.c.subscriber_id == subscriber).values(state=state))


async def test_a_person_comes_back_with_her_lists_and_what_she_left(store: Store) -> None:
    await _take_over(store, entry("Ann@example.net", "Ann", ("naval", "air"), "en"))
    await _take_over(store, entry("Ann@example.net"), to="friends", at=5)
    person = await _person(store, "ann@example.net")
    async with store.write() as conn:
        await subscribers.opt_out(conn, "weekly-notes", person.id, None, after(6))
        await subscribers.opt_out(conn, "alerts", person.id, None, after(7))
    expected = Subscriber(
        person.id, "Ann@example.net", "Ann", "en", NOW,
        (
            Subscription("friends", _S.CONFIRMED, (), after(5)),
            Subscription("notes", _S.CONFIRMED, ("naval", "air"), NOW),
        ),
        ("alerts", "weekly-notes"),
    )  # fmt: skip
    assert await _person(store, "ANN@example.net") == expected
    async with store.read() as conn:
        assert await subscribers.by_id(conn, person.id) == expected
        assert await subscribers.by_id(conn, person.id + 1) is None
        assert await subscribers.by_email(conn, "nobody@example.net") is None


async def test_taking_over_a_list_counts_what_it_did(store: Store) -> None:
    first = [entry("a@example.net", "A", ("naval",)), entry("b@example.net", "B"), entry("c@example.net")]
    assert await _take_over(store, *first) == Counts(added=3)
    assert await _take_over(store, *first) == Counts(unchanged=3)
    second = [
        entry("a@example.net", "A", ("air",)),
        entry("b@example.net", "Bea"),
        entry("c@example.net", language="de"),
        entry("d@example.net"),
    ]
    assert await _take_over(store, *second) == Counts(added=1, updated=3)
    assert await _take_over(store) == Counts()


async def test_addresses_that_differ_in_case_are_one_person_whose_address_stays(store: Store) -> None:
    assert await _take_over(store, entry("Ann.Lee@example.net", "Ann")) == Counts(added=1)
    assert await _take_over(store, entry("ANN.LEE@example.net", "Ann")) == Counts(unchanged=1)
    assert await _take_over(store, entry("ann.lee@example.net", "Ann Lee"), to="friends") == Counts(added=1)
    person = await _person(store, "ann.LEE@example.net")
    assert (person.email, person.name, len(person.subscriptions)) == ("Ann.Lee@example.net", "Ann Lee", 2)


async def test_what_a_file_does_not_say_stays_as_it_is(store: Store) -> None:
    await _take_over(store, entry("a@example.net", "Ann", ("naval",), "en"))
    assert await _take_over(store, entry("a@example.net")) == Counts(unchanged=1)
    person = await _person(store, "a@example.net")
    assert (person.name, person.language, person.subscriptions[0].topics) == ("Ann", "en", ("naval",))


async def test_more_people_than_fit_into_one_statement_are_taken_over(store: Store) -> None:
    entries = [entry(f"reader{number}@example.net") for number in range(2 * subscribers.CHUNK + 1)]
    assert await _take_over(store, *entries) == Counts(added=len(entries))
    assert await _take_over(store, *entries, entry("new@example.net")) == Counts(added=1, unchanged=len(entries))
    async with store.read() as conn:
        assert await subscription_states(conn) == {"notes": {"confirmed": len(entries) + 1}}


@pytest.mark.parametrize("state", [state for state in _S if state is not _S.CONFIRMED])
async def test_a_file_revives_nobody(store: Store, state: SubscriptionState) -> None:
    found = await subscribe(store, "a@example.net")
    async with store.write() as conn:
        await _put_state(conn, found["a@example.net"], state)
    assert await _take_over(store, entry("a@example.net", "Ann"), at=9) == Counts(updated=1)
    person = await _person(store, "a@example.net")
    assert (person.name, person.subscriptions) == ("Ann", (Subscription("notes", state, (), NOW),))


async def test_a_file_does_not_undo_an_opt_out_or_a_suppression(store: Store) -> None:
    found = await subscribe(store, "a@example.net")
    async with store.write() as conn:
        await subscribers.opt_out(conn, "notes", found["a@example.net"], None, NOW)
        await conn.execute(update(people).values(suppressed="complained", suppressed_at=NOW))
    await _take_over(store, entry("a@example.net"))
    await _take_over(store, entry("a@example.net"), to="friends")
    person = await _person(store, "a@example.net")
    assert (person.left, person.suppressed) == (("notes",), "complained")


async def test_two_processes_may_take_over_the_same_file_at_once(open_store: OpenStore) -> None:
    one, two = await open_store(), await open_store()
    entries = [entry(f"reader{number}@example.net") for number in range(60)]
    await asyncio.gather(_take_over(one, *entries), _take_over(two, *entries))
    async with one.read() as conn:
        assert await subscription_states(conn) == {"notes": {"confirmed": 60}}
        assert (await conn.execute(select(func.count()).select_from(people))).scalar() == 60


async def test_a_file_is_known_by_its_hash(store: Store) -> None:
    async with store.write() as conn:
        assert await subscribers.file_hash(conn, "notes") is None
        await subscribers.record_file(conn, "notes", "abc", NOW)
        await subscribers.record_file(conn, "friends", "xyz", NOW)
        await subscribers.record_file(conn, "notes", "def", after(1))
        assert await subscribers.file_hash(conn, "notes") == "def"
        assert await subscribers.file_hash(conn, "friends") == "xyz"


# -- leaving and coming back -------------------------------------------------------------------------------------------


async def test_leaving_a_list_ends_that_subscription_once(store: Store) -> None:
    found = await subscribe(store, "a@example.net", "b@example.net")
    await subscribe(store, "a@example.net", to="friends")
    async with store.write() as conn:
        assert await subscribers.leave_list(conn, "notes", found["a@example.net"], after(1))
        assert not await subscribers.leave_list(conn, "notes", found["a@example.net"], after(2))
        assert not await subscribers.leave_list(conn, "unknown", found["b@example.net"], after(2))
    person = await _person(store, "a@example.net")
    assert [(each.list, each.state, each.since) for each in person.subscriptions] == [
        ("friends", "confirmed", NOW),
        ("notes", "left", after(1)),
    ]
    assert [each.state for each in (await _person(store, "b@example.net")).subscriptions] == ["confirmed"]


@pytest.mark.parametrize("state", [_S.PENDING, _S.LEFT, _S.BOUNCED, _S.COMPLAINED])
async def test_whoever_asks_for_it_is_confirmed_again(store: Store, state: SubscriptionState) -> None:
    await subscribe(store, "a@example.net", "b@example.net", topics=("naval",))
    async with store.write() as conn:
        found = await numbers(conn, "a@example.net", "b@example.net")
        for number in found.values():
            await _put_state(conn, number, state)
        await subscribers.rejoin(conn, "notes", found["a@example.net"], after(9))
    back = (await _person(store, "a@example.net")).subscriptions
    assert back == (Subscription("notes", _S.CONFIRMED, ("naval",), after(9)),)
    assert [each.state for each in (await _person(store, "b@example.net")).subscriptions] == [state]


async def test_opting_out_twice_is_news_once(store: Store) -> None:
    found = await subscribe(store, "a@example.net", "b@example.net")
    a, b = found.values()
    async with store.write() as conn:
        assert await subscribers.opt_out(conn, "notes", a, 7, NOW)
        assert not await subscribers.opt_out(conn, "notes", a, 8, after(1))
        assert await subscribers.opt_out(conn, "notes", b, None, NOW)
        assert await subscribers.opt_out(conn, "other", a, None, NOW)
    assert (await _person(store, "a@example.net")).left == ("notes", "other")


async def test_an_opt_out_can_be_withdrawn_once(store: Store) -> None:
    found = await subscribe(store, "a@example.net", "b@example.net")
    a, b = found.values()
    async with store.write() as conn:
        for number in (a, b):
            await subscribers.opt_out(conn, "notes", number, None, NOW)
        assert await subscribers.withdraw_opt_out(conn, "notes", a)
        assert not await subscribers.withdraw_opt_out(conn, "notes", a)
        assert not await subscribers.withdraw_opt_out(conn, "other", b)
    assert (await _person(store, "a@example.net")).left == ()
    assert (await _person(store, "b@example.net")).left == ("notes",)


# -- lists -------------------------------------------------------------------------------------------------------------


async def test_a_listing_is_ordered_and_shows_who_must_not_be_mailed(store: Store) -> None:
    found = await subscribe(store, "Zoe@example.net", "ann@example.net")
    await _take_over(store, entry("Zoe@example.net", "Zoë", ("naval",), "de"), to="friends", at=5)
    async with store.write() as conn:
        await conn.execute(update(people).where(people.c.id == found["ann@example.net"]).values(suppressed="bounced"))
        await subscribers.leave_list(conn, "notes", found["Zoe@example.net"], after(9))
    expected = [
        ("friends", "Zoe@example.net", "Zoë", "confirmed", ("naval",), "de", None, after(5)),
        ("notes", "ann@example.net", "", "bounced", (), None, None, NOW),
        ("notes", "Zoe@example.net", "Zoë", "left", (), "de", None, after(9)),
    ]
    async with store.read() as conn:
        assert [row async for row in subscribers.listing(conn)] == expected
        assert [row async for row in subscribers.listing(conn, "notes")] == expected[1:]
        assert [row async for row in subscribers.listing(conn, limit=1)] == expected[:1]
        assert [row async for row in subscribers.listing(conn, "unknown")] == []


async def test_a_listing_may_be_left_half_way(store: Store) -> None:
    await subscribe(store, "a@example.net", "b@example.net")
    async with store.read() as conn:
        async with aclosing(subscribers.listing(conn)) as rows:
            first = await anext(rows)
        assert first[1] == "a@example.net"
        assert await subscription_states(conn) == {"notes": {"confirmed": 2}}


# -- the counter of those who leave ------------------------------------------------------------------------------------


async def test_every_leaving_and_return_is_counted_and_nothing_else(store: Store) -> None:
    a, b = (await subscribe(store, "a@example.net", "b@example.net", to="notes")).values()
    acts: list[tuple[Callable[[Connection], Awaitable[object]], int]] = [
        (lambda conn: subscribers.opt_out(conn, "defence-notes", a, None, NOW), 1),
        (lambda conn: subscribers.opt_out(conn, "defence-notes", a, None, NOW), 0),
        (lambda conn: subscribers.withdraw_opt_out(conn, "defence-notes", a), 1),
        (lambda conn: subscribers.withdraw_opt_out(conn, "defence-notes", a), 0),
        (lambda conn: subscribers.leave_list(conn, "notes", a, NOW), 1),
        (lambda conn: subscribers.leave_list(conn, "notes", a, NOW), 0),
        (lambda conn: subscribers.rejoin(conn, "notes", a, NOW), 1),
        (lambda conn: subscribers.suppress(conn, b, "bounced", NOW), 1),
        (lambda conn: subscribers.suppress(conn, b, "complained", NOW), 0),
    ]
    for act, step in acts:
        async with store.write() as conn:
            before = await departures.counter(conn)
            await act(conn)
            assert await departures.counter(conn) == before + step
    async with store.read() as conn:
        assert await departures.gone(conn, Audience("defence-notes", ("notes",)), [a, b, 77]) == {b, 77}
