"""The daemon's sending processes: started, told of work, restarted when they die, ended with the daemon.

Each holds the other end of a pipe: a byte tells it of work, and the pipe's end, which also comes when the daemon is killed,
tells it to end. What is not here: what such a process does (worker), settling what a dead one had in hand (flow/send).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from digest import log
from digest.clock import first_of, monotonic
from digest.daemon.worker import END_S
from digest.deliver.seats import shares
from digest.flow.newsroom import Newsroom

QUICK_S = 10.0
"""Who dies within so many seconds of its start died at once."""
LONGEST_PAUSE_S = 60.0

_log = log.get(__name__)


def pause_s(quick_deaths: int) -> float:
    """How long to wait before a worker is started again that died at once so many times in a row."""
    return 0.0 if quick_deaths < 2 else min(LONGEST_PAUSE_S, 2.0 ** (quick_deaths - 2))


class Workers:
    """`delivery.workers` processes. bereaved: called when one has died unasked, before it is started again."""

    def __init__(self, room: Newsroom, bereaved: Callable[[], Awaitable[None]]) -> None:
        self._room = room
        total, wanted = room.settings.smtp.connections, room.settings.delivery.workers
        self._ending = asyncio.Event()
        self._posts = [_Post(room, share, bereaved, self._ending) for share in shares(total, wanted)]
        self._tasks: list[asyncio.Task[None]] = []
        if len(self._posts) < wanted:
            _log.warning(
                "workers.fewer", workers=len(self._posts), wanted=wanted, reason=f"smtp.connections is {total}"
            )

    def start(self) -> None:
        """Start them; how they fare is in the log and in `state`."""
        self._tasks = [asyncio.create_task(post.keep()) for post in self._posts]

    def wake(self) -> None:
        """There is work: each looks at once."""
        for post in self._posts:
            post.wake()

    def state(self) -> list[dict[str, Any]]:
        """How each fares, for /healthz."""
        return [post.state() for post in self._posts]

    async def stop(self) -> None:
        """Let them drain and end; who does not end in time is killed, and its journal is settled at the next start."""
        self._ending.set()
        for post in self._posts:
            post.release()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=END_S)
            if late:
                for post in self._posts:
                    post.kill()
                await asyncio.wait(late)


class _Post:
    """The place of one worker, whatever process fills it."""

    def __init__(
        self, room: Newsroom, share: int, bereaved: Callable[[], Awaitable[None]], ending: asyncio.Event
    ) -> None:
        self._room = room
        self._share = share
        self._bereaved = bereaved
        self._ending = ending
        self._process: asyncio.subprocess.Process | None = None
        self._restarts = 0
        self._last_words = ""

    async def keep(self) -> None:
        """Fill the place until the daemon ends."""
        quick = 0
        while not self._ending.is_set():
            begun = monotonic()
            ended = await self._one()
            if self._ending.is_set():
                return
            quick = quick + 1 if monotonic() - begun < QUICK_S else 0
            pause = pause_s(quick)
            self._restarts += 1
            self._last_words = ended
            _log.error("worker.died", reason=ended, again_in_s=pause)
            await self._bereaved()
            await first_of(self._ending.wait(), self._room.clock.sleep(pause))

    async def _one(self) -> str:
        """One process from its start to its end; how it ended."""
        try:
            self._process = await _started(self._room, self._share)
        except OSError as error:
            return f"it cannot be started: {error.strerror}"
        if self._ending.is_set():
            self.release()
        code = await self._process.wait()
        self._process = None
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"it ended with code {code}"

    def wake(self) -> None:
        if self._process and (leash := self._process.stdin) and not leash.is_closing():
            leash.write(b"\n")

    def release(self) -> None:
        """Let go of the leash."""
        if self._process and self._process.stdin:
            self._process.stdin.close()

    def kill(self) -> None:
        if self._process:
            self._process.kill()

    def state(self) -> dict[str, Any]:
        found = {
            "process": self._process.pid if self._process else None,
            "connections": self._share,
            "restarts": self._restarts,
        }
        return found | ({"last_end": self._last_words} if self._last_words else {})


async def _started(room: Newsroom, share: int) -> asyncio.subprocess.Process:
    # -P: a file in the site's folder must not be taken for a module of ours. A session of its own: a terminal's signals
    # are for the daemon.
    return await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "digest", "--site", str(room.settings.root.resolve()),
        "worker", "--led", "--connections", str(share), *(["--quiet"] if room.actor == "demo" else []),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, start_new_session=True,
        env=_environment(room),
    )  # fmt: skip


def _environment(room: Newsroom) -> dict[str, str]:
    """Ours; where our modules are; and where our clock is by now, if it was moved."""
    home = str(Path(__file__).parents[2])
    found = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))}
    return found | ({"DIGEST_NOW": room.clock.now().isoformat()} if os.environ.get("DIGEST_NOW") else {})
