"""An editor's acts on an issue, and what the timetable does in her place: approve, hold, resume, cancel, pause, retry.

Approving is one transaction: the rendered snapshot, the subject, the story memory, and one delivery row per recipient.
What is not here: building an issue (produce), whether it is fit to be sent (clearance), sending it (send), what senders
themselves do to an issue (stopping).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from digest.audience.rule import audience_of
from digest.errors import Conflict, IllegalMove, StoryTaken, TemplateError
from digest.flow import notify, planning, produce, stopping
from digest.flow.newsroom import Newsroom
from digest.model.delivery import DeliveryState
from digest.model.issue import BEFORE_APPROVAL, Issue, IssueState, RenderedIssue, fingerprint
from digest.render.html import render_issue, subject_of
from digest.render.templates import environment
from digest.store import deliveries, events, issues, stories
from digest.store import recipients as recipient_rows
from digest.store.engine import Connection

_S = IssueState
_CHANGED = "issue {} has been changed while it was being approved; look at it again"


def render(room: Newsroom, issue: Issue) -> RenderedIssue:
    """Draw the issue. Raises TemplateError."""
    name = issue.newsletter
    return render_issue(
        environment(room.templates),
        issue,
        name,
        room.settings.newsletter(name),
        room.settings.site,
        room.settings.language_of(name),
        room.settings.zone_of(name),
        subject=issue.subject,
    )


def with_subject(room: Newsroom, issue: Issue) -> Issue:
    """The issue with the subject that it would have now; one that cannot be drawn is left without."""
    name = issue.newsletter
    if issue.subject or issue.state not in BEFORE_APPROVAL or name not in room.settings.newsletters:
        return issue
    with contextlib.suppress(TemplateError):
        look = (room.settings.newsletter(name), room.settings.site, room.settings.language_of(name))
        subject = subject_of(environment(room.templates), issue, name, *look, room.settings.zone_of(name))
        return replace(issue, subject=subject)
    return issue


async def get(room: Newsroom, issue_id: int) -> Issue:
    """The issue. Raises NotFound."""
    async with room.store.read() as conn:
        return await issues.get(conn, issue_id)


async def recipients(room: Newsroom, name: str) -> int:
    """How many an issue of the newsletter would go to now."""
    async with room.store.read() as conn:
        return await recipient_rows.count_audience(conn, audience_of(name, room.settings.newsletter(name)))


# -- approve -----------------------------------------------------------------------------------------------------------


async def approve(
    room: Newsroom,
    issue_id: int,
    *,
    at_once: bool = False,
    grace: timedelta | None = None,
    seen: Issue | None = None,
    warnings: Sequence[str] = (),
) -> Issue:
    """Freeze an issue and let it go: at its slot if that is to come and not `at_once`, else after the grace period.

    Where `review = "second"` the first editor's approval is noted and changes nothing; another's lets it go, unless the
    issue was changed in between. With nobody on the lists it is skipped instead. seen: the issue as it was checked.
    warnings: what preflight said of it and the editors are to be told. Raises IllegalMove, TemplateError, StoryTaken;
    Conflict when it has too few stories, or was changed in the meantime.
    """
    issue = await get(room, issue_id)
    if issue.state not in BEFORE_APPROVAL:
        raise IllegalMove(f"issue {issue_id}", issue.state, _S.APPROVED)
    if issue.approved_at:
        raise IllegalMove(f"issue {issue_id}", "held in mid-send: it can be resumed or cancelled,", _S.APPROVED)
    if seen is not None and issue != seen:
        raise Conflict(_CHANGED.format(issue_id))
    if wanting := produce.lacks(room, issue.newsletter, len(issue.stories)):
        raise Conflict(f"issue {issue_id} cannot be approved: {wanting}")
    if room.settings.newsletter(issue.newsletter).review == "second" and not await _seconded(room, issue):
        return issue
    rendered = render(room, issue)
    async with room.store.write() as conn:
        if await issues.get(conn, issue_id, lock=True) != issue:
            raise Conflict(_CHANGED.format(issue_id))
        await _freeze(conn, room, issue, rendered, _departure(room, issue, at_once, grace))
        if warnings:
            await room.log(conn, "issue.preflight", issue, reason="; ".join(warnings), findings=list(warnings))
            await notify.unfit(conn, room, issue, warnings)
        return await issues.get(conn, issue_id)


async def _seconded(room: Newsroom, issue: Issue) -> bool:
    """Whether another editor has approved the issue as it now stands; if not, this one's approval is noted."""
    content = fingerprint(issue)
    async with room.store.write() as conn:
        happened = await events.of_issue(conn, issue.id)
        before = {
            each.actor
            for each in happened
            if each.action == "issue.first_approval" and each.data.get("content") == content
        }
        if room.actor not in before:
            await room.log(conn, "issue.first_approval", issue, content=content)
        return bool(before - {room.actor})


