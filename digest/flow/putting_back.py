"""A backup was put back, or a site was moved: everything is held, for what left after the copy was made is not known here.

What is not here: how that is seen (store/lineage).
"""

from __future__ import annotations

from digest import log
from digest.flow import notify, stopping
from digest.flow.newsroom import Newsroom
from digest.model.issue import Issue, IssueState
from digest.store import events, issues, lineage, messages
from digest.store.engine import Connection
from digest.store.lineage import PutBack

_S = IssueState
_log = log.get(__name__)


def reason_for(why: str, issue_id: int | None = None) -> str:
    """What an editor reads, and what she can do about it."""
    number = issue_id or "ID"
    return (
        f"{why}, so whether this was sent after the copy was made is not known here. Look into the mail server's log; then "
        f"`digest issues resume {number}` goes on and sends to everyone without a record here, "
        f"`digest issues cancel {number}` ends it"
    )


async def hold_if_put_back(room: Newsroom) -> bool:
    """At every start, before anything is sent: hold everything if this database is a copy. Say whether it was."""
    try:
        async with room.store.write() as conn:
            await lineage.check(conn, room.var)
    except PutBack as found:
        await hold_everything(room, str(found))
        return True
    return False


async def hold_everything(room: Newsroom, why: str) -> None:
    """Hold what could be sent by itself. Slots up to now are held when they are looked at (slots)."""
    now = room.clock.now()
    async with room.store.write() as conn:
        mark = await lineage.accept(conn, room.var, now)
        found = await issues.in_states(conn, [_S.REVIEW, _S.APPROVED, _S.SENDING, _S.PAUSED])
        for issue in found:
            await _hold(conn, room, await issues.get(conn, issue.id, lock=True), reason_for(why, issue.id))
        dropped = await messages.drop_waiting(conn, f"{why}: it may have been sent already", now)
        numbers = [issue.id for issue in found]
        await events.add(conn, now, room.actor, "site.put_back", reason=why, held=numbers, messages=dropped)
    lineage.remember(room.var, mark)
    _log.warning("site.put_back", reason=why, held=numbers, messages=dropped)


async def _hold(conn: Connection, room: Newsroom, issue: Issue, reason: str) -> None:
    """Its deliveries and its stories stay as they are: they may have gone out, and must not be chosen again."""
    if issue.state is _S.PAUSED:  # nothing goes on by itself
        await issues.note(conn, issue.id, reason=reason)
        return
    if issue.state is _S.APPROVED and issue.not_before and issue.not_before > room.clock.now():
        issue = await stopping.undo(conn, room, issue)  # its hour is to come: somebody approves it again
    elif issue.state is _S.APPROVED:
        await issues.move(conn, issue, _S.SENDING, started_at=room.clock.now())
        issue = await issues.get(conn, issue.id)
    await issues.move(conn, issue, _S.HELD, reason=reason)
    await room.log(conn, "issue.held", issue, reason=reason)
    await notify.ended(conn, room, issue, _S.HELD, reason)
