"""What was chosen, what editors changed, and what links were found to be, on both databases."""

from __future__ import annotations

from datetime import timedelta

from digest.model.edit import Act, Move
from digest.model.issue import AlsoIn
from digest.store import checks, edits, issues
from digest.store.engine import Store
from tests.store.world import NOW, after, get_issue, issue_story, new_issue

WHOLE = issue_story(
    "1", section="Ships", also=(AlsoIn("papers", "https://papers.example.com/9", "papers.example.com/9"),),
    factors=(("weight", 1.5), ("freshness", 0.25)), topics=("naval",), image="https://images.example.org/1.png",
    language="de", pinned=True, score=0.375, why="in: the lead",
)  # fmt: skip


async def test_a_story_of_an_issue_comes_back_as_it_was_put(store: Store) -> None:
    issue = await new_issue(store)
    async with store.write() as conn:
        await issues.put_stories(conn, issue, [WHOLE])
    assert (await get_issue(store, issue)).stories == (WHOLE,)


async def test_a_choice_is_kept_until_another_replaces_it(store: Store) -> None:
    issue = await new_issue(store)
    async with store.write() as conn:
        assert await edits.selection(conn, issue) is None
        await edits.put_selection(conn, issue, [WHOLE])
        assert await edits.selection(conn, issue) == (WHOLE,)
        await edits.put_selection(conn, issue, [])
        assert await edits.selection(conn, issue) == ()


async def test_moves_come_back_in_their_order_without_those_undone(store: Store) -> None:
    one, other = await new_issue(store), await new_issue(store, after(60))
    moves = [
        Move(Act.PIN, 101, story=WHOLE), Move(Act.ORDER, order=(103, 101)), Move(Act.TITLE, 101, "Größer"),
        Move(Act.SUBJECT, text="防衛"),
    ]  # fmt: skip
    async with store.write() as conn:
        await edits.add(conn, one, moves[:2], "cli", NOW)
        await edits.add(conn, one, moves[2:], "cli", NOW)
        await edits.add(conn, other, moves[:1], "cli", NOW)
        assert await edits.standing(conn, one) == list(enumerate(moves, 1))
        await edits.undo(conn, one, 4)
        await edits.add(conn, one, moves[:1], "cli", NOW)
        numbers = [number for number, _ in await edits.standing(conn, one)]
        assert (numbers, len(await edits.standing(conn, other))) == ([1, 2, 3, 5], 1)


async def test_what_a_link_was_found_to_be_holds_for_a_while(store: Store) -> None:
    fault = {"gone": True, "reason": "its page has gone"}
    async with store.write() as conn:
        await checks.put(conn, {"a": {}, "b": fault}, NOW, NOW - timedelta(seconds=60))
        assert await checks.recent(conn, after(-1)) == {"a": {}, "b": fault}
        assert await checks.recent(conn, NOW) == {}
        await checks.put(conn, {"a": fault}, after(60), NOW)
        assert await checks.recent(conn, after(-1)) == {"a": fault}
