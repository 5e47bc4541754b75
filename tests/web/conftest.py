"""A site whose first issue is being sent, its pages served on a free port of loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx2
import pytest

from digest.flow import gathering, membership, produce, publish
from digest.model.subscriber import Subscriber
from digest.store import subscribers
from digest.tokens import Purpose
from digest.web.server import create
from digest.web.serving import bound, serving
from tests.daemon.desk import NOTES, Site, open_site
from tests.fakes import FakeClock
from tests.gather.web import Web

ANNA, BEN = "anna@example.org", "ben@example.org"
OTHER = "other"

TABLES = """
[newsletters.other]
title = "The Other <Paper>"
from = "Other <other@example.org>"
sources = ["wire"]
lists = ["readers"]
"""


@dataclass
class Served:
    """What a reader's browser, or her mail provider, may ask of us. pulse: when the timetable last looked."""

    site: Site
    client: httpx2.AsyncClient
    pulse: list[datetime] = field(default_factory=list)

    def token(self, subscriber: int = 1, issue: int = 1, purpose: Purpose = Purpose.UNSUBSCRIBE) -> str:
        return self.site.room.signer.sign(purpose, issue, subscriber)

    def link(self, subscriber: int = 1, issue: int = 1) -> str:
        return f"/unsubscribe/{self.token(subscriber, issue)}"

    def view(self, subscriber: int = 1, issue: int = 1) -> str:
        return f"/view/{self.token(subscriber, issue, Purpose.VIEW)}"

    async def person(self, email: str = ANNA) -> Subscriber:
        async with self.site.room.store.read() as conn:
            found = await subscribers.by_email(conn, email)
            assert found is not None
            return found

    async def left(self, email: str = ANNA) -> tuple[str, ...]:
        return (await self.person(email)).left

    async def issue(self, newsletter: str, *, leaves: bool = True) -> int:
        """Make an issue of what is new, and let it go."""
        made = await produce.draft(self.site.room, newsletter, self.site.clock.now(), scheduled=False)
        if leaves:
            await publish.approve(self.site.room, made.id)
            await publish.start(self.site.room, made.id)
        return made.id


@pytest.fixture
async def served(tmp_path: Path, sqlite_template: Path, clock: FakeClock) -> AsyncIterator[Served]:
    """Anna is subscriber 1, Ben 2; both get issue 1 of `notes`."""
    web = Web()
    source = await asyncio.start_server(web.serve, "127.0.0.1", 0)
    web.port = source.sockets[0].getsockname()[1]
    pulse = [clock.now()]
    async with open_site(tmp_path, sqlite_template, web, clock, newsletter="", tables=TABLES, actor="web") as site:
        site.write_list(ANNA, BEN)
        site.publish("a", "b", "c", "d")
        await _prepare(site)
        listening = bound("127.0.0.1", 0, "web.port")
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with (
            serving(create(site.room, lambda: pulse[-1] if pulse else None), listening),
            httpx2.AsyncClient(base_url=base, timeout=20, verify=False) as client,
        ):
            served = Served(site, client, pulse)
            await served.issue(NOTES)
            yield served
    source.close()
    await source.wait_closed()


async def _prepare(site: Site) -> None:
    await membership.sync(site.room)
    await gathering.gather(site.room)