def _departure(room: Newsroom, issue: Issue, at_once: bool, grace: timedelta | None) -> datetime:
    earliest = room.clock.now() + (room.settings.delivery.grace if grace is None else grace)
    return earliest if at_once else max(issue.slot, earliest)


async def _freeze(conn: Connection, room: Newsroom, issue: Issue, rendered: RenderedIssue, departure: datetime) -> None:
    now = room.clock.now()
    audience = audience_of(issue.newsletter, room.settings.newsletter(issue.newsletter))
    number = await planning.freeze(conn, room, issue, departure, now)
    if number == 0:
        await _skip_whole(conn, room, issue, f"nobody is on {'the list' if len(audience.lists) == 1 else 'the lists'} "
                          f"{', '.join(audience.lists)}")  # fmt: skip
        return
    await issues.move(
        conn, issue, _S.APPROVED, subject=rendered.subject, approved_at=now, not_before=departure, reason=""
    )
    await issues.put_snapshot(conn, issue.id, rendered)
    await stories.remember(conn, issue.newsletter, issue.edition, issue.id, issue.stories, now)
    await room.log(conn, "issue.approved", issue, recipients=number)


async def _skip_whole(conn: Connection, room: Newsroom, issue: Issue, reason: str) -> None:
    if issue.state is _S.HELD:
        await issues.move(conn, issue, _S.REVIEW)
        issue = replace(issue, state=_S.REVIEW)
    await produce.skip(conn, room, issue, reason)


async def start(room: Newsroom, issue_id: int) -> Issue:
    """Let an approved issue leave."""
    async with room.store.write() as conn:
        issue = await issues.get(conn, issue_id, lock=True)
        await issues.move(conn, issue, _S.SENDING, started_at=room.clock.now())
        await room.log(conn, "issue.sending", issue)
        return await issues.get(conn, issue_id)


# -- stop and go on ----------------------------------------------------------------------------------------------------


async def hold(room: Newsroom, issue_id: int, reason: str) -> Issue:
    """Stop an issue until an editor decides. An approved one of which nothing has left is undone first."""
    async with room.store.write() as conn:
        issue = await issues.get(conn, issue_id, lock=True)
        if issue.state is _S.APPROVED:
            issue = await stopping.undo(conn, room, issue)
        await stopping.hold(conn, room, issue, reason)
        return await issues.get(conn, issue_id)


async def resume(room: Newsroom, issue_id: int) -> Issue:
    """Go on: a paused issue, or one held in mid-send, is sent on; one held before that goes back to review.

    One that is being sent already is left as it is. Raises Conflict when it was held before anything left and another issue
    has taken one of its stories since.
    """
    async with room.store.write() as conn:
        issue = await issues.get(conn, issue_id, lock=True)
        if issue.state is _S.SENDING:
            return issue
        if issue.state not in {_S.HELD, _S.PAUSED}:
            raise IllegalMove(f"issue {issue_id}", issue.state, "resumed")
        to = _S.SENDING if issue.approved_at else _S.REVIEW
        await issues.move(conn, issue, to)
        if to is _S.SENDING:
            await _go_on(conn, room, issue)
        await room.log(conn, "issue.resumed", issue)
        return await issues.get(conn, issue_id)


