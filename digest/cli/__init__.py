"""The `digest` command: parse, call, print. One module per group of commands; what they do lives in flow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from digest import __version__
from digest.cli import api_keys, dkim_key, issues, preflight, run, site, stories, subscribers

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
run.register(app)


def main() -> None:
    """Run the command line."""
    app()
