"""A stream of mails through a few kept connections.

    mails -> [a few waiting] -> [hand: build -> connection.send] x smtp.connections -> journal -> record

Each hand has at most two mails in hand, the second one's envelope on its way with the first one's body; so memory does not
grow with the issue. What is not here: what a hand does (hand), one connection's conversation (smtp), which mails there are
and what becomes of an outcome (flow).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar, cast

from digest.clock import Clock, monotonic
from digest.deliver.connections import Connections
from digest.deliver.hand import Hand, Outgoing
from digest.deliver.journal import Journal
from digest.deliver.lanes import TAKEN, Lanes
from digest.deliver.pace import Pace, Patience
from digest.deliver.smtp import Timeouts
from digest.errors import StoreError
from digest.model.delivery import Outcome
from digest.settings import Smtp

FINISH_S = 30.0
"""Seconds that mails under way have to finish after a stop."""

T = TypeVar("T")

Record = Callable[[Outgoing, Outcome], None]


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
        recall: asyncio.Event | None = None,
        finish_s: float = FINISH_S,
    ) -> None:
        """Send `mails` until there are no more, or `stop` or `recall` is set, or the server refuses us.

        Every mail that was tried gets exactly one `record`, after its line in the journal; PENDING means that it was not
        sent and may be tried again. A mail that cannot be built is FAILED, and stops nobody. After `stop`, or a failure,
        nothing more is begun, and of what was pulled and not begun nothing is said; what is under way has `finish_s`
        seconds, then its connection is dropped; after a `recall` it has all the time that RFC 5321 gives the server, unless
        `stop` is set. `mails` is left where it is: close it yourself. Raises RelayRefused once, when all mails under way
        are recorded; likewise whatever `mails`, `record` or the journal raised first.
        """
        events = stop or asyncio.Event(), recall or asyncio.Event()
        await Run(self, mails, journal, record, *events, finish_s).whole()

    async def close(self) -> None:
        """Take leave of the server on every connection, at once and with a short bound."""
        await self.connections.close()


class Run:
    """What one `Pool.run` knows, and its hands share."""

    def __init__(
        self,
        pool: Pool,
        mails: AsyncIterator[Outgoing],
        journal: Journal,
        record: Record,
        stop: asyncio.Event,
        recall: asyncio.Event,
        finish_s: float,
    ) -> None:
        self.pool = pool
        self.journal = journal
        self.patience = Patience()
        self.failure: BaseException | None = None
        self._mails = mails
        self._record = record
        self._stop = stop
        self._recall = recall
        self._finish_s = finish_s
        self._halt = asyncio.Event()  # take no more
        self._forced = False  # and drop what is under way
        self._hands: dict[asyncio.Task[None], Hand] = {}
        self._idle = asyncio.Event()  # no hand is left
        self._cancellable: set[asyncio.Task[None]] = set()  # with nothing on the wire
        self._waiting: deque[Outgoing] = deque()
        domains = pool.smtp.domains.items()
        self._lanes = Lanes({n.lower(): d.connections for n, d in domains if d.connections < pool.smtp.connections})
        self._arrived = asyncio.Event()
        self._wanted = asyncio.Event()
        self._exhausted = False

    async def whole(self) -> None:
        """Run to the end, or to a stop; then raise the first failure."""
        stop = asyncio.create_task(self._stop.wait())
        recall = asyncio.create_task(self._recall.wait())
        for told in (stop, recall):
            told.add_done_callback(lambda task: None if task.cancelled() else self.halt())
        halt = asyncio.create_task(self._halt.wait())
        idle = asyncio.create_task(self._idle.wait())
        filler = asyncio.create_task(self._fill())
        try:
            self.add_hand()
            await asyncio.wait({halt, idle}, return_when=asyncio.FIRST_COMPLETED)
            if recall.done() and self.failure is None:
                await asyncio.wait({idle, stop}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({idle, filler}, timeout=self._finish_s)
        finally:
            for task in (stop, recall, halt, idle):
                task.cancel()
            await self._force(filler)
        if self.failure is not None:
            raise self.failure

    @property
    def halted(self) -> bool:
        """Whether nothing more may be begun."""
        return self._halt.is_set()

    @property
    def forced(self) -> bool:
        """Whether what is under way is being dropped."""
        return self._forced

    def halt(self) -> None:
        """Begin nothing more."""
        self._halt.set()
        self._arrived.set()
        self._wanted.set()

    def fail(self, error: BaseException) -> None:
        """Halt, and raise this at the end if it is the first failure."""
        self.failure = self.failure or error
        self.halt()

    async def _force(self, filler: asyncio.Task[None]) -> None:
        """Drop what is still under way: before the dot it comes back as PENDING, behind it as UNCERTAIN."""
        self._forced = True
        self.halt()
        for hand in self._hands.values():
            hand.drop()
        for task in (*self._cancellable, filler):
            task.cancel()
        await asyncio.gather(*self._hands)
        await asyncio.gather(filler, return_exceptions=True)

    # -- hands ---------------------------------------------------------------------------------------------------------

    def add_hand(self) -> None:
        """One more hand, unless there are enough. Called whenever a connection stands, so that a dead server is asked by
        one hand only, and a living one has all its connections after a few mails."""
        if (
            len(self._hands) >= self.pool.smtp.connections
            or self.halted
            or (self._exhausted and not self._waiting and not self._lanes)
        ):
            return
        hand = Hand(self)
        task = asyncio.create_task(hand.work())
        self._hands[task] = hand
        task.add_done_callback(self._hand_ended)

    def _hand_ended(self, task: asyncio.Task[None]) -> None:
        del self._hands[task]
        if not self._hands:
            self._idle.set()

    async def unless_forced(self, awaitable: Awaitable[T]) -> T | None:
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

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond a halt."""
        if seconds <= 0:
            return
        sleep = asyncio.ensure_future(self.pool.clock.sleep(seconds))
        halt = asyncio.ensure_future(self._halt.wait())
        try:
            await asyncio.wait({sleep, halt}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            halt.cancel()

    # -- mails ---------------------------------------------------------------------------------------------------------

    async def _fill(self) -> None:
        """Pull a few mails ahead, so that no hand waits for the source while it has some."""
        try:
            while not self.halted and (mail := await anext(self._mails, None)) is not None:
                self._waiting.append(mail)
                self._arrived.set()
                if len(self._waiting) >= len(self._hands):
                    self._wanted.clear()
                    await self._wanted.wait()
        except Exception as error:
            self.fail(error)
        finally:
            self._exhausted = True
            self._arrived.set()

    async def next(self) -> Outgoing | None:
        """The next mail, when the pace allows it; None when there are no more or none shall be taken."""
        while not self.halted:
            if (mail := self._take()) is not None:
                await self.pause(self.pool.pace.wait_s(self.pool.elapsed_s()))
                return mail
            if self._exhausted and not self._waiting and not self._lanes:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return None

    def next_now(self) -> Outgoing | None:
        """The next mail if there is one and the pace allows it at this moment."""
        if not (self._waiting or self._lanes) or self.halted or not self.pool.pace.at_once(self.pool.elapsed_s()):
            return None
        return self._take()

    def _take(self) -> Outgoing | None:
        """The first that may leave; who finds the connections of its domain taken holds up nobody."""
        mail = self._lanes.freed() if self._lanes else None
        while mail is None and self._waiting:
            mail = self._waiting.popleft()
            if not self._lanes.enter(mail):
                if not self._lanes.park(mail):
                    self._note(mail, TAKEN)
                mail = None
        if 2 * len(self._waiting) <= len(self._hands):
            self._wanted.set()
        return mail

    def conclude(self, mail: Outgoing, outcome: Outcome) -> None:
        """Note how a mail ended that was taken; its connection is free for others."""
        self._lanes.leave(mail)
        if self._lanes:
            self._arrived.set()
        self._note(mail, outcome)

    def _note(self, mail: Outgoing, outcome: Outcome) -> None:
        """In the journal first, then with whoever asked for it to be sent."""
        try:
            self.journal.done(mail.issue_id, mail.subscriber_id, outcome)
        except StoreError as error:
            self.fail(error)  # the ledger shall have it all the same
        try:
            self._record(mail, outcome)
        except Exception as error:
            self.fail(error)
