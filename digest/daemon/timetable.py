"""What each planned slot asks for, done when it asks.

APScheduler only wakes us: every second for the slots, every `gather.every` for the sources. What is due is decided by
model/schedule from the slots, the time and what the database knows; so a restart, a jump of the clock or a second daemon
changes nothing. A fault in one newsletter never keeps another from its slot.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from digest import log
from digest.clock import SystemClock
from digest.errors import DigestError, IllegalMove, TemplateError
from digest.flow import gathering, membership, produce, publish
from digest.flow.newsroom import Newsroom
from digest.model.issue import OPEN, Issue, IssueState
from digest.model.schedule import Due, Duty, Rhythm, due, slots
from digest.store import issues

STOP_S = 1.5
"""Seconds that a look or a gathering has to end when the daemon ends."""

_S = IssueState
_log = log.get(__name__)


class Timetable:
    """The jobs that wake us. `depart` is called when an issue has begun to leave."""

    def __init__(self, room: Newsroom, depart: Callable[[], None]) -> None:
        self._room = room
        self._depart = depart
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._busy: set[str] = set()
        self._running: set[asyncio.Task[Any]] = set()
        self._last_look: datetime | None = None

    def pulse(self) -> datetime | None:
        """When slots were last looked at; None before the first look."""
        return self._last_look

    def start(self) -> None:
        """Begin to wake; the first look and the first gathering come at once."""
        self._every(timedelta(seconds=1), self._look)
        self._every(timedelta(seconds=1), self._let_go)
        self._every(self._room.settings.gather.every, self._gather)
        self._scheduler.start()

    async def stop(self) -> None:
        """Wake no more; what runs has a moment to end, then it is cut off: the next start takes it up again."""
        self._scheduler.pause()
        if self._running:
            await asyncio.wait(self._running, timeout=STOP_S)
        self._scheduler.shutdown(wait=False)

    def _every(self, interval: timedelta, job: Callable[[], Awaitable[None]]) -> None:
        trigger = IntervalTrigger(seconds=max(1, int(interval.total_seconds())))
        at_once = (
            SystemClock().now()
        )  # the machine's own time, wherever our clock was moved to: APScheduler knows no other
        self._scheduler.add_job(
            partial(self._run, job),
            trigger,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=at_once,
        )

    async def _run(self, job: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.current_task()
        if task is None:  # pragma: no cover - a coroutine that runs has a task
            return
        self._running.add(task)
        try:
            await job()
        except asyncio.CancelledError:
            _log.info("daemon.job.cut")
        finally:
            self._running.discard(task)

    async def _gather(self) -> None:
        with _reported("gather.failed"):
            await gather(self._room)

    async def _look(self) -> None:
        """Do for every newsletter what its slots ask for at this moment; none waits for another."""
        self._last_look = self._room.clock.now()
        await asyncio.gather(*(self._look_at(name) for name in self._room.settings.newsletters))

    async def _look_at(self, name: str) -> None:
        if name in self._busy:
            return
        self._busy.add(name)
        try:
            with _reported("newsletter.failed", newsletter=name):
                await look_at(self._room, name)
        finally:
            self._busy.discard(name)

    async def _let_go(self) -> None:
        with _reported("departure.failed"):
            if await let_go(self._room):
                self._depart()


@contextlib.contextmanager
def _reported(event: str, **fields: str) -> Iterator[None]:
    """Log what goes wrong, and go on: the next look is a second away."""
    try:
        yield
    except DigestError as error:
        _log.error(event, reason=str(error), **fields)
    except Exception:
        _log.exception(event, **fields)


async def gather(room: Newsroom) -> None:
    """Fetch every source and say in the log how each fared."""
    for report in await gathering.gather(room):
        say = _log.warning if report.status == "failed" else _log.info
        say(
            "source.read",
            source=report.name,
            status=report.status,
            found=report.found,
            new=report.new,
            error=report.error,
        )


async def look_at(room: Newsroom, name: str) -> None:
    """Do for one newsletter what its slots ask for at this moment."""
    rhythm = room.settings.rhythm(name)
    if rhythm is None:
        return
    known, since = await _known_slots(room, name, rhythm)
    for each in due(rhythm, since, room.clock.now()):
        if each.slot not in known or known[each.slot] in OPEN:
            await _serve(room, name, each)


async def _known_slots(room: Newsroom, name: str, rhythm: Rhythm) -> tuple[dict[datetime, IssueState], datetime]:
    """The slots that have an issue, and the instant after which slots are to be looked at.

    That is before the oldest slot with something left to do; else the newest slot; else the beginning of the schedule.
    """
    async with room.store.read() as conn:
        since = await issues.schedule_since(conn, name, _words(rhythm))
        known = await issues.scheduled_slots(conn, name)
    if since is None:
        since = await _begin(room, name, rhythm, known)
    waiting = [slot for slot, state in known.items() if state in OPEN]
    if waiting:
        return known, max(since, min(waiting) - timedelta(seconds=1))
    return known, max(since, max(known, default=since))


def _words(rhythm: Rhythm) -> str:
    """By what a schedule is recognised as the one that held before."""
    return f"{rhythm.cron} {rhythm.zone}"


async def _begin(room: Newsroom, name: str, rhythm: Rhythm, known: dict[datetime, IssueState]) -> datetime:
    """A new schedule, or a changed one, holds from now on: it never plans into the past.

    What the one before it had built goes on where the new one has that slot too; else it is skipped, with that reason.
    """
    now = room.clock.now()
    built = [slot for slot, state in known.items() if state in {_S.DRAFT, _S.REVIEW}]
    kept = [slot for slot in built if now - slot <= rhythm.late and _has(rhythm, slot)]
    for slot in set(built) - set(kept):
        await _skip(room, name, slot, "the schedule has changed: this slot is none any more")
        known[slot] = _S.SKIPPED
    since = min([now, *(slot - timedelta(seconds=1) for slot in kept)])
    async with room.store.write() as conn:
        await issues.begin_schedule(conn, name, _words(rhythm), since)
    return since


def _has(rhythm: Rhythm, slot: datetime) -> bool:
    return slot in slots(rhythm, slot - timedelta(seconds=1), slot)


async def _serve(room: Newsroom, name: str, each: Due) -> None:
    if each.duty is Duty.SKIP_DATE:
        await _skip(
            room, name, each.slot, f"{each.slot.astimezone(room.settings.zone_of(name)):%-d %B %Y} is a skipped date"
        )
    elif each.duty is Duty.SUPERSEDED:
        await _skip(room, name, each.slot, "missed: nobody was here to send it, and a later slot has come")
    elif each.duty is Duty.BUILD:
        await _ensure_built(room, name, each.slot)
    elif each.duty is Duty.SEND:
        await _send_at_slot(room, name, each.slot)
    else:
        await _hold_late(room, name, each.slot)


async def _skip(room: Newsroom, name: str, slot: datetime, reason: str) -> None:
    async with room.store.write() as conn:
        await issues.create(conn, name, slot, room.clock.now(), scheduled=True)
        issue = await issues.of_slot(conn, name, slot)
        if issue and issue.state in {_S.DRAFT, _S.REVIEW}:
            await produce.skip(conn, room, issue, reason)


async def _ensure_built(room: Newsroom, name: str, slot: datetime) -> Issue:
    """The issue of the slot, built as soon as there is enough for it; what an editor has touched is left alone."""
    async with room.store.read() as conn:
        issue = await issues.of_slot(conn, name, slot)
    if issue is None:
        await membership.sync(room, room.settings.newsletters[name].lists)
        await gathering.gather(room, room.settings.newsletters[name].sources)
        return await produce.draft(room, name, slot, scheduled=True)
    if issue.state is _S.DRAFT and issue.built_at is None:  # whoever began to build it was cut off
        return await produce.build(room, issue)
    return issue


async def _send_at_slot(room: Newsroom, name: str, slot: datetime) -> None:
    """The slot has come: what is approved leaves (see let_go), what nobody stopped is approved, the rest is held."""
    issue = await _ensure_built(room, name, slot)
    if issue.state is _S.DRAFT:
        # It lacked stories at the cutoff; whatever has come since counts.
        await gathering.gather(room, room.settings.newsletters[name].sources)
        issue = await produce.build(room, issue)
    if issue.state is _S.DRAFT:
        await produce.give_up(room, issue)
    elif issue.state is _S.REVIEW:
        await _approve_or_hold(room, issue)


async def _approve_or_hold(room: Newsroom, issue: Issue) -> None:
    if room.settings.newsletters[issue.newsletter].review != "auto":
        second = room.settings.newsletters[issue.newsletter].review == "second"
        await publish.hold(room, issue.id, "two editors have not approved it" if second else "nobody has approved it")
        return
    await membership.sync(room, room.settings.newsletters[issue.newsletter].lists)
    try:
        await publish.approve_or_rebuild(room, issue.id)
    except TemplateError as error:
        _log.error("issue.failed", issue=issue.id, reason=str(error))
    except IllegalMove as error:
        # Another daemon, or an editor, was faster; what they did stands.
        _log.info("issue.moved", issue=issue.id, reason=str(error))


async def _hold_late(room: Newsroom, name: str, slot: datetime) -> None:
    issue = await _ensure_built(room, name, slot)
    if issue.state is _S.DRAFT:
        issue = await produce.build(room, issue)
    if issue.state is _S.DRAFT:
        await produce.give_up(room, issue)
    elif issue.state is _S.REVIEW:
        await publish.hold(room, issue.id, _too_late(room.clock.now() - slot))


def _too_late(late: timedelta) -> str:
    return f"it was due {late.total_seconds() / 3600:.1f} h ago, too late to be sent unasked"


async def let_go(room: Newsroom) -> bool:
    """Let approved issues leave whose time has come, hold those that missed it; whether anything is being sent."""
    now = room.clock.now()
    async with room.store.read() as conn:
        approved = await issues.in_states(conn, [_S.APPROVED])
        sending = await issues.in_states(conn, [_S.SENDING])
    for issue in [*approved, *sending]:
        if issue.newsletter not in room.settings.newsletters:
            await publish.hold(room, issue.id, "its newsletter is no longer in the settings")
        elif issue.state is _S.APPROVED and issue.not_before and issue.not_before <= now:
            await _leave(room, issue, now - issue.not_before)
    return bool(approved or sending)


async def _leave(room: Newsroom, issue: Issue, late: timedelta) -> None:
    limit = room.settings.newsletter(issue.newsletter).late
    try:
        if late > limit:
            await publish.hold(room, issue.id, _too_late(late))
        else:
            await publish.start(room, issue.id)
    except IllegalMove as error:
        _log.info("issue.moved", issue=issue.id, reason=str(error))
