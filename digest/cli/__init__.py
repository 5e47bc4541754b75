"""The `digest` command: parse, call, print. One module per group of commands; what they do lives in flow."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from digest import __version__
from digest.cli import api_keys, dkim_key, issues, preflight, run, site, stories, subscribers, template_trial
from digest.cli.runner import WRONG_USAGE, complain

app = typer.Typer(
    name="digest",
    help="A newsroom's digest mailer: gathers stories, composes an issue, sends it to subscribers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"digest {__version__}")
        raise typer.Exit


@app.callback()
def options(
    site: Annotated[
        Path | None, typer.Option("--site", help="The site's folder; else $DIGEST_SITE, else the current folder.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options that stand before any command."""


site.register(app)
stories.register(app)
issues.register(app)
subscribers.register(app)
api_keys.register(app)
dkim_key.register(app)
preflight.register(app)
template_trial.register(app)
run.register(app)


def main() -> None:
    """Run the command line."""
    if any(not _is_text(argument) for argument in sys.argv[1:]):
        complain("an argument is not UTF-8 text")
        sys.exit(WRONG_USAGE)
    _spare_the_terminal()
    app()


def _spare_the_terminal() -> None:
    """A terminal that does not know a character shows `?` in its place: a title in Japanese ends no command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _is_text(argument: str) -> bool:
    """Whether what the shell handed over can be read; bytes that are none come as lone surrogates."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True
