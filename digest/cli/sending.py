"""What `send`, `approve`, `resume`, `retry` and `report` have in common: summary, question, progress, figures, exit code.

Imported only when one of them runs. What is not here: the acts themselves (flow).
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass

from digest.cli import acting, progress, reporting
from digest.cli.preflight import lines, refuse_errors
from digest.cli.runner import DONE, INCOMPLETE, NOTHING_TO_SEND, emit, note, say
from digest.errors import TemplateError, UsageError
from digest.flow import (
    clearance,
    departure,
    gathering,
    mailing,
    membership,
    planning,
    produce,
    publish,
    report,
    withdrawal,
)
from digest.flow.gathering import SourceReport
from digest.flow.newsroom import Newsroom
from digest.flow.preflight import preflight
from digest.flow.showing import to_show
from digest.model.delivery import DeliveryState
from digest.model.issue import Issue, IssueState
from digest.settings import is_loopback


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
        return await acting.depart(room, begun, order.as_json)
    if (
        not order.new
        and (deferred := await departure.deferred(room, order.newsletter))
        and await _nothing_new(room, order)
    ):
        later = await planning.waiting(room, deferred, room.clock.now())
        waits = f"is on its way: {later}" if later else "waits for the mail server"
        note(f"Issue {deferred.id} {waits}. To try now: digest issues retry {deferred.id}")
        return await reporting.conclude(room, deferred.id, order.as_json)
    issue = await _issue_to_send(room, order)
    if issue.state is IssueState.SKIPPED:
        await _point_at_held(room, order.newsletter)
        return await reporting.conclude(room, issue.id, order.as_json)
    issue, gone = await withdrawal.look_again(room, issue)
    warnings += gone
    # With --yes nobody reads it: a template that does not render then fails the issue, as it would at its slot.
    with contextlib.suppress(*([TemplateError] if order.yes else [])):
        await _summary(room, issue, warnings)
    if not order.yes and not acting.agreed():
        note(
            f"Nothing was sent. Issue {issue.id} waits for you: digest issues approve {issue.id}, or cancel {issue.id}."
        )
        return await reporting.conclude(room, issue.id, order.as_json, quiet=True)
    if room.settings.newsletter(order.newsletter).review == "second":
        return await acting.approved(room, await publish.approve(room, issue.id, seen=issue), order.as_json)
    issue = await clearance.approve_or_rebuild(room, issue.id, at_once=True, seen=issue)
    return await acting.depart(room, issue, order.as_json)


async def _nothing_new(room: Newsroom, order: Order) -> bool:
    issue = await produce.preview(room, order.newsletter)
    return issue.id == 0 and produce.lacks(room, order.newsletter, len(issue.stories)) is not None


async def _point_at_held(room: Newsroom, newsletter: str) -> None:
    """Where nothing is new because an issue with the news is held, say so."""
    for held in await report.held(room, newsletter):
        note(f"Issue {held.id} is held: {held.reason}. To send it: digest issues resume {held.id}")


async def _prepare(room: Newsroom, newsletter: str) -> list[str]:
    """Read the lists and gather; what an editor should know before sending."""
    warnings = []
    for name, counts in (await membership.sync(room, room.settings.newsletter(newsletter).lists)).items():
        warnings += membership.told(name, counts)
    with progress.spinner("Gathering"):
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
        state = IssueState.SKIPPED if wanting else issue.state
        emit(reporting.document(None, state, wanting or "dry run: nothing was sent", {"recipients": number}))
    else:
        say(f"Nothing to send: {wanting}." if wanting else "Dry run: nothing was sent.")
    return NOTHING_TO_SEND if wanting else DONE


async def _send_tests(room: Newsroom, order: Order) -> int:
    shown = await to_show(room, order.newsletter)
    issue = shown.issue
    if wanting := produce.lacks(room, order.newsletter, len(issue.stories)):
        if order.as_json:
            emit(reporting.document(None, IssueState.SKIPPED, wanting, {}) | {"shown_with": None})
        else:
            say(f"Nothing to send: {wanting}.")
        return NOTHING_TO_SEND
    if shown.reason:
        note(shown.reason)
    queued = await mailing.queue_tests(room, issue, publish.render(room, issue), list(order.tests))
    outcomes = await departure.deliver_messages(room, queued)
    counted = {state: sum(outcome[1] == state for outcome in outcomes) for state in DeliveryState}
    figures = {"recipients": len(outcomes), **{state.value: number for state, number in counted.items()}}
    if order.as_json:
        reason = f"test: only to the addresses given{f'; {shown.reason}' if shown.reason else ''}"
        emit(reporting.document(None, issue.state, reason, figures) | {"shown_with": shown.shown_with})
    for email, state, code, reply in outcomes if not order.as_json else ():
        why = "" if state == DeliveryState.SENT else f" ({f'{code} ' if code else ''}{reply})"
        say(f"{email}: {state}{why}")
    return DONE if counted[DeliveryState.SENT] == len(outcomes) else INCOMPLETE


async def _issue_to_send(room: Newsroom, order: Order) -> Issue:
    """The issue under review unless another is wanted, else one made now; too few stories: it is skipped."""
    waiting = None if order.new else await produce.waiting(room, order.newsletter)
    if waiting is None:
        waiting = await produce.draft(room, order.newsletter, room.clock.now(), scheduled=False)
    elif waiting.state is IssueState.DRAFT:
        waiting = await produce.build(room, waiting)
    if waiting.state is IssueState.DRAFT:
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
    spread = await planning.expected(room, issue)
    note(f"  Recipients: {number} on {', '.join(newsletter.lists)}{f'; {spread}' if spread else ''}")
    beyond = f", {len(rendered.beyond)} of them on the web version only" if rendered.beyond else ""
    note(f"  Stories:    {len(issue.stories)}{beyond}")
    for story in issue.stories:
        note(f"    {story.position + 1:2}. {story.title}")
    for warning in warnings:
        note(f"  Warning: {warning}")
    with progress.spinner("Checking"):
        findings = await preflight(room, issue, rendered)
    for line in lines(findings):
        note(f"  {line}")
    refuse_errors(findings)
