"""The ledger from the freeze to the claim, and an editor's second thoughts, on both databases."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import update

from digest.model.delivery import Delivery, DeliveryState, Tally
from digest.model.issue import IssueState
from digest.model.subscriber import Audience, SubscriptionState
from digest.store import deliveries, recipients, subscribers
from digest.store.engine import Connection, Store
from digest.store.tables import subscribers as people
from digest.store.tables import subscriptions
from tests.conftest import OpenStore
from tests.store.world import (
    AUDIENCE,
    LEASE,
    NOTES,
    NOW,
    after,
    claim,
    crowd,
    new_issue,
    put_delivery,
    record,
    result,
    row,
    sending_issue,
    states,
    subscribe,
)

_D = DeliveryState
TWO_LISTS = Audience(NOTES, ("notes", "friends"))


async def _suppress(conn: Connection, subscriber: int) -> None:
    values = {"suppressed": "bounced", "suppressed_at": NOW}
    await conn.execute(update(people).where(people.c.id == subscriber).values(**values))


async def _set_state(conn: Connection, subscriber: int, state: SubscriptionState) -> None:
    await conn.execute(update(subscriptions).where(subscriptions.c.subscriber_id == subscriber).values(state=state))


async def _freeze(store: Store, issue: int, audience: Audience = AUDIENCE, not_before: datetime = NOW) -> int:
    async with store.write() as conn:
        return await recipients.freeze(conn, issue, audience, not_before, NOW)


# -- freezing ----------------------------------------------------------------------------------------------------------


async def test_everyone_confirmed_on_one_of_the_lists_gets_one_delivery(store: Store) -> None:
    notes = await subscribe(store, "both@example.net", "notes@example.net")
    friends = await subscribe(store, "both@example.net", "friend@example.net", to="friends")
    await subscribe(store, "stranger@example.net", to="elsewhere")
    issue = await new_issue(store)
    assert await _freeze(store, issue, TWO_LISTS) == 3
    assert await states(store, issue) == dict.fromkeys({*notes.values(), *friends.values()}, "pending")
    async with store.read() as conn:
        assert await recipients.count_audience(conn, TWO_LISTS) == 3
        assert await recipients.count_audience(conn, AUDIENCE) == 2


@pytest.mark.parametrize("state", [state for state in SubscriptionState if state is not SubscriptionState.CONFIRMED])
async def test_only_confirmed_subscriptions_count(store: Store, state: SubscriptionState) -> None:
    found = await subscribe(store, "a@example.net", "b@example.net")
    async with store.write() as conn:
        await _set_state(conn, found["a@example.net"], state)
    issue = await new_issue(store)
    assert await _freeze(store, issue) == 1
    assert await states(store, issue) == {found["b@example.net"]: "pending"}


async def test_who_left_or_is_suppressed_gets_nothing(store: Store) -> None:
    await subscribe(store, "left-list@example.net", "stays@example.net", to="friends")
    found = await subscribe(
        store, "left@example.net", "suppressed@example.net", "left-list@example.net", "left-other@example.net"
    )
    async with store.write() as conn:
        await subscribers.opt_out(conn, NOTES, found["left@example.net"], None, NOW)
        await subscribers.opt_out(conn, "other", found["left-other@example.net"], None, NOW)
        await subscribers.leave_list(conn, "notes", found["left-list@example.net"], NOW)
        await _suppress(conn, found["suppressed@example.net"])
    issue = await new_issue(store)
    assert await _freeze(store, issue) == 1
    assert await states(store, issue) == {found["left-other@example.net"]: "pending"}
    second = await new_issue(store, after(60))
    assert await _freeze(store, second, TWO_LISTS) == 3


async def test_an_audience_of_nobody_is_frozen_as_nobody(store: Store) -> None:
    issue = await new_issue(store)
    assert await _freeze(store, issue) == 0
    assert await _freeze(store, issue, Audience(NOTES, ())) == 0
    async with store.read() as conn:
        assert await deliveries.tally(conn, issue) == Tally()
        assert await deliveries.is_finished(conn, issue)


async def test_a_thawed_issue_can_be_frozen_anew(store: Store) -> None:
    await subscribe(store, "a@example.net")
    issue, other = await new_issue(store), await new_issue(store, after(60))
    await _freeze(store, issue)
    await _freeze(store, other)
    await subscribe(store, "b@example.net")
    async with store.write() as conn:
        await recipients.thaw(conn, issue)
    assert await states(store, issue) == {}
    assert len(await states(store, other)) == 1
    assert await _freeze(store, issue) == 2


# -- claiming ----------------------------------------------------------------------------------------------------------


async def test_a_claim_says_who_she_is_and_what_she_follows(store: Store) -> None:
    await subscribe(store, "a@example.net", topics=("naval", "air"))
    issue = await sending_issue(store)
    taken = await claim(store, issue)
    [mail] = taken.mails
    assert mail == Delivery(issue, mail.subscriber_id, "a@example.net", "", frozenset({"naval", "air"}), 0, None)
    assert taken.gone == 0
    found = await row(store, issue, mail.subscriber_id)
    assert (found["state"], found["worker"], found["lease"]) == ("claimed", "w1", LEASE)


@pytest.mark.parametrize("limit", [1, 7, 20])
async def test_a_claim_is_never_more_than_its_limit(store: Store, limit: int) -> None:
    await crowd(store, 30)
    issue = await sending_issue(store)
    assert len((await claim(store, issue, limit=limit)).mails) == limit
    assert sorted((await states(store, issue)).values()) == ["claimed"] * limit + ["pending"] * (30 - limit)


async def test_with_several_claimers_at_once_nobody_is_taken_twice_and_nobody_is_lost(open_store: OpenStore) -> None:
    stores = [await open_store() for _ in range(3)]
    await crowd(stores[0], 120)
    issue = await sending_issue(stores[0])

    async def work(number: int) -> list[int]:
        mine: list[int] = []
        while taken := (await claim(stores[number % 3], issue, f"w{number}", limit=7)).mails:
            mine += [mail.subscriber_id for mail in taken]
        return mine

    claimed = [each for mine in await asyncio.gather(*map(work, range(6))) for each in mine]
    assert sorted(claimed) == sorted(await states(stores[0], issue))
    assert len(claimed) == 120


@pytest.mark.postgresql  # SQLite has one writer at a time: there the question does not arise
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_claimers_take_different_rows_while_the_first_has_not_committed(open_store: OpenStore) -> None:
    one, two = await open_store(), await open_store()
    await crowd(one, 10)
    issue = await sending_issue(one)
    async with one.write() as conn:
        first = await deliveries.claim(conn, issue, AUDIENCE, "w1", 4, NOW, LEASE)
        second = await claim(two, issue, "w2", limit=10)
    taken = [mail.subscriber_id for mail in (*first.mails, *second.mails)]
    assert (len(first.mails), len(second.mails), len(set(taken))) == (4, 6, 10)


@pytest.mark.parametrize("state", [state for state in IssueState if state is not IssueState.SENDING])
async def test_only_an_issue_that_is_being_sent_can_be_claimed(store: Store, state: IssueState) -> None:
    await subscribe(store, "a@example.net")
    issue = await new_issue(store, state=state)
    await _freeze(store, issue)
    assert (await claim(store, issue)).mails == ()
    assert list((await states(store, issue)).values()) == ["pending"]


async def test_a_claim_leaves_other_issues_alone(store: Store) -> None:
    await subscribe(store, "a@example.net")
    issue, other = await sending_issue(store), await sending_issue(store, slot=after(60))
    assert len((await claim(store, issue)).mails) == 1
    assert (await claim(store, issue)).mails == ()
    assert list((await states(store, other)).values()) == ["pending"]


async def test_nothing_is_claimed_before_its_time(store: Store) -> None:
    issue = await sending_issue(store, "a@example.net", not_before=after(60))
    assert (await claim(store, issue, now=after(59))).mails == ()
    assert len((await claim(store, issue, now=after(60))).mails) == 1


async def test_a_deferred_delivery_is_claimed_again_when_due(store: Store) -> None:
    issue = await sending_issue(store, "a@example.net")
    [mail] = (await claim(store, issue)).mails
    await record(store, "w1", [result(issue, mail.subscriber_id, _D.DEFERRED, 451, "later", after(300))], after(1))
    assert (await claim(store, issue, "w2", now=after(299))).mails == ()
    again = await claim(store, issue, "w2", now=after(300))
    assert [mail.attempts for mail in again.mails] == [1]
    assert [each.first_try for each in again.mails] == [after(1)]


async def test_the_states_that_can_be_claimed_are_pending_and_deferred(store: Store) -> None:
    found = await subscribe(store, *(f"{state}@example.net" for state in _D))
    issue = await new_issue(store, state=IssueState.SENDING)
    async with store.write() as conn:
        for state in _D:
            await put_delivery(conn, issue, found[f"{state}@example.net"], state, worker="lost")
    taken = {mail.email.partition("@")[0] for mail in (await claim(store, issue)).mails}
    assert taken == {"pending", "deferred"}


async def test_who_left_since_the_freeze_is_skipped_when_claimed(store: Store) -> None:
    found = await subscribe(
        store, "left@example.net", "list@example.net", "bounced@example.net", "gone@example.net", "stays@example.net"
    )
    issue = await sending_issue(store)
    async with store.write() as conn:
        await subscribers.opt_out(conn, NOTES, found["left@example.net"], issue, NOW)
        await subscribers.leave_list(conn, "notes", found["list@example.net"], NOW)
        await _suppress(conn, found["bounced@example.net"])
        await conn.execute(people.delete().where(people.c.id == found["gone@example.net"]))
    taken = await claim(store, issue)
    assert ([mail.email for mail in taken.mails], taken.gone) == (["stays@example.net"], 4)
    skipped = await row(store, issue, found["left@example.net"])
    assert (skipped["state"], skipped["reply"], skipped["worker"], skipped["lease"]) == (
        "skipped", "left before it was sent", None, None,
    )  # fmt: skip
    async with store.read() as conn:
        assert await deliveries.tally(conn, issue) == Tally(recipients=5, waiting=1, skipped=4)


async def test_topics_of_several_lists_are_merged(store: Store) -> None:
    await subscribe(store, "some@example.net", "all@example.net", "all2@example.net", topics=("naval",))
    await subscribe(store, "some@example.net", to="friends", topics=("air", "naval"))
    await subscribe(store, "all@example.net", to="friends")
    await subscribe(store, "some@example.net", to="elsewhere", topics=("land",))
    issue = await new_issue(store, state=IssueState.SENDING)
    await _freeze(store, issue, TWO_LISTS)
    taken = await claim(store, issue, audience=TWO_LISTS)
    assert {mail.email: mail.topics for mail in taken.mails} == {
        "some@example.net": {"naval", "air"},
        "all@example.net": set(),
        "all2@example.net": {"naval"},
    }


@pytest.mark.parametrize("order", [("first", "second", "third"), ("third", "second", "first")])
async def test_a_list_without_topics_promises_all_wherever_it_comes(store: Store, order: tuple[str, ...]) -> None:
    for name, topics in zip(order, ((), ("naval",), ("air",)), strict=True):
        await subscribe(store, "a@example.net", to=name, topics=topics)
    audience = Audience(NOTES, ("first", "second", "third"))
    issue = await new_issue(store, state=IssueState.SENDING)
    await _freeze(store, issue, audience)
    assert [mail.topics for mail in (await claim(store, issue, audience=audience)).mails] == [frozenset()]


async def test_topics_of_a_list_she_has_left_do_not_count(store: Store) -> None:
    found = await subscribe(store, "a@example.net", topics=("naval",))
    await subscribe(store, "a@example.net", to="friends", topics=("air",))
    issue = await new_issue(store, state=IssueState.SENDING)
    await _freeze(store, issue, TWO_LISTS)
    async with store.write() as conn:
        await subscribers.leave_list(conn, "notes", found["a@example.net"], NOW)
    assert [mail.topics for mail in (await claim(store, issue, audience=TWO_LISTS)).mails] == [{"air"}]


# -- second thoughts ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def of_each(store: Store) -> tuple[int, dict[str, int]]:
    """An issue that is being sent, with one delivery in each state; subscribers by their state's name."""
    found = await subscribe(store, *(f"{state}@example.net" for state in _D))
    issue = await new_issue(store, state=IssueState.SENDING)
    by_state = {email.partition("@")[0]: number for email, number in found.items()}
    async with store.write() as conn:
        for state in _D:
            tries = {} if state is _D.PENDING else {"attempts": 2, "first_try": NOW, "code": 451, "reply": "busy"}
            worker = {"worker": "w1", "lease": LEASE} if state is _D.CLAIMED else {}
            await put_delivery(conn, issue, by_state[state], state, **tries, **worker)
    return issue, by_state


