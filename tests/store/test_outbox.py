"""Results of tries, and the end of claims, on both databases."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from digest.errors import IllegalMove
from digest.model.delivery import DeliveryState, Tally
from digest.model.issue import IssueState
from digest.store import deliveries, issues, messages, outbox
from digest.store.engine import Store
from digest.store.messages import Kind
from tests.conftest import OpenStore
from tests.store.world import (
    LEASE,
    NOTES,
    NOW,
    after,
    claim,
    get_issue,
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
PEOPLE = ("a@example.net", "b@example.net", "c@example.net", "d@example.net", "e@example.net")


async def _claimed(store: Store, worker: str = "w1") -> tuple[int, list[int]]:
    """An issue to five, all in the hands of `worker`; their numbers in the order of their addresses."""
    issue = await sending_issue(store, *PEOPLE)
    taken = await claim(store, issue, worker)
    return issue, [mail.subscriber_id for mail in sorted(taken.mails, key=lambda mail: mail.email)]


async def test_what_was_recorded_is_counted_and_told(store: Store) -> None:
    issue, (a, b, c, d, e) = await _claimed(store)
    outcomes = [
        result(issue, a),
        result(issue, b, _D.FAILED, 550, "5.1.1 no such user"),
        result(issue, c, _D.DEFERRED, 451, "4.2.0 busy", after(300)),
        result(issue, d, _D.UNCERTAIN, 0, "no reply"),
        result(issue, e, _D.FAILED, 550, "5.1.1 no such user"),
    ]
    await record(store, "w1", outcomes, after(2))
    async with store.read() as conn:
        assert await deliveries.tally(conn, issue) == Tally(5, 0, sent=1, deferred=1, failed=2, uncertain=1)
        assert await deliveries.reasons(conn, issue) == [
            ("failed", 550, "5.1.1 no such user", 2),
            ("deferred", 451, "4.2.0 busy", 1),
            ("uncertain", 0, "no reply", 1),
        ]
        assert await deliveries.not_reached(conn, issue) == [
            ("b@example.net", "failed", 550, "5.1.1 no such user"),
            ("c@example.net", "deferred", 451, "4.2.0 busy"),
            ("d@example.net", "uncertain", 0, "no reply"),
            ("e@example.net", "failed", 550, "5.1.1 no such user"),
        ]
        assert len(await deliveries.not_reached(conn, issue, limit=2)) == 2
        assert await deliveries.next_due(conn, issue) == after(300)
        assert not await deliveries.is_finished(conn, issue)


async def test_a_mail_that_came_back_untried_waits_and_is_no_attempt(store: Store) -> None:
    issue, (a, *_) = await _claimed(store)
    await record(store, "w1", [result(issue, a, _D.PENDING, 0, "the connection broke", after(30))], after(1))
    found = await row(store, issue, a)
    assert (found["state"], found["attempts"], found["first_try"], found["lease"]) == ("pending", 0, None, None)
    assert found["not_before"] == after(30)
    async with store.read() as conn:
        assert await deliveries.reasons(conn, issue) == [("pending", 0, "the connection broke", 1)]


async def test_attempts_are_counted_and_the_first_try_is_kept(store: Store) -> None:
    issue = await sending_issue(store, "a@example.net")
    for number in range(3):
        at = after(60 * number)
        [mail] = (await claim(store, issue, f"w{number}", now=at)).mails
        assert mail.attempts == number
        await record(store, f"w{number}", [result(issue, mail.subscriber_id, _D.DEFERRED, 451, "later", at)], at)
    found = await row(store, issue, mail.subscriber_id)
    assert (found["attempts"], found["first_try"], found["changed_at"]) == (3, NOW, after(120))


@pytest.mark.parametrize("state", [state for state in _D if state not in {_D.CLAIMED, _D.UNCERTAIN}])
async def test_a_result_for_what_is_no_claim_any_more_is_ignored(store: Store, state: DeliveryState) -> None:
    issue, (a, *_) = await _claimed(store)
    await record(store, "w1", [result(issue, a, state, 250, "first word")])
    before = await row(store, issue, a)
    await record(store, "w1", [result(issue, a, _D.FAILED, 550, "second word")], after(5))
    assert await row(store, issue, a) == before


async def test_a_result_of_a_worker_that_lost_its_claim_is_ignored(store: Store) -> None:
    issue, (a, *_) = await _claimed(store)
    async with store.write() as conn:
        assert await outbox.release(conn, "w1", NOW) == 5
    await claim(store, issue, "w2")
    before = await row(store, issue, a)
    await record(store, "w1", [result(issue, a)], after(5))
    assert await row(store, issue, a) == before
    await record(store, "w2", [result(issue, a)], after(6))
    assert (await row(store, issue, a))["state"] == "sent"


async def test_a_late_reply_settles_what_was_in_doubt(store: Store) -> None:
    issue, (a, *_) = await _claimed(store)
    async with store.write() as conn:
        assert await outbox.expire(conn, [], after(31)) == 5
    await record(store, "w2", [result(issue, a, _D.FAILED, 550, "not mine")], after(40))
    assert (await row(store, issue, a))["state"] == "uncertain"
    await record(store, "w1", [result(issue, a)], after(41))
    found = await row(store, issue, a)
    assert (found["state"], found["reply"], found["attempts"]) == ("sent", "queued", 1)


async def test_a_late_reply_is_ignored_after_an_editor_asked_for_a_retry(store: Store) -> None:
    issue, (a, *_) = await _claimed(store)
    async with store.write() as conn:
        await outbox.expire(conn, [], after(31))
        assert await deliveries.retry(conn, issue, _D.UNCERTAIN, after(60)) == 5
    await record(store, "w1", [result(issue, a)], after(61))
    assert (await row(store, issue, a))["state"] == "pending"


LATE = [(_D.DEFERRED, 451, after(300)), (_D.PENDING, 421, after(30))]


@pytest.mark.parametrize(("state", "code", "again"), LATE)
async def test_a_late_reply_that_asks_for_another_try_opens_a_sent_issue_again(
    store: Store, state: DeliveryState, code: int, again: datetime
) -> None:
    issue, (a, b, *rest) = await _claimed(store)
    await record(store, "w1", [result(issue, each) for each in rest])
    async with store.write() as conn:
        await outbox.expire(conn, [], after(31))
        await issues.note(conn, issue, state=IssueState.SENT, ended_at=after(32))
        assert await outbox.record(conn, "w1", [result(issue, b)], after(40)) == []
    assert (await get_issue(store, issue)).state is IssueState.SENT
    async with store.write() as conn:
        assert await outbox.record(conn, "w1", [result(issue, a, state, code, "later", again)], after(41)) == [issue]
        assert (await issues.times(conn, issue))[1] is None
        assert await deliveries.next_due(conn, issue) == again
    assert (await get_issue(store, issue)).state is IssueState.SENDING


@pytest.mark.parametrize("state", [state for state in IssueState if state is not IssueState.SENT])
async def test_only_an_issue_that_counts_as_sent_is_opened_again(store: Store, state: IssueState) -> None:
    issue, (a, *_) = await _claimed(store)
    async with store.write() as conn:
        await issues.note(conn, issue, state=state)
        assert await outbox.record(conn, "w1", [result(issue, a, _D.DEFERRED, 451, "later", after(300))], NOW) == []
    assert (await get_issue(store, issue)).state is state


async def test_a_result_that_is_not_taken_opens_nothing(store: Store) -> None:
    issue, (a, *rest) = await _claimed(store)
    await record(store, "w1", [result(issue, each) for each in (a, *rest)])
    async with store.write() as conn:
        await issues.note(conn, issue, state=IssueState.SENT)
        assert await outbox.record(conn, "w1", [result(issue, a, _D.DEFERRED, 451, "later", after(300))], NOW) == []
    assert (await get_issue(store, issue)).state is IssueState.SENT


async def test_a_late_reply_and_the_end_of_the_issue_wait_for_each_other(open_store: OpenStore) -> None:
    """Whichever comes first: an issue of which something waits does not stay sent."""
    one, two = await open_store(), await open_store()
    issue, (a, *rest) = await _claimed(one)
    await record(one, "w1", [result(issue, each) for each in rest])
    async with one.write() as conn:
        await outbox.expire(conn, [], after(31))
    looked = asyncio.Event()

    async def end() -> None:
        async with one.write() as conn:
            found = await issues.get(conn, issue, lock=True)
            assert await deliveries.is_finished(conn, issue)
            looked.set()
            await asyncio.sleep(0.2)  # noqa: TID251 - the other writer gets as far as it can
            await issues.move(conn, found, IssueState.SENT, ended_at=after(32))

    async def come_late() -> None:
        await looked.wait()
        async with two.write() as conn:
            late = result(issue, a, _D.DEFERRED, 451, "later", after(300))
            assert await outbox.record(conn, "w1", [late], after(33)) == [issue]

    await asyncio.gather(end(), come_late())
    assert (await get_issue(one, issue)).state is IssueState.SENDING


async def test_a_try_never_ends_in_a_claim(store: Store) -> None:
    issue, (a, *_) = await _claimed(store)
    with pytest.raises(IllegalMove):
        await record(store, "w1", [result(issue, a, _D.CLAIMED)])


async def test_what_lies_behind_a_claim_is_known_by_its_worker(store: Store) -> None:
    issue, (a, *_) = await _claimed(store)
    await record(store, "w1", [result(issue, a, _D.DEFERRED, 451, "later", after(60))], after(5))
    await claim(store, issue, "w2", now=after(60))
    message = await _a_message(store, "w2")
    async with store.read() as conn:
        assert await outbox.tries(conn, "w2") == {
            (issue, a): outbox.Tries(1, after(5)), (outbox.MESSAGES, message): outbox.Tries(),
        }  # fmt: skip
        assert await outbox.tries(conn, "nobody") == {}


async def test_when_a_mail_was_last_taken_is_known(store: Store) -> None:
    issue, (a, b, c, d, _) = await _claimed(store)
    async with store.read() as conn:
        assert await deliveries.last_accepted(conn, issue) is None
    for number, at in ((a, 5), (b, 9), (c, 7)):
        await record(store, "w1", [result(issue, number, not_before=after(at))], after(at))
    await record(store, "w1", [result(issue, d, _D.FAILED, 550, "no", after(20))], after(20))
    async with store.read() as conn:
        assert await deliveries.last_accepted(conn, issue) == after(9)


async def test_recording_nothing_changes_nothing(store: Store) -> None:
    issue, _ = await _claimed(store)
    before = await states(store, issue)
    await record(store, "w1", [])
    assert await states(store, issue) == before


async def test_an_outcome_for_one_issue_leaves_her_other_issues_alone(store: Store) -> None:
    await subscribe(store, "a@example.net")
    one, two = await sending_issue(store), await sending_issue(store, slot=after(60))
    [mail] = (await claim(store, one)).mails
    await claim(store, two)
    await record(store, "w1", [result(one, mail.subscriber_id)])
    assert list((await states(store, one)).values()) == ["sent"]
    assert list((await states(store, two)).values()) == ["claimed"]


# -- the end of claims -------------------------------------------------------------------------------------------------


async def _a_message(store: Store, worker: str = "w1") -> int:
    async with store.write() as conn:
        number = await messages.add(conn, Kind.NOTE, "news@example.org", "desk@example.org", b"x", NOW)
        await messages.claim(conn, worker, 10, NOW, LEASE)
    return number


async def _message_state(store: Store, number: int) -> str:
    async with store.read() as conn:
        [(_, state, _, _)] = await messages.outcomes(conn, [number])
    return state


async def test_what_is_given_back_can_be_claimed_again(store: Store) -> None:
    issue, (a, b, *_) = await _claimed(store)
    message = await _a_message(store)
    await record(store, "w1", [result(issue, a), result(issue, b, _D.UNCERTAIN, 0, "no reply")])
    async with store.write() as conn:
        assert await outbox.release(conn, "w2", NOW) == 0
        assert await outbox.release(conn, "w1", after(1)) == 4
        assert await outbox.release(conn, "w1", after(1)) == 0
    assert sorted((await states(store, issue)).values()) == ["pending"] * 3 + ["sent", "uncertain"]
    assert await _message_state(store, message) == "pending"
    assert len((await claim(store, issue, "w2")).mails) == 3


async def test_a_claim_that_is_renewed_does_not_expire(store: Store) -> None:
    issue, _ = await _claimed(store)
    message = await _a_message(store)
    async with store.write() as conn:
        await outbox.renew(conn, "w1", after(90))
        await outbox.renew(conn, "w2", after(900))
        assert not await outbox.any_expired(conn, [], after(90))
        assert await outbox.expire(conn, [], after(90)) == 0
        assert await outbox.any_expired(conn, [], after(91))
        assert await outbox.expire(conn, [], after(91)) == 6
        assert not await outbox.any_expired(conn, [], after(91))
    assert set((await states(store, issue)).values()) == {"uncertain"}
    assert await _message_state(store, message) == "uncertain"


async def test_what_is_not_claimed_is_not_renewed(store: Store) -> None:
    issue, (a, *_) = await _claimed(store)
    await record(store, "w1", [result(issue, a)])
    async with store.write() as conn:
        await outbox.renew(conn, "w1", after(90))
    assert (await row(store, issue, a))["lease"] is None


async def test_a_worker_that_is_known_to_live_keeps_its_claims(store: Store) -> None:
    found = await subscribe(store, "a@example.net", "b@example.net")
    issue = await new_issue(store, state=IssueState.SENDING)
    a, b = found.values()
    async with store.write() as conn:
        await put_delivery(conn, issue, a, _D.CLAIMED, worker="alive", lease=LEASE)
        await put_delivery(conn, issue, b, _D.CLAIMED, worker="lost", lease=LEASE)
        assert not await outbox.any_expired(conn, ["alive", "lost"], after(3600))
        assert await outbox.any_expired(conn, ["alive"], after(3600))
        assert await outbox.expire(conn, ["alive"], after(3600)) == 1
    assert await states(store, issue) == {a: "claimed", b: "uncertain"}
    lost = await row(store, issue, b)
    assert (lost["reply"], lost["worker"]) == ("the sender was lost before it could say", "lost")


@pytest.mark.parametrize("state", [state for state in _D if state is not _D.CLAIMED])
async def test_only_claims_expire(store: Store, state: DeliveryState) -> None:
    issue = await new_issue(store, state=IssueState.SENDING)
    async with store.write() as conn:
        await put_delivery(conn, issue, 1, state, worker="lost", lease=LEASE)
        assert not await outbox.any_expired(conn, [], after(3600))
        assert await outbox.expire(conn, [], after(3600)) == 0
    assert await states(store, issue) == {1: state}


# -- what one person was sent ------------------------------------------------------------------------------------------


async def test_the_history_of_a_subscriber_is_newest_first(store: Store) -> None:
    found = await subscribe(store, "a@example.net", "b@example.net")
    a = found["a@example.net"]
    old = await sending_issue(store)
    new = await sending_issue(store, slot=NOW + timedelta(days=1))
    async with store.write() as conn:
        await issues.note(conn, old, subject="Old news")
    await claim(store, old)
    await record(store, "w1", [result(old, a, _D.FAILED, 550, "no such user")], after(9))
    expected: list[dict[str, Any]] = [
        {
            "id": new, "newsletter": NOTES, "slot": NOW + timedelta(days=1), "subject": None, "state": "pending",
            "code": None, "reply": None, "changed_at": NOW,
        },
        {
            "id": old, "newsletter": NOTES, "slot": NOW, "subject": "Old news", "state": "failed", "code": 550,
            "reply": "no such user", "changed_at": after(9),
        },
    ]  # fmt: skip
    async with store.read() as conn:
        assert await deliveries.history(conn, a) == expected
        assert await deliveries.history(conn, a, limit=1) == expected[:1]
    assert (await get_issue(store, new)).state is IssueState.SENDING
