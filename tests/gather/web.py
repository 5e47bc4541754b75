"""A web server on loopback that misbehaves as told. What is not here: the fixture that starts it (conftest)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Page:
    """One scripted answer. length: the Content-Length that is claimed, None = the true one. drip_s: between two bytes."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    drip_s: float = 0.0
    wait_s: float = 0.0


@dataclass(slots=True)
class Web:
    """The server's script (`pages`, by path) and what it saw: paths and headers in order, most requests at once."""

    port: int = 0
    pages: dict[str, Page | list[Page]] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    now_open: int = 0
    most_open: int = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The address of `path` on this server."""
        return f"http://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's only request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            await self._answer(head, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has left, or the test is over
        finally:
            writer.close()

    async def _answer(self, head: list[str], writer: asyncio.StreamWriter) -> None:
        path = head[0].split()[1]
        self.paths.append(path)
        self.headers.append({k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)})
        script = self.pages.get(path, Page(status=404))
        page = script.pop(0) if isinstance(script, list) else script
        self.now_open += 1
        self.most_open = max(self.most_open, self.now_open)
        try:
            await self._write(page, writer)
        finally:
            self.now_open -= 1

    async def _write(self, page: Page, writer: asyncio.StreamWriter) -> None:
        if page.wait_s:
            await pause(page.wait_s)
        length = len(page.body) if page.length is None else page.length
        headers = {"Content-Length": str(length), "Connection": "close", **page.headers}
        lines = [f"HTTP/1.1 {page.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        for byte in page.body if page.drip_s else ():
            writer.write(bytes([byte]))
            await writer.drain()
            await pause(page.drip_s)
        if not page.drip_s:
            writer.write(page.body)
        await writer.drain()


async def pause(seconds: float) -> None:
    """Let `seconds` pass on the loop's own clock."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), seconds)
