"""What became of an issue, in figures, in a sentence, and as an exit code.

Imported only when one is shown. What is not here: the acts (sending), the report in words (report_text).
"""

from __future__ import annotations

from typing import Any

from digest.cli import report_text, shown
from digest.cli.runner import DONE, FAILED, HELD, INCOMPLETE, NOTHING_TO_SEND, emit, say
from digest.flow import report
from digest.flow.newsroom import Newsroom
from digest.flow.report import Report
from digest.model.delivery import Tally
from digest.model.issue import IssueState

_S = IssueState


async def show_report(room: Newsroom, issue_id: int, as_json: bool) -> int:
    """Show who was reached and why the others were not."""
    found = await report.report(room, issue_id)
    if as_json:
        reasons = [
            {"outcome": outcome, "code": code, "reply": reply, "count": count}
            for outcome, code, reply, count in found.reasons
        ]
        emit(_report_figures(found) | {"reasons": reasons, "waits": list(found.waits)})
        return exit_code(found)
    people = await report.not_reached(room, issue_id)
    say("\n".join(report_text.lines(found, shown.local(room, found.issue), people)))
    return exit_code(found)


async def conclude(room: Newsroom, issue_id: int, as_json: bool, *, quiet: bool = False) -> int:
    """Say how an issue stands; the exit code that follows from it. quiet: only the document, if one is wanted."""
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
    return document(found.issue.id, found.issue.state, found.issue.reason, figures, seconds)


def document(
    issue: int | None, state: str, reason: str, counts: dict[str, int], seconds: float = 0.0
) -> dict[str, Any]:
    """The document that `send` and its like print. counts: deliveries by state."""
    names = ("recipients", "sent", "deferred", "failed", "uncertain", "skipped")
    numbers = {name: counts.get(name, 0) for name in names}
    return {"issue": issue, "state": state, "reason": reason, **numbers, "seconds": seconds}


def _sentence(found: Report) -> str:
    issue, tally = found.issue, found.tally
    state = "under review" if issue.state is _S.REVIEW else issue.state
    said = f"Issue {issue.id} is {state}{f': {issue.reason}' if issue.reason else ''}."
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
    if issue.state in {_S.PAUSED, _S.CANCELLED} or (issue.state is _S.HELD and tally.sent):
        return f"{said} {_left(tally)}{_whats_next(found)}"
    seconds = f" in {found.seconds:.1f} s" if issue.state is _S.SENT and found.seconds is not None else ""
    return f"{said} {', '.join(parts)}{seconds}.{_whats_next(found)}"


def _left(tally: Tally) -> str:
    """What of a stopped issue has left, as exactly as anybody can know it."""
    doubt = f", of {tally.uncertain} nobody knows" if tally.uncertain else ""
    refused = f", {tally.failed} were refused" if tally.failed else ""
    return f"{tally.sent} had left, {tally.waiting + tally.deferred + tally.skipped} have not{refused}{doubt}."


def _whats_next(found: Report) -> str:
    issue, tally = found.issue, found.tally
    if issue.state is _S.SENDING and (tally.deferred or tally.waiting):
        waits = "".join(f"\nNow: {each}." for each in found.waits)
        return f"{waits}\nThe rest is sent by the daemon when it runs, or by: digest issues retry {issue.id}"
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
