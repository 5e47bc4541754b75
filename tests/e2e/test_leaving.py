"""Whoever leaves while an issue is on its way gets it no more, also when a sender has her delivery in hand already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select

from digest.app import open_newsroom
from digest.flow import gathering, membership, produce, publish
from digest.flow.newsroom import Newsroom
from digest.flow.send import Sender
from digest.store import issues, subscribers
from digest.store.tables import deliveries
from digest.tokens import Purpose
from tests.e2e.conftest import MakeSite
from tests.e2e.mailserver import MailServer
from tests.postgres import Cluster

READERS = 9
"""Fewer than the smallest claim."""


async def _remove(room: Newsroom, email: str) -> None:
    assert await membership.remove(room, "readers", email)


async def _unsubscribe(room: Newsroom, email: str) -> None:
    person = (await membership.show(room, email)).subscriber
    await membership.unsubscribe(room, room.signer.sign(Purpose.UNSUBSCRIBE, 1, person.id))


async def _suppress(room: Newsroom, email: str) -> None:
    person = (await membership.show(room, email)).subscriber
    async with room.store.write() as conn:
        assert await subscribers.suppress(conn, person.id, "bounced", room.clock.now())


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
@pytest.mark.parametrize("leave", [_remove, _unsubscribe, _suppress])
async def test_who_leaves_after_her_delivery_was_claimed_is_skipped(
    request: pytest.FixtureRequest,
    make_site: MakeSite,
    mail_server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
    leave: Callable[[Newsroom, str], Awaitable[None]],
    database: str,
) -> None:
    mail_server.pause_s = 0.25
    site = make_site(readers=READERS, connections=1)
    if database == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        monkeypatch.setenv("DIGEST_STORE__URL", cluster.url(cluster.create()))
    last = site.readers[-1]
    async with open_newsroom(site.folder) as room, open_newsroom(site.folder, "web") as elsewhere:
        await membership.sync(room)
        await gathering.gather(room)
        issue = await produce.draft(room, "notes", room.clock.now(), scheduled=False)
        await publish.approve(room, issue.id, at_once=True)
        await publish.start(room, issue.id)
        sender = Sender(room)
        sending = asyncio.create_task(sender.run(asyncio.Event()))
        while not mail_server.accepted:  # noqa: ASYNC110 - the server runs in another thread
            await asyncio.sleep(0.005)  # noqa: TID251 - another thread is being waited for
        assert "pending" not in await _states(room)
        await leave(elsewhere, last)
        await sending
        await sender.close()
        async with room.store.read() as conn:
            assert (await issues.get(conn, issue.id)).state == "sent"
            replies = select(deliveries.c.reply).where(deliveries.c.state == "skipped")
            assert list((await conn.execute(replies)).scalars()) == ["left before it was sent"]
    assert mail_server.recipients == sorted(set(site.readers) - {last})


async def _states(room: Newsroom) -> list[str]:
    async with room.store.read() as conn:
        return list((await conn.execute(select(deliveries.c.state))).scalars())