OfEach = tuple[int, dict[str, int]]


async def test_the_tally_counts_every_state(store: Store, of_each: OfEach) -> None:
    async with store.read() as conn:
        assert await deliveries.tally(conn, of_each[0]) == Tally(7, 2, 1, 1, 1, 1, 1)
        assert await deliveries.tally(conn, 77) == Tally()


async def test_the_rest_that_is_in_nobodys_hands_can_be_skipped(store: Store, of_each: OfEach) -> None:
    issue, by_state = of_each
    async with store.write() as conn:
        assert await deliveries.skip_rest(conn, issue, "cancelled", after(1)) == 2
        assert await deliveries.skip_rest(conn, issue, "cancelled", after(2)) == 0
    assert await states(store, issue) == {
        number: "skipped" if state in {"pending", "deferred"} else state for state, number in by_state.items()
    }
    assert (await row(store, issue, by_state["pending"]))["reply"] == "cancelled"


@pytest.mark.parametrize("state", _D)
async def test_what_still_waits_for_one_subscriber_can_be_skipped(
    store: Store, of_each: OfEach, state: DeliveryState
) -> None:
    issue, by_state = of_each
    other = await new_issue(store, newsletter="other", state=IssueState.SENDING)
    async with store.write() as conn:
        await put_delivery(conn, other, by_state[state], _D.PENDING)
        skipped = await deliveries.skip_subscriber(conn, by_state[state], NOTES, "unsubscribed", NOW)
    waits = state in {_D.PENDING, _D.DEFERRED}
    assert skipped == int(waits)
    assert await states(store, issue) == {n: s for s, n in by_state.items()} | (
        {by_state[state]: "skipped"} if waits else {}
    )
    assert await states(store, other) == {by_state[state]: "pending"}


