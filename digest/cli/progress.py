"""What a terminal shows while something takes its time.

What is not here: results (reporting).
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterator, Sequence

from digest.clock import monotonic
from digest.flow import report
from digest.flow.newsroom import Newsroom
from digest.flow.send import Watch

LOOK_S = 1.0
LOOKING_MAX = 0.05
"""How often the ledger is asked how far it is, and the share of the time that this may take: a million rows are a while."""
RATE_AFTER_S, END_AFTER_S, END_AFTER_MAILS = 2.0, 5.0, 50
"""From when on a rate, and an end, mean something."""


@contextlib.asynccontextmanager
async def bar(room: Newsroom, issue_id: int) -> AsyncIterator[Watch]:
    """A bar on a terminal, silence elsewhere. It shows what all senders have done."""
    if not sys.stderr.isatty():
        yield lambda _issue, _state: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("Sending"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[outlook]}"))
    with Progress(*columns, console=Console(stderr=True)) as drawn:
        task = drawn.add_task("sending", total=None, outlook="")

        async def follow() -> None:
            begun, before = monotonic(), -1
            while True:
                asked = monotonic()
                found = await report.report(room, issue_id)
                tally = found.tally
                left = tally.waiting + tally.deferred
                done = tally.recipients - left
                before = done if before < 0 else before
                words = outlook(done - before, left, asked - begun, found.waits)
                drawn.update(task, total=tally.recipients, completed=done, outlook=words)
                await room.clock.sleep(max(LOOK_S, (monotonic() - asked) / LOOKING_MAX))

        following = asyncio.create_task(follow())
        try:
            yield lambda _issue, _state: None
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def outlook(done: int, left: int, seconds: float, waits: Sequence[str] = ()) -> str:
    """How fast it goes and how long it will take, as far as either means something yet; and what keeps some of it.

    done: in so many seconds. Where something waits for its hour or its turn no end is told: it would be wrong.
    """
    return "; ".join(filter(None, (_speed(done, 0 if waits else left, seconds), *waits)))


def _speed(done: int, left: int, seconds: float) -> str:
    if seconds < RATE_AFTER_S or not done:
        return ""
    rate = done / seconds
    speed = f"{rate:,.0f}/s" if rate >= 1 else f"{rate * 60:.0f}/min"
    if seconds < END_AFTER_S or done < END_AFTER_MAILS or not left:
        return speed
    return f"{speed}, {_span(left / rate)} left"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextlib.contextmanager
def spinner(what: str) -> Iterator[None]:
    """A sign of life on a terminal, silence elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what} …"):
        yield
