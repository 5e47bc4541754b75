"""`preflight`: is an issue fit to be sent? And how findings are shown elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.runner import DONE, FAILED, NOTHING_TO_SEND, Json, emit, note, run, say
from digest.errors import PreflightFailed

if TYPE_CHECKING:
    from digest.flow.newsroom import Newsroom
    from digest.render.preflight import Finding


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(preflight)


def preflight(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="NEWSLETTER|ISSUE", help="What send would send, or an issue's number.")
    ],
    as_json: Json = False,
) -> None:
    """Check a mail before it is sent: errors block, warnings want a yes, advice informs. Nothing is sent."""

    async def command(room: Newsroom) -> int:
        from digest.flow import preflight as checks

        lacking = ""
        # A newsletter may be called 2026, and is the nearer guess then.
        if what.isdecimal() and what not in room.settings.newsletters:
            findings: Sequence[Finding] | None = await checks.of_issue(room, int(what))
        else:
            lacking, findings = await checks.of_newsletter(room, what)
        if findings is None:
            return _nothing(lacking, as_json)
        if lacking:
            note(lacking)
        if as_json:
            emit(documents(findings))
        else:
            for line in (*lines(findings), _summary(findings)):
                say(line)
        return FAILED if any(each.level == "error" for each in findings) else DONE

    run(context, command)


def _nothing(lacking: str, as_json: bool) -> int:
    told = f"Nothing to send: {lacking}."
    if as_json:
        emit([])
        note(told)
    else:
        say(told)
    return NOTHING_TO_SEND


def documents(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Findings for a program."""
    return [asdict(each) for each in findings]


def lines(findings: Sequence[Finding]) -> list[str]:
    """Findings for a person, a line each."""
    return [
        f"{each.level.value.capitalize()}: {each.check}: {each.message}{f' [{each.where}]' if each.where else ''}"
        for each in findings
    ]


def _summary(findings: Sequence[Finding]) -> str:
    counts = {level: sum(each.level == level for each in findings) for level in ("error", "warning", "advice")}
    if not any(counts.values()):
        return "Fit to be sent."
    told = ", ".join(
        f"{number} {level}{'s' if number != 1 and level != 'advice' else ''}"
        for level, number in counts.items()
        if number
    )
    return f"{told}. {'Not fit to be sent.' if counts['error'] else 'Fit to be sent.'}"


def has_warnings(findings: Sequence[Finding]) -> bool:
    """Whether one of the findings wants a yes."""
    return any(each.level == "warning" for each in findings)


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Raise PreflightFailed if one of the findings is an error: nobody's yes accepts it."""
    errors = [each for each in findings if each.level == "error"]
    if errors:
        raise PreflightFailed([f"{each.check}: {each.message}" for each in errors])
