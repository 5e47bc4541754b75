"""How every command runs: the site is opened, a coroutine runs, errors become sentences and exit codes.

Heavy modules are imported inside `run` and in the commands, when one is really run: `digest --help` must be instant.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.errors import DigestError, UsageError

if TYPE_CHECKING:
    from digest.flow.newsroom import Newsroom

EDITOR_MAX = 64
"""Characters of a name in the event log."""

DONE, FAILED, WRONG_USAGE, NOTHING_TO_SEND, INCOMPLETE, HELD = range(6)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else there.")]


def site(context: typer.Context) -> Path:
    """The folder of the site: --site, else $DIGEST_SITE, else here."""
    return Path(context.find_root().params.get("site") or os.environ.get("DIGEST_SITE") or ".")


def run(context: typer.Context, command: Callable[[Newsroom], Awaitable[int | None]], *, quiet: bool = True) -> None:
    """Open the site, run the command on it, and exit with the code that it returns (None: 0)."""
    with explained():
        from digest import log

        log.setup(quiet=quiet)
        raise typer.Exit(asyncio.run(_opened(site(context), command)) or DONE)


async def _opened(root: Path, command: Callable[[Newsroom], Awaitable[int | None]]) -> int | None:
    from digest.app import open_newsroom

    async with open_newsroom(root, actor=_editor()) as room:
        return await command(room)


def _editor() -> str:
    """Who acts, for the event log and for a second approval: $DIGEST_EDITOR, else the name of the account."""
    import getpass

    if named := os.environ.get("DIGEST_EDITOR"):
        if len(named) > EDITOR_MAX or not named.isprintable():
            raise UsageError(f"$DIGEST_EDITOR names who acts, in one line of at most {EDITOR_MAX} characters")
        return named
    try:
        return f"cli:{getpass.getuser()}"[:EDITOR_MAX]
    except (KeyError, OSError):  # an account without a name
        return f"cli:{os.getuid()}"


@contextmanager
def explained() -> Iterator[None]:
    """Turn errors into a sentence on standard error and the right exit code."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # here, where a reader who has gone can still be dealt with
    except UsageError as error:
        complain(str(error))
        raise typer.Exit(WRONG_USAGE) from None
    except DigestError as error:
        complain(str(error))
        raise typer.Exit(FAILED) from None
    except BrokenPipeError:
        # Whoever read our output has gone; nobody is left to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def complain(sentence: str) -> None:
    """Say what went wrong, on standard error."""
    print(f"digest: {sentence}", file=sys.stderr)  # noqa: T201 - this is the command line


def say(text: str = "") -> None:
    """A line for people, on standard output."""
    print(text)  # noqa: T201 - this is the command line


def note(text: str = "") -> None:
    """A line for people that is no result, on standard error."""
    print(text, file=sys.stderr)  # noqa: T201 - this is the command line


def emit(document: Any) -> None:
    """A JSON document, on standard output."""
    escaped = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    json.dump(document, sys.stdout, indent=2, ensure_ascii=escaped, default=_plain)
    sys.stdout.write("\n")


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


def table(headings: list[str], rows: list[list[str]]) -> None:
    """A table for people."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(*(escaped(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(drawn)


def escaped(text: str) -> str:
    """Text in which Rich sees no markup and a terminal no control sequences."""
    return "".join(char if char.isprintable() else " " for char in text).replace("[", r"\[")