@pytest.mark.parametrize("state", [_D.FAILED, _D.UNCERTAIN])
async def test_a_retry_puts_deliveries_back_in_line_and_keeps_count_of_the_tries(
    store: Store, of_each: OfEach, state: DeliveryState
) -> None:
    issue, by_state = of_each
    async with store.write() as conn:
        assert await deliveries.retry(conn, issue, state, after(60)) == 1
    found = await row(store, issue, by_state[state])
    keys = ("state", "attempts", "first_try", "worker", "lease", "not_before")
    assert [found[key] for key in keys] == ["pending", 2, None, None, None, after(60)]
    assert {state for state, number in by_state.items() if (await row(store, issue, number))["state"] == "pending"} == {
        "pending", state,
    }  # fmt: skip
    taken = await claim(store, issue, "w2", now=after(60))
    assert by_state[state] in {mail.subscriber_id for mail in taken.mails}


async def test_what_waits_for_a_later_try_can_be_hurried(store: Store) -> None:
    found = await subscribe(store, "a@example.net", "b@example.net", "c@example.net")
    issue = await new_issue(store, state=IssueState.SENDING)
    async with store.write() as conn:
        await put_delivery(conn, issue, found["a@example.net"], _D.DEFERRED, not_before=after(3600), attempts=3)
        await put_delivery(conn, issue, found["b@example.net"], _D.PENDING, not_before=after(1800), reply="cut off")
        await put_delivery(conn, issue, found["c@example.net"], _D.SENT, not_before=after(900))
        await put_delivery(conn, issue, 78, _D.PENDING, not_before=after(1800))  # it was never tried: it has its hour
        assert await deliveries.next_due(conn, issue) == after(1800)
        await put_delivery(conn, issue, 77, _D.PENDING, not_before=after(1))
        assert await deliveries.next_due(conn, issue) == after(1)
        assert await deliveries.hurry(conn, issue, after(5)) == 2
        assert await deliveries.hurry(conn, issue, after(5)) == 0
    hurried = await row(store, issue, found["a@example.net"])
    assert (hurried["state"], hurried["attempts"], hurried["not_before"]) == ("deferred", 3, after(5))
    at = [(await row(store, issue, number))["not_before"] for number in (*found.values(), 77, 78)]
    assert at == [after(5), after(5), after(900), after(1), after(1800)]


