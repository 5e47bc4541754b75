"""An editor's send, from the approval to the last mail that can leave now; with a daemon beside us or without.

What is not here: approving (publish), claiming and recording (send), asking her (cli, web).
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

from digest.clock import first_of
from digest.errors import IllegalMove
from digest.flow import publish
from digest.flow.due import quiet
from digest.flow.newsroom import Newsroom
from digest.flow.send import Sender, Watch, recover
from digest.model.delivery import DeliveryState
from digest.model.issue import Issue, IssueState
from digest.store import deliveries, destinations, issues, messages
from digest.store.outbox import MESSAGES

SOON = timedelta(minutes=1)
"""A turn at a slow destination that comes within this is waited for."""
LOOK_S = 0.3
"""How often we look whether the daemon has done its share."""
STOP_LOOK_S, PATIENCE_S = 0.1, 5.0
"""How often, and how long, an editor's stop looks whether the senders have given back what they had in hand."""


async def unfinished(room: Newsroom, newsletter: str) -> Issue | None:
    """An issue that somebody let go and that has not left as it should: its sender, or its editor's command, died.

    One whose slot is still to come is not meant, nor one of which only deferred deliveries are left, or such as wait for
    their hour.
    """
    now = room.clock.now()
    async with room.store.read() as conn:
        for issue in await issues.in_states(conn, [IssueState.SENDING], newsletter):
            turn = await destinations.next_turn(conn, issue.id)
            if (turn and turn <= now + SOON) or await deliveries.any_claimed(conn, issue.id):
                return issue
        for issue in await issues.in_states(conn, [IssueState.APPROVED], newsletter):
            if not issue.scheduled or (issue.not_before and issue.not_before <= now):
                return issue
    return None


async def deferred(room: Newsroom, newsletter: str) -> Issue | None:
    """An issue of the newsletter that is being sent, and of which only what is put off to later is left."""
    async with room.store.read() as conn:
        for issue in await issues.in_states(conn, [IssueState.SENDING], newsletter):
            return issue
    return None


async def start(room: Newsroom, issue_id: int) -> Issue:
    """Let an approved issue leave, unless a daemon, or somebody else, has decided about it already."""
    with contextlib.suppress(IllegalMove):
        return await publish.start(room, issue_id)
    return await publish.get(room, issue_id)


async def deliver(room: Newsroom, issue_id: int, stop: asyncio.Event, watch: Watch) -> None:
    """Send the issue until nothing of it can leave now; what others have in hand is waited for. Raises RelayRefused."""
    sender = Sender(room, watch)
    try:
        await sender.run(stop, only=issue_id)
        while not stop.is_set() and (await _in_other_hands(room, issue_id) or await _soon(room, issue_id)):
            await first_of(stop.wait(), room.clock.sleep(LOOK_S))
            await sender.run(stop, only=issue_id)
    finally:
        await sender.close()


async def _in_other_hands(room: Newsroom, issue_id: int) -> bool:
    async with room.store.read() as conn:
        return await deliveries.any_claimed(conn, issue_id)


async def given_back(room: Newsroom, issue_id: int) -> bool:
    """After a pause or a cancel: wait, some seconds at most, until no sender has anything of the issue in hand.

    False: some still have.
    """
    for _ in range(int(PATIENCE_S / STOP_LOOK_S)):
        if not await _in_other_hands(room, issue_id):
            return True
        await recover(room)
        await room.clock.sleep(STOP_LOOK_S)
    return False


async def _soon(room: Newsroom, issue_id: int) -> bool:
    """Whether something of the issue that nobody put off may leave so soon that it is worth waiting for."""
    now = room.clock.now()
    async with room.store.read() as conn:
        issue = await issues.get(conn, issue_id)
        if issue.state is not IssueState.SENDING or issue.newsletter not in room.settings.newsletters:
            return False
        if quiet(room, issue.newsletter, now):
            return False
        due = await destinations.next_turn(conn, issue_id)
    return due is not None and due <= now + SOON


async def deliver_messages(room: Newsroom, ids: list[int]) -> list[tuple[str, str, int | None, str]]:
    """Send these messages now, with a daemon beside us or without; (address, state, code, reply) of each.

    What could not leave is given up: whoever asked for it is told so. Raises RelayRefused.
    """
    sender = Sender(room)
    try:
        await sender.run(asyncio.Event(), only=MESSAGES)
        while await _messages_in_other_hands(room, ids):
            await room.clock.sleep(LOOK_S)
            await sender.run(asyncio.Event(), only=MESSAGES)
    finally:
        await sender.close()
        async with room.store.write() as conn:
            await messages.abandon(conn, ids, "it could not be sent at once", room.clock.now())
    async with room.store.read() as conn:
        return await messages.outcomes(conn, ids)


async def _messages_in_other_hands(room: Newsroom, ids: list[int]) -> bool:
    async with room.store.read() as conn:
        return any(state == DeliveryState.CLAIMED for _, state, _, _ in await messages.outcomes(conn, ids))
