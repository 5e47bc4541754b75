"""`daemon`, `worker` and `demo`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from digest.cli.runner import DONE, explained, site


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(daemon)
    app.command()(worker)
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


def worker(
    context: typer.Context,
    connections: Annotated[
        int | None, typer.Option("--connections", min=1, help="How many of smtp.connections it may have; else all.")
    ] = None,
    led: Annotated[bool, typer.Option("--led", hidden=True, help="Standard input is a daemon's leash.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on standard error.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what goes wrong.")] = False,
) -> None:
    """Only send, also on another machine (PostgreSQL). SIGTERM or Ctrl-C ends it; nothing is lost."""
    with explained():
        from digest import log
        from digest.daemon.worker import run

        log.setup(verbose=verbose, quiet=quiet)
        asyncio.run(run(site(context), connections, led=led))
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
