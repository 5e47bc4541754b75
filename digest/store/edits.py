"""What was chosen for an issue, and what editors changed about it, move by move."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update

from digest.model.edit import Act, Move
from digest.model.issue import IssueStory
from digest.store import upsert
from digest.store.edit_tables import edits, selections
from digest.store.engine import Connection
from digest.store.issues import document_of, story_of


async def put_selection(conn: Connection, issue_id: int, stories: Sequence[IssueStory]) -> None:
    """Keep what was chosen, unedited; a new choice replaces it."""
    content = [document_of(story) for story in stories]
    statement = upsert.insert(conn, selections).values(issue_id=issue_id, stories=content)
    await conn.execute(statement.on_conflict_do_update(index_elements=["issue_id"], set_={"stories": content}))


async def selection(conn: Connection, issue_id: int) -> tuple[IssueStory, ...] | None:
    """What was chosen, unedited; None when no choice was kept."""
    content = (await conn.execute(select(selections.c.stories).where(selections.c.issue_id == issue_id))).scalar()
    return None if content is None else tuple(story_of(each) for each in content)


async def add(conn: Connection, issue_id: int, moves: Sequence[Move], actor: str, now: datetime) -> None:
    """Keep moves behind those that were made before."""
    last = (await conn.execute(select(func.max(edits.c.number)).where(edits.c.issue_id == issue_id))).scalar() or 0
    rows = [
        {"issue_id": issue_id, "number": number, "move": _document(move), "actor": actor, "at": now, "undone": False}
        for number, move in enumerate(moves, last + 1)
    ]
    if rows:
        await conn.execute(insert(edits), rows)


async def standing(conn: Connection, issue_id: int) -> list[tuple[int, Move]]:
    """The moves that were not undone, oldest first, with their numbers."""
    query = select(edits.c.number, edits.c.move).where(edits.c.issue_id == issue_id, ~edits.c.undone)
    return [(number, _move(content)) for number, content in await conn.execute(query.order_by(edits.c.number))]


async def undo(conn: Connection, issue_id: int, number: int) -> None:
    """The move no longer counts."""
    key = (edits.c.issue_id == issue_id) & (edits.c.number == number)
    await conn.execute(update(edits).where(key).values(undone=True))


def _document(move: Move) -> dict[str, Any]:
    story = document_of(move.story) if move.story else None
    return {"act": move.act, "story_id": move.story_id, "text": move.text, "order": list(move.order), "story": story}


def _move(content: dict[str, Any]) -> Move:
    story = story_of(content["story"]) if content["story"] else None
    return Move(Act(content["act"]), content["story_id"], content["text"], tuple(content["order"]), story)


async def own_subject(conn: Connection, issue_id: int) -> str | None:
    """The subject that an editor has written for the issue; None: the newsletter's template says."""
    moves = [move for _, move in await standing(conn, issue_id) if move.act is Act.SUBJECT]
    return " ".join(moves[-1].text.split()) or None if moves else None
