"""Asking other people's servers, politely and guardedly: the only module that speaks HTTP.

What is not here: reading what came back (feeds, pages), deciding when to ask (flow, daemon), and the guarded connections
(connect). `gather.private_hosts` is the only way into a private network, and only a source's own address may take it. Time
and size are bounded whatever the server does.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from functools import cache
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urlsplit

import httpcore2
import httpx2

from digest.clock import Clock, SystemClock, monotonic
from digest.errors import AskedToWait, GatherError
from digest.gather import robots as rules_of
from digest.gather.addresses import checked_url, host_name, shown
from digest.gather.answers import (
    BODY_MAX_BYTES,
    OFFERED,
    Redirect,
    Response,
    check_packing,
    location_of,
    refusal,
    too_large,
    unpacked,
    verbatim,
)
from digest.gather.connect import GuardedBackend, Resolve, Transport, resolve
from digest.gather.cooldown import asks_to_wait
from digest.gather.courtesy import Courtesy
from digest.gather.timing import fresh_for
from digest.gather.turns import Turns
from digest.settings import Gather

__all__ = ["TOTAL_S", "Fetcher", "Response"]

TOTAL_S = 30.0
REDIRECTS_MAX = 5
_CONNECT_S = 5.0
_READ_S = 10.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOR_GOOD = frozenset({301, 308})
_ANYBODY = ""  # as `named_by`: nobody whom we know
_ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, text/html;q=0.9, application/xml;q=0.9,"
    " application/json;q=0.8, */*;q=0.5"
)


@cache
def _authorities() -> ssl.SSLContext:
    """Whom the system trusts. Once for the process: to read them takes 20 ms, and a `send` has four fetchers."""
    # trust_env off: neither a proxy nor another certificate store of the environment may be slipped in.
    return httpx2.create_ssl_context(trust_env=False)


class Fetcher:
    """Fetches with all guards; an async context manager, used by one event loop.

    courtesy: what several fetchers of a process share; None = nothing. total_s: seconds that one `get` may take, redirects
    included, waiting for its turn not. tls, resolve_host: for tests.
    """

    def __init__(
        self,
        gather: Gather,
        clock: Clock | None = None,
        courtesy: Courtesy | None = None,
        *,
        total_s: float = TOTAL_S,
        tls: ssl.SSLContext | None = None,
        resolve_host: Resolve = resolve,
    ) -> None:
        self._private = frozenset(host_name(host) for host in gather.private_hosts)
        self._clock = clock or SystemClock()
        self._courtesy = courtesy or Courtesy()
        self._turns = Turns(gather.pause.total_seconds(), self._clock, self._private, self._courtesy)
        self._user_agent = gather.user_agent
        self._agent = rules_of.product(gather.user_agent)
        self._total_s = total_s
        self._tls = tls
        self._resolve = resolve_host
        self._transports: dict[bool, Transport] = {}

    async def __aenter__(self) -> Self:
        tls = self._tls or _authorities()
        # Two pools, because a connection into our network must not be there for those who may not go there.
        self._transports = {
            inside: Transport(tls, GuardedBackend(self._private if inside else frozenset(), self._resolve))
            for inside in (True, False)
        }
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            await transport.aclose()

    async def get(
        self,
        url: str,
        etag: str | None = None,
        last_modified: str | None = None,
        *,
        robots: bool = False,
        named_by: str | None = None,
    ) -> Response:
        """What stands at `url`, unless it is unchanged since `etag` and `last_modified` (status 304).

        robots: ask robots.txt for leave first. named_by: the address of the page or feed that names `url`, which may be
        anybody's; None: an operator does. Hosts of our own are asked only as long as nobody else had a say in it.

        Raises AskedToWait when the host has asked us to wait; GatherError, `permanent` for 404, 410 and addresses that are
        refused.
        """
        headers = self._headers(etag, last_modified)
        inside = named_by is None or self.is_ours(named_by)
        left_s, moved_to, for_good = self._total_s, None, True
        for _ in range(REDIRECTS_MAX + 1):
            inside = inside and self.is_ours(url)
            parts = checked_url(url, self._private if inside else frozenset())
            self._mind_cooldown(url)
            if robots and (reason := await self.allowed(url, named_by=None if inside else _ANYBODY)):
                raise GatherError(reason)
            async with self._turns.of(parts.hostname or ""):
                self._mind_cooldown(url)  # whoever had the turn before us may have been told to wait
                started = monotonic()
                answer = await self._bounded(url, parts, headers, left_s, inside)
                left_s -= monotonic() - started
            if isinstance(answer, Response):
                return replace(answer, moved_to=moved_to, inside=inside)
            url, for_good = answer.url, for_good and answer.permanent
            moved_to = url if for_good else moved_to
        raise GatherError(f"{shown(url)} redirects more than {REDIRECTS_MAX} times")

    async def allowed(self, url: str, *, named_by: str | None = None) -> str | None:
        """Why robots.txt keeps us from `url`, in a sentence; None: it does not. Asked once a day and host.

        No robots.txt is leave (RFC 9309 §2.3.1.3); one that cannot be reached is none (§2.3.1.4).
        """
        parts = urlsplit(url)
        known = self._courtesy.robots_of(f"{parts.scheme}://{parts.netloc.lower()}")
        async with known.lock:
            if monotonic() >= known.until_s:
                await self._read_robots(known, url, named_by)
        if known.fault:
            return known.fault
        if rules_of.forbids(known.rules, url, self._agent):
            return f"{shown(url)} asks us in its robots.txt not to read this page"
        return None

    async def _read_robots(self, known: rules_of.Robots, url: str, named_by: str | None) -> None:
        parts = urlsplit(url)
        try:
            response = await self.get(f"{parts.scheme}://{parts.netloc}/robots.txt", named_by=named_by)
        except AskedToWait:
            raise
        except GatherError as error:
            self._mind_cooldown(url)  # it may have asked for one just now
            known.rules, known.fault, kept_s = rules_of.without(shown(url), error)
            known.until_s = monotonic() + kept_s
            return
        known.rules, known.fault = await asyncio.to_thread(rules_of.read_rules, response.body), None
        known.until_s = monotonic() + rules_of.KEPT_S
        turn = self._courtesy.turn_of(host_name(parts.hostname or ""))
        turn.pause_s = rules_of.crawl_delay_s(known.rules, self._agent)

    def is_ours(self, url: str) -> bool:
        """Whether `url` is on one of `gather.private_hosts`."""
        try:
            return host_name(urlsplit(url).hostname or "") in self._private
        except ValueError:
            return False

    def _mind_cooldown(self, url: str) -> None:
        if found := self._courtesy.cooldowns.of(url, self._clock.now()):
            words = f"{found.domain} has asked us to wait until {found.until:%Y-%m-%d %H:%M} UTC"
            raise AskedToWait(words, found.until)

    def _headers(self, etag: str | None, last_modified: str | None) -> dict[bytes, bytes]:
        values = {
            b"User-Agent": self._user_agent, b"Accept": _ACCEPT, b"Accept-Encoding": OFFERED,
            b"If-None-Match": etag, b"If-Modified-Since": last_modified,
        }  # fmt: skip
        return {name: value.encode("latin-1", "replace") for name, value in values.items() if value}

    async def _bounded(
        self, url: str, parts: SplitResult, headers: dict[bytes, bytes], left_s: float, inside: bool
    ) -> Response | Redirect:
        """One hop with its failures put into an editor's words: the response, or the address to ask instead."""
        host = parts.hostname or url
        too_slow = GatherError(f"{host} did not answer within {self._total_s:g} s")
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                return await self._hop(url, headers, inside)
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

    async def _hop(self, url: str, headers: dict[bytes, bytes], inside: bool) -> Response | Redirect:
        if not self._transports:
            raise RuntimeError("a Fetcher is used inside `async with`")
        patience = {"connect": _CONNECT_S, "read": _READ_S, "write": _READ_S, "pool": None}
        try:
            request = httpx2.Request("GET", url, headers=headers, extensions={"timeout": patience})
        except ValueError as error:
            raise GatherError(f"{shown(url)} cannot be asked: {error}", permanent=True) from error
        # Handed to the transport, not to a client: no cookies, no redirects, no environment.
        response = await self._transports[inside].handle_async_request(request)
        try:
            return await self._answer(url, response)
        finally:
            await response.aclose()

    async def _answer(self, url: str, response: httpx2.Response) -> Response | Redirect:
        """The response, or where it redirects to. Raises GatherError for every answer that is of no use."""
        status, headers = response.status_code, response.headers
        asked = response.request.headers
        if asks_to_wait(status, headers.get("Retry-After")):
            now = self._clock.now()
            cooldown = self._courtesy.cooldowns.ask_later(url, headers.get("Retry-After"), now)
            raise refusal(shown(url), status, headers, cooldown.until)
        if status in _REDIRECTS:
            return Redirect(location_of(url, headers.get("Location")), status in _FOR_GOOD)
        unchanged = status == 304 and ("If-None-Match" in asked or "If-Modified-Since" in asked)
        if status != 200 and not unchanged:
            raise refusal(shown(url), status, headers)
        check_packing(shown(url), headers.get("Content-Encoding"))
        body = b"" if unchanged else unpacked(shown(url), await _read(shown(url), response))
        self._courtesy.cooldowns.answered(url)
        return Response(
            status, url, body, headers.get("Content-Type"), verbatim(headers.raw, b"etag"),
            verbatim(headers.raw, b"last-modified"), fresh_for=fresh_for(headers.get("Cache-Control")),
        )  # fmt: skip


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
