"""What one process remembers of other people's servers so as to be polite to them; shared by all its fetchers.

What is not here: what follows from it (turns, robots, cooldown).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from digest.clock import monotonic
from digest.gather.cooldown import Cooldowns
from digest.gather.robots import Robots

T = TypeVar("T")

AT_ONCE = 16
"""Requests at once, whatever their hosts."""
REMEMBERED = 1_000
"""Hosts; above it those are forgotten that mean nothing any more."""
_MEANS_NOTHING_S = 24 * 3600.0  # as long as a robots.txt is believed


@dataclass(slots=True)
class HostTurn:
    """One host's queue. free_at_s: when it may be asked again (monotonic); pause_s: what its robots.txt asks for."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    free_at_s: float = 0.0
    pause_s: float = 0.0

    def is_over(self, now_s: float) -> bool:
        """Whether it can be forgotten: nobody has it, and nobody had it for a day."""
        return not self.lock.locked() and self.free_at_s + _MEANS_NOTHING_S <= now_s


@dataclass(slots=True)
class Courtesy:
    """Whose turn it is, what robots.txt says, who has asked us to wait. Used by one event loop.

    hosts, robots: what is remembered; `turn_of` and `robots_of` look there.
    """

    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    hosts: dict[str, HostTurn] = field(default_factory=dict)
    robots: dict[str, Robots] = field(default_factory=dict)
    cooldowns: Cooldowns = field(default_factory=Cooldowns)

    def turn_of(self, host: str) -> HostTurn:
        """The queue of a host."""
        return _remembered(self.hosts, host, HostTurn, HostTurn.is_over)

    def robots_of(self, origin: str) -> Robots:
        """What the robots.txt of scheme, host and port says; not asked yet, maybe."""
        return _remembered(self.robots, origin, Robots, Robots.is_over)


def _remembered(known: dict[str, T], key: str, new: Callable[[], T], is_over: Callable[[T, float], bool]) -> T:
    found = known.get(key)
    if found is None:
        if len(known) >= REMEMBERED:
            now_s = monotonic()
            for old in [each for each, value in known.items() if is_over(value, now_s)]:
                del known[old]
        found = known[key] = new()
    return found
