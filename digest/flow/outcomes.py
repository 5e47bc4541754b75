"""What becomes of a delivery after a try, and writing it down.

What is not here: what a reply means (deliver/retry), the rows (store/outbox), when too much is refused (breaking).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from digest.deliver.retry import gives_up, next_try
from digest.flow import breaking
from digest.flow.newsroom import Newsroom
from digest.model.delivery import DeliveryState, Outcome, Reply
from digest.model.schedule import next_slot
from digest.store import breakers, issues, outbox
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
    next_issue: datetime | None = None,
) -> Result:
    """What is written down of a try: a deferred mail is tried later, or given up when it has been tried for too long.

    before: what lies behind the row. jitter: 0 to 1, drawn by the caller. rest: of a mail that came back untried.
    next_issue: when the newsletter's next issue comes, before which its readers are no more troubled with this one.
    """
    if outcome.state in _AGAIN and gives_up(before.first or now, now, give_up):
        outcome = Outcome(_D.FAILED, Reply(outcome.reply.code, f"given up: {outcome.reply.text}"))
    not_before = now
    if outcome.state is _D.DEFERRED:
        not_before = next_try(before.attempts + 1, now, jitter)
        if next_issue is not None and not_before >= next_issue:
            words = f"given up, the next issue comes first: {outcome.reply.text}"
            outcome, not_before = Outcome(_D.FAILED, Reply(outcome.reply.code, words)), now
    elif outcome.state is _D.PENDING:
        not_before = now + rest
    return Result(*key, outcome.state, outcome.reply.code, outcome.reply.text, not_before, outcome.state in _TRIED)


async def write_down(
    conn: Connection, room: Newsroom, worker: str, results: Sequence[Result], now: datetime
) -> set[int]:
    """Bring results into the ledger. A late one may open an issue again that counted as sent: that is logged.

    Gives the issues of which too much was refused: pause them (breaking.pause) when this transaction is done.
    """
    if room.settings.smtp.uncertain == "resend":
        results = await _marked(conn, results)
    for number in await outbox.record(conn, worker, results, now):
        reason = "a sender that had been given up for lost says that mails were not taken"
        await room.log(conn, "issue.reopened", await issues.get(conn, number), reason)
    return await breaking.note(conn, room, results)


async def _marked(conn: Connection, results: Sequence[Result]) -> list[Result]:
    """The results, with a word in the replies of what had been in doubt and went again by itself."""
    again = await breakers.were_resent(conn, {(each.issue_id, each.subscriber_id) for each in results})
    return [
        replace(each, reply=f"sent again: {each.reply}") if (each.issue_id, each.subscriber_id) in again else each
        for each in results
    ]


def next_issue(room: Newsroom, newsletter: str, after: datetime) -> datetime | None:
    """When the newsletter's next issue comes after an instant; None without a schedule."""
    if newsletter not in room.settings.newsletters or (rhythm := room.settings.rhythm(newsletter)) is None:
        return None
    return next_slot(rhythm, after)
