"""When the daemon looks: every second at the slots, and often enough which sources are due.

APScheduler only wakes us; what a slot asks for is flow/slots. Neither a fault in one newsletter nor a source that takes its
time keeps another newsletter from its slot: each is looked at in a task of its own, one at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from digest import log
from digest.clock import SystemClock
from digest.errors import DigestError
from digest.flow import gathering, slots
from digest.flow.newsroom import Newsroom

STOP_S = 1.5
"""Seconds that what runs has to end when the daemon ends."""

LOOK_AT_SOURCES = timedelta(seconds=15)
"""How often we look which sources are due; when one is, its last look has decided (flow/keeping)."""

_log = log.get(__name__)


class Timetable:
    """The jobs that wake us. `depart` is called when an issue has begun to leave."""

    def __init__(self, room: Newsroom, depart: Callable[[], None]) -> None:
        self._room = room
        self._depart = depart
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._running: dict[str, asyncio.Task[None]] = {}
        self._last_look: datetime | None = None

    def pulse(self) -> datetime | None:
        """When slots were last looked at; None before the first look."""
        return self._last_look

    def start(self) -> None:
        """Begin to wake; the first look and the first gathering come at once."""
        self._every(timedelta(seconds=1), self._look)
        self._every(timedelta(seconds=1), self._let_go)
        self._every(min(self._room.settings.gather.every, LOOK_AT_SOURCES), self._gather)
        self._scheduler.start()

    async def stop(self) -> None:
        """Wake no more; what runs has a moment to end, then it is cut off: the next start takes it up again."""
        self._scheduler.shutdown(wait=False)
        if not self._running:
            return
        _, late = await asyncio.wait(self._running.values(), timeout=STOP_S)
        for task in late:
            task.cancel()
            _log.info("daemon.job.cut", job=task.get_name())
        await asyncio.gather(*late, return_exceptions=True)

    def _every(self, interval: timedelta, wake: Callable[[], Awaitable[None]]) -> None:
        # The machine's own time, wherever our clock was moved to: APScheduler knows no other.
        at_once = SystemClock().now()
        trigger = IntervalTrigger(seconds=max(1, int(interval.total_seconds())))
        self._scheduler.add_job(wake, trigger, coalesce=True, misfire_grace_time=None, next_run_time=at_once)

    # Each wakes and returns: what it began runs on beside the others, and is not begun again before it has ended.

    async def _look(self) -> None:
        self._last_look = self._room.clock.now()
        for name in self._room.settings.newsletters:
            self._begin(f"newsletter {name}", partial(slots.look_at, self._room, name))

    async def _let_go(self) -> None:
        self._begin("departures", self._depart_if_due)

    async def _gather(self) -> None:
        self._begin("gathering", partial(gather, self._room))

    def _begin(self, name: str, job: Callable[[], Coroutine[object, object, None]]) -> None:
        if name not in self._running:
            task = asyncio.create_task(_reported(name, job), name=name)
            self._running[name] = task
            task.add_done_callback(lambda _: self._running.pop(name))

    async def _depart_if_due(self) -> None:
        if await slots.let_go(self._room):
            self._depart()


async def _reported(name: str, job: Callable[[], Awaitable[None]]) -> None:
    """Log what goes wrong, and go on: the next look is a second away."""
    try:
        await job()
    except DigestError as error:
        _log.error("daemon.job.failed", job=name, reason=str(error))
    except Exception:
        _log.exception("daemon.job.failed", job=name)


async def gather(room: Newsroom) -> None:
    """Fetch the sources whose next check has come, and say in the log how each fared."""
    for report in await gathering.gather(room, due_only=True):
        say = _log.warning if report.status == "failed" else _log.info
        say(
            "source.read",
            source=report.name,
            status=report.status,
            found=report.found,
            new=report.new,
            error=report.error,
        )
