"""What becomes of a delivery after a try, and writing it down.

What is not here: what a reply means (deliver/retry), the rows (store/outbox).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from digest.deliver.retry import gives_up, next_try
from digest.flow.newsroom import Newsroom
from digest.model.delivery import DeliveryState, Outcome, Reply
from digest.store import issues, outbox
from digest.store.engine import Connection
from digest.store.outbox import Result, Tries

Key = tuple[int, int]
"""(issue, subscriber); (MESSAGES, number) for a message."""

_D = DeliveryState
_TRIED = frozenset({_D.DEFERRED, _D.FAILED, _D.SENT, _D.UNCERTAIN})
_AGAIN = frozenset({_D.DEFERRED, _D.PENDING})


def verdict(
    key: Key,
    outcome: Outcome,
    before: Tries,
    now: datetime,
    *,
    give_up: timedelta,
    jitter: float,
    rest: timedelta = timedelta(),
) -> Result:
    """What is written down of a try: a deferred mail is tried later, or given up when it has been tried for too long.

    before: what lies behind the row. jitter: 0 to 1, drawn by the caller. rest: of a mail that came back untried.
    """
    if outcome.state in _AGAIN and gives_up(before.first or now, now, give_up):
        outcome = Outcome(_D.FAILED, Reply(outcome.reply.code, f"given up: {outcome.reply.text}"))
    not_before = now
    if outcome.state is _D.DEFERRED:
        not_before = next_try(before.attempts + 1, now, jitter)
    elif outcome.state is _D.PENDING:
        not_before = now + rest
    return Result(*key, outcome.state, outcome.reply.code, outcome.reply.text, not_before, outcome.state in _TRIED)


async def write_down(conn: Connection, room: Newsroom, worker: str, results: Sequence[Result], now: datetime) -> None:
    """Bring results into the ledger. A late one may open an issue again that counted as sent: that is logged."""
    for number in await outbox.record(conn, worker, results, now):
        reason = "a sender that had been given up for lost says that mails were not taken"
        await room.log(conn, "issue.reopened", await issues.get(conn, number), reason)
