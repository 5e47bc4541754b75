"""`daemon` and `demo`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from digest.cli.runner import DONE, explained, site


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(daemon)
    app.command()(demo)


def daemon(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on standard error.")] = False,
) -> None:
    """Run: gather, build, send on schedule, serve subscribers' pages. SIGTERM or Ctrl-C ends it; nothing is lost."""
    with explained():
        from digest import log
        from digest.daemon.run import run

        log.setup(verbose=verbose)
        asyncio.run(run(site(context)))
        raise typer.Exit(DONE)


def demo(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on standard error.")] = False,
) -> None:
    """Run with a sample newsroom and an inbox on this machine; the first issue is sent at once."""
    with explained():
        from digest import log
        from digest.demo.run import run

        log.setup(verbose=verbose, quiet=not verbose)
        asyncio.run(run(site(context)))
        raise typer.Exit(DONE)
