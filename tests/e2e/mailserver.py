"""A mail server on loopback in a thread of its own: keeps each byte that it accepted, refuses whom it is told to refuse."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Mail:
    """An accepted mail: envelope, and the bytes between 354 and the final dot with the stuffing taken off."""

    sender: str
    recipient: str
    content: bytes


@dataclass
class MailServer:
    """at_rcpt, at_dot: recipient to the reply that she gets there instead of 250. pause_s: before each answer to a dot."""

    port: int = 0
    accepted: list[Mail] = field(default_factory=list)
    at_rcpt: dict[str, bytes] = field(default_factory=dict)
    at_dot: dict[str, bytes] = field(default_factory=dict)
    auth: bytes | None = None
    greeting: bytes = b"220 test ready\r\n"
    pause_s: float = 0.0

    @property
    def recipients(self) -> list[str]:
        return sorted(mail.recipient for mail in self.accepted)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.greeting)
        if not self.greeting.startswith(b"220"):
            return
        sender = recipient = ""
        while line := (await reader.readline()).rstrip(b"\r\n"):
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-test\r\n250-8BITMIME\r\n" + (b"250-AUTH PLAIN LOGIN\r\n" if self.auth else b""))
                writer.write(b"250 ENHANCEDSTATUSCODES\r\n")
            elif verb == b"AUTH":
                writer.write(self.auth or b"502 no\r\n")
            elif verb == b"MAIL":
                sender = line.split(b"<", 1)[1].split(b">", 1)[0].decode()
                writer.write(b"250 2.1.0 ok\r\n")
            elif verb == b"RCPT":
                recipient = line.split(b"<", 1)[1].split(b">", 1)[0].decode()
                writer.write(self.at_rcpt.get(recipient, b"250 2.1.5 ok\r\n"))
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await self._body(reader, writer, sender, recipient)
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 ok\r\n")

    async def _body(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: str, recipient: str
    ) -> None:
        content = await reader.readuntil(b"\r\n.\r\n")
        if refusal := self.at_dot.get(recipient):
            writer.write(refusal)
            return
        if self.pause_s:
            await asyncio.sleep(self.pause_s)  # noqa: TID251 - a slow server is slow
        self.accepted.append(Mail(sender, recipient, content[:-3].replace(b"\r\n..", b"\r\n.")))
        writer.write(b"250 2.0.0 queued\r\n")


@contextmanager
def running_mail_server(port: int = 0) -> Iterator[MailServer]:
    """A mail server that stops by itself."""
    state = MailServer()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(state.serve, "127.0.0.1", port, limit=2**22), loop
    ).result(5)
    state.port = listening.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        loop.call_soon_threadsafe(listening.close)
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
