"""When a newsletter is due: cron expressions to slots, slots to what must be done now.

Pure arithmetic on instants that are given. Slots are UTC; a zone appears only in reading the cron expression. The loop
that asks is daemon/timetable; that a slot gives one issue only is the database's promise, not this module's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from cronsim import CronSim


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often an edition comes out.

    cron: five fields, read on the clock of `zone`. cutoff: the draft is built that long before the slot. late: a slot
    missed by less is sent at once, by more is held. skip_dates: local dates without an issue.
    """

    cron: str
    zone: ZoneInfo
    cutoff: timedelta
    late: timedelta
    skip_dates: frozenset[date] = frozenset()


def slots(rhythm: Rhythm, after: datetime, until: datetime) -> Iterator[datetime]:
    """Every slot in (after, until], in order, UTC.

    Daylight saving as Debian's cron has it: a fixed hour that is skipped comes at the first instant after the gap, one
    that is doubled comes once, the first time.
    """
    previous = None
    for local in CronSim(
        rhythm.cron, after.astimezone(rhythm.zone).replace(second=0, microsecond=0) - timedelta(minutes=1)
    ):
        slot = local.astimezone(UTC)
        if slot > until:
            return
        if slot > after and slot != previous:
            previous = slot
            yield slot


def next_slot(rhythm: Rhythm, after: datetime) -> datetime | None:
    """The first slot after `after` that is not a skipped date; None if there is none within five years."""
    horizon = after + timedelta(days=5 * 366)
    return next((slot for slot in slots(rhythm, after, horizon) if not is_skipped(rhythm, slot)), None)


def interval(rhythm: Rhythm, after: datetime) -> timedelta:
    """The longest pause between two of the next eight slots (a weekday newsletter pauses from Friday to Monday)."""
    horizon = after + timedelta(days=2 * 366)
    coming = [slot for slot, _ in zip(slots(rhythm, after, horizon), range(8), strict=False)]
    return max((b - a for a, b in itertools.pairwise(coming)), default=timedelta(days=1))


def is_skipped(rhythm: Rhythm, slot: datetime) -> bool:
    """Whether the slot's local date is one without an issue."""
    return slot.astimezone(rhythm.zone).date() in rhythm.skip_dates


class Duty(StrEnum):
    """What a slot asks for at some instant."""

    BUILD = "build"
    SEND = "send"
    HOLD = "hold"
    SKIP_DATE = "skip date"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Due:
    """A slot and what it asks for."""

    slot: datetime
    duty: Duty


def due(rhythm: Rhythm, since: datetime, now: datetime) -> list[Due]:
    """What every slot in (since, now + cutoff] asks for at `now`, oldest first.

    A slot that was missed while a later one has come too is superseded: two digests at once help nobody.
    """
    coming = list(slots(rhythm, since, now + rhythm.cutoff))
    passed = [slot for slot in coming if slot <= now and not is_skipped(rhythm, slot)]
    newest = passed[-1] if passed else None
    return [Due(slot, _duty(rhythm, slot, now, newest)) for slot in coming]


def _duty(rhythm: Rhythm, slot: datetime, now: datetime, newest: datetime | None) -> Duty:
    if is_skipped(rhythm, slot):
        return Duty.SKIP_DATE
    if slot > now:
        return Duty.BUILD
    if slot != newest:
        return Duty.SUPERSEDED
    return Duty.SEND if now - slot <= rhythm.late else Duty.HOLD
