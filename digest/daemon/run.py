"""The daemon's life: what starts and stops in which order, and what a signal does.

start: lists, journals of the dead, timetable, workers, pages     stop: timetable and workers (drain), pages, database
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from digest import log
from digest.app import open_newsroom
from digest.daemon.signals import told_to_end
from digest.daemon.supervision import Workers
from digest.daemon.timetable import Timetable
from digest.errors import DigestError
from digest.flow import membership
from digest.flow.newsroom import Newsroom
from digest.flow.send import anything_to_do, recover
from digest.web.server import serving_pages

LOOK_S = 1.0
"""How often we look whether something is due or somebody has died; departures are told of at once."""

_log = log.get(__name__)


async def run(root: Path) -> None:
    """Run the daemon of a site until SIGTERM or Ctrl-C."""
    async with open_newsroom(root, actor="daemon") as room, running(room):
        await told_to_end().wait()
        _log.info("daemon.ending")


@contextlib.asynccontextmanager
async def running(room: Newsroom) -> AsyncIterator[Timetable]:
    """A running daemon; leaving the block drains and ends it. Raises UsageError when its port is taken."""
    await membership.refresh(room)
    await recover(room)

    async def look() -> None:
        await _look(room, workers)

    workers = Workers(room, look)
    timetable = Timetable(room, workers.wake)
    async with serving_pages(room, timetable.pulse, workers.state):
        workers.start()
        looking = asyncio.create_task(_look_forever(room, workers))
        timetable.start()
        _log.info("daemon.running", site=room.settings.site.name, pages=room.settings.site.url, process=os.getpid())
        try:
            yield timetable
        finally:
            looking.cancel()
            await asyncio.gather(timetable.stop(), workers.stop(), looking, return_exceptions=True)
            with contextlib.suppress(DigestError):
                await recover(room)  # of who did not end in time, nobody else may be there to tell


async def _look_forever(room: Newsroom, workers: Workers) -> None:
    while True:
        await _look(room, workers)
        await room.clock.sleep(LOOK_S)


async def _look(room: Newsroom, workers: Workers) -> None:
    """Settle what the dead had in hand, and tell the workers when something is due."""
    try:
        if await anything_to_do(room):
            workers.wake()
    except DigestError as error:
        _log.error("sending.failed", reason=str(error))
    except Exception:
        _log.exception("sending.crashed")