async def _go_on(conn: Connection, room: Newsroom, issue: Issue) -> None:
    now = room.clock.now()
    await deliveries.hurry(conn, issue.id, now)
    if not await stories.is_remembered(conn, issue.id):
        # It was held before anything left, and its stories were free meanwhile.
        try:
            await stories.remember(conn, issue.newsletter, issue.edition, issue.id, issue.stories, now)
        except StoryTaken as gone:
            remedy = f"nothing of it has left: end it with digest issues cancel {issue.id}, and send what is new"
            raise Conflict(f"issue {issue.id} cannot go on: {gone}; {remedy}") from None


async def pause(room: Newsroom, issue_id: int) -> Issue:
    """Stop an issue that is being sent; what has been handed over cannot be recalled."""
    async with room.store.write() as conn:
        issue = await issues.get(conn, issue_id, lock=True)
        await issues.move(conn, issue, _S.PAUSED)
        await room.log(conn, "issue.paused", issue)
        return await issues.get(conn, issue_id)


async def cancel(room: Newsroom, issue_id: int) -> Issue:
    """End an issue for good: what has not left is skipped; where nothing has left its stories are free again."""
    async with room.store.write() as conn:
        issue = await _stopped(conn, room, await issues.get(conn, issue_id, lock=True))
        now = room.clock.now()
        await issues.move(conn, issue, _S.CANCELLED, reason="cancelled by an editor", ended_at=now)
        if not await deliveries.has_left(conn, issue.id):
            await stories.release(conn, issue.id)
        skipped = await deliveries.count_waiting(conn, issue.id)
        await planning.give_up(conn, room, issue)
        await room.log(conn, "issue.cancelled", issue, skipped=skipped)
        cancelled = await issues.get(conn, issue_id)
    # Nobody claims any more of it; writing down a million rows is work that nobody has to wait for. What this process
    # leaves undone, the next sender does (ending).
    left = skipped
    while left:
        async with room.store.write() as conn:
            left = await deliveries.skip_rest(conn, issue_id, "the issue was cancelled", now)
    return cancelled


async def _stopped(conn: Connection, room: Newsroom, issue: Issue) -> Issue:
    """The issue in a state from which it may be cancelled."""
    if issue.state is _S.APPROVED:
        issue = await stopping.undo(conn, room, issue)
    if issue.state is _S.REVIEW:
        await issues.move(conn, issue, _S.HELD)
    elif issue.state is _S.SENDING:
        await issues.move(conn, issue, _S.PAUSED)
    return await issues.get(conn, issue.id)


async def fail(room: Newsroom, issue_id: int, reason: str) -> Issue:
    """End an issue for what no editor can mend; where nothing has left its stories are free again."""
    async with room.store.write() as conn:
        issue = await issues.get(conn, issue_id, lock=True)
        await issues.move(conn, issue, _S.FAILED, reason=reason, ended_at=room.clock.now())
        if not await deliveries.has_left(conn, issue.id):
            await stories.release(conn, issue.id)
        await room.log(conn, "issue.failed", issue, reason=reason)
        await notify.ended(conn, room, issue, _S.FAILED, reason)
        return await issues.get(conn, issue_id)


async def retry(room: Newsroom, issue_id: int, *, failed: bool, uncertain: bool) -> int:
    """Put deliveries back in line: the deferred at once, the failed or the uncertain if asked for. Say how many.

    A finished issue is being sent again then.
    """
    now = room.clock.now()
    async with room.store.write() as conn:
        issue = await issues.get(conn, issue_id, lock=True)
        if issue.state not in {_S.SENDING, _S.SENT}:
            raise IllegalMove(f"issue {issue_id}", issue.state, "sent again")
        number = await deliveries.hurry(conn, issue_id, now)
        if failed:
            number += await deliveries.retry(conn, issue_id, DeliveryState.FAILED, now)
        if uncertain:
            number += await deliveries.retry(conn, issue_id, DeliveryState.UNCERTAIN, now)
        if number and issue.state is _S.SENT:
            await issues.move(conn, issue, _S.SENDING, ended_at=None)
        await room.log(conn, "issue.retried", issue, deliveries=number, failed=failed, uncertain=uncertain)
        return number
