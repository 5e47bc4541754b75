"""`preview`, `send`, and `issues …`.

What sends is imported when it is wanted: a command imports only what it needs.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.runner import DONE, NOTHING_TO_SEND, Json, emit, note, run, say, table
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.flow.newsroom import Newsroom

issues_app = typer.Typer(help="Issues: look, edit, approve, stop, report.", no_args_is_help=False)

Number = Annotated[int, typer.Argument(metavar="ID", help="The issue's number.", min=1, max=2**63 - 1)]
Newsletter = Annotated[str, typer.Argument(metavar="NEWSLETTER")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(preview)
    app.command()(send)
    app.add_typer(issues_app, name="issues")


# -- preview and send --------------------------------------------------------------------------------------------------


def preview(
    context: typer.Context,
    newsletter: Newsletter,
    as_: Annotated[str | None, typer.Option("--as", metavar="EMAIL", help="As this subscriber gets it.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where to write; else var/preview.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="As of this instant (ISO 8601).")] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Show it on a local page that follows every change of a template or setting."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the mail as it would be sent: issue.html, issue.txt, issue.eml, issue.json; nothing is sent."""

    async def command(room: Newsroom) -> int:
        from digest.flow import preview as previewing

        if watch:
            from digest.cli.watching import show_until_told

            return await show_until_told(room, newsletter, as_, _instant(at), as_json)
        folder = out or room.settings.root / "var" / "preview" / newsletter
        result = await previewing.write(room, newsletter, folder, email=as_, at=_instant(at))
        if as_json:
            emit(result.document)
        elif result.files:
            say("\n".join(str(file) for file in result.files))
        if not as_json and (not result.files or result.document["shown_with"]):
            note(result.document["reason"])
        return DONE if result.files else NOTHING_TO_SEND

    run(context, command)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--at {text!r}: an instant such as 2026-11-23T07:00 is needed") from None
    return moment


def send(
    context: typer.Context,
    newsletter: Newsletter,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; accept warnings.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent; remember nothing.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Make another issue though one is under review.")] = False,
    test: Annotated[
        list[str] | None, typer.Option("--test", metavar="ADDRESS", help="Only to this address, marked [TEST].")
    ] = None,
    as_json: Json = False,
) -> None:
    """Gather, build, show the summary, ask, and send now."""
    from digest.cli import sending

    order = sending.Order(newsletter, yes=yes, dry_run=dry_run, new=new, tests=tuple(test or ()), as_json=as_json)
    run(context, lambda room: sending.send(room, order))


# -- issues ------------------------------------------------------------------------------------------------------------


@issues_app.callback(invoke_without_command=True)
def issues_default(context: typer.Context, as_json: Json = False) -> None:
    """Show the issues, newest first."""
    if context.invoked_subcommand is None:
        issues_list(context, as_json)


@issues_app.command("list")
def issues_list(context: typer.Context, as_json: Json = False) -> None:
    """Show the issues, newest first."""

    async def command(room: Newsroom) -> None:
        from digest.cli import shown
        from digest.flow import report

        rows = await report.listing(room)
        if as_json:
            emit([shown.line(each.issue) | {"recipients": each.recipients, "sent": each.sent} for each in rows])
            return
        table(
            ["id", "newsletter", "slot", "state", "sent", "subject or reason"],
            [[str(each.issue.id), each.issue.newsletter, shown.local(room, each.issue), each.issue.state,
              f"{each.sent}/{each.recipients}" if each.recipients else "", each.issue.reason or each.issue.subject or ""]
             for each in rows],
        )  # fmt: skip

    run(context, command)


@issues_app.command("show")
def issues_show(context: typer.Context, issue_id: Number, as_json: Json = False) -> None:
    """Show an issue: its stories with the reasons, and what happened to it."""
    from digest.cli import shown

    run(context, lambda room: shown.show(room, issue_id, as_json))


