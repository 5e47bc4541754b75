"""How the sending of an issue ends: sent, or held because the mail server, or a fault of ours, stands in its way.

What is not here: sending (send), what an editor does about it (publish).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from digest import log
from digest.errors import DigestError, RelayRefused, one_line
from digest.flow import notify, stopping
from digest.flow.newsroom import Newsroom
from digest.model.delivery import Tally
from digest.model.issue import Issue, IssueState
from digest.store import deliveries, events, issues
from digest.store.engine import Connection

_BEGUN = frozenset({"issue.resumed", "issue.retried", "issue.reopened"})
"""Entries in the event log after which an issue is tried anew, however long it was tried before."""

_log = log.get(__name__)


# -- sent --------------------------------------------------------------------------------------------------------------


async def end_finished(room: Newsroom, only: int | None) -> None:
    """End what is being sent and of which nothing waits any more, and skip what waits of issues that were ended.

    only: this issue; None: all.
    """
    async with room.store.read() as conn:
        sending = await issues.in_states(conn, [IssueState.SENDING, IssueState.PAUSED])
        finished = [each for each in sending if only in (None, each.id) and await deliveries.is_finished(conn, each.id)]
        rest_of_ended = await deliveries.any_rest_of_ended(conn)
    for issue in finished:
        await _end(room, issue)
    while rest_of_ended:
        async with room.store.write() as conn:
            rest_of_ended = bool(await deliveries.skip_rest_of_ended(conn, "the issue was ended", room.clock.now()))


async def _end(room: Newsroom, issue: Issue) -> None:
    """The issue is sent; unless somebody has paused, retried or ended it in the meantime."""
    async with room.store.write() as conn:
        issue = await issues.get(conn, issue.id, lock=True)
        if not await deliveries.is_finished(conn, issue.id):
            return
        if issue.state is IssueState.PAUSED:  # the pause came when everything had left
            await issues.move(conn, issue, IssueState.SENDING)
            issue = await issues.get(conn, issue.id)
        if issue.state is not IssueState.SENDING:
            return
        tally = await deliveries.tally(conn, issue.id)
        await issues.move(conn, issue, IssueState.SENT, ended_at=room.clock.now())
        figures: dict[str, Any] = {
            "sent": tally.sent,
            "failed": tally.failed,
            "uncertain": tally.uncertain,
            "skipped": tally.skipped,
        }
        await room.log(conn, "issue.sent", issue, **figures)
        if issue.scheduled:
            started = (await issues.times(conn, issue.id))[0]
            await notify.ended(conn, room, issue, IssueState.SENT, _figures(tally, started, room.clock.now()))


def _figures(tally: Tally, started: datetime | None, now: datetime) -> str:
    """What the editors are told at the end."""
    numbers = {"failed": tally.failed, "in doubt": tally.uncertain, "skipped": tally.skipped}
    parts = [f"{tally.sent} of {tally.recipients} sent"]
    parts += [f"{number} {what}" for what, number in numbers.items() if number]
    seconds = (now - started).total_seconds() if started else 0.0
    rate = f", {tally.sent / seconds:,.0f} a second" if seconds >= 1 and tally.sent >= 2 * seconds else ""
    return f"{', '.join(parts)}, in {seconds:,.1f} s{rate}"


# -- held --------------------------------------------------------------------------------------------------------------


async def refused(room: Newsroom, only: int | None, refusal: RelayRefused) -> None:
    """Hold what is being sent, because the mail server does not take it. only: this issue; None: all.

    What it says to be a matter of time goes on being sent, unless it has taken nothing of an issue for `delivery.give_up`.
    """
    async with room.store.write() as conn:
        for issue in await issues.in_states(conn, [IssueState.SENDING]):
            if only not in (None, issue.id):
                continue
            if not refusal.temporary or await _given_up(conn, room, issue):
                await stopping.hold(conn, room, issue, str(refusal))


async def _given_up(conn: Connection, room: Newsroom, issue: Issue) -> bool:
    """Whether the server has taken nothing for too long, since the issue began to leave or an editor asked for it again."""
    since: list[datetime | None] = [(await issues.times(conn, issue.id))[0]]
    since += [each.at for each in await events.of_issue(conn, issue.id) if each.action in _BEGUN]
    latest = max(filter(None, since), default=None)
    give_up = room.settings.delivery.give_up
    if latest is None or room.clock.now() - latest < give_up:
        return False
    accepted = await deliveries.last_accepted(conn, issue.id)  # last: it looks at every row of the issue
    return accepted is None or room.clock.now() - accepted >= give_up


async def broken(room: Newsroom, numbers: Iterable[int], error: Exception) -> None:
    """Hold issues that a fault of ours keeps from being sent: tried again it would come again, for ever."""
    _log.error("issue.broken", issues=sorted(numbers), exc_info=error)
    words = str(error) if isinstance(error, DigestError) else f"{type(error).__name__}: {error}"
    async with room.store.write() as conn:
        for number in sorted(numbers):
            issue = await issues.get(conn, number, lock=True)
            if issue.state is IssueState.SENDING:
                await stopping.hold(conn, room, issue, one_line(f"it cannot be sent: {words}"))
