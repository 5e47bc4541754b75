"""What a terminal shows while something takes its time.

What is not here: results (reporting).
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Iterator

from digest.flow import report
from digest.flow.newsroom import Newsroom
from digest.flow.send import Watch


@contextlib.asynccontextmanager
async def bar(room: Newsroom, issue_id: int) -> AsyncIterator[Watch]:
    """A bar on a terminal, silence elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _issue, _state: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    tally = (await report.report(room, issue_id)).tally
    columns = (TextColumn("Sending"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as drawn:
        task = drawn.add_task(
            "sending", total=tally.recipients, completed=tally.recipients - tally.waiting - tally.deferred
        )
        yield lambda issue, _state: drawn.advance(task) if issue == issue_id else None


@contextlib.contextmanager
def spinner(what: str) -> Iterator[None]:
    """A sign of life on a terminal, silence elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what} …"):
        yield
