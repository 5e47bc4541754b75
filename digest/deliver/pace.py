"""How fast mails may leave, and how long to wait after the server turned us away. Pure arithmetic on the caller's clock.

What is not here: waiting itself (pool).
"""

from __future__ import annotations

from dataclasses import dataclass, field

BURST_S = 0.1
"""So many seconds' worth of mails may leave at once, so that a late wake-up costs no throughput."""

DELAYS_S = (0.0, 1.0, 2.0, 4.0)
"""Pauses after the first, second, … strike in a row. The first is none: a server that says 421 after its quota of messages
takes the next connection at once."""


@dataclass(slots=True)
class Pace:
    """The generic cell rate algorithm: at most `rate` mails a second; 0 = no limit."""

    rate: float
    _due: float = field(default=float("-inf"), init=False)

    def wait_s(self, now_s: float) -> float:
        """Take the next place in the row; how many seconds to wait for it. now_s: any clock that never runs back."""
        if self.rate <= 0:
            return 0.0
        wait = self._wait_s(now_s)
        self._due += 1 / self.rate
        return max(0.0, wait)

    def at_once(self, now_s: float) -> bool:
        """Take the next place in the row if there is nothing to wait for; else leave it."""
        if self.rate <= 0:
            return True
        if free := self._wait_s(now_s) <= 0:
            self._due += 1 / self.rate
        return free

    def _wait_s(self, now_s: float) -> float:
        interval = 1 / self.rate
        self._due = max(self._due, now_s - (max(BURST_S, interval) - interval))
        return self._due - now_s


@dataclass(slots=True)
class Patience:
    """Counts how often in a row the server turned us away, over all connections together.

    Ten connections that break at once are one event: a strike counts only for those who tried after the last one.
    """

    delays_s: tuple[float, ...] = DELAYS_S
    strikes: int = field(default=0, init=False)
    round: int = field(default=0, init=False)
    _resume_s: float = field(default=float("-inf"), init=False)

    def strike(self, begun: int, now_s: float) -> bool:
        """A try that began in round `begun` was turned away. False when patience has run out."""
        if begun == self.round:
            self.strikes += 1
            self.round += 1
            if self.strikes <= len(self.delays_s):
                self._resume_s = now_s + self.delays_s[self.strikes - 1]
        return self.strikes <= len(self.delays_s)

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next try."""
        return max(0.0, self._resume_s - now_s)

    def clear(self) -> None:
        """The server dealt with a mail: all is well again."""
        self.strikes = 0
