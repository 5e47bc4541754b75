"""`init` and `check`."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.runner import DONE, FAILED, WRONG_USAGE, Json, emit, explained, run, say
from digest.cli.runner import site as site_folder
from digest.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from digest.flow.newsroom import Newsroom


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(init)
    app.command()(check)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The new site's folder.")],
    templates: Annotated[bool, typer.Option("--templates", help="Copy the templates too, to change them.")] = False,
) -> None:
    """Make a new site: commented settings and one sample list."""
    with explained():
        from digest.app import sample_site

        if (folder / "settings.toml").exists():
            raise UsageError(f"{folder} is a site already: it has a settings.toml")
        sample = sample_site()
        try:
            (folder / "subscribers").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(sample / "settings.toml", folder / "settings.toml")
            for file in sorted((sample / "subscribers").glob("*.csv")):
                shutil.copyfile(file, folder / "subscribers" / file.name)
            if templates:
                shutil.copytree(sample / "templates", folder / "templates", dirs_exist_ok=True)
        except OSError as error:
            raise UsageError(f"the site cannot be made in {folder}: {error.strerror}") from None
        say(f"A new site is in {folder}. Next: digest --site {folder} demo, or edit {folder / 'settings.toml'}.")


def check(context: typer.Context, as_json: Json = False) -> None:
    """Look at settings, templates, lists, sources and mail server; all faults at once, each with its remedy."""

    async def command(room: Newsroom) -> int:
        from digest.flow.check import check as look

        findings = await look(room)
        if as_json:
            emit({"faults": [asdict(finding) for finding in findings]})
        else:
            for finding in findings:
                say(f"{finding.level}: {finding.key} = {finding.value!r}: {finding.message}")
            say("All is well." if not findings else f"{len(findings)} finding{'s' if len(findings) != 1 else ''}.")
        return FAILED if any(finding.level == "error" for finding in findings) else DONE

    with explained():
        _check_settings(site_folder(context), as_json)
    run(context, command)


def _check_settings(folder: Path, as_json: bool) -> None:
    """With faulty settings nothing else can be looked at: they are the whole report."""
    from digest import app, settings

    try:
        app.dkim_signer(settings.load(folder))
    except SettingsError as error:
        if not as_json:
            raise
        faults = [
            {"level": "error", "key": each.key, "value": each.value, "message": each.allowed} for each in error.faults
        ]
        emit({"faults": faults})
        raise typer.Exit(WRONG_USAGE) from None
