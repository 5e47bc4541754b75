"""Connections that lead only where they may: each name is resolved once, every address of it is checked, and the connection
goes to the checked address, so that neither a redirect nor a second DNS answer leads into a private network.

What is not here: what is asked over them (fetch), and the rule itself (addresses).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpcore2
import httpx2

from digest.errors import GatherError
from digest.gather.addresses import ONLY_SO, host_name, is_public
from digest.gather.courtesy import AT_ONCE

NAMED_S = 5.0
"""Seconds for a name."""
_TRIED_ADDRESSES = 3
# Threads of its own: a name server that is silent holds each for half a minute, and nobody else is to wait for that.
_LOOKING_UP = ThreadPoolExecutor(AT_ONCE, "names")

Resolve = Callable[[str, int], Awaitable[list[str]]]
LookUp = Callable[..., Iterable[tuple[Any, ...]]]
"""As `socket.getaddrinfo`."""


async def resolve(host: str, port: int, *, look_up: LookUp = socket.getaddrinfo, limit_s: float = NAMED_S) -> list[str]:
    """The addresses of `host`, in the order in which to try them.

    limit_s: seconds until we believe no more that a name server answers. look_up: what asks it, for tests. Raises OSError:
    TimeoutError when none answers, others when the name is unknown.
    """
    asked = partial(look_up, host, port, type=socket.SOCK_STREAM)
    async with asyncio.timeout(limit_s):
        found = await asyncio.get_running_loop().run_in_executor(_LOOKING_UP, asked)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to public addresses only, and to whatever the hosts in `private` resolve to."""

    def __init__(self, private: frozenset[str], resolve_host: Resolve) -> None:
        self._private = private
        self._resolve = resolve_host
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve once, refuse the name if any address is refused, then try the addresses in turn."""
        failure: httpcore2.NetworkError | httpcore2.TimeoutException = httpcore2.ConnectError("its name is unknown")
        for address in (await self._addresses(host, port))[:_TRIED_ADDRESSES]:
            try:
                stream = await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
                return _Stream(stream)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = await self._resolve(host, port)
        except TimeoutError:
            raise httpcore2.ConnectError("no name server says in time where it is") from None
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError("its name is unknown") from None
        if host_name(host) in self._private:
            return addresses
        refused = next((address for address in addresses if not is_public(address)), None)
        if refused is not None:
            raise GatherError(
                f"{host} is on a private address ({refused}): not fetched ({ONLY_SO})",
                permanent=True,
            )
        return addresses

    async def sleep(self, seconds: float) -> None:
        """Wait between two attempts to connect; the pool asks for it."""
        await self._network.sleep(seconds)


class _Stream(httpcore2.AsyncNetworkStream):
    """A connection that is closed when our time ends in mid-handshake; httpcore2 closes it only for failures of its own."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """As httpcore2's."""
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """As httpcore2's."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """As httpcore2's."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        """The connection with TLS on it; closed if that does not come about, whatever the reason."""
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            await self._stream.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        """As httpcore2's."""
        return self._stream.get_extra_info(info)


class Transport(httpx2.AsyncBaseTransport):
    """httpx2 requests over a connection pool with the guarded backend; errors stay httpcore2's."""

    def __init__(self, tls: ssl.SSLContext, backend: httpcore2.AsyncNetworkBackend) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls, max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE, network_backend=backend
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send `request`; the response's body is still to be read, and it must be closed."""
        url = httpcore2.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        answer = await self._pool.handle_async_request(
            httpcore2.Request(request.method, url, headers=request.headers.raw, extensions=request.extensions)
        )
        if not isinstance(answer.stream, AsyncIterable):
            raise TypeError("an asynchronous pool gives asynchronous streams")
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Body(answer), request=request)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    """The body of a response of the pool, chunk by chunk."""

    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._answer.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        """Give the connection back."""
        await self._answer.aclose()
