"""How fast mail for one destination may leave, and when it is slowed. Pure: what is known, and the time, in, a rate out.

A destination is the relay itself or a recipient domain. A slowed one creeps up by itself: its rate is a function of time,
so that places far ahead can be given out at the rate that will hold by then.
What is not here: the rows (store/destinations).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.model.delivery import DeliveryState, Outcome

RELAY = "*"
"""The name of the relay among the destinations."""
COHORT = 10
"""So many mails put off, and at least half of those tried, are a cohort: the destination means it."""
OBSERVED = timedelta(minutes=1)
"""Over so long what is tried and put off is counted."""
SETTLE = timedelta(seconds=30)
"""After a slow-down nothing is concluded for so long: what was on its way still tells of the old rate."""
STEP = timedelta(minutes=5)
GROWTH = 1.25
"""Every step without a cohort the rate grows by this."""
SLOWEST = 1 / 60
"""Mails a second below which no destination is slowed."""
HORIZON = timedelta(seconds=2)
"""A claim takes what may leave within this."""

_PUT_OFF = frozenset({421, 450, 451})
_GREY = re.compile("gr[ae]ylist", re.IGNORECASE)  # asks for another try, not for fewer mails
_HERS = frozenset({"4.2.1", "4.2.2"})  # her mailbox is off or full: nothing about our speed


@dataclass(frozen=True, slots=True)
class Slowed:
    """rate: mails a second at `since`; base: where it creeps back to."""

    rate: float
    base: float
    since: datetime

    @property
    def until(self) -> datetime:
        """When it is over, if nothing else happens."""
        return self.since + STEP * max(1, math.ceil(math.log(self.base / self.rate, GROWTH) - 1e-9))

    def rate_at(self, at: datetime) -> float:
        """The rate that holds at an instant before `until`."""
        return min(self.base, self.rate * GROWTH ** max(0, (at - self.since) // STEP))


@dataclass(frozen=True, slots=True)
class Destination:
    """rate: as set, mails a second, 0 = no limit. due: when the next place is free. plan: names the way in which places are
    given out now; a place of another plan holds no more."""

    name: str
    rate: float = 0.0
    slowed: Slowed | None = None
    due: datetime | None = None
    plan: int = 0

    def rate_at(self, at: datetime) -> float:
        """Mails a second that may leave at an instant; 0 = no limit."""
        slowed = self.slowed.rate_at(at) if self.slowed and at < self.slowed.until else 0.0
        limits = [each for each in (self.rate, slowed) if each > 0]
        return min(limits, default=0.0)


def reserve(to: Destination, now: datetime, number: int) -> tuple[list[datetime], datetime]:
    """`number` places in the row, one after the other, and when the next is free: the generic cell rate algorithm."""
    at, places = max(to.due or now, now), []
    for _ in range(number):
        places.append(at)
        if (rate := to.rate_at(at)) > 0:
            then, end = at + timedelta(seconds=1 / rate), to.slowed.until if to.slowed and not to.rate else None
            at = end if end and at < end < then else then
    return places, at


def free(to: Destination, now: datetime, most: int) -> int:
    """How many, at most `most`, may leave before the horizon."""
    return sum(place <= now + HORIZON for place in reserve(to, now, most)[0])


@dataclass(frozen=True, slots=True)
class Recent:
    """What one destination did with our mails lately."""

    tried: int = 0
    put_off: int = 0


def puts_off(outcome: Outcome) -> bool:
    """Whether the server asks for patience: 421, 450, 451 or 4.7.x, unless it speaks of her mailbox or greylists."""
    if outcome.state not in {DeliveryState.DEFERRED, DeliveryState.PENDING}:
        return False
    enhanced = outcome.reply.enhanced or ""
    if _GREY.search(outcome.reply.text):
        return False
    return enhanced.startswith("4.7.") or (outcome.reply.code in _PUT_OFF and enhanced not in _HERS)


def is_cohort(recent: Recent) -> bool:
    """Whether so much was put off that it is no accident."""
    return recent.put_off >= COHORT and 2 * recent.put_off >= recent.tried


def to_blame(recent: Mapping[str, Recent]) -> list[str]:
    """The destinations that ask for less: the relay where no single domain has most of what was put off."""
    all_of_it = Recent(sum(each.tried for each in recent.values()), sum(each.put_off for each in recent.values()))
    most = max((each.put_off for each in recent.values()), default=0)
    if is_cohort(all_of_it) and 2 * most <= all_of_it.put_off:
        return [RELAY]
    return sorted(name for name, each in recent.items() if is_cohort(each))


def slowed(to: Destination, recent: Recent, now: datetime) -> Slowed | None:
    """What follows from a cohort: half of what is allowed now, else of what was tried; None while one settles."""
    before = to.slowed if to.slowed and now < to.slowed.until else None
    if before and now < before.since + SETTLE:
        return None
    rate = to.rate_at(now) or max(recent.tried, 1) / OBSERVED.total_seconds()
    halved = max(SLOWEST, rate / 2)
    base = max(before.base if before else rate, halved * GROWTH)
    return Slowed(halved, base, now)


def words(name: str, slow: Slowed, until: datetime) -> str:
    """Such as "gmail.com slowed to 20/min until 09:40". until: on the reader's clock."""
    speed = f"{slow.rate:.0f}/s" if slow.rate >= 10 else f"{slow.rate * 60:.0f}/min"
    return f"{'the mail server' if name == RELAY else name} slowed to {speed} until {until:%H:%M %Z}".rstrip()
