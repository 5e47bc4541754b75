"""Stopping an issue, and taking its approval back, in a transaction of the caller's: an editor's or a sender's.

Apart from the editors' other acts (publish), since a process that only sends has to do it too, and draws no issue.
"""

from __future__ import annotations

from digest.errors import IllegalMove
from digest.flow import notify
from digest.flow.newsroom import Newsroom
from digest.model.issue import Issue, IssueState
from digest.store import deliveries, edits, issues, quotas, stories
from digest.store import recipients as recipient_rows
from digest.store.engine import Connection

_S = IssueState


async def hold(conn: Connection, room: Newsroom, issue: Issue, reason: str) -> None:
    """Hold an issue; where nothing has left its stories are free again."""
    await issues.move(conn, issue, _S.HELD, reason=reason)
    if not await deliveries.has_left(conn, issue.id):
        await stories.release(conn, issue.id)
    await room.log(conn, "issue.held", issue, reason=reason)
    await notify.ended(conn, room, issue, _S.HELD, reason)


async def undo(conn: Connection, room: Newsroom, issue: Issue) -> Issue:
    """Take an approval back: the memory is released and the deliveries are gone, as if it had never been."""
    if await deliveries.has_left(conn, issue.id):
        raise IllegalMove(f"issue {issue.id}", "leaving already", _S.REVIEW)
    subject = await edits.own_subject(conn, issue.id)
    await issues.move(conn, issue, _S.REVIEW, approved_at=None, not_before=None, subject=subject)
    await recipient_rows.thaw(conn, issue.id)
    await quotas.release(conn, issue.id)
    await stories.release(conn, issue.id)
    await room.log(conn, "issue.undone", issue)
    return await issues.get(conn, issue.id)
