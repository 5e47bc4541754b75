"""The report of an issue as a person reads it: how many of whom, why not the others, and what to do next.

    Report, who was not reached -> lines

Pure. What is not here: reading it from the ledger (flow/report), the document for programs (reporting).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from digest.flow.report import Report
from digest.model.delivery import DeliveryState, Tally
from digest.model.issue import BEFORE_APPROVAL, IssueState

_S = IssueState
_D = DeliveryState

NAMED = 5
"""Addresses shown for one reason."""
REASONS = 20
"""Reasons shown for one outcome; a server that puts a number into every reply has as many as recipients."""

_WORDS = {_D.FAILED: "failed", _D.UNCERTAIN: "in doubt", _D.DEFERRED: "deferred", _D.PENDING: "waiting",
          _D.SKIPPED: "skipped"}  # fmt: skip
_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")

NotReached = tuple[str, str, int | None, str]
"""Address, outcome, code, reply."""
Reason = tuple[str, str]
"""Outcome, and what the server said but for the address."""


def lines(found: Report, slot: str, people: Sequence[NotReached]) -> list[str]:
    """The report. slot: as her clock shows it. people: who was not reached, or the first thousand of them."""
    issue = found.issue
    subject = f": {issue.subject}" if issue.subject else ""
    head = f"Issue {issue.id} of {issue.newsletter}, {slot}{subject}"
    blocks = [[head, _reached(found)], list(_reasons(found, people)), list(_next(found))]
    return [line for block in blocks if block for line in ("", *block)][1:]


def _reached(found: Report) -> str:
    issue, tally = found.issue, found.tally
    state = "under review" if issue.state is _S.REVIEW else str(issue.state)
    said = f"{state.capitalize()}{f': {issue.reason}' if issue.reason else ''}."
    if not tally.recipients:
        return said
    took = f" in {found.seconds:.1f} s" if issue.state is _S.SENT and found.seconds is not None else ""
    return f"{said} {tally.sent} of {tally.recipients} reached ({_share(tally)}){took}."


def _share(tally: Tally) -> str:
    """In per cent, rounded down: only all of them are 100."""
    return f"{1000 * tally.sent // tally.recipients / 10:g} %"


def _reasons(found: Report, people: Sequence[NotReached]) -> Iterator[str]:
    counts: dict[Reason, int] = {}
    for outcome, code, reply, number in found.reasons:
        counts[_reason(outcome, code, reply)] = counts.get(_reason(outcome, code, reply), 0) + number
    named: dict[Reason, list[str]] = {}
    for email, outcome, code, reply in people:
        named.setdefault(_reason(outcome, code, reply), []).append(email)
    width = len(str(max(counts.values(), default=0)))
    for state, word in _WORDS.items():
        of_state = sorted((each for each in counts if each[0] == state), key=lambda each: (-counts[each], each))
        for each in of_state[:REASONS]:
            yield f"{word:<8}  {counts[each]:>{width}}  {each[1] or 'no reason was given'}"
            yield from (f"{'':{12 + width}}{who}" for who in _some(named.get(each, []), counts[each]))
        if rest := of_state[REASONS:]:
            yield f"{word:<8}  {sum(counts[each] for each in rest):>{width}}  for {len(rest)} other reasons"
    if any(len(named.get(each, [])[:NAMED]) < number for each, number in counts.items()):
        yield f"With addresses: digest issues show {found.issue.id} --json"


def _reason(outcome: str, code: int | None, reply: str) -> Reason:
    said = _ADDRESS.sub("…", reply)
    return outcome, f"{code} {said}" if code else said


def _some(emails: Sequence[str], number: int) -> Iterator[str]:
    yield from emails[:NAMED]
    if emails and number > NAMED:
        yield f"and {number - NAMED} more"


def _next(found: Report) -> Iterator[str]:
    issue, tally = found.issue, found.tally
    if issue.state in {_S.HELD, _S.PAUSED}:
        yield f"digest issues resume {issue.id}  goes on; digest issues cancel {issue.id}  ends it."
    elif issue.state in BEFORE_APPROVAL:
        yield f"digest issues approve {issue.id}  lets it go."
    elif issue.state is _S.SENDING and (tally.deferred or tally.waiting):
        yield f"The daemon sends the rest when it runs; now: digest issues retry {issue.id}"
    if issue.state in {_S.SENDING, _S.SENT}:
        if tally.failed:
            yield f"digest issues retry {issue.id} --failed  tries those again that were refused for good."
        if tally.uncertain:
            yield f"digest issues retry {issue.id} --uncertain  sends to those in doubt again; some may get it twice."
