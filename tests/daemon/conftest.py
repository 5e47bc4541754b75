"""The source's server, and sites that are opened as a test wants them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import pytest

from tests.daemon.desk import DAILY, Site, open_site
from tests.fakes import FakeClock
from tests.gather.web import Web

OpenSite = Callable[..., Awaitable[Site]]


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    web = Web()
    server = await asyncio.start_server(web.serve, "127.0.0.1", 0)
    web.port = server.sockets[0].getsockname()[1]
    yield web
    server.close()


@pytest.fixture
async def make_site(tmp_path: Path, sqlite_template: Path, web: Web, clock: FakeClock) -> AsyncIterator[OpenSite]:
    """Opens the test's site with these lines in its newsletter; with two readers and a feed of four stories."""
    async with AsyncExitStack() as stack:

        async def make(newsletter: str = DAILY, tables: str = "", at: datetime | None = None) -> Site:
            clock.at = at or clock.at
            site = await stack.enter_async_context(
                open_site(tmp_path, sqlite_template, web, clock, newsletter=newsletter, tables=tables)
            )
            if not (tmp_path / "subscribers/readers.csv").exists():
                site.write_list("anna@example.org", "ben@example.org")
                site.publish("a", "b", "c", "d")
            return site

        yield make
