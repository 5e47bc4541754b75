"""The breaker: an issue of which too much is refused pauses itself, and the editors are told why.

The count is kept in the transaction that records the results, so that it is exact whatever the number of senders; from then
on nothing more of the issue is claimed. What is not here: when it is too much (model/breaker).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from digest.flow import notify
from digest.flow.newsroom import Newsroom
from digest.model.breaker import REFUSED, TAKEN, WINDOW, Window, count
from digest.model.delivery import DeliveryState
from digest.model.issue import IssueState
from digest.store import breakers, issues
from digest.store.engine import Connection
from digest.store.outbox import MESSAGES, Result

_LETTERS = {DeliveryState.SENT: TAKEN, DeliveryState.FAILED: REFUSED}


async def note(conn: Connection, room: Newsroom, results: Sequence[Result]) -> set[int]:
    """Count results, in the transaction that records them; the issues of which too much was refused."""
    tripped = set()
    for issue_id in sorted({each.issue_id for each in results} - {MESSAGES}):
        letters = [_LETTERS[r.state] for r in results if r.issue_id == issue_id and r.state in _LETTERS]
        if not letters or (before := await breakers.window(conn, issue_id)) is None:
            continue
        after = count(before, letters, room.settings.delivery.breaker.max_failed)
        await breakers.put(conn, issue_id, after)
        if after.tripped is not None:
            tripped.add(issue_id)
    return tripped


async def pause_left_over(room: Newsroom) -> None:
    """Pause what a sender should have paused that died first: nobody claims of it any more, and nobody would be told."""
    async with room.store.read() as conn:
        left = await breakers.all_tripped(conn)
    await pause(room, left)


async def pause(room: Newsroom, numbers: Iterable[int]) -> None:
    """Pause issues whose breaker has tripped, and clear their count: `resume` goes on with a fresh one."""
    for number in sorted(numbers):
        async with room.store.write() as conn:
            issue = await issues.get(conn, number, lock=True)
            if (refused := await breakers.tripped(conn, number)) is None:
                continue
            await breakers.put(conn, number, Window())
            if issue.state is IssueState.SENDING:
                reason = f"{refused} of the last {WINDOW} mails were refused"
                await issues.move(conn, issue, IssueState.PAUSED, reason=reason)
                await room.log(conn, "issue.paused", issue, reason)
                await notify.ended(conn, room, issue, IssueState.PAUSED, reason)
