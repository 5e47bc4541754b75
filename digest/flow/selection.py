"""What an issue carries: what was chosen for it, with the editors' moves made on that.

What is not here: choosing (produce), making a move and taking it back (editing).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from digest.compose import edit
from digest.model.edit import Act
from digest.model.issue import Issue, IssueStory
from digest.store import edits, issues
from digest.store.engine import Connection


async def keep(conn: Connection, issue: Issue, stories: Sequence[IssueStory]) -> Issue:
    """Give the issue a new choice; what editors did to it is done to that one too. The issue as it is now."""
    await edits.put_selection(conn, issue.id, stories)
    return await redo(conn, issue)


async def redo(conn: Connection, issue: Issue) -> Issue:
    """Make the standing moves on what was chosen, and keep what comes of it. The issue as it is now."""
    chosen = await edits.selection(conn, issue.id)
    base = issue.stories if chosen is None else chosen
    moves = [move for _, move in await edits.standing(conn, issue.id)]
    made = edit.replay(replace(issue, stories=base, subject=None, intro=""), moves)
    await issues.put_stories(conn, issue.id, made.stories)
    await issues.note(conn, issue.id, subject=made.subject, intro=made.intro)
    return made


async def own_subject(conn: Connection, issue_id: int) -> str | None:
    """The subject that an editor has written for the issue; None: the newsletter's template says."""
    moves = [move for _, move in await edits.standing(conn, issue_id) if move.act is Act.SUBJECT]
    return " ".join(moves[-1].text.split()) or None if moves else None
