"""A mail server that throws everything away, with TLS or without: what smtp-sink, which knows no TLS, cannot be asked for.

`python -m tests.bench._lean_sink [CERTIFICATE]` listens on a free port of loopback and prints it. It reads as little of a
body as it must, so that the client, not this, is what is measured.
"""

from __future__ import annotations

import asyncio
import ssl
import sys

_END = b"\r\n.\r\n"
_OFFERS = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES\r\n"


class Sink(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._waiting = b""
        self._in_body = False
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        waiting, said = self._waiting + data, []
        while True:
            if self._in_body:
                end = waiting.find(_END)
                if end < 0:
                    waiting = waiting[-(len(_END) - 1) :]  # the rest of the body is of no interest
                    break
                waiting, self._in_body = waiting[end + len(_END) :], False
                said.append(b"250 2.0.0 gone\r\n")
            line, found, rest = waiting.partition(b"\r\n")
            if not found:
                break
            waiting, self._in_body = rest, line == b"DATA"
            said.append(_reply(line))
        self._waiting = waiting
        if said:
            self._transport.write(b"".join(said))


def _reply(line: bytes) -> bytes:
    verb = line[:4].upper()
    return {b"EHLO": _OFFERS, b"DATA": b"354 go on\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}.get(verb, b"250 2.0.0 ok\r\n")


async def serve(certificate: str | None) -> None:
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0, ssl=context, backlog=500)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1] if len(sys.argv) > 1 else None))
