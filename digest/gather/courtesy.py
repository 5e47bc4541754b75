"""What one process remembers of other people's servers so as to be polite to them; shared by all its fetchers.

What is not here: what follows from it (turns, robots, cooldown).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from digest.gather.cooldown import Cooldowns
from digest.gather.robots import Robots

AT_ONCE = 16
"""Requests at once, whatever their hosts."""


@dataclass(slots=True)
class HostTurn:
    """One host's queue. free_at_s: when it may be asked again (monotonic); pause_s: what its robots.txt asks for."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    free_at_s: float = 0.0
    pause_s: float = 0.0


@dataclass(slots=True)
class Courtesy:
    """Whose turn it is, what robots.txt says, who has asked us to wait. Used by one event loop."""

    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    hosts: defaultdict[str, HostTurn] = field(default_factory=lambda: defaultdict(HostTurn))
    robots: defaultdict[str, Robots] = field(default_factory=lambda: defaultdict(Robots))
    cooldowns: Cooldowns = field(default_factory=Cooldowns)
