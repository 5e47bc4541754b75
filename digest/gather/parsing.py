"""Reading foreign bytes in a process that can be killed: a hostile feed costs its own source, and no other.

    response -> child process (gather.child) -> stories

What is not here: what the child does with the bytes (child, feeds, pages, articles), and fetching them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digest.errors import GatherError, PageChanged
from digest.gather.answers import Response
from digest.gather.wire import LENGTHS, from_story, packed, to_story
from digest.model.story import RawStory
from digest.settings import Source

if TYPE_CHECKING:
    from digest.gather.suggest import Suggestion

AT_ONCE = 2
LIMIT_S = 10.0  # for one feed, page or article; the largest real ones take less than a fifth of it
_START_S = 60.0  # for the libraries to load, however busy the machine
_LEAVE_S = 2.0
_TRIES = 3


class Parsers:
    """Up to two child processes that read; started when first needed, kept warm, closed by `aclose`.

    limit_s: seconds that one reading may take; then its process is killed, and the next reading gets a new one. Used by one
    event loop.
    """

    def __init__(self, limit_s: float = LIMIT_S, at_once: int = AT_ONCE) -> None:
        self._limit_s = limit_s
        self._turns = asyncio.Semaphore(at_once)
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()

    async def stories(self, response: Response, name: str, source: Source, now: datetime) -> tuple[RawStory, ...]:
        """The stories in what the source `name` answered. Raises GatherError."""
        head = {"name": name, "source": source.model_dump(mode="json"), "now": now.isoformat()}
        found = await self._run("stories", head, response)
        return tuple(to_story(values) for values in found)

    async def article(self, response: Response, story: RawStory, now: datetime) -> RawStory:
        """`story` completed by what its own page answered. Raises GatherError."""
        head = {"story": from_story(story), "now": now.isoformat()}
        return to_story(await self._run("article", head, response))

    async def headline(self, response: Response) -> str | None:
        """What the article of a page is headed; None for a page that has none. Raises GatherError."""
        found: str | None = await self._run("headline", {}, response)
        return found

    async def suggestion(self, response: Response, now: datetime) -> Suggestion:
        """How the page could be a source. Raises GatherError."""
        # Imported here: an editor asks for it once, and it brings the parsers that only the child has else.
        from digest.gather.suggest import Suggestion

        found = await self._run("suggest", {"now": now.isoformat()}, response)
        return Suggestion(
            feed=found["feed"],
            how=found["how"],
            rules=found["rules"],
            stories=tuple(to_story(values) for values in found["stories"]),
        )

    async def aclose(self) -> None:
        """End all children."""
        self._idle.clear()
        await asyncio.gather(*(child.close() for child in self._all))
        self._all.clear()

    async def _run(self, task: str, head: dict[str, Any], response: Response) -> Any:
        head |= {
            "task": task,
            "url": response.url,
            "content_type": response.content_type,
            "limit_s": self._limit_s,
        }
        async with self._turns:
            answer = await self._asked(packed(head, response.body))
        if "error" in answer:
            kind = PageChanged if answer.get("changed") else GatherError
            raise kind(answer["error"], permanent=answer["permanent"])
        return answer["value"]

    async def _asked(self, frame: bytes) -> dict[str, Any]:
        """What a child answers. One that had died before it took the task is nobody's fault: another is asked."""
        for _ in range(_TRIES):
            child = await self._child()
            try:
                answer = await child.ask(frame, self._limit_s)
            except _Gone:
                await self._ended(child)
                continue
            # Also when we are cancelled: it is in the middle of something, and nobody waits for it.
            except BaseException:
                await self._ended(child)
                raise
            if answer.get("tired"):
                self._all.discard(child)
                await child.close()
            else:
                self._idle.append(child)
            return answer
        raise GatherError("the processes that read feeds and pages end before they begin")

    async def _child(self) -> _Child:
        if self._idle:
            return self._idle.pop()
        child = await _Child.start()
        self._all.add(child)
        return child

    async def _ended(self, child: _Child) -> None:
        self._all.discard(child)
        await child.kill()


class _Gone(Exception):
    """The child had ended before it took a task."""


class _Child:
    """One child process, and the frames to and from it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> _Child:
        """A child that has loaded what it needs. Raises GatherError."""
        try:
            child = cls(await _started())
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise GatherError(f"the process that reads feeds and pages cannot be started: {reason}") from error
        try:
            async with asyncio.timeout(_START_S):
                await child._answer()
        except (TimeoutError, EOFError):
            await child.kill()
            raise GatherError("the process that reads feeds and pages does not start") from None
        except BaseException:
            await child.kill()
            raise
        return child

    async def ask(self, frame: bytes, limit_s: float) -> dict[str, Any]:
        """What the child answers. Raises GatherError when it is too slow or breaks, _Gone when it had ended before."""
        taken = False
        try:
            async with asyncio.timeout(limit_s):
                self._input.write(frame)
                await self._input.drain()
                await self._answer()
                taken = True
                return await self._answer()
        except TimeoutError:
            raise GatherError(f"it takes longer than {limit_s:g} seconds to read") from None
        except (EOFError, OSError):
            raise GatherError("it breaks the program that reads it") if taken else _Gone from None

    async def close(self) -> None:
        """Let it go: it ends when its input does."""
        self._input.close()
        try:
            async with asyncio.timeout(_LEAVE_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._input.close()
        await self._process.wait()

    async def _answer(self) -> dict[str, Any]:
        head_bytes, body_bytes = LENGTHS.unpack(await self._output.readexactly(LENGTHS.size))
        answer: dict[str, Any] = json.loads(await self._output.readexactly(head_bytes))
        await self._output.readexactly(body_bytes)
        return answer

    @property
    def _input(self) -> asyncio.StreamWriter:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        return self._process.stdin

    @property
    def _output(self) -> asyncio.StreamReader:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        return self._process.stdout


async def _started() -> asyncio.subprocess.Process:
    # -P: a file in the site's folder must not be taken for a module of ours.
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "digest.gather.child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    """The child's environment: where our modules are, one thread for numpy, and none of our secrets."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")}
    home = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, (home, ours.get("PYTHONPATH"))))
    return ours | {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
