"""Editing an issue by hand: moves made, kept and taken back, each in one transaction, each in the event log.

What is not here: what a move does (compose/edit), the form for an editor's own program (cli/editing).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from digest.compose import edit
from digest.errors import IllegalMove, UsageError
from digest.flow import produce, selection
from digest.flow.newsroom import Newsroom
from digest.model.edit import Act, Move
from digest.model.issue import BEFORE_APPROVAL, Issue, IssueStory
from digest.store import edits, issues
from digest.store.engine import Connection


async def apply(room: Newsroom, issue_id: int, moves: Sequence[Move]) -> Issue:
    """Make the moves, all or none. The issue as it is then; when its stories were chosen stays what it was.

    Raises NotFound; IllegalMove when the issue is approved or beyond; UsageError for a move that makes no sense.
    """
    async with room.store.write() as conn:
        issue = await _editable(conn, issue_id)
        if not issue.stories:
            raise UsageError(f"issue {issue_id} has no stories yet")
        if await edits.selection(conn, issue_id) is None:
            await edits.put_selection(conn, issue_id, issue.stories)
        made = []
        for move in moves:
            made.append(_whole(move, issue))
            issue = edit.apply(issue, made[-1])
        await edits.add(conn, issue_id, made, room.actor, room.clock.now())
        await issues.put_stories(conn, issue_id, issue.stories)
        await issues.note(conn, issue_id, subject=issue.subject, intro=issue.intro)
        for move in moves:
            await room.log(conn, f"issue.edited.{move.act}", issue, **_told(move, issue))
        return await issues.get(conn, issue_id)


async def undo(room: Newsroom, issue_id: int) -> Issue:
    """Take the last standing move back. Raises UsageError when there is none, and as `apply` does."""
    async with room.store.write() as conn:
        issue = await _editable(conn, issue_id)
        standing = await edits.standing(conn, issue_id)
        if not standing:
            raise UsageError(f"issue {issue_id} has no edit that could be undone")
        number, move = standing[-1]
        await edits.undo(conn, issue_id, number)
        await selection.redo(conn, room, issue)
        await room.log(conn, "issue.edit_undone", issue, act=move.act, **_told(move, issue))
        return await issues.get(conn, issue_id)


async def from_pool(room: Newsroom, issue_id: int, story_id: int, position: int) -> Move:
    """The move that adds a story of the pool at a position, 0 being the lead's.

    Raises NotFound, and UsageError when an issue has carried the story.
    """
    async with room.store.read() as conn:
        issue = await issues.get(conn, issue_id)
        story = await produce.from_pool(conn, room, issue, story_id)
    why = f"in: rank {position + 1}; added by an editor"
    return Move(Act.ADD, story_id, story=replace(story, position=position, why=why))


async def dropped(room: Newsroom, issue_id: int) -> list[IssueStory]:
    """The stories that were chosen for the issue and that an editor has dropped; they can be restored."""
    async with room.store.read() as conn:
        issue = await issues.get(conn, issue_id)
        present = {story.story_id for story in issue.stories}
        return [story for story in await edits.selection(conn, issue_id) or () if story.story_id not in present]


def check_editable(issue: Issue) -> None:
    """Raise IllegalMove when the content of an issue can no longer change."""
    if issue.state not in BEFORE_APPROVAL or issue.approved_at:
        raise IllegalMove(f"issue {issue.id}", issue.state, "edited")


async def _editable(conn: Connection, issue_id: int) -> Issue:
    issue = await issues.get(conn, issue_id, lock=True)
    check_editable(issue)
    return issue


def _whole(move: Move, issue: Issue) -> Move:
    """A pin keeps the story as it is now, so that it stays in the issue whatever is chosen later."""
    if move.act is not Act.PIN or move.story is not None:
        return move
    return replace(move, story=next((story for story in issue.stories if story.story_id == move.story_id), None))


def _told(move: Move, issue: Issue) -> dict[str, Any]:
    """What the event log keeps of a move."""
    told = {key: value for key, value in asdict(move).items() if value and key not in {"act", "story"}}
    titles = {story.story_id: story.title for story in issue.stories}
    title = move.story.title if move.story else titles.get(move.story_id or 0)
    return told | ({"title": title} if title else {})
