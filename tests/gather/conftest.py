"""Fixtures: a server on loopback, a fetcher that may ask it, the day on which the tests happen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpcore2
import pytest

from digest.gather.connect import GuardedBackend
from digest.gather.fetch import Fetcher
from digest.gather.parsing import Parsers
from digest.settings import Gather
from tests.gather.web import Web


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    state = Web()
    server = await asyncio.start_server(state.serve, "127.0.0.1", 0)
    state.port = server.sockets[0].getsockname()[1]
    async with server:
        yield state


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(Gather(private_hosts=("127.0.0.1", "localhost")), total_s=2.0) as ready:
        yield ready


@pytest.fixture
async def parsers() -> AsyncIterator[Parsers]:
    ready = Parsers(at_once=1)
    yield ready
    await ready.aclose()


@pytest.fixture
def out_there(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every public host is the test's server: what is only promised to other people's hosts can be tried."""

    async def connect_tcp(self: GuardedBackend, *_: object, **__: object) -> httpcore2.AsyncNetworkStream:
        return await httpcore2.AnyIOBackend().connect_tcp("127.0.0.1", web.port, 5.0)

    monkeypatch.setattr(GuardedBackend, "connect_tcp", connect_tcp)
