"""An editor's acts on an issue at the terminal: approve, stop, resume, retry; and the sending that follows from them.

What is not here: `send`, from gathering to the question (sending); what an act does (flow).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from datetime import timedelta

from digest.cli import progress, reporting
from digest.cli.preflight import has_warnings, lines, refuse_errors
from digest.cli.runner import DONE, HELD, note, say
from digest.clock import first_of
from digest.daemon.signals import told_to_end
from digest.errors import RelayRefused, UsageError
from digest.flow import clearance, departure, membership, planning, publish, withdrawal
from digest.flow.newsroom import Newsroom
from digest.model.issue import BEFORE_APPROVAL, Issue, IssueState


def agreed(question: str = "Send it now?") -> bool:
    """Whether somebody at the terminal says yes."""
    note(f"{question} [y/N] ")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


async def approve(room: Newsroom, issue_id: int, as_json: bool, *, yes: bool) -> int:
    """Check and approve; send here and now unless the slot is still to come. yes: to what preflight warns of."""
    issue = await publish.get(room, issue_id)
    await membership.sync(room, room.settings.newsletter(issue.newsletter).lists)
    if issue.state in BEFORE_APPROVAL and not issue.approved_at:
        issue, gone = await withdrawal.look_again(room, issue)
        if not await _fit(room, issue, gone, yes):
            note(f"Issue {issue_id} was not approved.")
            return await reporting.conclude(room, issue_id, as_json, quiet=True)
    return await approved(room, await publish.approve(room, issue_id, seen=issue), as_json)


async def _fit(room: Newsroom, issue: Issue, gone: list[str], yes: bool) -> bool:
    """Whether an editor approves in spite of warnings. Raises PreflightFailed, TemplateError, UsageError."""
    for warning in gone:
        note(f"Warning: {warning}")
    with progress.spinner("Checking"):
        findings = await clearance.check(room, issue)
    for line in lines(findings):
        note(line)
    refuse_errors(findings)
    if yes or not has_warnings(findings):
        return True
    if not sys.stdin.isatty():
        raise UsageError("there are warnings, and nobody here to ask: say --yes to approve all the same")
    return agreed("Approve it all the same?")


async def approved(room: Newsroom, issue: Issue, as_json: bool) -> int:
    """Go on behind an editor's approval: say what is wanting, or when it leaves, or send it here and now."""
    if issue.state in BEFORE_APPROVAL:
        note(f"That was the first approval. A second editor must approve issue {issue.id} too.")
        await reporting.conclude(room, issue.id, as_json, quiet=True)
        return HELD
    if (
        issue.state is IssueState.APPROVED
        and issue.not_before
        and issue.not_before - room.clock.now() > timedelta(minutes=1)
    ):
        if not as_json:
            spread = await planning.planned(room, issue)
            leaves = f"{issue.not_before:%Y-%m-%d %H:%M} UTC{f': {spread}' if spread else ''}"
            say(f"Issue {issue.id} is approved. The daemon sends it at {leaves}.")
        return await reporting.conclude(room, issue.id, as_json, quiet=True)
    return await depart(room, issue, as_json)


async def depart(room: Newsroom, issue: Issue, as_json: bool) -> int:
    """Wait for the end of the grace period, then send."""
    stop = told_to_end()
    if issue.state is IssueState.APPROVED:
        if issue.not_before and not await _grace(room, (issue.not_before - room.clock.now()).total_seconds(), stop):
            await publish.hold(room, issue.id, "undone by an editor during the grace period")
            return await reporting.conclude(room, issue.id, as_json)
        issue = await departure.start(room, issue.id)
    if issue.state is not IssueState.SENDING:
        code = await reporting.conclude(room, issue.id, as_json)
        return HELD if issue.state in BEFORE_APPROVAL else code  # somebody took the approval back while we waited
    return await _deliver(room, issue.id, stop, as_json)


async def _grace(room: Newsroom, seconds: float, stop: asyncio.Event) -> bool:
    """Whether the grace period went by without a Ctrl-C."""
    if seconds <= 0:
        return True
    note(f"Leaves in {seconds:.0f} s. Ctrl-C takes it back.")
    await first_of(stop.wait(), room.clock.sleep(seconds))
    return not stop.is_set()


async def change(room: Newsroom, act: Awaitable[Issue], as_json: bool) -> int:
    """Hold, cancel or pause, and say how the issue stands then: what has left, and what has not."""
    issue_id = (await act).id
    if not await departure.given_back(room, issue_id):
        note(f"Some are with the mail server at this moment; later: digest issues report {issue_id}")
    await reporting.conclude(room, issue_id, as_json)
    return DONE


async def resume(room: Newsroom, issue_id: int, as_json: bool) -> int:
    """Go on: back to review, or on with sending, here and now."""
    issue, findings = await clearance.resume(room, issue_id)
    for line in lines(findings):
        note(line)
    if issue.state is IssueState.SENDING:
        return await _deliver(room, issue_id, told_to_end(), as_json)
    return await reporting.conclude(room, issue_id, as_json)


async def retry(room: Newsroom, issue_id: int, as_json: bool, *, failed: bool, uncertain: bool) -> int:
    """Try again what is deferred and what else was asked for, here and now."""
    await publish.retry(room, issue_id, failed=failed, uncertain=uncertain)
    return await _deliver(room, issue_id, told_to_end(), as_json)


async def _deliver(room: Newsroom, issue_id: int, stop: asyncio.Event, as_json: bool) -> int:
    try:
        async with progress.bar(room, issue_id) as watch:
            await departure.deliver(room, issue_id, stop, watch)
    except RelayRefused as refusal:
        note(f"digest: the mail server {'is not ready' if refusal.temporary else 'refuses us'}: {refusal}")
    return await reporting.conclude(room, issue_id, as_json)
