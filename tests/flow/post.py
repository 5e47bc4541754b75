"""A newsroom whose mail server is real and whose time is hurried: what the tests of sending work with."""

from __future__ import annotations

import asyncio
from pathlib import Path

from digest import settings as settings_module
from digest.app import template_folders
from digest.flow import publish, report
from digest.flow.newsroom import Newsroom
from digest.flow.send import Sender
from digest.model.delivery import Tally
from digest.model.issue import IssueState
from digest.store import events, issues
from digest.store.engine import Store
from digest.tokens import Signer
from tests.deliver.server import Server
from tests.fakes import FakeClock
from tests.store.world import issue_story

SETTINGS = """
[site]
name = "Defence Notes"
url = "http://127.0.0.1:8000"
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
connections = 2
{smtp}
[delivery]
{delivery}
[desk]
notify = ["editor@example.org"]
[sources.wire]
kind = "feed"
url = "http://127.0.0.1:9/feed"
[newsletters.defence-notes]
title = "Defence Notes"
from = "Defence Notes <news@example.org>"
sources = ["wire"]
lists = ["notes"]
schedule = "0 7 * * *"
"""


class Hurried(FakeClock):
    """Time passes twenty times as fast as it does."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 20)  # noqa: TID251 the server, which is real, shall keep up
        self.pass_(max(0.0, seconds))


class World:
    def __init__(self, room: Newsroom, server: Server, clock: FakeClock) -> None:
        self.room, self.server, self.clock = room, server, clock

    async def begun(self) -> int:
        now = self.room.clock.now()
        async with self.room.store.write() as conn:
            number = await issues.create(conn, "defence-notes", now, now, scheduled=False)
            assert number is not None
            await issues.put_stories(conn, number, [issue_story(f"{number}-{n}", n, published=now) for n in range(3)])
            await issues.move(conn, await issues.get(conn, number), IssueState.REVIEW, built_at=now)
        await publish.approve(self.room, number, at_once=True)
        await publish.start(self.room, number)
        return number

    async def run(self) -> None:
        """One run, as of a sender that was just started."""
        sender = Sender(self.room)
        try:
            await sender.run(asyncio.Event())
        finally:
            await sender.close()

    def came(self, domain: str) -> int:
        return sum(taken.rcpt.rstrip(b"\r\n").endswith(f"@{domain}>".encode()) for taken in self.server.taken)

    async def tally(self, number: int) -> Tally:
        return (await report.report(self.room, number)).tally

    async def said(self, number: int, action: str) -> list[str]:
        async with self.room.store.read() as conn:
            return [each.reason for each in await events.of_issue(conn, number) if each.action == action]


async def world(
    folder: Path,
    store: Store,
    server: Server,
    clock: FakeClock,
    *,
    smtp: str = "",
    delivery: str = "",
    newsletter: str = "",
) -> World:
    text = SETTINGS.format(port=server.port, smtp=smtp, delivery=delivery) + newsletter
    (folder / "settings.toml").write_text(text)
    read = settings_module.load(folder, {})
    return World(Newsroom(read, store, Signer([b"k" * 32]), clock, template_folders(folder)), server, clock)


def readers(number: int, domain: str) -> list[str]:
    return [f"reader{each}@{domain}" for each in range(number)]
