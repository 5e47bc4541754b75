"""A stream of mails through a few kept connections.

    mails -> [worker: build -> connection.send -> journal -> record] x smtp.connections

Each worker has at most one mail in hand, so memory does not grow with the issue. What is not here: one connection's
conversation (smtp), which mails there are and what becomes of an outcome (flow).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, cast

from digest import log
from digest.clock import Clock, monotonic
from digest.deliver.connections import Connections
from digest.deliver.envelope import Envelope
from digest.deliver.journal import Journal
from digest.deliver.pace import Pace, Patience
from digest.deliver.retry import Phase
from digest.deliver.smtp import Connection, Timeouts, Unreachable, where
from digest.errors import RelayRefused, StoreError
from digest.model.delivery import DeliveryState, Outcome, Reply
from digest.settings import Smtp

CUTS = 3
"""So often one mail may lose its connection from RCPT on before the mail itself is suspected and deferred."""
FINISH_S = 30.0
"""Seconds that mails under way have to finish after a stop."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One mail to send. build: its CRLF bytes, asked for just before they leave."""

    issue_id: int
    subscriber_id: int
    envelope: Envelope
    build: Callable[[], bytes]


T = TypeVar("T")

_log = log.get(__name__)

_UNTRIED = Outcome(DeliveryState.PENDING, Reply(0, "stopped before it was sent"))
_TROUBLE = frozenset({DeliveryState.PENDING, DeliveryState.UNCERTAIN})
_ABOUT_MAIL = frozenset({Phase.RCPT, Phase.DATA, Phase.BODY, Phase.DOT})

Record = Callable[[Outgoing, Outcome], Awaitable[None] | None]


class Pool:
    """Up to `smtp.connections` connections, opened when there is something to send and kept until `close`.

    tls_context: whom to trust; None = the system's authorities. elapsed_s: a clock that never runs back; its seconds and
    those of `clock.sleep` are the same. One `run` at a time.
    """

    def __init__(
        self,
        smtp: Smtp,
        clock: Clock,
        *,
        tls_context: ssl.SSLContext | None = None,
        timeouts: Timeouts | None = None,
        elapsed_s: Callable[[], float] = monotonic,
    ) -> None:
        self.smtp = smtp
        self.clock = clock
        self.elapsed_s = elapsed_s
        self.pace = Pace(smtp.rate)
        self.connections = Connections(smtp, tls_context, timeouts)

    async def run(
        self,
        mails: AsyncIterator[Outgoing],
        journal: Journal,
        record: Record,
        *,
        stop: asyncio.Event | None = None,
        finish_s: float = FINISH_S,
    ) -> None:
        """Send `mails` until there are no more, or `stop` is set, or the server refuses us.

        Every mail that was pulled gets exactly one `record`, after its line in the journal; PENDING means that it was not
        sent and may be pulled again. A mail that cannot be built is FAILED, and stops nobody. After `stop`, or a failure,
        nothing more is pulled; what is under way has `finish_s` seconds, then its connection is dropped. `mails` is left
        where it is: close it yourself. Raises RelayRefused once, when all mails in hand are recorded; likewise whatever
        `mails`, `record` or the journal raised first.
        """
        await _Run(self, mails, journal, record, stop or asyncio.Event(), finish_s).whole()

    async def close(self) -> None:
        """Take leave of the server on every connection, at once and with a short bound."""
        await self.connections.close()


