"""What `send`, `approve`, `resume`, `retry` and `report` have in common: summary, question, progress, figures, exit code.

Imported only when one of them runs. What is not here: the acts themselves (flow).
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from digest.cli.preflight import lines, refuse_errors
from digest.cli.runner import DONE, FAILED, HELD, INCOMPLETE, NOTHING_TO_SEND, emit, note, say
from digest.clock import first_of
from digest.daemon.signals import told_to_end
from digest.errors import RelayRefused, TemplateError, UsageError
from digest.flow import departure, gathering, mailing, membership, produce, publish, report, withdrawal
from digest.flow.gathering import SourceReport
from digest.flow.newsroom import Newsroom
from digest.flow.preflight import preflight
from digest.flow.report import Report
from digest.flow.send import Watch
from digest.model.delivery import DeliveryState
from digest.model.issue import BEFORE_APPROVAL, Issue, IssueState
from digest.settings import is_loopback

_S = IssueState


@dataclass(frozen=True, slots=True)
class Order:
    """What `send` was asked for."""

    newsletter: str
    yes: bool = False
    dry_run: bool = False
    new: bool = False
    tests: tuple[str, ...] = ()
    as_json: bool = False


async def send(room: Newsroom, order: Order) -> int:
    """Sync, gather, build, show the summary, ask, and send. Returns the exit code."""
    room.settings.newsletter(order.newsletter)
    if not (order.yes or order.dry_run or order.tests or sys.stdin.isatty()):
        raise UsageError("there is nobody here to ask: say --yes to send, or --dry-run to look")
    warnings = await _prepare(room, order.newsletter)
    if order.tests:
        return await _send_tests(room, order)
    if order.dry_run:
        return await _dry_run(room, order, warnings)
    if not order.new and (begun := await departure.unfinished(room, order.newsletter)):
        note(f"Issue {begun.id} was not sent to its end; going on with it.")
        return await _depart(room, begun, order.as_json)
    issue = await _issue_to_send(room, order)
    if issue.state is _S.SKIPPED:
        await _point_at_held(room, order.newsletter)
        return await _conclude(room, issue.id, order.as_json)
    issue, gone = await withdrawal.look_again(room, issue)
    warnings += gone
    # With --yes nobody reads it: a template that does not render then fails the issue, as it would at its slot.
    with contextlib.suppress(*([TemplateError] if order.yes else [])):
        await _summary(room, issue, warnings)
    if not order.yes and not _agreed():
        note(
            f"Nothing was sent. Issue {issue.id} waits for you: digest issues approve {issue.id}, or cancel {issue.id}."
        )
        return await _conclude(room, issue.id, order.as_json, quiet=True)
    if room.settings.newsletter(order.newsletter).review == "second":
        return await approve(room, issue.id, order.as_json)
    return await _approve_and_send(room, issue.id, order.as_json)


async def _point_at_held(room: Newsroom, newsletter: str) -> None:
    """Where nothing is new because an issue with the news is held, say so."""
    for held in await report.held(room, newsletter):
        note(f"Issue {held.id} is held: {held.reason}. To send it: digest issues resume {held.id}")


async def _prepare(room: Newsroom, newsletter: str) -> list[str]:
    """Read the lists and gather; what an editor should know before sending."""
    warnings = []
    for name, counts in (await membership.sync(room, room.settings.newsletter(newsletter).lists)).items():
        warnings += [f"subscribers/{name}.csv, line {each.line}: {each.reason}" for each in counts.refused]
    with _spinner("Gathering"):
        reports = await gathering.gather(room, room.settings.newsletter(newsletter).sources)
    warnings += [f"source {each.name} failed: {each.error}" for each in reports if each.status == "failed"]
    return warnings + _standing_warnings(room, reports)


def _standing_warnings(room: Newsroom, reports: list[SourceReport]) -> list[str]:
    url = room.settings.site.url
    warnings = []
    if url.startswith("http:") and not is_loopback(url):
        warnings.append(f"site.url is {url}: subscribers' links should begin with https://")
    if reports and all(each.status == "failed" for each in reports):
        warnings.append("no source could be fetched: the stories are those of earlier")
    return warnings


# -- look, test --------------------------------------------------------------------------------------------------------


async def _dry_run(room: Newsroom, order: Order, warnings: list[str]) -> int:
    issue = await produce.preview(room, order.newsletter)
    number = await publish.recipients(room, order.newsletter)
    wanting = produce.lacks(room, order.newsletter, len(issue.stories)) or (
        None if number else "nobody is on the lists"
    )
    if not wanting:
        await _summary(room, issue, warnings)
    if order.as_json:
        state = _S.SKIPPED if wanting else issue.state
        emit(_figures(None, state, wanting or "dry run: nothing was sent", {"recipients": number}))
    else:
        say(f"Nothing to send: {wanting}." if wanting else "Dry run: nothing was sent.")
    return NOTHING_TO_SEND if wanting else DONE


async def _send_tests(room: Newsroom, order: Order) -> int:
    issue = await produce.preview(room, order.newsletter)
    if wanting := produce.lacks(room, order.newsletter, len(issue.stories)):
        if order.as_json:
            emit(_figures(None, _S.SKIPPED, wanting, {}))
        else:
            say(f"Nothing to send: {wanting}.")
        return NOTHING_TO_SEND
    queued = await mailing.queue_tests(room, issue, publish.render(room, issue), list(order.tests))
    outcomes = await departure.deliver_messages(room, queued)
    counted = {state: sum(outcome[1] == state for outcome in outcomes) for state in DeliveryState}
    figures = {"recipients": len(outcomes), **{state.value: number for state, number in counted.items()}}
    if order.as_json:
        emit(_figures(None, issue.state, "test: only to the addresses given", figures))
    for email, state, code, reply in outcomes if not order.as_json else ():
        why = "" if state == DeliveryState.SENT else f" ({f'{code} ' if code else ''}{reply})"
        say(f"{email}: {state}{why}")
    return DONE if counted[DeliveryState.SENT] == len(outcomes) else INCOMPLETE


async def _issue_to_send(room: Newsroom, order: Order) -> Issue:
    """The issue under review unless another is wanted, else one made now; too few stories: it is skipped."""
    waiting = None if order.new else await produce.waiting(room, order.newsletter)
    if waiting is None:
        waiting = await produce.draft(room, order.newsletter, room.clock.now(), scheduled=False)
    elif waiting.state is _S.DRAFT:
        waiting = await produce.build(room, waiting)
    if waiting.state is _S.DRAFT:
        waiting = await produce.give_up(room, waiting)
    return waiting


async def _summary(room: Newsroom, issue: Issue, warnings: list[str]) -> None:
    """What is about to happen, on standard error: standard output is for the result.

    Raises TemplateError, PreflightFailed.
    """
    rendered = publish.render(room, issue)
    newsletter = room.settings.newsletter(issue.newsletter)
    number = await publish.recipients(room, issue.newsletter)
    note(f"{newsletter.title}, issue {issue.id or '(not kept)'}")
    note(f"  Subject:    {rendered.subject}")
    note(f"  Preheader:  {rendered.preheader}")
    note(f"  From:       {newsletter.from_}")
    note(f"  Recipients: {number} on {', '.join(newsletter.lists)}")
    note(f"  Stories:    {len(issue.stories)}")
    for story in issue.stories:
        note(f"    {story.position + 1:2}. {story.title}")
    for warning in warnings:
        note(f"  Warning: {warning}")
    with _spinner("Checking"):
        findings = await preflight(room, issue, rendered)
    for line in lines(findings):
        note(f"  {line}")
    refuse_errors(findings)


def _agreed() -> bool:
    note("Send it now? [y/N] ")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


# -- act ---------------------------------------------------------------------------------------------------------------


async def approve(room: Newsroom, issue_id: int, as_json: bool) -> int:
    """Approve; send here and now unless the slot is still to come."""
    issue = await publish.get(room, issue_id)
    await membership.sync(room, room.settings.newsletter(issue.newsletter).lists)
    if issue.state in BEFORE_APPROVAL and not issue.approved_at:
        for warning in (await withdrawal.look_again(room, issue))[1]:
            note(f"Warning: {warning}")
    issue = await publish.approve(room, issue_id)
    if issue.state in BEFORE_APPROVAL:
        note(f"That was the first approval. A second editor must approve issue {issue_id} too.")
        await _conclude(room, issue_id, as_json, quiet=True)
        return HELD
    if issue.state is _S.APPROVED and issue.not_before and issue.not_before - room.clock.now() > timedelta(minutes=1):
        if not as_json:
            say(f"Issue {issue_id} is approved. The daemon sends it at {issue.not_before:%Y-%m-%d %H:%M} UTC.")
        return await _conclude(room, issue_id, as_json, quiet=True)
    return await _depart(room, issue, as_json)


async def _approve_and_send(room: Newsroom, issue_id: int, as_json: bool) -> int:
    issue = await publish.approve_or_rebuild(room, issue_id, at_once=True)
    return await _depart(room, issue, as_json)


async def _depart(room: Newsroom, issue: Issue, as_json: bool) -> int:
    """Wait for the end of the grace period, then send."""
    stop = told_to_end()
    if issue.state is _S.APPROVED:
        if issue.not_before and not await _grace(room, (issue.not_before - room.clock.now()).total_seconds(), stop):
            await publish.hold(room, issue.id, "undone by an editor during the grace period")
            return await _conclude(room, issue.id, as_json)
        issue = await departure.start(room, issue.id)
    if issue.state is not _S.SENDING:
        return await _conclude(room, issue.id, as_json)
    return await _deliver(room, issue.id, stop, as_json)


async def _grace(room: Newsroom, seconds: float, stop: asyncio.Event) -> bool:
    """Whether the grace period went by without a Ctrl-C."""
    if seconds <= 0:
        return True
    note(f"Leaves in {seconds:.0f} s. Ctrl-C takes it back.")
    await first_of(stop.wait(), room.clock.sleep(seconds))
    return not stop.is_set()


async def change(room: Newsroom, act: Awaitable[Issue], as_json: bool) -> int:
    """Hold, cancel or pause, and say how the issue stands then."""
    issue_id = (await act).id
    await _conclude(room, issue_id, as_json)
    return DONE


async def resume(room: Newsroom, issue_id: int, as_json: bool) -> int:
    """Go on: back to review, or on with sending, here and now."""
    issue = await publish.resume(room, issue_id)
    if issue.state is _S.SENDING:
        return await _deliver(room, issue_id, told_to_end(), as_json)
    return await _conclude(room, issue_id, as_json, quiet=True)


async def retry(room: Newsroom, issue_id: int, as_json: bool, *, failed: bool, uncertain: bool) -> int:
    """Try again what is deferred and what else was asked for, here and now."""
    await publish.retry(room, issue_id, failed=failed, uncertain=uncertain)
    return await _deliver(room, issue_id, told_to_end(), as_json)


async def _deliver(room: Newsroom, issue_id: int, stop: asyncio.Event, as_json: bool) -> int:
    async with _progress(room, issue_id) as watch:
        try:
            await departure.deliver(room, issue_id, stop, watch)
        except RelayRefused as refusal:
            note(f"digest: the mail server {'is not ready' if refusal.temporary else 'refuses us'}: {refusal}")
    return await _conclude(room, issue_id, as_json)


@contextlib.asynccontextmanager
async def _progress(room: Newsroom, issue_id: int) -> AsyncIterator[Watch]:
    """A bar on a terminal, silence elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _issue, _state: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    tally = (await report.report(room, issue_id)).tally
    columns = (TextColumn("Sending"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(
            "sending", total=tally.recipients, completed=tally.recipients - tally.waiting - tally.deferred
        )
        yield lambda issue, _state: bar.advance(task) if issue == issue_id else None


@contextlib.contextmanager
def _spinner(what: str) -> Any:
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what} …"):
        yield


# -- report ------------------------------------------------------------------------------------------------------------


async def show_report(room: Newsroom, issue_id: int, as_json: bool) -> int:
    """Show who was reached and why the others were not."""
    found = await report.report(room, issue_id)
    if as_json:
        reasons = [
            {"outcome": outcome, "code": code, "reply": reply, "count": count}
            for outcome, code, reply, count in found.reasons
        ]
        emit(_report_figures(found) | {"reasons": reasons})
        return exit_code(found)
    say(_sentence(found))
    for outcome, code, reply, count in found.reasons:
        say(f"  {count} {outcome}: {f'{code} ' if code else ''}{reply}")
    for email, outcome, code, reply in await report.not_reached(room, issue_id):
        say(f"    {email}: {outcome} {f'({code} {reply})' if reply else ''}")
    return exit_code(found)


async def _conclude(room: Newsroom, issue_id: int, as_json: bool, *, quiet: bool = False) -> int:
    found = await report.report(room, issue_id)
    if as_json:
        emit(_report_figures(found))
    elif not quiet:
        say(_sentence(found))
    return exit_code(found)


def _report_figures(found: Report) -> dict[str, Any]:
    tally = found.tally
    figures = {
        "recipients": tally.recipients,
        "sent": tally.sent,
        "deferred": tally.deferred,
        "failed": tally.failed,
        "uncertain": tally.uncertain,
        "skipped": tally.skipped,
    }
    seconds = 0.0 if found.seconds is None else round(found.seconds, 3)
    return _figures(found.issue.id, found.issue.state, found.issue.reason, figures, seconds)


def _figures(
    issue: int | None, state: str, reason: str, counts: dict[str, int], seconds: float = 0.0
) -> dict[str, Any]:
    names = ("recipients", "sent", "deferred", "failed", "uncertain", "skipped")
    numbers = {name: counts.get(name, 0) for name in names}
    return {"issue": issue, "state": state, "reason": reason, **numbers, "seconds": seconds}


def _sentence(found: Report) -> str:
    issue, tally = found.issue, found.tally
    said = f"Issue {issue.id} is {issue.state}{f': {issue.reason}' if issue.reason else ''}."
    if not tally.recipients:
        return said
    parts = [f"{tally.sent} of {tally.recipients} sent"]
    parts += [
        f"{number} {name}"
        for name, number in (
            ("waiting", tally.waiting),
            ("deferred", tally.deferred),
            ("failed", tally.failed),
            ("in doubt", tally.uncertain),
            ("skipped", tally.skipped),
        )
        if number
    ]
    seconds = f" in {found.seconds:.1f} s" if issue.state is _S.SENT and found.seconds is not None else ""
    return f"{said} {', '.join(parts)}{seconds}.{_whats_next(found)}"


def _whats_next(found: Report) -> str:
    issue, tally = found.issue, found.tally
    if issue.state is _S.SENDING and (tally.deferred or tally.waiting):
        return f"\nThe rest is sent by the daemon when it runs, or by: digest issues retry {issue.id}"
    if tally.uncertain:
        return f"\nThose in doubt may have been reached: digest issues retry {issue.id} --uncertain sends them again."
    return ""


def exit_code(found: Report) -> int:
    """0 done, 1 failed, 3 nothing to send, 4 some were not reached (yet), 5 held or paused."""
    state, tally = found.issue.state, found.tally
    if state in {_S.HELD, _S.PAUSED}:
        return HELD
    if state is _S.SKIPPED:
        return NOTHING_TO_SEND
    if state is _S.FAILED:
        return FAILED
    if state is _S.SENDING or tally.failed or tally.uncertain or tally.deferred:
        return INCOMPLETE
    return DONE
