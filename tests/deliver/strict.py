"""A mail server that keeps the rules, but for one fault, which strikes one mail at one step of the conversation.

What it took it took whole: a mail counts as taken when its final dot was read and it was not refused, even where the reply
never reaches the client. What is not here: servers that follow a script step by step (server).
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Step(StrEnum):
    """Where the fault strikes."""

    GREETING = "greeting"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BODY = "body"
    DOT = "dot"
    RSET = "RSET"
    QUIT = "QUIT"


class Kind(StrEnum):
    """What the server does there instead of what it should."""

    CUT = "cuts"
    LATER = "4xx"
    NEVER = "5xx"
    CLOSING = "421"
    GARBAGE = "garbage"
    NOTHING = "nothing"
    HALF = "half a line"
    EARLY = "reply before the command"
    TWO = "two replies"
    WRONG = "a reply to something else"


SESSION = (Step.GREETING, Step.EHLO, Step.STARTTLS, Step.AUTH)
ONE_OF_A_MAIL = (Step.MAIL, Step.RCPT, Step.DATA, Step.BODY, Step.DOT)

_USUAL = {
    Step.GREETING: "220 strict ready",
    Step.STARTTLS: "220 go ahead",
    Step.AUTH: "235 2.7.0 welcome",
    Step.MAIL: "250 2.1.0 ok",
    Step.RCPT: "250 2.1.5 ok",
    Step.DATA: "354 go on",
    Step.DOT: "250 2.0.0 queued",
    Step.RSET: "250 2.0.0 reset",
    Step.QUIT: "221 2.0.0 bye",
}
_LATER = {Step.AUTH: "454 4.7.0 later", Step.DOT: "452 4.3.1 the disk is full", Step.BODY: "452 4.3.1 the disk is full"}
_NEVER = {Step.AUTH: "535 5.7.8 no", Step.RCPT: "550 5.1.1 unknown", Step.BODY: "552 5.3.4 too big"}
_BEFORE = {
    Step.EHLO: Step.GREETING, Step.STARTTLS: Step.EHLO, Step.AUTH: Step.EHLO, Step.MAIL: Step.DOT, Step.RCPT: Step.MAIL,
    Step.DATA: Step.RCPT, Step.DOT: Step.DATA,
}  # fmt: skip
"""With which reply the one to a step comes, when it comes early."""
_NUMBER = re.compile(rb"[+r](\d+)@")


@dataclass(frozen=True)
class Fault:
    """victim: the number of the mail that is struck; without meaning for the steps of a session."""

    step: Step
    kind: Kind
    victim: int = 1


@dataclass(frozen=True)
class Taken:
    """number: of the envelope. content: with the stuffing taken off."""

    number: int
    content: bytes


@dataclass
class StrictServer:
    """fault: strikes once. refused: numbers of mails whose RCPT is answered with 550, and how DATA is answered then.

    at_dot: how the dots of these mails are answered; none of them is taken.
    tls: one context for each connection in turn, the last for all others. hasty: whether a client ever spoke before it was
    its turn.
    """

    fault: Fault | None = None
    offers: Sequence[str] = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 50000000")
    refused: frozenset[int] = frozenset()
    at_dot: Mapping[int, str] = field(default_factory=dict)
    data_after_refusal: str = "503 5.5.1 no valid recipients"
    tls: Sequence[ssl.SSLContext] = ()
    implicit: bool = False
    taken: list[Taken] = field(default_factory=list)
    in_clear: list[bytes] = field(default_factory=list)
    faults_of_client: list[str] = field(default_factory=list)
    hasty: bool = False
    connections: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._struck = False

    async def __aenter__(self) -> StrictServer:
        context = self.tls[0] if self.implicit else None
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0, ssl=context, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        for _turn in range(5):  # aborted transports close in the turns that follow, TLS ones layer by layer
            await asyncio.sleep(0)  # noqa: TID251 gives the loop a turn; no time is waited for

    @property
    def struck(self) -> bool:
        """Whether the fault has happened."""
        return self._struck

    def strikes(self, step: Step, number: int) -> Kind | None:
        """The fault, if it is now that it happens."""
        fault = self.fault
        if self._struck or fault is None or fault.step is not step or fault.kind is Kind.EARLY:
            return None
        if step in ONE_OF_A_MAIL and fault.victim != number:
            return None
        self._struck = True
        return fault.kind

    def note(self, struck: bool) -> None:
        """Remember that the fault has happened."""
        self._struck = self._struck or struck

    def context(self) -> ssl.SSLContext:
        """That of the newest connection."""
        return self.tls[min(self.connections, len(self.tls)) - 1]

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await _Talk(self, reader, writer).whole()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass  # cancelled only by __aexit__, and StreamReaderProtocol of 3.11 trips over a cancelled task
        finally:
            self._tasks.discard(task)
            writer.transport.abort()


class _Over(ConnectionError):
    """The server has closed the connection."""


class _Talk:
    """One connection."""

    def __init__(self, server: StrictServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.secure = server.implicit
        self.mail: int | None = None
        self.rcpt: int | None = None

    async def whole(self) -> None:
        await self.say(Step.GREETING)
        while line := await self.reader.readline():
            if not self.secure:
                self.server.in_clear.append(line)
            await self.obey(line)

    async def obey(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb in {b"EHLO", b"HELO"}:
            await self.say(Step.EHLO, self.welcome())
        elif verb == b"STAR":
            if await self.say(Step.STARTTLS):
                await self.writer.start_tls(self.server.context())
                self.secure = True
        elif verb == b"AUTH":
            await self.say(Step.AUTH)
        elif verb == b"MAIL":
            self.mail, self.rcpt = self.number(line), None
            if not await self.say(Step.MAIL, number=self.mail):
                self.mail = None
        elif verb == b"RCPT":
            await self.recipient(self.number(line))
        elif verb == b"DATA":
            await self.data()
        elif verb == b"RSET":
            self.mail = self.rcpt = None
            await self.say(Step.RSET)
        elif verb == b"QUIT":
            await self.say(Step.QUIT)
            raise _Over
        else:
            self.server.faults_of_client.append(f"{line[:80]!r} is no command")
            await self.send("500 5.5.2 what?")

    def number(self, line: bytes) -> int:
        found = _NUMBER.search(line)
        if not found:
            self.server.faults_of_client.append(f"{line[:80]!r} names no mail")
        return int(found[1]) if found else -1

    def welcome(self) -> str:
        offers = [offer for offer in self.server.offers if not (self.secure and offer == "STARTTLS")]
        lines = ["strict at your service", *offers]
        return "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])

    async def recipient(self, number: int) -> None:
        if self.mail is None:
            await self.send("503 5.5.1 MAIL first")
        elif number in self.server.refused:
            await self.send("550 5.1.1 unknown")
        elif await self.say(Step.RCPT, number=number):
            self.rcpt = number

    async def data(self) -> None:
        if self.rcpt is not None:
            if await self.say(Step.DATA, number=self.rcpt):
                await self.body()
        else:
            await self.send(self.server.data_after_refusal if self.mail is not None else "503 5.5.1 MAIL first")
            if self.mail is not None and self.server.data_after_refusal.startswith("354"):
                await self.body()

    async def body(self) -> None:
        number, (content, answered) = self.rcpt, await self.read_body()
        self.mail = self.rcpt = None
        if number is None:
            if content:
                self.server.faults_of_client.append("a body for nobody")
            await self.send("554 5.5.1 no valid recipients")
        elif number in self.server.at_dot:
            await self.send(self.server.at_dot[number])
        elif not answered:
            if not self.refuses(number):
                self.server.taken.append(Taken(number, content))
            await self.say(Step.DOT, number=number)

    def refuses(self, number: int) -> bool:
        """Whether the dot that was just read is answered with a refusal."""
        fault = self.server.fault
        strikes = fault is not None and not self.server.struck and (fault.step, fault.victim) == (Step.DOT, number)
        return strikes and fault is not None and fault.kind in {Kind.LATER, Kind.NEVER, Kind.CLOSING}

    async def read_body(self) -> tuple[bytes, bool]:
        """What stands before the final dot; whether it was answered before that dot came."""
        parts: list[bytes] = []
        answered = False
        while (line := await self.reader.readline()) != b".\r\n":
            if not line:
                raise _Over
            parts.append(line[1:] if line.startswith(b".") else line)
            if len(parts) == 1 and self.rcpt is not None and (kind := self.server.strikes(Step.BODY, self.rcpt)):
                await self.misbehave(Step.BODY, kind, "250 2.0.0 early")
                answered = kind in {Kind.LATER, Kind.NEVER}
        return b"".join(parts), answered

    # -- speaking ------------------------------------------------------------------------------------------------------

    async def say(self, step: Step, usual: str | None = None, number: int = -1) -> bool:
        """Answer; whether the client may go on."""
        usual = _USUAL[step] if usual is None else usual
        if self.reader._buffer:  # type: ignore[attr-defined]  # what came before we have answered
            self.server.hasty = True
        if kind := self.server.strikes(step, number):
            return await self.misbehave(step, kind, usual)
        if self.comes_early(step, number):
            assert self.server.fault is not None
            usual += "\r\n" + _USUAL.get(self.server.fault.step, "250 strict")
        await self.send(usual)
        return True

    def comes_early(self, step: Step, number: int) -> bool:
        """Whether the reply to the next command is given already."""
        fault = self.server.fault
        if self.server.struck or fault is None or fault.kind is not Kind.EARLY or _BEFORE.get(fault.step) is not step:
            return False
        early = step in SESSION or number == fault.victim - (fault.step is Step.MAIL)
        self.server.note(early)
        return early

    async def misbehave(self, step: Step, kind: Kind, usual: str) -> bool:
        match kind:
            case Kind.CUT:
                raise _Over
            case Kind.NOTHING:
                await asyncio.Event().wait()
            case Kind.HALF:
                await self.send(usual[:5], end="")
                await asyncio.Event().wait()
            case Kind.LATER:
                await self.send(_LATER.get(step, "451 4.3.0 not now"))
            case Kind.NEVER:
                await self.send(_NEVER.get(step, "554 5.3.0 no"))
            case Kind.CLOSING:
                await self.send("421 4.3.2 closing down")
                raise _Over
            case Kind.GARBAGE:
                await self.send("HTTP/1.1 400 Bad Request")
            case Kind.TWO:
                await self.send(f"{usual}\r\n{usual.splitlines()[-1]}")
                return True
            case Kind.WRONG:
                await self.send("250 2.0.0 ok" if usual.startswith("354") else "354 go on")
        return False

    async def send(self, reply: str, end: str = "\r\n") -> None:
        self.writer.write((reply + end).encode())
        await self.writer.drain()
