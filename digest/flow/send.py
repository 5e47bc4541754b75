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
from digest.deliver.seats import Seats
from digest.errors import RelayRefused, StoreError
from digest.flow import breaking, ending
from digest.flow.due import due_issues
from digest.flow.newsroom import Newsroom
from digest.flow.outcomes import verdict, write_down
from digest.flow.pacing import Gate
from digest.flow.worker import Watch as Watch
from digest.flow.worker import Worker
from digest.settings import Smtp
from digest.store import breakers, deliveries, messages, outbox
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
    told, whole, worker, now = journals.replay(path), journals.is_whole(path), path.stem, room.clock.now()
    give_up = room.settings.delivery.give_up
    async with room.store.write() as conn:
        before = await outbox.tries(conn, worker)
        results = [
            verdict(key, outcome, before.get(key, Tries()), now, give_up=give_up, jitter=random.random())
            for key, outcome in told.items()
        ]
        tripped = await write_down(conn, room, worker, results, now)
        if whole:
            released = await outbox.release(conn, worker, now)
        else:  # the machine has stopped: what the journal does not name may have left all the same
            released = 0
            await outbox.doubt(conn, worker, now)
        await deliveries.skip_rest_of_ended(conn, "the issue was ended", now)
    journals.discard(path)
    await breaking.pause(room, tripped)
    _log.info("sender.recovered", worker=worker, settled=len(told), released=released)


async def anything_to_do(room: Newsroom) -> bool:
    """Settle what dead senders had in hand, end what is finished; whether anything is due."""
    await recover(room)
    await ending.end_finished(room, None)
    return await _anything_due(room, None)


async def _anything_due(room: Newsroom, only: int | None) -> bool:
    now = room.clock.now()
    async with room.store.read() as conn:
        return await messages.any_due(conn, now) or bool(await due_issues(conn, room, only, now))


# -- sending -----------------------------------------------------------------------------------------------------------


def share(smtp: Smtp, connections: int) -> Smtp:
    """The settings of a process that has so many of the site's connections: of a domain's it has as large a part."""
    part = connections / smtp.connections
    domains = {
        name: each.model_copy(update={"connections": max(1, round(each.connections * part))})
        for name, each in smtp.domains.items()
    }
    return smtp.model_copy(update={"connections": connections, "domains": domains})


class Sender:
    """One process's share in sending. `run` may be called again and again, also after `close`.

    connections: how many it wants of the site's; None = all of them. It gets what other processes here leave it.
    """

    def __init__(self, room: Newsroom, watch: Watch | None = None, *, connections: int | None = None) -> None:
        smtp = room.settings.smtp
        self._room = room
        self._watch = watch or (lambda _issue, _state: None)
        self._wanted = connections or smtp.connections
        self._seats = Seats(room.settings.root / "var" / "connections", smtp.connections)
        self._gate = Gate(room)
        self._pool = Pool(smtp, room.clock, tls_context=room.tls)

    async def close(self) -> None:
        """Take leave of the mail server."""
        await self._gate.close()
        await self._pool.close()
        self._seats.give_back()

    async def run(self, stop: asyncio.Event, *, only: int | None = None, finish_s: float = 10.0) -> None:
        """Send everything that is due, messages first; then end what is finished.

        only: of the issues this one; MESSAGES: none of them.

        When the mail server refuses us, the issues that are being sent are held with its words, nobody is burned, and
        RelayRefused is raised; when it says itself that this is temporary they go on being sent, later. An issue that a
        fault of ours keeps from being sent is held with the reason. Returns early when `stop` is set, within `finish_s`
        seconds.
        """
        await recover(self._room)
        await breaking.pause_left_over(self._room)
        await self._gate.settle()
        if await _anything_due(self._room, only):
            connections = self._seats.take(self._wanted)
            self._pool.smtp = share(self._room.settings.smtp, connections)
            while await self._send(Worker(self._room, self._pool, self._gate, self._watch, only, stop), only, finish_s):
                pass  # an editor has stopped one issue: on with the others
        await self._resend()
        await ending.end_finished(self._room, only)

    async def _resend(self) -> None:
        """What is in doubt goes again, once, where the settings say so."""
        if self._room.settings.smtp.uncertain == "resend":
            async with self._room.store.write() as conn:
                await breakers.resend(conn, self._room.clock.now())

    async def _send(self, worker: Worker, only: int | None, finish_s: float) -> bool:
        """One run; whether there shall be another at once."""
        try:
            await worker.run(finish_s)
            return worker.recalled
        except RelayRefused as refusal:
            await ending.refused(self._room, only, refusal)
            raise
        except StoreError:
            raise
        except Exception as error:
            await ending.broken(self._room, worker.issues, error)
            raise
