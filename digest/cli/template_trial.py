"""`test-templates`: does a site's own template stand every kind of issue?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.runner import DONE, FAILED, Json, emit, run, say

if TYPE_CHECKING:
    from digest.flow.newsroom import Newsroom
    from digest.flow.template_trial import Found, Outcome


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("test-templates")(try_templates)


def try_templates(
    context: typer.Context,
    update_golden: Annotated[
        bool,
        typer.Option("--update-golden", help="Keep the mails of now in tests/golden, to compare with from now on."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Draw sample issues of every kind in each newsletter's template and each layout, and say what is wrong with them."""

    async def command(room: Newsroom) -> int:
        from digest.cli.progress import spinner
        from digest.flow.template_trial import try_out

        with spinner("Drawing sample issues"):
            outcome = try_out(room, update_golden=update_golden)
        if as_json:
            faults = [
                asdict(each.fault) | {"template": each.template, "newsletters": each.subjects, "samples": each.samples}
                for each in outcome.found
            ]
            files = [str(file) for file in outcome.written]
            emit({"mails": outcome.mails, "faults": faults, "golden": outcome.golden, "written": files})
        else:
            for file in outcome.written:
                say(f"kept: {file}")
            for each in outcome.found:
                say(_told(each))
            say(_sum(outcome))
        return FAILED if outcome.found else DONE

    run(context, command)


def _sum(outcome: Outcome) -> str:
    number = len(outcome.found)
    faults = f"{number} fault{'s' if number != 1 else ''}" if number else "no fault"
    if outcome.written:
        golden = ""
    elif outcome.golden:
        golden = f" Compared with the golden mails: {outcome.golden}."
    else:
        golden = " No golden mail is kept yet: with --update-golden every later change of a mail is told."
    return f"{outcome.mails} mails drawn, {faults}.{golden}"


def _told(found: Found) -> str:
    fault = found.fault
    line = f", line {fault.line}" if fault.line else ""
    where = f" [{fault.where}]" if fault.where else ""
    more = f" and {len(found.samples) - 1} more" if len(found.samples) > 1 else ""
    return (
        f"{found.template}{line}: {fault.check}: {fault.message}{where}\n"
        f"    remedy: {fault.remedy}\n"
        f"    in: {', '.join(found.subjects)}; sample: {found.samples[0]}{more}\n"
    )
