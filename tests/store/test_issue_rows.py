"""Issues, their stories, their snapshots and their timetable, on both databases."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from digest.errors import IllegalMove, NotFound
from digest.model.delivery import DeliveryState
from digest.model.issue import MOVES, Issue, IssueState, RenderedIssue
from digest.store import issues, recipients
from digest.store.engine import Store
from digest.store.issues import Summary
from digest.store.tables import snapshots
from tests.conftest import OpenStore
from tests.store.world import (
    AUDIENCE,
    NOTES,
    NOW,
    after,
    get_issue,
    issue_story,
    new_issue,
    put_delivery,
    subscribe,
)

_S = IssueState
PERMITTED = [(state, to) for state in _S for to in _S if to in MOVES[state]]
FORBIDDEN = [(state, to) for state in _S for to in _S if to not in MOVES[state]]

RENDERED = RenderedIssue(
    nonce="n0nce",
    newsletter=NOTES,
    subject="Grüße — “quoted” 😀",
    preheader="",
    html="<p>\u2028 &amp;</p>\r\n",
    text="one\ntwo\r\n",
    from_="News <news@example.org>",
    reply_to=None,
    list_title="Notes",
    list_id="notes.example.org",
    language="en",
    topics=(("naval", "air"), (), ("land",)),
    everyone=frozenset({2, 0}),
    headings=((1, 2), ()),
    beyond=frozenset({2}),
    personal='{"drawn": "anew"}',
)


async def test_a_new_issue_is_a_draft_without_stories(store: Store) -> None:
    async with store.write() as conn:
        number = await issues.create(conn, NOTES, NOW, NOW, scheduled=False)
    assert number is not None
    assert await get_issue(store, number) == Issue(number, NOTES, "regular", NOW, _S.DRAFT, scheduled=False)


async def test_there_is_one_issue_per_newsletter_edition_and_slot(store: Store) -> None:
    async with store.write() as conn:
        first = await issues.create(conn, NOTES, NOW, NOW, scheduled=True)
        assert await issues.create(conn, NOTES, NOW, NOW, scheduled=False) is None
        others = [
            await issues.create(conn, NOTES, NOW, NOW, scheduled=True, edition="weekly"),
            await issues.create(conn, NOTES, after(60), NOW, scheduled=True),
            await issues.create(conn, "other", NOW, NOW, scheduled=True),
        ]
    assert len({first, *others} - {None}) == 4


async def test_two_creators_at_once_make_one_issue(open_store: OpenStore) -> None:
    stores = [await open_store() for _ in range(4)]

    async def create(store: Store) -> int | None:
        async with store.write() as conn:
            return await issues.create(conn, NOTES, NOW, NOW, scheduled=True)

    made = [number for number in await asyncio.gather(*map(create, stores)) if number is not None]
    async with stores[0].read() as conn:
        found = await issues.of_slot(conn, NOTES, NOW)
        assert [issue.id for issue in await issues.in_states(conn, _S)] == made
    assert found is not None
    assert [found.id] == made


async def test_an_issue_is_found_by_its_slot(store: Store) -> None:
    number = await new_issue(store)
    async with store.write() as conn:
        await issues.put_stories(conn, number, [issue_story()])
        found = await issues.of_slot(conn, NOTES, NOW)
        assert await issues.of_slot(conn, NOTES, NOW, "weekly") is None
        assert await issues.of_slot(conn, NOTES, after(1)) is None
    assert found is not None
    assert (found.id, found.stories) == (number, (issue_story(),))


async def test_an_unknown_issue_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="there is no issue 77"):
        await get_issue(store, 77)


async def test_issues_are_found_by_state_oldest_slot_first(store: Store) -> None:
    late = await new_issue(store, after(20), state=_S.SENDING)
    early = await new_issue(store, after(10), state=_S.PAUSED)
    other = await new_issue(store, after(15), "other", _S.SENDING)
    await new_issue(store, after(5), state=_S.SENT)
    async with store.read() as conn:
        found = await issues.in_states(conn, (_S.SENDING, _S.PAUSED))
        assert [issue.id for issue in found] == [early, other, late]
        assert [issue.id for issue in await issues.in_states(conn, (_S.SENDING,), NOTES)] == [late]
        assert await issues.in_states(conn, ()) == []


# -- moves -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "to"), PERMITTED, ids=str)
async def test_a_permitted_move_succeeds(store: Store, state: IssueState, to: IssueState) -> None:
    issue = await get_issue(store, await new_issue(store, state=state))
    async with store.write() as conn:
        await issues.move(conn, issue, to, subject="New")
    assert await get_issue(store, issue.id) == replace(issue, state=to, subject="New")


@pytest.mark.parametrize("state", _S)
async def test_every_other_move_is_refused_and_changes_nothing(store: Store, state: IssueState) -> None:
    issue = await get_issue(store, await new_issue(store, state=state))
    forbidden = [to for each, to in FORBIDDEN if each is state]
    async with store.write() as conn:
        for to in forbidden:
            with pytest.raises(IllegalMove, match=f"issue {issue.id} is {state} and cannot become {to}"):
                await issues.move(conn, issue, to, subject="New")
    assert await get_issue(store, issue.id) == issue


def test_the_moves_above_are_all_that_can_be_asked_for() -> None:
    assert len(PERMITTED) + len(FORBIDDEN) == len(list(itertools.product(_S, _S)))
    assert len(PERMITTED) == sum(map(len, MOVES.values()))


async def test_a_move_from_a_state_that_is_past_is_refused(store: Store) -> None:
    seen = await get_issue(store, await new_issue(store, state=_S.REVIEW))
    async with store.write() as conn:
        await issues.move(conn, seen, _S.HELD, reason="an editor held it")
    with pytest.raises(IllegalMove, match="is held and cannot become approved"):
        async with store.write() as conn:
            await issues.move(conn, seen, _S.APPROVED)
    assert await get_issue(store, seen.id) == replace(seen, state=_S.HELD, reason="an editor held it")


async def test_of_two_who_move_at_once_one_succeeds(open_store: OpenStore) -> None:
    stores = [await open_store(), await open_store()]
    seen = await get_issue(stores[0], await new_issue(stores[0], state=_S.REVIEW))

    async def approve(store: Store) -> bool:
        try:
            async with store.write() as conn:
                await issues.move(conn, seen, _S.APPROVED)
        except IllegalMove:
            return False
        return True

    assert sorted(await asyncio.gather(*map(approve, stores))) == [False, True]


async def test_a_move_takes_the_reason_of_the_last_one_away(store: Store) -> None:
    issue = await get_issue(store, await new_issue(store, state=_S.REVIEW))
    async with store.write() as conn:
        await issues.move(conn, issue, _S.HELD, reason="too late")
        held = await issues.get(conn, issue.id)
        await issues.move(conn, held, _S.REVIEW)
        again = await issues.get(conn, issue.id)
    assert (held.reason, again.reason) == ("too late", "")


async def test_what_is_noted_of_an_issue_comes_back(store: Store) -> None:
    number = await new_issue(store)
    async with store.write() as conn:
        assert await issues.times(conn, number) == (None, None)
        await issues.note(
            conn, number, intro="Good morning", built_at=NOW, approved_at=after(1), not_before=after(2),
            started_at=after(3), ended_at=after(4),
        )  # fmt: skip
        assert await issues.times(conn, number) == (after(3), after(4))
        assert await issues.times(conn, 77) == (None, None)
    assert await get_issue(store, number) == Issue(
        number, NOTES, "regular", NOW, _S.DRAFT, intro="Good morning", built_at=NOW, approved_at=after(1),
        not_before=after(2),
    )  # fmt: skip


async def test_new_stories_take_the_place_of_the_old_ones(store: Store) -> None:
    number, other = await new_issue(store), await new_issue(store, after(60))
    full = issue_story(
        "3", 0, guid=None, image="https://i.example.com/3.png", language="de", topics=("naval", "air"), pinned=True,
        score=0.25, why="pinned by an editor",
    )  # fmt: skip
    async with store.write() as conn:
        await issues.put_stories(conn, other, [issue_story("9")])
        await issues.put_stories(conn, number, [issue_story("1", 0), issue_story("2", 1)])
        await issues.put_stories(conn, number, [issue_story("2", 1), full])
    assert (await get_issue(store, number)).stories == (full, issue_story("2", 1))
    async with store.write() as conn:
        await issues.put_stories(conn, number, [])
    assert (await get_issue(store, number)).stories == ()
    assert (await get_issue(store, other)).stories == (issue_story("9"),)


# -- snapshots ---------------------------------------------------------------------------------------------------------


async def test_the_snapshot_comes_back_as_it_was_approved(store: Store) -> None:
    number = await new_issue(store)
    async with store.write() as conn:
        assert await issues.snapshot(conn, number) is None
        await issues.put_snapshot(conn, number, RENDERED)
    async with store.read() as conn:
        assert await issues.snapshot(conn, number) == RENDERED


async def test_a_snapshot_of_an_older_digest_is_whole(store: Store) -> None:
    number = await new_issue(store)
    async with store.write() as conn:
        await issues.put_snapshot(conn, number, RENDERED)
        newer = {"headings", "beyond", "personal"}
        content = {name: value for name, value in asdict(RENDERED).items() if name not in newer}
        content |= {"everyone": [0, 2]}
        await conn.execute(update(snapshots).values(content=content))
        assert await issues.snapshot(conn, number) == replace(RENDERED, headings=(), beyond=frozenset(), personal=None)


async def test_a_second_approval_replaces_the_snapshot(store: Store) -> None:
    number = await new_issue(store)
    changed = replace(RENDERED, subject="Another", topics=(), everyone=frozenset(), reply_to="desk@example.org")
    async with store.write() as conn:
        await issues.put_snapshot(conn, number, RENDERED)
        await issues.put_snapshot(conn, number, changed)
        assert await issues.snapshot(conn, number) == changed


# -- window and timetable ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "counts"),
    [(state, state in {_S.APPROVED, _S.SENDING, _S.PAUSED, _S.SENT}) for state in _S],
)
async def test_the_window_begins_at_the_last_issue_that_went_out(store: Store, state: IssueState, counts: bool) -> None:
    number = await new_issue(store, state=state)
    async with store.write() as conn:
        await issues.note(conn, number, built_at=NOW)
        assert await issues.last_built(conn, NOTES) == (NOW if counts else None)
        assert await issues.last_built(conn, NOTES, "weekly") is None
        assert await issues.last_built(conn, "other") is None


async def test_an_issue_cancelled_half_way_went_out(store: Store) -> None:
    untouched = await new_issue(store, state=_S.CANCELLED)
    halfway = await new_issue(store, after(60), state=_S.CANCELLED)
    older = await new_issue(store, after(-60), state=_S.SENT)
    async with store.write() as conn:
        for number, built in ((older, -120), (halfway, 30), (untouched, 90)):
            await issues.note(conn, number, built_at=after(built))
        await put_delivery(conn, halfway, 1, DeliveryState.SENT)
        await put_delivery(conn, untouched, 1, DeliveryState.SKIPPED)
        assert await issues.last_built(conn, NOTES) == after(30)


async def test_planned_slots_and_their_states_are_known(store: Store) -> None:
    await new_issue(store, state=_S.SENT)
    await new_issue(store, after(60), state=_S.SKIPPED)
    await new_issue(store, after(60), "other")
    async with store.write() as conn:
        await issues.create(conn, NOTES, after(90), NOW, scheduled=False)
        await issues.create(conn, NOTES, after(90), NOW, scheduled=True, edition="weekly")
        assert await issues.scheduled_slots(conn, NOTES) == {NOW: _S.SENT, after(60): _S.SKIPPED}
        assert await issues.scheduled_slots(conn, NOTES, "weekly") == {after(90): _S.DRAFT}


async def test_only_the_newest_hundred_slots_are_listed(store: Store) -> None:
    async with store.write() as conn:
        for day in range(103):
            await issues.create(conn, NOTES, NOW + timedelta(days=day), NOW, scheduled=True)
        found = await issues.scheduled_slots(conn, NOTES)
    assert set(found) == {NOW + timedelta(days=day) for day in range(3, 103)}


async def test_a_schedule_holds_from_when_it_began_until_it_changes(store: Store) -> None:
    async with store.write() as conn:
        assert await issues.schedule_since(conn, NOTES, "0 7 * * *") is None
        await issues.begin_schedule(conn, NOTES, "0 7 * * *", NOW)
        assert await issues.schedule_since(conn, NOTES, "0 7 * * *") == NOW
        assert await issues.schedule_since(conn, NOTES, "0 8 * * *") is None
        assert await issues.schedule_since(conn, NOTES, "0 7 * * *", "weekly") is None
        await issues.begin_schedule(conn, NOTES, "0 8 * * *", after(60))
        assert await issues.schedule_since(conn, NOTES, "0 8 * * *") == after(60)
        assert await issues.schedule_since(conn, NOTES, "0 7 * * *") is None


async def test_summaries_count_recipients_and_sent_newest_first(store: Store) -> None:
    people = await subscribe(store, "a@example.net", "b@example.net", "c@example.net")
    frozen, bare = await new_issue(store), await new_issue(store, after(60))
    async with store.write() as conn:
        await recipients.freeze(conn, frozen, AUDIENCE, NOW, NOW)
        partly = await issues.create(conn, NOTES, after(30), NOW, scheduled=True)
        assert partly is not None
        for number, state in zip(
            people.values(), (DeliveryState.SENT, DeliveryState.SENT, DeliveryState.FAILED), strict=True
        ):
            await put_delivery(conn, partly, number, state)
        found = await issues.summaries(conn)
        assert found == [
            Summary(await issues.get(conn, bare), 0, 0),
            Summary(await issues.get(conn, partly), 3, 2),
            Summary(await issues.get(conn, frozen), 3, 0),
        ]
        assert await issues.summaries(conn, limit=1) == found[:1]
