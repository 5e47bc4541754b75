"""Sending whatever is due, and settling what dead senders had in hand.

    recover -> claim -> (announce in the journal, final dot, reply, done in the journal) -> record -> settle

What a dead process had in hand is settled from its journal: done is done, announced and not done is `uncertain`, all else
was certainly not sent and is pending again. What is not here: one run from claim to record (worker), SMTP (deliver), what
becomes of an outcome (outcomes) and of an issue that is finished or refused (ending).
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from digest import log
from digest.deliver import journal as journals
from digest.deliver.pool import Pool
from digest.errors import RelayRefused, StoreError
from digest.flow import ending
from digest.flow.newsroom import Newsroom
from digest.flow.outcomes import verdict, write_down
from digest.flow.worker import Watch as Watch
from digest.flow.worker import Worker, due_issues
from digest.store import deliveries, messages, outbox
from digest.store.outbox import Tries

_log = log.get(__name__)


# -- what dead senders leave behind ------------------------------------------------------------------------------------


async def recover(room: Newsroom) -> None:
    """Settle what dead senders had in hand. Safe at any time and from any number of processes."""
    found = journals.survey(room.journals)
    busy = [path for path in found.dead if not await _inherit(room, path)]
    # Of a journal that nobody can open nothing is known: its claims end with their lease, as those of another machine.
    alive, now = [path.stem for path in (*found.living, *busy)], room.clock.now()
    async with room.store.read() as conn:
        if not await outbox.any_expired(conn, alive, now):
            return
    async with room.store.write() as conn:
        await outbox.expire(conn, alive, now)


async def _inherit(room: Newsroom, path: Path) -> bool:
    """Settle the journal of a dead sender; False when somebody else is at it."""
    with journals.inherited(path) as ours:
        if ours:
            await _settle(room, path)
        return ours


async def _settle(room: Newsroom, path: Path) -> None:
    told, worker, now = journals.replay(path), path.stem, room.clock.now()
    give_up = room.settings.delivery.give_up
    async with room.store.write() as conn:
        before = await outbox.tries(conn, worker)
        results = [
            verdict(key, outcome, before.get(key, Tries()), now, give_up=give_up, jitter=random.random())
            for key, outcome in told.items()
        ]
        await write_down(conn, room, worker, results, now)
        released = await outbox.release(conn, worker, now)
        await deliveries.skip_rest_of_ended(conn, "the issue was ended", now)
    journals.discard(path)
    _log.info("sender.recovered", worker=worker, settled=len(told), released=released)


# -- sending -----------------------------------------------------------------------------------------------------------


class Sender:
    """One process's share in sending. `run` may be called again and again; `close` ends it."""

    def __init__(self, room: Newsroom, watch: Watch | None = None) -> None:
        self._room = room
        self._watch = watch or (lambda _issue, _state: None)
        self._pool = Pool(room.settings.smtp, room.clock, tls_context=room.tls)

    async def close(self) -> None:
        """Take leave of the mail server."""
        await self._pool.close()

    async def run(self, stop: asyncio.Event, *, only: int | None = None, finish_s: float = 10.0) -> None:
        """Send everything that is due, messages first; then end what is finished.

        only: of the issues this one; MESSAGES: none of them.

        When the mail server refuses us, the issues that are being sent are held with its words, nobody is burned, and
        RelayRefused is raised; when it says itself that this is temporary they go on being sent, later. An issue that a
        fault of ours keeps from being sent is held with the reason. Returns early when `stop` is set, within `finish_s`
        seconds.
        """
        await recover(self._room)
        if await self._anything_due(only):
            await self._send(Worker(self._room, self._pool, self._watch, only, stop), only, finish_s)
        await ending.end_finished(self._room, only)

    async def _anything_due(self, only: int | None) -> bool:
        now = self._room.clock.now()
        async with self._room.store.read() as conn:
            return await messages.any_due(conn, now) or bool(await due_issues(conn, self._room, only, now))

    async def _send(self, worker: Worker, only: int | None, finish_s: float) -> None:
        try:
            await worker.run(finish_s)
        except RelayRefused as refusal:
            await ending.refused(self._room, only, refusal)
            raise
        except StoreError:
            raise
        except Exception as error:
            await ending.broken(self._room, worker.issues, error)
            raise
