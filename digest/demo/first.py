"""The demo's first issue: lists read, sources gathered, built, approved at once, and its mails awaited.

Nobody reviews here, also where the settings ask for an editor: the mails go no further than the inbox beside us.
What is not here: sending, which the running daemon does; the words in which it is told (run).
"""

from __future__ import annotations

from dataclasses import dataclass

from digest.clock import monotonic
from digest.flow import clearance, gathering, membership, produce, report
from digest.flow.gathering import SourceReport
from digest.flow.newsroom import Newsroom
from digest.flow.report import Report
from digest.model.issue import Issue, IssueState

SENT_WITHIN_S = 30.0
_LOOK_S = 0.1
_UNDER_WAY = frozenset({IssueState.APPROVED, IssueState.SENDING})


@dataclass(frozen=True, slots=True)
class Opening:
    """What the demo did at its start. issues: one by newsletter, approved or ended with its reason."""

    gathered: tuple[SourceReport, ...]
    issues: tuple[Issue, ...]


async def open_with_an_issue(room: Newsroom) -> Opening:
    """Gather, and approve an issue of each newsletter; a running daemon sends it. Raises DigestError."""
    await membership.sync(room)
    gathered = tuple(await gathering.gather(room))
    return Opening(gathered, tuple([await _issue_of(room, name) for name in room.settings.newsletters]))


async def _issue_of(room: Newsroom, name: str) -> Issue:
    issue = await produce.waiting(room, name)
    if issue is None:
        issue = await produce.draft(room, name, room.clock.now(), scheduled=False)
    elif issue.state is IssueState.DRAFT:
        issue = await produce.build(room, issue)
    if issue.state is IssueState.DRAFT:
        return await produce.give_up(room, issue)
    return await clearance.approve_or_rebuild(room, issue.id, at_once=True)


async def outcome(room: Newsroom, issue: Issue) -> Report:
    """What became of the issue, once it is no longer under way or after half a minute."""
    until = monotonic() + SENT_WITHIN_S
    found = await report.report(room, issue.id)
    while found.issue.state in _UNDER_WAY and monotonic() < until:
        await room.clock.sleep(_LOOK_S)
        found = await report.report(room, issue.id)
    return found
