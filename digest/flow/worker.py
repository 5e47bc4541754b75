"""One run of sending, from the first claim to giving back the rest: claim, merge, hand over, record.

What is not here: when there is a run, and what follows from a refusal (send), what is taken on (claiming), SMTP (deliver),
what a subscriber's mail looks like (mailing).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta

from digest.clock import first_of, monotonic
from digest.deliver.hand import Outgoing
from digest.deliver.journal import Journal, worker_name
from digest.deliver.pool import Pool
from digest.errors import DigestError
from digest.flow import breaking
from digest.flow.claiming import LEASE, RECALLED, Claims, InHand
from digest.flow.claiming import Watch as Watch
from digest.flow.newsroom import Newsroom
from digest.flow.outcomes import Key, next_issue, verdict, write_down
from digest.flow.pacing import Gate
from digest.model.delivery import DeliveryState, Outcome
from digest.model.issue import IssueState
from digest.store import deliveries, departures, issues, outbox
from digest.store.outbox import MESSAGES, Result

RENEW_S = 10.0
CLAIM_MIN, CLAIM_MAX, CLAIM_S = 20, 500, 2.0
FLUSH_S = 0.25
LOOK_S = 0.5
"""How often is looked whether anybody in hand has left, or an editor has stopped what is being sent."""
UNTRIED_PAUSE = timedelta(seconds=30)
"""How long a mail rests that came back untried because the connection broke."""

_D = DeliveryState


class Worker:
    """Made for one run, with a journal of its own. watch: told of every outcome. only, stop: as `Sender.run` has them."""

    def __init__(
        self, room: Newsroom, pool: Pool, gate: Gate, watch: Watch, only: int | None, stop: asyncio.Event
    ) -> None:
        self._room = room
        self._pool = pool
        self._gate = gate
        self._over = False  # nobody asks for mails any more
        self._watch = watch
        self._stop = stop
        # An editor has stopped an issue: this run ends, and the next takes on the others.
        self._recall = asyncio.Event()
        self._worker = worker_name()
        self._journal = Journal.open(room.journals, self._worker)
        self._in_hand = InHand()
        self._claims = Claims(room, gate, self._worker, only, self._in_hand, watch, self._flush, self._unwanted)
        self._done: list[tuple[Outgoing, Outcome]] = []
        self._flushing = asyncio.Lock()
        self._rate = CLAIM_MIN / CLAIM_S
        self._departures = 0

    @property
    def recalled(self) -> bool:
        """Whether the run ended because an editor stopped an issue; others may still have something due."""
        return self._recall.is_set()

    @property
    def issues(self) -> set[int]:
        """The issues of which something is in hand."""
        return self._in_hand.issues

    async def run(self, finish_s: float) -> None:
        """Send until nothing is due; whatever ends it, what is known is written down and the rest is given back."""
        given_back = False
        try:
            try:
                await self._hand_over(finish_s)
            finally:
                await self._flush()
                await self._give_back()
                given_back = True
        finally:
            # What could not be written down stays in the journal, which is a dead one's from now on.
            self._journal.close(keep=not given_back)

    async def _hand_over(self, finish_s: float) -> None:
        over = asyncio.Event()
        async with self._room.store.read() as conn:  # before the first claim: who leaves later is seen by the counter
            self._departures = await departures.counter(conn)
        keeper = asyncio.create_task(self._keep(over))
        # A keeper that fails ends the claiming: without a ledger there is no sending.
        mails = self._mails(lambda: self._stopped or keeper.done())
        try:
            async with contextlib.aclosing(mails):
                await self._pool.run(
                    mails, self._journal, self._record, stop=self._stop, recall=self._recall, finish_s=finish_s
                )
        finally:
            over.set()
            await asyncio.gather(keeper, return_exceptions=True)

    async def _give_back(self) -> None:
        now = self._room.clock.now()
        async with self._room.store.write() as conn:
            await outbox.release(conn, self._worker, now)
            await deliveries.skip_rest_of_ended(conn, "the issue was ended", now)

    async def _mails(self, enough: Callable[[], bool]) -> AsyncGenerator[Outgoing]:
        """Mails as they are claimed: messages ahead of issues, issues in turn.

        The next claim is made while the second half of the last one leaves, so that no connection waits for the ledger.
        """
        claim = asyncio.create_task(self._claims.take(self._limit))
        try:
            while not enough() and (batch := await claim):
                begun = monotonic()
                for number, mail in enumerate(batch):
                    if number == len(batch) // 2:
                        claim = asyncio.create_task(self._claims.take(self._limit))
                    yield mail
                self._rate = len(batch) / max(0.001, monotonic() - begun)
        finally:
            self._over = True
            await asyncio.gather(claim, return_exceptions=True)  # what it took on is given back with the rest

    def _unwanted(self) -> bool:
        return self._over or self._stop.is_set()

    @property
    def _limit(self) -> int:
        # Two claims overlap.
        return int(min(CLAIM_MAX, max(CLAIM_MIN, self._rate * CLAIM_S)) / 2)

    # -- recording -----------------------------------------------------------------------------------------------------

    def _record(self, mail: Outgoing, outcome: Outcome) -> None:
        self._gate.saw(mail.envelope.recipient, outcome)
        self._done.append((mail, outcome))
        self._in_hand.begun.discard((mail.issue_id, mail.subscriber_id))
        if outcome.state is not _D.PENDING:
            self._watch(mail.issue_id, outcome.state)

    async def _keep(self, over: asyncio.Event) -> None:
        """While mails leave: write results down in batches and renew the leases.

        It is asked to end rather than cancelled: a write cut in two would leave in doubt what is known. A write that fails
        ends it too; the same write is tried once more at the end, and its error is raised there.
        """
        renewed = looked = monotonic()
        with contextlib.suppress(DigestError):
            while not over.is_set():
                await first_of(over.wait(), self._room.clock.sleep(FLUSH_S))
                await self._flush()
                if monotonic() - looked > LOOK_S and not self._recall.is_set():
                    looked = monotonic()
                    await self._look_who_left()
                    await self._look_for_stops()
                if monotonic() - renewed > RENEW_S:
                    renewed = monotonic()
                    async with self._room.store.write() as conn:
                        await outbox.renew(conn, self._worker, self._room.clock.now() + LEASE)

    async def _look_who_left(self) -> None:
        """Note whom of those in hand must not be mailed any more, when anybody at all has left."""
        async with self._room.store.read() as conn:
            if (counter := await departures.counter(conn)) == self._departures:
                return
            gone: set[Key] = set()
            for issue in self.issues:
                ids = [number for of_issue, number in self._in_hand.tries if of_issue == issue]
                gone |= {(issue, number) for number in await departures.gone(conn, self._in_hand.audiences[issue], ids)}
        self._departures, self._in_hand.gone = counter, gone

    async def _look_for_stops(self) -> None:
        """Where an editor has stopped an issue that we have something of in hand, give back at once what has not begun."""
        async with self._room.store.read() as conn:
            sending = {issue.id for issue in await issues.in_states(conn, [IssueState.SENDING])}
        if self.issues <= sending:
            return
        self._in_hand.recalled = True
        self._recall.set()  # from here on nothing is begun: what is given back now cannot leave
        now, known = self._room.clock.now(), {(mail.issue_id, mail.subscriber_id) for mail, _ in self._done}
        rest = [
            key
            for key in self._in_hand.tries
            if key not in self._in_hand.begun and key not in known and key[0] != MESSAGES
        ]
        reply = RECALLED.reply
        back = [Result(*key, _D.PENDING, reply.code, reply.text, now, False) for key in rest]
        async with self._room.store.write() as conn:
            await write_down(conn, self._room, self._worker, back, now)
            await deliveries.skip_rest_of_ended(conn, "the issue was ended", now)

    @property
    def _stopped(self) -> bool:
        return self._stop.is_set() or self._recall.is_set()

    async def _flush(self) -> None:
        async with self._flushing:
            done, self._done = self._done, []
            if not done:
                return
            now = self._room.clock.now()
            results = [self._verdict(mail, outcome, now) for mail, outcome in done]
            try:
                async with self._room.store.write() as conn:
                    tripped = await write_down(conn, self._room, self._worker, results, now)
                    await self._gate.react(conn, {each.issue_id for each in results} - {MESSAGES}, now)
            except BaseException:
                self._done = done + self._done
                raise
            keys = [(result.issue_id, result.subscriber_id) for result in results]
            self._journal.settle(keys)
            for key in keys:
                self._in_hand.tries.pop(key, None)
            await breaking.pause(self._room, tripped)

    def _verdict(self, mail: Outgoing, outcome: Outcome, now: datetime) -> Result:
        before = self._in_hand.tries[mail.issue_id, mail.subscriber_id]
        until = None
        if outcome.state is _D.DEFERRED and mail.issue_id in self._in_hand.newsletters:
            until = next_issue(self._room, self._in_hand.newsletters[mail.issue_id], before.first or now)
        return verdict(
            (mail.issue_id, mail.subscriber_id), outcome, before, now, give_up=self._room.settings.delivery.give_up,
            jitter=random.random(), rest=timedelta() if self._stopped else UNTRIED_PAUSE, next_issue=until,
        )  # fmt: skip