@issues_app.command("edit")
def issues_edit(
    context: typer.Context,
    issue_id: Number,
    pin: Annotated[list[int] | None, typer.Option("--pin", metavar="N", help="Keep story N where it stands.")] = None,
    unpin: Annotated[list[int] | None, typer.Option("--unpin", metavar="N", help="Let it move again.")] = None,
    drop: Annotated[list[int] | None, typer.Option("--drop", metavar="N", help="Take story N out.")] = None,
    add: Annotated[
        list[str] | None, typer.Option("--add", metavar="ID[@N]", help="Take this story of `digest stories` in.")
    ] = None,
    order: Annotated[str | None, typer.Option("--order", metavar="N,N,…", help="These first, in this order.")] = None,
    title: Annotated[list[str] | None, typer.Option("--title", metavar="N=…", help="Another headline.")] = None,
    teaser: Annotated[list[str] | None, typer.Option("--teaser", metavar="N=…", help="Another teaser.")] = None,
    intro: Annotated[str | None, typer.Option("--intro", help="Some words above the lead; empty: none.")] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="The subject; empty: the newsletter's own.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last edit back.")] = False,
    as_json: Json = False,
) -> None:
    """Change an issue that is not approved yet, by options or in $EDITOR; stories are numbered as `issues show` does."""

    async def command(room: Newsroom) -> None:
        from digest.cli import editing, shown

        wanted = editing.Options(
            tuple(pin or ()), tuple(unpin or ()), tuple(drop or ()), tuple(add or ()), order, tuple(title or ()),
            tuple(teaser or ()), intro, subject, undo,
        )  # fmt: skip
        await editing.edit(room, issue_id, wanted)
        await shown.show(room, issue_id, as_json)

    run(context, command)


@issues_app.command("approve")
def issues_approve(
    context: typer.Context,
    issue_id: Number,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; accept what preflight warns of.")] = False,
    as_json: Json = False,
) -> None:
    """Check and approve an issue: it leaves at its slot, or at once where that has passed."""
    from digest.cli import acting

    run(context, lambda room: acting.approve(room, issue_id, as_json, yes=yes))


@issues_app.command("hold")
def issues_hold(
    context: typer.Context,
    issue_id: Number,
    reason: Annotated[str, typer.Option("--reason", help="Why; the other editors see it.")] = "held by an editor",
    as_json: Json = False,
) -> None:
    """Hold an issue until an editor decides; an approved one of which nothing has left is undone."""
    from digest.cli import acting
    from digest.flow import publish

    run(context, lambda room: acting.change(room, publish.hold(room, issue_id, reason), as_json))


@issues_app.command("cancel")
def issues_cancel(context: typer.Context, issue_id: Number, as_json: Json = False) -> None:
    """End an issue for good; what has not left never will."""
    from digest.cli import acting
    from digest.flow import publish

    run(context, lambda room: acting.change(room, publish.cancel(room, issue_id), as_json))


@issues_app.command("pause")
def issues_pause(context: typer.Context, issue_id: Number, as_json: Json = False) -> None:
    """Stop an issue that is being sent; what the mail server has cannot be recalled."""
    from digest.cli import acting
    from digest.flow import publish

    run(context, lambda room: acting.change(room, publish.pause(room, issue_id), as_json))


@issues_app.command("resume")
def issues_resume(context: typer.Context, issue_id: Number, as_json: Json = False) -> None:
    """Go on with an issue that was held or paused; one that nobody has approved yet is checked first."""
    from digest.cli import acting

    run(context, lambda room: acting.resume(room, issue_id, as_json))


@issues_app.command("retry")
def issues_retry(
    context: typer.Context,
    issue_id: Number,
    failed: Annotated[bool, typer.Option("--failed", help="Also those that the server refused for good.")] = False,
    uncertain: Annotated[
        bool, typer.Option("--uncertain", help="Also those in doubt; some may get the mail twice.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Try again now what is deferred, and what else is asked for."""
    from digest.cli import acting

    run(context, lambda room: acting.retry(room, issue_id, as_json, failed=failed, uncertain=uncertain))


@issues_app.command("report")
def issues_report(context: typer.Context, issue_id: Number, as_json: Json = False) -> None:
    """Show who was reached, and why the others were not."""
    from digest.cli import reporting

    run(context, lambda room: reporting.show_report(room, issue_id, as_json))
