"""What became of an issue, for the command line, the desk and the API: the same figures everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from digest.flow import planning, publish
from digest.flow.due import quiet
from digest.flow.newsroom import Newsroom
from digest.flow.pacing import slow_now
from digest.model.delivery import Tally
from digest.model.issue import BEFORE_APPROVAL, Issue, IssueState
from digest.store import deliveries, events, issues
from digest.store.issues import Summary


@dataclass(frozen=True, slots=True)
class Report:
    """An issue, its figures, and why deliveries were not simply sent: (outcome, code, reply, count).

    waits: what keeps the rest of an issue that is being sent.
    seconds: from the first to the last mail, or until now while it is being sent; None before it started.
    """

    issue: Issue
    tally: Tally
    seconds: float | None
    reasons: Sequence[tuple[str, int | None, str, int]] = ()
    waits: Sequence[str] = ()


async def report(room: Newsroom, issue_id: int) -> Report:
    """The report of an issue. Raises NotFound."""
    async with room.store.read() as conn:
        issue = await issues.get(conn, issue_id)
        started, ended = await issues.times(conn, issue_id)
        seconds = ((ended or room.clock.now()) - started).total_seconds() if started else None
        tally = await deliveries.tally(conn, issue_id)
        reasons = await deliveries.reasons(conn, issue_id)
    return Report(issue, tally, seconds, reasons, await _waits(room, issue))


async def _waits(room: Newsroom, issue: Issue) -> list[str]:
    name = issue.newsletter
    if issue.state is not IssueState.SENDING or name not in room.settings.newsletters:
        return []
    now = room.clock.now()
    until = quiet(room, name, now)
    words = [f"quiet hours until {until.astimezone(room.settings.zone_of(name)):%H:%M %Z}"] if until else []
    later = await planning.waiting(room, issue, now)
    return words + ([later] if later else []) + await slow_now(room, name)


async def not_reached(room: Newsroom, issue_id: int) -> list[tuple[str, str, int | None, str]]:
    """Who was not reached: (email, outcome, code, reply)."""
    async with room.store.read() as conn:
        return await deliveries.not_reached(conn, issue_id)


async def listing(room: Newsroom) -> list[Summary]:
    """The issues, newest first; those that wait with the subject that they would have now."""
    async with room.store.read() as conn:
        found = await issues.summaries(conn)
        waiting = {
            each.issue.id: await issues.get(conn, each.issue.id)
            for each in found
            if each.issue.state in BEFORE_APPROVAL and not each.issue.subject
        }
    return [
        replace(each, issue=publish.with_subject(room, waiting[each.issue.id])) if each.issue.id in waiting else each
        for each in found
    ]


async def held(room: Newsroom, newsletter: str | None = None) -> list[Issue]:
    """The issues (of a newsletter, if given) that wait for an editor's decision, without their stories."""
    async with room.store.read() as conn:
        return await issues.in_states(conn, [IssueState.HELD], newsletter)


async def history(room: Newsroom, issue_id: int) -> list[dict[str, Any]]:
    """Everything that happened to an issue, oldest first."""
    async with room.store.read() as conn:
        found = await events.of_issue(conn, issue_id)
        return [{"at": each.at, "actor": each.actor, "action": each.action, "reason": each.reason, **each.data}
                for each in found]  # fmt: skip
