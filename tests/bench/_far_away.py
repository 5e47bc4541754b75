"""A mail server that is far away: a proxy on loopback that holds every byte back, in both directions.

`python -m tests.bench._far_away TARGET_PORT MS` listens on a free port and prints it; MS: milliseconds for one direction.
"""

from __future__ import annotations

import asyncio
import sys


class End(asyncio.Protocol):
    """One end of a connection; what it hears the other end says, later."""

    def __init__(self, target: int, delay_s: float, other: End | None = None) -> None:
        self._target, self._delay_s, self.other = target, delay_s, other
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._dialling: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"".join(self._early))
        if self.other is None:
            other = self.other = End(self._target, self._delay_s, self)
            loop = asyncio.get_running_loop()
            self._dialling = loop.create_task(loop.create_connection(lambda: other, "127.0.0.1", self._target))

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        asyncio.get_running_loop().call_later(self._delay_s, self.other.say, data)

    def say(self, data: bytes) -> None:
        if self._transport is None:
            self._early.append(data)
        elif not self._transport.is_closing():
            self._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        assert self.other is not None
        asyncio.get_running_loop().call_later(self._delay_s, self.other.leave)

    def leave(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def serve(target: int, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: End(target, delay_s), "127.0.0.1", 0, backlog=500)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
