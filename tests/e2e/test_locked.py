"""The database is locked by another program while an issue leaves: nothing is lost, and the words are plain."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from digest.app import open_newsroom
from digest.errors import StoreError
from digest.flow import gathering, produce, publish, report
from digest.flow.send import Sender
from digest.store import engine
from tests.e2e.conftest import MakeSite
from tests.e2e.mailserver import MailServer


async def test_a_lock_in_mid_issue_ends_the_sending_and_the_next_round_settles_it(
    make_site: MakeSite, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 200)
    mail_server.pause_s = 0.01
    site = make_site(readers=60, connections=2)
    site.run("subscribers", "sync")
    async with open_newsroom(site.folder) as room:
        await gathering.gather(room)
        issue = await produce.draft(room, "notes", room.clock.now(), scheduled=False)
        await publish.approve(room, issue.id, at_once=True)
        await publish.start(room, issue.id)
        sender = Sender(room)
        lock = asyncio.create_task(locked(site.folder / "var/digest.db", mail_server))
        with pytest.raises(StoreError, match="locked by another program"):
            await sender.run(asyncio.Event())
        await lock
        await sender.run(asyncio.Event())
        await sender.close()
        found = await report.report(room, issue.id)
    assert (found.issue.state, found.tally.sent, found.tally.uncertain) == ("sent", 60, 0)
    assert mail_server.recipients == sorted(site.readers)
    assert list((site.folder / "var/journal").iterdir()) == []


async def locked(database: Path, mail_server: MailServer) -> None:
    """Hold the database for two seconds, from the tenth mail on."""
    while len(mail_server.accepted) < 10:  # noqa: ASYNC110 - the server runs in another thread
        await asyncio.sleep(0.005)  # noqa: TID251 - another thread is being waited for
    connection = sqlite3.connect(database, isolation_level=None, timeout=5)
    connection.execute("BEGIN EXCLUSIVE")
    await asyncio.sleep(2)  # noqa: TID251 - so long is it locked
    connection.execute("COMMIT")
    connection.close()
