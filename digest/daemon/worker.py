"""A process that only sends: it claims what is due and sends it, until it is told to end.

Led by a daemon, its standard input is the leash: a byte says that there is work, and its end, which also comes when the
daemon is killed, says to end. Alone it looks every second. What is not here: the daemon's side (supervision), sending
itself (flow/send).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from pathlib import Path

from digest import log
from digest.app import open_newsroom
from digest.clock import first_of
from digest.daemon.signals import told_to_end
from digest.errors import DigestError, RelayRefused
from digest.flow.newsroom import Newsroom
from digest.flow.send import Sender

DRAIN_S = 8.0
"""Seconds that mails under way have when a sender is told to end."""
END_S = 9.5
"""Seconds after which a sender is gone, whatever holds it up: its journal knows what was in hand."""
REST_S = 30.0
"""Pause after the mail server has refused us."""
LOOK_S = 1.0
"""How often a worker without a daemon looks whether something is due."""
LINGER_S = 3.0
"""Seconds that connections are kept when nothing is left to send."""

_LEASH = 0

_log = log.get(__name__)


async def run(root: Path, connections: int | None, *, led: bool) -> None:
    """Send what is due on the site in `root` until SIGTERM, Ctrl-C, or the end of the leash.

    connections: this worker's; None = all of the site's. led: by a daemon.
    """
    stop, wake = told_to_end(), asyncio.Event()
    if led:
        _hold_the_leash(wake, stop)
    bound = asyncio.create_task(_bounded(stop))
    async with open_newsroom(root, actor="daemon" if led else "worker") as room:
        _log.info("worker.running", process=os.getpid(), connections=connections or room.settings.smtp.connections)
        looking = None if led else asyncio.create_task(_look_again(room, wake))
        await send_forever(room, Sender(room, connections=connections), wake, stop)
        if looking:
            looking.cancel()
    bound.cancel()


def _hold_the_leash(wake: asyncio.Event, stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    # A terminal's Ctrl-C is the daemon's business, which tells us.
    loop.remove_signal_handler(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def pulled() -> None:
        if os.read(_LEASH, 4096):
            wake.set()
        else:
            loop.remove_reader(_LEASH)
            stop.set()

    loop.add_reader(_LEASH, pulled)


async def _bounded(stop: asyncio.Event) -> None:
    """See to it that the process ends in time. A thread, since what holds us up may hold up the loop."""
    await stop.wait()
    timer = threading.Timer(END_S, os._exit, [1])
    timer.daemon = True
    timer.start()


async def _look_again(room: Newsroom, wake: asyncio.Event) -> None:
    while True:
        await room.clock.sleep(LOOK_S)
        wake.set()


async def send_forever(room: Newsroom, sender: Sender, wake: asyncio.Event, stop: asyncio.Event) -> None:
    """Send whatever is due, at once and whenever woken, until told to stop."""
    try:
        while not stop.is_set():
            wake.clear()
            if rest := await _send_once(sender, stop):
                await first_of(stop.wait(), room.clock.sleep(rest))  # no work cuts the rest short
                continue
            await first_of(stop.wait(), wake.wait(), room.clock.sleep(LINGER_S))
            if not wake.is_set():
                await sender.close()
                await first_of(stop.wait(), wake.wait())
    finally:
        with contextlib.suppress(DigestError):
            await sender.close()


async def _send_once(sender: Sender, stop: asyncio.Event) -> float:
    """One round; how many seconds to rest after it."""
    try:
        await sender.run(stop, finish_s=DRAIN_S)
    except RelayRefused as refusal:
        _log.error("relay.refused", reason=str(refusal))
    except DigestError as error:
        _log.error("sending.failed", reason=str(error))
    except Exception:
        _log.exception("sending.crashed")
    else:
        return 0.0
    return REST_S
