"""A real SMTP server on loopback that does what its script says, and remembers every byte it was told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

CUT = "cut"
"""Instead of a reply: drop the connection."""
SILENCE = "silence"
"""Instead of a reply: nothing, for ever."""

GREETING, EHLO, STARTTLS, AUTH = "GREETING", "EHLO", "STARTTLS", "AUTH"
MAIL, RCPT, DATA, DOT, RSET, QUIT = "MAIL", "RCPT", "DATA", "DOT", "RSET", "QUIT"

_USUAL = {
    GREETING: "220 test ready",
    STARTTLS: "220 go ahead",
    AUTH: "235 2.7.0 welcome",
    MAIL: "250 2.1.0 ok",
    RCPT: "250 2.1.5 ok",
    DATA: "354 go on",
    DOT: "250 2.0.0 queued as 4711",
    RSET: "250 2.0.0 reset",
    QUIT: "221 2.0.0 bye",
}


@dataclass
class Taken:
    """A mail as it came in: raw bytes between 354 and the final dot, still stuffed."""

    mail: bytes
    rcpt: bytes
    raw: bytes


@dataclass
class Server:
    """script: what to answer at which command, one entry a time; when it is used up, the last is *not* repeated.

    A reply is sent as it stands, with CRLF after it; "raw:" before it leaves the CRLF away. CUT and SILENCE as they say.
    always: as script, for ever. lax: takes DATA though there is no recipient (RFC 2920 §3.1 expects such servers).
    """

    offers: Sequence[str] = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES")
    script: dict[str, list[str]] = field(default_factory=dict)
    always: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    heard: list[bytes] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    most: int = 0
    port: int = 0
    read_body: bool = True
    lax: bool = False
    hurried: int = 0
    """Commands that were there before the one ahead of them was answered."""

    def __post_init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.in_body = asyncio.Event()
        self.at_dot = asyncio.Event()
        self.release = asyncio.Event()

    async def __aenter__(self) -> Server:
        context = self.tls if self.implicit else None
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self.port, ssl=context, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        for _turn in range(5):  # aborted transports close in the turns that follow, TLS ones layer by layer
            await asyncio.sleep(0)  # noqa: TID251 gives the loop a turn; no time is waited for

    def commands(self) -> list[str]:
        """The verbs that were heard, in order."""
        return [line.split()[0].decode("utf-8", "replace").upper() for line in self.heard if line.split()]

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            await _Talk(self, reader, writer).whole()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass  # cancelled only by __aexit__, and StreamReaderProtocol of 3.11 trips over a cancelled task
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    def answer(self, step: str, usual: str) -> str:
        """What the script says at this step, else the usual."""
        if self.script.get(step):
            return self.script[step].pop(0)
        return self.always.get(step, usual)


class _Cut(ConnectionError):
    pass


class _Talk:
    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.secure = server.implicit
        self.mail = self.rcpt = b""
        self.early = False

    async def whole(self) -> None:
        await self.say(GREETING)
        while line := await self.reader.readline():
            self.server.heard.append(line)
            verb = line.split()[0].decode("latin-1").upper() if line.split() else ""
            self.server.hurried += verb in {MAIL, RCPT, DATA} and self.early
            await self.obey(verb, line)
            if verb == QUIT:
                return

    async def obey(self, verb: str, line: bytes) -> None:
        if out_of_order := self.out_of_order(verb):
            await self.send(f"503 5.5.1 {out_of_order}")
            return
        match verb:
            case "EHLO":
                await self.say(EHLO, self.welcome())
            case "HELO":
                await self.say("HELO", "250 test")
            case "STARTTLS":
                if (await self.say(STARTTLS)).startswith("220"):
                    assert self.server.tls is not None
                    await self.writer.start_tls(self.server.tls)
                    self.secure = True
            case "DATA":
                if (await self.say(DATA)).startswith("354"):
                    await self.take()
                    self.mail = self.rcpt = b""
            case _:
                done = (await self.say(verb, _USUAL.get(verb, "500 what?"))).startswith("2")
                self.mail = line if verb == MAIL and done else b"" if verb == RSET and done else self.mail
                self.rcpt = line if verb == RCPT and done else b"" if verb == RSET and done else self.rcpt

    def out_of_order(self, verb: str) -> str | None:
        """What a server says to a command that has no place here (RFC 5321 §4.1.4)."""
        wrong = {
            MAIL: (bool(self.mail), "nested MAIL command"),
            RCPT: (not self.mail, "need MAIL command"),
            DATA: (not self.rcpt and not self.server.lax, "need RCPT command"),
        }
        is_wrong, words = wrong.get(verb, (False, ""))
        return words if is_wrong else None

    def welcome(self) -> str:
        offers = [offer for offer in self.server.offers if not (self.secure and offer == "STARTTLS")]
        lines = ["test at your service", *offers]
        return "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])

    async def take(self) -> None:
        self.server.in_body.set()
        if not self.server.read_body:
            await self.say("BODY", SILENCE)
            return
        lines: list[bytes] = []
        while (line := await self.reader.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line)
        self.server.at_dot.set()
        reply = self.server.answer(DOT, _USUAL[DOT])
        if reply.startswith("2") and self.rcpt:
            self.server.taken.append(Taken(self.mail, self.rcpt, b"".join(lines)))
        await self.send(reply)

    async def say(self, step: str, usual: str | None = None) -> str:
        reply = self.server.answer(step, usual if usual is not None else _USUAL[step])
        await self.send(reply)
        return reply

    async def send(self, reply: str) -> None:
        self.early = bool(self.reader._buffer)  # type: ignore[attr-defined]
        if reply == CUT:
            raise _Cut
        if reply == SILENCE:
            await self.server.release.wait()
            return
        data = reply.removeprefix("raw:") if reply.startswith("raw:") else reply + "\r\n"
        self.writer.write(data.encode("latin-1"))
        await self.writer.drain()
        if reply.startswith("421"):
            raise _Cut
