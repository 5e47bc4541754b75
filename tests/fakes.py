"""Fakes that several stages' tests share; hand-written, and few."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class FakeClock:
    """A clock that stands still until it is set, or slept on. Monday morning, seven o'clock, unless told otherwise."""

    at: datetime = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Time passes at once; other tasks get their turn, so that a loop which sleeps does not starve them."""
        self.slept.append(seconds)
        self.pass_(max(0.0, seconds))
        await asyncio.sleep(0)  # noqa: TID251

    def pass_(self, seconds: float) -> datetime:
        """Move on; gives the new instant."""
        self.at += timedelta(seconds=seconds)
        return self.at