async def test_nothing_is_due_when_nothing_waits(store: Store) -> None:
    found = await subscribe(store, "a@example.net")
    issue = await new_issue(store, state=IssueState.SENDING)
    async with store.write() as conn:
        await put_delivery(conn, issue, found["a@example.net"], _D.CLAIMED)
        assert await deliveries.next_due(conn, issue) is None


@pytest.mark.parametrize(
    ("state", "attempts", "left"),
    [
        (_D.PENDING, 0, False),
        (_D.SKIPPED, 0, False),
        (_D.CLAIMED, 0, True),
        (_D.SENT, 1, True),
        (_D.UNCERTAIN, 0, True),
        (_D.DEFERRED, 1, True),
        (_D.PENDING, 1, True),
    ],
)
async def test_an_issue_has_left_once_one_may_have_been_handed_over(
    store: Store, state: DeliveryState, attempts: int, left: bool
) -> None:
    issue = await new_issue(store)
    async with store.write() as conn:
        await put_delivery(conn, issue, 1, _D.PENDING)
        assert not await deliveries.has_left(conn, issue)
        await put_delivery(conn, issue, 2, state, attempts=attempts)
        assert await deliveries.has_left(conn, issue) is left


@pytest.mark.parametrize("state", _D)
async def test_an_issue_is_finished_when_nothing_waits_any_more(store: Store, state: DeliveryState) -> None:
    issue = await new_issue(store)
    async with store.write() as conn:
        await put_delivery(conn, issue, 1, _D.SENT)
        await put_delivery(conn, issue, 2, state)
        assert await deliveries.is_finished(conn, issue) is (state not in {_D.PENDING, _D.CLAIMED, _D.DEFERRED})
