"""Whose turn it is: how many requests at once, and how often one host is asked.

What is not here: the requests (fetch), and how often a source is looked at (timing).
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from digest.clock import Clock, monotonic
from digest.gather.addresses import host_name
from digest.gather.courtesy import AT_ONCE, Courtesy

__all__ = ["AT_ONCE", "Turns"]


class Turns:
    """Who may ask whom now: at most 16 requests in all, one per host, and a pause between two to the same host.

    private: hosts of our own, which are asked without either. courtesy: None = shared with nobody.
    """

    def __init__(self, pause_s: float, clock: Clock, private: frozenset[str], courtesy: Courtesy | None = None) -> None:
        self._pause_s = pause_s
        self._clock = clock
        self._private = private
        self._courtesy = courtesy or Courtesy()

    @contextlib.asynccontextmanager
    async def of(self, host: str) -> AsyncIterator[None]:
        """Wait for the turn of `host`, and hold it."""
        host = host_name(host)
        if host in self._private:  # our own: nobody to be polite to, and none of its pages waits for another
            async with self._courtesy.slots:
                yield
            return
        state = self._courtesy.turn_of(host)
        async with state.lock:
            wait_s = state.free_at_s - monotonic()
            if wait_s > 0:
                await self._clock.sleep(wait_s)
            async with self._courtesy.slots:
                try:
                    yield
                finally:
                    state.free_at_s = monotonic() + max(self._pause_s, state.pause_s)
