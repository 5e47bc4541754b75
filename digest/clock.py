"""The only home of the system clock: what time it is, and waiting.

`DIGEST_NOW` (an ISO 8601 instant) starts the clock elsewhere; from there it runs on at its usual pace. It is meant for
rehearsals ("what would happen on Monday at seven?") and for tests that drive the program as a process.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol


class Clock(Protocol):
    """What time it is, and waiting for it to pass."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait; less than zero counts as zero."""


class SystemClock:
    """The machine's clock, moved by a fixed `offset`."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self._offset = offset

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC) + self._offset

    async def sleep(self, seconds: float) -> None:
        """Wait; less than zero counts as zero."""
        await asyncio.sleep(max(0.0, seconds))


def system_clock() -> SystemClock:
    """The clock of this process, moved to where `DIGEST_NOW` says.

    Raises ValueError when `DIGEST_NOW` is not an instant with its offset from UTC.
    """
    start = os.environ.get("DIGEST_NOW")
    if not start:
        return SystemClock()
    moved = datetime.fromisoformat(start)
    if moved.tzinfo is None:
        raise ValueError(
            f"DIGEST_NOW = {start!r}: an instant with its zone is needed, such as 2026-11-23T06:59:00+00:00"
        )
    return SystemClock(moved - datetime.now(UTC))


async def first_of(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of several waits is over; the others are given up."""
    tasks = {asyncio.ensure_future(wait) for wait in waits}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def monotonic() -> float:
    """Seconds on a clock that never jumps; only differences mean anything."""
    return time.monotonic()
