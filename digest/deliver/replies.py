"""One SMTP line after the handshake: replies come out in order, commands go in.

`Replies` is the parser (pure), `Line` the asyncio protocol that takes an open transport over.
What is not here: what a reply means (retry), what is said (smtp, envelope).
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from functools import lru_cache

from digest.model.delivery import Reply

MAX_LINE = 4096
"""Bytes of one reply line; RFC 5321 §4.5.3.1.5 says 512, and that more should be borne."""
MAX_REPLY = 32_768
"""Bytes of a whole reply with its continuations: bounds what a hostile server can make us keep."""
MAX_UNREAD = 100
"""Replies that may wait to be read."""
LOOK_S = 10.0
"""Seconds between looks whether a wait has lasted too long; a shorter wait is looked at when it is over."""
MAX_TEXT = 1000
"""Characters of a reply's words that are kept."""

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)  # RFC 5321 §4.2
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?= |$)")


class Broken(Exception):
    """The line can no longer be used; the text says why. Never seen outside this stage."""


class Replies:
    """Bytes in, whole replies out."""

    def __init__(self) -> None:
        self._buffer = b""
        self._code = 0  # of the reply being read, 0 between replies
        self._lines: list[str] = []
        self._size = 0

    def feed(self, data: bytes, into: deque[Reply]) -> None:
        """Append the replies that `data` completes to `into`. Raises Broken at the first thing that is no reply."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            if reply := self._line(line.removesuffix(b"\r")):
                into.append(reply)
            if len(into) > MAX_UNREAD:
                raise Broken("the server does not stop talking")
        if len(self._buffer) > MAX_LINE:
            raise Broken("the server sends a line without end")

    def _line(self, line: bytes) -> Reply | None:
        """The reply that this line ends, None when more lines follow."""
        code, whole, words = _parsed(line) if len(line) <= MAX_LINE else _NO_REPLY
        if not code or (self._code and code != self._code):
            raise Broken(f"the server sends what is no SMTP reply: {_words(line[:80])!r}")
        if whole and not self._code:
            return whole
        self._code = code
        self._size += len(line)
        self._lines.append(words)
        if self._size > MAX_REPLY:
            raise Broken("the server sends a reply without end")
        if not whole:
            return None
        reply = Reply(self._code, _joined(self._lines))
        self._code, self._lines, self._size = 0, [], 0
        return reply


_NO_REPLY = (0, None, "")


@lru_cache(maxsize=64)  # three of four replies are the same for every mail
def _parsed(line: bytes) -> tuple[int, Reply | None, str]:
    """Code, the reply if this is all of it, words."""
    if not (match := _LINE.fullmatch(line)):
        return _NO_REPLY
    code, words = int(match[1]), _words(match[3] or b"")
    return code, None if match[2] == b"-" else Reply(code, words[:MAX_TEXT]), words


def _words(line: bytes) -> str:
    return _BLANKS.sub(" ", line.decode("utf-8", "replace")).strip()


def _joined(lines: list[str]) -> str:
    """All lines as one; the enhanced code that each line repeats (RFC 2034 §4) is said once."""
    enhanced = _ENHANCED.match(lines[0])
    if enhanced:
        lines = [lines[0], *(line.removeprefix(enhanced[0]).strip() for line in lines[1:])]
    return " ".join(line for line in lines if line)[:MAX_TEXT]


class Line(asyncio.Protocol):
    """Takes `transport` over. One task at a time may speak; `abort` may be called by anybody."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._replies = Replies()
        self._unread: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0  # of the present wait
        self._silence = ""
        self._alarm: asyncio.TimerHandle | None = None
        self._paused = False
        self._loop = asyncio.get_running_loop()
        # A transport that closed before we took over has told its former protocol, and will not tell us.
        self._fault = "the server closed the connection" if transport.is_closing() else None
        transport.set_protocol(self)

    # -- for smtp ------------------------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether a command may be written: the line stands and the server did not speak out of turn."""
        return self._fault is None and not self._unread

    def check(self) -> None:
        """Raise Broken unless a command may be written now.

        A reply that nobody asked for would be taken for the answer to the next command, and every later one would be off
        by one: a refused mail could then pass for a sent one.
        """
        if self._fault is not None:
            raise Broken(self._fault)
        if self._unread:
            raise Broken(f"the server spoke out of turn: {self._unread[0]}")

    def write(self, data: bytes) -> None:
        """Put `data` on the wire without waiting. Call `check` before."""
        self._transport.write(data)

    async def drained(self, seconds: float) -> None:
        """Wait until the transport takes more, or the server says something. Raises Broken."""
        await self._until(lambda: not self._paused or bool(self._unread), seconds, "the server takes no more data")

    async def reply(self, seconds: float) -> Reply:
        """The next reply. Raises Broken when none comes within `seconds`, the line breaks, or what comes is no reply."""
        if not self._unread:
            await self._until(lambda: bool(self._unread), seconds, "the server does not answer")
        return self._unread.popleft()

    def early_reply(self) -> Reply | None:
        """A reply that came before it was asked for; None when there is none."""
        return self._unread.popleft() if self._unread else None

    def abort(self, why: str) -> None:
        """Drop the line at once; whoever waits gets Broken(why)."""
        self._fault = self._fault or why
        self._transport.abort()
        self._wake()

    def close(self) -> None:
        """Close the line in order."""
        self._fault = self._fault or "the connection is closed"
        self._transport.close()

    async def _until(self, ready: Callable[[], bool], seconds: float, silence: str) -> None:
        if ready():
            return
        self._wait_until(self._loop.time() + seconds, f"{silence} for {seconds:g} s")
        try:
            while not ready():
                if self._fault is not None:
                    raise Broken(self._fault)
                self._waiter = self._loop.create_future()
                await self._waiter
        finally:
            self._waiter = None

    def _wait_until(self, deadline: float, silence: str) -> None:
        """One alarm serves many waits: it looks at most every LOOK_S whether the present wait has lasted too long."""
        self._deadline, self._silence = deadline, silence
        if self._alarm is None or self._alarm.when() > deadline:
            self._ring_at(deadline)

    def _ring_at(self, deadline: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(min(deadline, self._loop.time() + LOOK_S), self._look)

    def _look(self) -> None:
        self._alarm = None
        if self._waiter is None or self._fault is not None:
            return  # the next wait sets it again
        if self._loop.time() >= self._deadline:
            self.abort(self._silence)
        else:
            self._ring_at(self._deadline)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # -- for the transport ---------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Called by the transport."""
        try:
            self._replies.feed(data, self._unread)
        except Broken as broken:
            self.abort(str(broken))
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the transport."""
        self._fault = self._fault or (f"the connection was lost ({exc})" if exc else "the server closed the connection")
        if self._alarm is not None:
            self._alarm.cancel()
        self._wake()

    def pause_writing(self) -> None:
        """Called by the transport."""
        self._paused = True

    def resume_writing(self) -> None:
        """Called by the transport."""
        self._paused = False
        self._wake()
