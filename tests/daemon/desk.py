"""A site in a folder with a real database, a clock that stands still, and one source: a feed on a local server."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from digest import settings as settings_module
from digest.app import template_folders
from digest.flow.newsroom import Newsroom
from digest.flow.slots import let_go, look_at
from digest.model.delivery import DeliveryState
from digest.model.issue import Issue
from digest.store import deliveries, events, issues
from digest.store.engine import Store
from digest.store.tables import deliveries as ledger
from digest.store.tables import memory, messages
from digest.tokens import Signer
from tests.fakes import FakeClock
from tests.gather.web import Page, Web

NOTES = "notes"

SETTINGS = """
[site]
name = "Defence Notes"
url = "{home}"
address = "1 Sample Street, London"
[smtp]
host = "127.0.0.1"
port = 9
security = "none"
{tables}
[gather]
private_hosts = ["127.0.0.1"]
[sources.wire]
kind = "feed"
url = "{feed}"
[newsletters.notes]
title = "Defence Notes"
from = "Defence Notes <news@example.org>"
sources = ["wire"]
lists = ["readers"]
{newsletter}
"""

DAILY = 'schedule = "0 7 * * *"'

_ITEM = "<item><title>{title}</title><link>{link}</link><guid>{key}</guid>" \
        "<description>What is told of it in a sentence.</description><pubDate>{date}</pubDate></item>"  # fmt: skip


@dataclass
class Site:
    """An open site; the acts of a test on it. web: its source's server."""

    room: Newsroom
    clock: FakeClock
    web: Web

    # -- the world -----------------------------------------------------------------------------------------------------

    def publish(self, *keys: str, prefix: str = "Story") -> None:
        """What the source's feed has from now on."""
        date = format_datetime(self.clock.now())
        items = ""
        for key in keys:
            title, path = f"{prefix} number {key} of the day", f"/{key}"
            items += _ITEM.format(title=title, key=key, date=date, link=self.web.url(path))
            self.web.pages[path] = Page(f"<html><article><h1>{title}</h1></article></html>".encode())
        about = "<title>Wire</title><language>en</language>"
        feed = f'<?xml version="1.0"?><rss version="2.0"><channel>{about}{items}</channel></rss>'
        self.web.pages["/feed.xml"] = Page(feed.encode(), headers={"Content-Type": "application/rss+xml"})

    def break_source(self) -> None:
        """The feed is gone from now on."""
        self.web.pages["/feed.xml"] = Page(status=404)

    def write_list(self, *emails: str, name: str = "readers") -> None:
        """Write the file of a list."""
        (self.room.lists_folder / f"{name}.csv").write_text("email\n" + "".join(f"{each}\n" for each in emails))

    # -- time ----------------------------------------------------------------------------------------------------------

    async def look(self, at: datetime, name: str = NOTES) -> list[str]:
        """What the daemon does at that instant; the states of all issues after it, oldest slot first."""
        self.clock.at = at
        await look_at(self.room, name)
        await let_go(self.room)
        return [each.state.value for each in await self.issues()]

    # -- what has become of it -----------------------------------------------------------------------------------------

    async def issues(self) -> list[Issue]:
        """All issues, whole, oldest slot first."""
        async with self.room.store.read() as conn:
            found = await issues.summaries(conn)
            return [await issues.get(conn, each.issue.id) for each in reversed(found)]

    async def issue(self) -> Issue:
        """The only issue there is."""
        (only,) = await self.issues()
        return only

    async def happened(self, issue_id: int) -> list[tuple[str, str]]:
        """The actions in its event log, with their reasons."""
        async with self.room.store.read() as conn:
            return [(each.action, each.reason) for each in await events.of_issue(conn, issue_id)]

    async def remembered(self) -> set[int]:
        """The issues on whose account stories are remembered."""
        async with self.room.store.read() as conn:
            return set((await conn.execute(select(memory.c.issue_id))).scalars())

    async def deliveries(self, issue_id: int) -> list[str]:
        """The states of its deliveries."""
        async with self.room.store.read() as conn:
            query = select(ledger.c.state).where(ledger.c.issue_id == issue_id).order_by(ledger.c.subscriber_id)
            return list((await conn.execute(query)).scalars())

    async def notes(self) -> list[str]:
        """The mails to editors, oldest first."""
        async with self.room.store.read() as conn:
            query = select(messages.c.content).order_by(messages.c.id)
            return [bytes(content).decode() for content in (await conn.execute(query)).scalars()]

    async def has_left(self, issue_id: int, state: DeliveryState = DeliveryState.SENT) -> None:
        """One mail of the issue has been handed over."""
        async with self.room.store.write() as conn:
            first = (await conn.execute(select(ledger.c.subscriber_id).where(ledger.c.issue_id == issue_id))).scalar()
            key = (ledger.c.issue_id == issue_id) & (ledger.c.subscriber_id == first)
            await conn.execute(update(ledger).where(key).values(state=state, attempts=1))
            assert await deliveries.has_left(conn, issue_id)


@asynccontextmanager
async def open_site(
    folder: Path,
    template: Path,
    web: Web,
    clock: FakeClock,
    *,
    newsletter: str = DAILY,
    tables: str = "",
    environ: Mapping[str, str] | None = None,
    **more: Any,
) -> AsyncIterator[Site]:
    """The site in `folder`; opened again it is another process on the same database. newsletter, tables: lines."""
    home = await asyncio.start_server(_our_own_pages, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{home.sockets[0].getsockname()[1]}"
    text = SETTINGS.format(home=url, feed=web.url("/feed.xml"), newsletter=newsletter, tables=tables)
    (folder / "settings.toml").write_text(text)
    (folder / "subscribers").mkdir(exist_ok=True)
    (folder / "var").mkdir(exist_ok=True)
    if not (folder / "var/digest.db").exists():
        shutil.copy(template, folder / "var/digest.db")
    config = settings_module.load(folder, environ or {})
    store = await Store.open(config.store.url, folder)
    values: dict[str, Any] = {"actor": "daemon", "templates": template_folders(folder)} | more
    room = Newsroom(config, store, Signer([b"k" * 32]), clock, **values)
    try:
        yield Site(room, clock, web)
    finally:
        home.close()
        await room.parsers.aclose()
        await store.close()


async def _our_own_pages(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The subscribers' pages, as far as preflight asks for them."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)