class _Run:
    """What one `Pool.run` knows."""

    def __init__(
        self,
        pool: Pool,
        mails: AsyncIterator[Outgoing],
        journal: Journal,
        record: Record,
        stop: asyncio.Event,
        finish_s: float,
    ) -> None:
        self._pool = pool
        self._mails = mails
        self._journal = journal
        self._record = record
        self._stop = stop
        self._finish_s = finish_s
        self._patience = Patience()
        self._pull = asyncio.Lock()
        self._halt = asyncio.Event()  # pull no more
        self._forced = False  # and drop what is under way
        self._exhausted = False
        self._failure: BaseException | None = None
        self._workers: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()  # no worker is left
        self._sending: set[Connection] = set()
        self._cancellable: set[asyncio.Task[None]] = set()  # with nothing on the wire

    async def whole(self) -> None:
        """Run to the end, or to a stop; then raise the first failure."""
        watch = asyncio.create_task(self._watch())
        halt = asyncio.create_task(self._halt.wait())
        idle = asyncio.create_task(self._idle.wait())
        try:
            self._add_worker()
            await asyncio.wait({halt, idle}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({idle}, timeout=self._finish_s)
        finally:
            for task in (watch, halt, idle):
                task.cancel()
            await self._force()
        if self._failure is not None:
            raise self._failure

    async def _watch(self) -> None:
        await self._stop.wait()
        self._halt.set()

    async def _force(self) -> None:
        """Drop what is still under way: before the dot it comes back as PENDING, behind it as UNCERTAIN."""
        self._forced = True
        self._halt.set()
        for connection in self._sending:
            connection.abort("stopped by us")
        for task in self._cancellable:
            task.cancel()
        await asyncio.gather(*self._workers)

    # -- workers -------------------------------------------------------------------------------------------------------

    def _add_worker(self) -> None:
        """One more hand, unless there are enough. Called whenever a connection stands, so that a dead server is asked by
        one worker only, and a living one has all its connections after a few mails."""
        if self._exhausted or self._halt.is_set() or len(self._workers) >= self._pool.smtp.connections:
            return
        worker = asyncio.create_task(self._work())
        self._workers.add(worker)
        worker.add_done_callback(self._worker_ended)

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not self._workers:
            self._idle.set()

    async def _work(self) -> None:
        try:
            while (mail := await self._next()) is not None:
                await self._conclude(mail, await self._deliver(mail))
        except Exception as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._halt.set()

    async def _next(self) -> Outgoing | None:
        """The next mail; None when there are no more or none shall be pulled."""
        async with self._pull:
            if self._exhausted or self._halt.is_set():
                return None
            mail = await self._unless_forced(anext(self._mails, None))
            self._exhausted = mail is None
            return mail

    async def _unless_forced(self, awaitable: Awaitable[T]) -> T | None:
        """The result; None when the run was forced to its end before there was one."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._cancellable.add(task)
        try:
            return await awaitable
        except asyncio.CancelledError:
            if not self._forced:
                raise
            return None
        finally:
            self._cancellable.discard(task)

    # -- one mail ------------------------------------------------------------------------------------------------------

    async def _deliver(self, mail: Outgoing) -> Outcome:
        """Try until there is an outcome, the server loses our patience, or the run is halted."""
        await self._pause(self._pool.pace.wait_s(self._pool.elapsed_s()))
        outcome, cuts = _UNTRIED, 0
        while not self._halt.is_set():
            begun = self._patience.round
            outcome, phase = await self._attempt(mail)
            if outcome.state not in _TROUBLE:
                self._patience.clear()
                return outcome
            cuts += phase in _ABOUT_MAIL
            borne = self._failure is None and self._borne(begun, outcome)
            if not borne or outcome.state is DeliveryState.UNCERTAIN:
                return outcome
            if cuts >= CUTS:  # others pass: this mail may be what breaks the line
                return Outcome(DeliveryState.DEFERRED, outcome.reply)
            await self._pause(self._patience.wait_s(self._pool.elapsed_s()))
        return outcome

    async def _attempt(self, mail: Outgoing) -> tuple[Outcome, Phase]:
        """One try, and how far it came. What is no outcome ends the run: the mail is PENDING then."""
        try:
            return await self._send(mail)
        except Exception as error:
            if not isinstance(error, Unreachable):
                self._fail(error)
            return _untried(error), Phase.GREETING

    async def _send(self, mail: Outgoing) -> tuple[Outcome, Phase]:
        connection = await self._unless_forced(self._pool.connections.lease())
        if connection is None:
            return _UNTRIED, Phase.GREETING
        self._sending.add(connection)
        try:
            if self._forced:
                return _UNTRIED, Phase.GREETING
            self._add_worker()
            if isinstance(data := _built(mail), Outcome):
                return data, Phase.GREETING
            announce = partial(self._journal.announce, mail.issue_id, mail.subscriber_id)
            return await connection.send(mail.envelope, data, announce), connection.phase
        finally:
            self._sending.discard(connection)
            await self._pool.connections.give_back(connection)

    def _borne(self, begun: int, outcome: Outcome) -> bool:
        """Count the trouble; when it is too much the run fails."""
        if self._halt.is_set() or self._patience.strike(begun, self._pool.elapsed_s()):
            return True
        reply = outcome.reply
        place = where(self._pool.smtp)
        said = str(reply) if place in reply.text else f"{place} keeps breaking off: {reply}"
        self._fail(RelayRefused(said, code=reply.code or None))
        return False

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond a halt."""
        if seconds <= 0:
            return
        sleep = asyncio.ensure_future(self._pool.clock.sleep(seconds))
        halt = asyncio.ensure_future(self._halt.wait())
        try:
            await asyncio.wait({sleep, halt}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            halt.cancel()

    async def _conclude(self, mail: Outgoing, outcome: Outcome) -> None:
        try:
            self._journal.done(mail.issue_id, mail.subscriber_id, outcome)
        except StoreError as error:
            self._fail(error)  # the ledger shall have it all the same
        if handed := self._record(mail, outcome):
            await handed


def _built(mail: Outgoing) -> bytes | Outcome:
    """Its bytes, or how it ended: what spoils one mail must not hold up all the others."""
    try:
        return mail.build()
    except Exception as error:
        _log.exception("mail.unbuilt", issue=mail.issue_id, subscriber=mail.subscriber_id)
        return Outcome(DeliveryState.FAILED, Reply(0, f"not built: {str(error) or type(error).__name__}"))


def _untried(error: Exception) -> Outcome:
    code = error.code if isinstance(error, RelayRefused) else None
    return Outcome(DeliveryState.PENDING, Reply(code or 0, str(error)))
