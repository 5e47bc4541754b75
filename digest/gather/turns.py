"""Whose turn it is: how many requests at once, and how often one host is asked.

What is not here: the requests (fetch), and how often a source is looked at (flow).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from digest.clock import Clock, monotonic

AT_ONCE = 16


@dataclass(slots=True)
class _Host:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    free_at_s: float = 0.0  # on the monotonic clock


class Turns:
    """Who may ask whom now: at most 16 requests in all, one per host, and a pause between two to the same host.

    private: hosts of our own, which are asked without either.
    """

    def __init__(self, pause_s: float, clock: Clock, private: frozenset[str]) -> None:
        self._pause_s = pause_s
        self._clock = clock
        self._private = private
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)

    @contextlib.asynccontextmanager
    async def of(self, host: str) -> AsyncIterator[None]:
        """Wait for the turn of `host`, and hold it."""
        if host in self._private:  # our own: nobody to be polite to, and none of its pages waits for another
            async with self._slots:
                yield
            return
        state = self._hosts[host]
        async with state.lock:
            wait_s = state.free_at_s - monotonic()
            if wait_s > 0:
                await self._clock.sleep(wait_s)
            async with self._slots:
                try:
                    yield
                finally:
                    state.free_at_s = monotonic() + self._pause_s
