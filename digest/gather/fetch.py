"""Asking other people's servers, politely and guardedly: the only module that speaks HTTP.

What is not here: reading what came back (feeds, pages), and deciding when to ask (flow, daemon).

Guards: each name is resolved once per connection, every address of it is checked, and the connection goes to the checked
address, so that neither a redirect nor a second DNS answer leads into a private network. `gather.private_hosts` is the only
way around. Time and size are bounded whatever the server does.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult

import httpcore2
import httpx2

from digest.clock import Clock, SystemClock, monotonic
from digest.errors import GatherError
from digest.gather.addresses import checked_url, host_name, is_public, shown
from digest.gather.answers import BODY_MAX_BYTES, location_of, refusal, too_large, unpacked
from digest.gather.turns import AT_ONCE, Turns
from digest.settings import Gather

TOTAL_S = 30.0
REDIRECTS_MAX = 5
_CONNECT_S = 5.0
_READ_S = 10.0
_TRIED_ADDRESSES = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, text/html;q=0.9, application/xml;q=0.9,"
    " application/json;q=0.8, */*;q=0.5"
)

Resolve = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered. status: 200, or 304 = unchanged (then the body is empty).

    url: where it was found, after redirects. etag, last_modified: verbatim, to be sent back as they are.
    """

    status: int
    url: str
    body: bytes
    content_type: str | None = None
    etag: str | None = None
    last_modified: str | None = None


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of `host`, in the order in which to try them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class Fetcher:
    """Fetches with all guards; an async context manager, used by one event loop.

    total_s: seconds that one `get` may take, redirects included, waiting for its turn not. tls, resolve_host: for tests.
    """

    def __init__(
        self,
        gather: Gather,
        clock: Clock | None = None,
        *,
        total_s: float = TOTAL_S,
        tls: ssl.SSLContext | None = None,
        resolve_host: Resolve = resolve,
    ) -> None:
        self._private = frozenset(host_name(host) for host in gather.private_hosts)
        self._turns = Turns(gather.pause.total_seconds(), clock or SystemClock(), self._private)
        self._user_agent = gather.user_agent
        self._total_s = total_s
        self._tls = tls
        self._backend = _GuardedBackend(self._private, resolve_host)
        self._transport: _Transport | None = None

    async def __aenter__(self) -> Self:
        # trust_env off: neither a proxy nor another certificate store of the environment may be slipped in.
        tls = self._tls or httpx2.create_ssl_context(trust_env=False)
        self._transport = _Transport(tls, self._backend)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        if self._transport:
            await self._transport.aclose()
        self._transport = None

    async def get(self, url: str, etag: str | None = None, last_modified: str | None = None) -> Response:
        """What stands at `url`, unless it is unchanged since `etag` and `last_modified` (status 304).

        Raises GatherError, `permanent` for 404, 410 and addresses that are refused.
        """
        headers = self._headers(etag, last_modified)
        left_s = self._total_s
        for _ in range(REDIRECTS_MAX + 1):
            parts = checked_url(url, self._private)
            async with self._turns.of(parts.hostname or ""):
                started = monotonic()
                answer = await self._bounded(url, parts, headers, left_s)
                left_s -= monotonic() - started
            if isinstance(answer, Response):
                return answer
            url = answer
        raise GatherError(f"{shown(url)} redirects more than {REDIRECTS_MAX} times")

    def _headers(self, etag: str | None, last_modified: str | None) -> dict[str, str]:
        headers = {"User-Agent": self._user_agent, "Accept": _ACCEPT, "Accept-Encoding": "gzip, deflate"}
        conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        return headers | {name: value for name, value in conditions.items() if value}

    async def _bounded(self, url: str, parts: SplitResult, headers: dict[str, str], left_s: float) -> Response | str:
        """One hop with its failures put into an editor's words: the response, or the address to ask instead."""
        host = parts.hostname or url
        too_slow = GatherError(f"{host} did not answer within {self._total_s:g} s")
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                return await self._hop(url, headers)
        except (TimeoutError, httpcore2.TimeoutException) as error:
            raise too_slow from error
        except httpcore2.ConnectError as error:
            raise GatherError(f"{host} cannot be reached: {_reason(error)}") from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise GatherError(f"{host} broke off its answer: {_reason(error)}") from error
        except (httpx2.InvalidURL, httpcore2.UnsupportedProtocol, UnicodeError) as error:
            raise GatherError(f"{url!r} is not an address that can be fetched", permanent=True) from error
        except httpx2.DecodingError as error:
            raise GatherError(f"{host} sent a damaged compressed answer") from error

    async def _hop(self, url: str, headers: dict[str, str]) -> Response | str:
        if self._transport is None:
            raise RuntimeError("a Fetcher is used inside `async with`")
        patience = {"connect": _CONNECT_S, "read": _READ_S, "write": _READ_S, "pool": None}
        try:
            request = httpx2.Request("GET", url, headers=headers, extensions={"timeout": patience})
        except ValueError as error:  # a validator from elsewhere that cannot be a header
            raise GatherError(f"{shown(url)} cannot be asked: {error}") from error
        # Handed to the transport, not to a client: no cookies, no redirects, no environment.
        response = await self._transport.handle_async_request(request)
        try:
            return await _answer(
                url, response, conditional="If-None-Match" in headers or "If-Modified-Since" in headers
            )
        finally:
            await response.aclose()


# -- addresses ---------------------------------------------------------------------------------------------------------


class _GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to checked addresses only."""

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
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError("its name is unknown") from None
        if host_name(host) in self._private:
            return addresses
        refused = next((address for address in addresses if not is_public(address)), None)
        if refused is not None:
            raise GatherError(
                f"{host} is on a private address ({refused}): not fetched (gather.private_hosts may allow it)",
                permanent=True,
            )
        return addresses

    async def sleep(self, seconds: float) -> None:
        """Wait between two attempts to connect; the pool asks for it."""
        await self._network.sleep(seconds)


class _Transport(httpx2.AsyncBaseTransport):
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


# -- answers -----------------------------------------------------------------------------------------------------------


async def _answer(url: str, response: httpx2.Response, *, conditional: bool) -> Response | str:
    """The response, or the address to which it redirects. Raises GatherError for every answer that is of no use."""
    status, headers = response.status_code, response.headers
    if status in _REDIRECTS:
        return location_of(url, headers.get("Location"))
    if status == 304 and conditional:
        return Response(304, url, b"", headers.get("Content-Type"), headers.get("ETag"), headers.get("Last-Modified"))
    if status != 200:
        raise refusal(shown(url), status, headers)
    body = unpacked(shown(url), await _read(shown(url), response))
    return Response(200, url, body, headers.get("Content-Type"), headers.get("ETag"), headers.get("Last-Modified"))


async def _read(host: str, response: httpx2.Response) -> bytes:
    """The decompressed body. Raises GatherError as soon as it is too large."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise too_large(host)
    return bytes(body)


def _reason(error: Exception) -> str:
    """The library's reason in one short line."""
    text = " ".join(str(error).split())
    return text[:200] if text else "the connection was closed"
