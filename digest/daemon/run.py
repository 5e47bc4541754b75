"""The daemon's life: what starts and stops in which order, and what a signal does.

start: lists, journals of the dead, timetable, sender, pages      stop: timetable, sender (drains), pages, database
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from digest import log
from digest.app import open_newsroom
from digest.clock import first_of
from digest.daemon.signals import told_to_end
from digest.daemon.timetable import Timetable
from digest.errors import DigestError, RelayRefused
from digest.flow import membership
from digest.flow.newsroom import Newsroom
from digest.flow.send import Sender, recover
from digest.web.server import serving_pages

DRAIN_S = 8.0
"""Seconds that mails under way have when the daemon is told to end; all of it takes no more than ten."""
REST_S = 30.0
"""Pause after the mail server has refused us."""

_log = log.get(__name__)


async def run(root: Path) -> None:
    """Run the daemon of a site until SIGTERM or Ctrl-C."""
    async with open_newsroom(root, actor="daemon") as room, running(room):
        await told_to_end().wait()
        _log.info("daemon.ending")


@contextlib.asynccontextmanager
async def running(room: Newsroom) -> AsyncIterator[Timetable]:
    """A running daemon; leaving the block drains and ends it. Raises UsageError when its port is taken."""
    stop, wake = asyncio.Event(), asyncio.Event()
    await membership.refresh(room)
    await recover(room)
    timetable = Timetable(room, wake.set)
    async with serving_pages(room, timetable.pulse):
        sending = asyncio.create_task(_send_forever(room, wake, stop))
        timetable.start()
        _log.info("daemon.running", site=room.settings.site.name, pages=room.settings.site.url, process=os.getpid())
        try:
            yield timetable
        finally:
            stop.set()
            await timetable.stop()
            await _ended(sending)


async def _ended(sending: asyncio.Task[None]) -> None:
    await asyncio.wait({sending}, timeout=DRAIN_S + 1)
    sending.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await sending


async def _send_forever(room: Newsroom, wake: asyncio.Event, stop: asyncio.Event) -> None:
    """Send whatever is due, until told to stop; woken when an issue departs, and every second for what was deferred."""
    sender = Sender(room)
    try:
        while not stop.is_set():
            wake.clear()
            rest = await _send_once(sender, stop)
            # After a refusal nothing but the end of the daemon cuts the rest short.
            await first_of(stop.wait(), room.clock.sleep(rest), *([wake.wait()] if rest <= 1 else []))
    finally:
        await sender.close()


async def _send_once(sender: Sender, stop: asyncio.Event) -> float:
    """One round; how many seconds to rest after it."""
    try:
        await sender.run(stop, finish_s=DRAIN_S)
    except RelayRefused as refusal:
        _log.error("relay.refused", reason=str(refusal))
        return REST_S
    except DigestError as error:
        _log.error("sending.failed", reason=str(error))
        return REST_S
    except Exception:
        _log.exception("sending.crashed")
        return REST_S
    return 1.0
