"""One run of sending, from the first claim to giving back the rest: claim, merge, hand over, record.

A claim is never more than what leaves in about two seconds. What is not here: when there is a run, and what follows from a
refusal (send), SMTP (deliver), what a subscriber's mail looks like (mailing).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta
from functools import partial

from digest.audience.rule import audience_of
from digest.clock import first_of, monotonic
from digest.deliver.envelope import Envelope
from digest.deliver.hand import Outgoing
from digest.deliver.journal import Journal, worker_name
from digest.deliver.pool import Pool
from digest.errors import DigestError, StoreError
from digest.flow import ending
from digest.flow.due import due_issues
from digest.flow.mailing import Mailing
from digest.flow.newsroom import Newsroom
from digest.flow.outcomes import Key, verdict, write_down
from digest.flow.putting_back import hold_everything
from digest.model.delivery import Delivery, DeliveryState, Outcome, Reply
from digest.model.issue import Issue, IssueState
from digest.model.subscriber import Audience
from digest.store import deliveries, departures, issues, lineage, messages, outbox
from digest.store.engine import Connection
from digest.store.lineage import PutBack
from digest.store.messages import Message
from digest.store.outbox import MESSAGES, Result, Tries

LEASE = timedelta(seconds=30)
RENEW_S = 10.0
CLAIM_MIN, CLAIM_MAX, CLAIM_S = 20, 500, 2.0
FLUSH_S = 0.25
LOOK_S = 0.5
"""How often is looked whether anybody in hand has left, or an editor has stopped what is being sent."""
UNTRIED_PAUSE = timedelta(seconds=30)
"""How long a mail rests that came back untried because the connection broke."""

_D = DeliveryState
_LEFT = Outcome(_D.SKIPPED, Reply(0, "left before it was sent"))
_RECALLED = Outcome(_D.PENDING, Reply(0, "stopped before it was sent"))

Watch = Callable[[int, DeliveryState], None]
"""Told of every outcome: the issue's number (0 for a message) and the state."""


class Worker:
    """Made for one run, with a journal of its own. watch: told of every outcome. only, stop: as `Sender.run` has them."""

    def __init__(self, room: Newsroom, pool: Pool, watch: Watch, only: int | None, stop: asyncio.Event) -> None:
        self._room = room
        self._pool = pool
        self._watch = watch
        self._only = only
        self._stop = stop
        self._recall = (
            asyncio.Event()
        )  # an editor has stopped an issue: this run ends, and the next takes on the others
        self._begun: set[Key] = set()  # of what is in hand, what may be with the mail server
        self._worker = worker_name()
        self._journal = Journal.open(room.journals, self._worker)
        self._mailings: dict[int, Mailing] = {}
        self._hand: dict[Key, Tries] = {}  # what was claimed and is not yet written down
        self._done: list[tuple[Outgoing, Outcome]] = []
        self._flushing = asyncio.Lock()
        self._rate = CLAIM_MIN / CLAIM_S
        self._audiences: dict[int, Audience] = {}
        self._departures = 0
        self._gone: set[Key] = set()  # who left after the claim

    @property
    def recalled(self) -> bool:
        """Whether the run ended because an editor stopped an issue; others may still have something due."""
        return self._recall.is_set()

    @property
    def issues(self) -> set[int]:
        """The issues of which something is in hand."""
        return {issue for issue, _ in self._hand} - {MESSAGES}

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

    # -- claiming ------------------------------------------------------------------------------------------------------

    async def _mails(self, enough: Callable[[], bool]) -> AsyncGenerator[Outgoing]:
        """Mails as they are claimed: messages ahead of issues, issues in turn.

        The next claim is made while the second half of the last one leaves, so that no connection waits for the ledger.
        """
        claim = asyncio.create_task(self._claim())
        try:
            while not enough() and (batch := await claim):
                begun = monotonic()
                for number, mail in enumerate(batch):
                    if number == len(batch) // 2:
                        claim = asyncio.create_task(self._claim())
                    yield mail
                self._rate = len(batch) / max(0.001, monotonic() - begun)
        finally:
            await asyncio.gather(claim, return_exceptions=True)  # what it took on is given back with the rest

    async def _claim(self) -> list[Outgoing]:
        limit = int(min(CLAIM_MAX, max(CLAIM_MIN, self._rate * CLAIM_S)) / 2)  # two claims overlap
        now = self._room.clock.now()
        try:
            claimed, due = await self._claim_messages(limit, now)
        except PutBack as found:  # under our feet
            await hold_everything(self._room, str(found))
            return []
        if claimed:
            return [self._message(each) for each in claimed]
        for issue in due:
            if mails := await self._claim_or_hold(issue, limit, now):
                return mails
        return []

    async def _claim_messages(self, limit: int, now: datetime) -> tuple[list[Message], list[Issue]]:
        """Messages, or else the issues that are due. Before anything can leave, it is marked that something will."""
        async with self._room.store.write() as conn:
            mark = await lineage.count_up(conn, self._room.var)
            claimed = await messages.claim(conn, self._worker, limit, now, now + LEASE)
            due = [] if claimed else await due_issues(conn, self._room, self._only, now)
        lineage.remember(self._room.var, mark)
        return claimed, due

    async def _claim_or_hold(self, issue: Issue, limit: int, now: datetime) -> list[Outgoing]:
        """Mails of an issue. One that a fault of ours spoils is held, and the others go on."""
        try:
            while True:  # all of a claim may have left; others may wait behind them
                async with self._room.store.write() as conn:
                    claim = await self._claim_issue(conn, issue, limit, now)
                for _ in range(claim.gone):
                    self._watch(issue.id, _D.SKIPPED)
                if claim.mails or not claim.gone:
                    mailing = self._mailings[issue.id]
                    return [self._delivery(mailing, each) for each in claim.mails]
        except StoreError:
            raise
        except Exception as error:
            await ending.broken(self._room, [issue.id], error)
            return []

    async def _claim_issue(self, conn: Connection, issue: Issue, limit: int, now: datetime) -> deliveries.Claim:
        if issue.id not in self._mailings:
            snapshot = await issues.snapshot(conn, issue.id)
            if snapshot is None:
                raise DigestError(f"issue {issue.id} is being sent but was never frozen")
            self._mailings = {issue.id: Mailing(self._room, issue.id, snapshot)}  # one is kept: they are large
        audience = audience_of(issue.newsletter, self._room.settings.newsletter(issue.newsletter))
        self._audiences[issue.id] = audience
        return await deliveries.claim(conn, issue.id, audience, self._worker, limit, now, now + LEASE)

    def _delivery(self, mailing: Mailing, each: Delivery) -> Outgoing:
        self._hand[each.issue_id, each.subscriber_id] = Tries(each.attempts, each.first_try)
        return Outgoing(
            each.issue_id,
            each.subscriber_id,
            mailing.envelope(each.subscriber_id, each.email),
            partial(self._bytes, mailing, each),
            fit=each.email.isascii(),  # render keeps every line fit for the wire
        )

    def _bytes(self, mailing: Mailing, each: Delivery) -> bytes | Outcome:
        if (each.issue_id, each.subscriber_id) in self._gone:
            return _LEFT
        if self._recall.is_set():
            return _RECALLED
        self._begun.add((each.issue_id, each.subscriber_id))
        personal = mailing.personal(each.subscriber_id, each.email, each.name, each.topics)
        return mailing.message(personal, mailing.message_id(each.subscriber_id), self._room.clock.now())

    def _message(self, each: Message) -> Outgoing:
        self._hand[MESSAGES, each.id] = Tries(each.attempts, each.first_try)
        return Outgoing(
            MESSAGES, each.id, Envelope(each.sender, each.recipient, envid=f"m.{each.id}"), lambda: each.content
        )

    # -- recording -----------------------------------------------------------------------------------------------------

    def _record(self, mail: Outgoing, outcome: Outcome) -> None:
        self._done.append((mail, outcome))
        self._begun.discard((mail.issue_id, mail.subscriber_id))
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
                ids = [number for of_issue, number in self._hand if of_issue == issue]
                gone |= {(issue, number) for number in await departures.gone(conn, self._audiences[issue], ids)}
        self._departures, self._gone = counter, gone

    async def _look_for_stops(self) -> None:
        """Where an editor has stopped an issue that we have something of in hand, give back at once what has not begun."""
        async with self._room.store.read() as conn:
            sending = {issue.id for issue in await issues.in_states(conn, [IssueState.SENDING])}
        if self.issues <= sending:
            return
        self._recall.set()  # from here on nothing is begun: what is given back now cannot leave
        now, known = self._room.clock.now(), {(mail.issue_id, mail.subscriber_id) for mail, _ in self._done}
        rest = [key for key in self._hand if key not in self._begun and key not in known and key[0] != MESSAGES]
        reply = _RECALLED.reply
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
                    await write_down(conn, self._room, self._worker, results, now)
            except BaseException:
                self._done = done + self._done
                raise
            keys = [(result.issue_id, result.subscriber_id) for result in results]
            self._journal.settle(keys)
            for key in keys:
                self._hand.pop(key, None)

    def _verdict(self, mail: Outgoing, outcome: Outcome, now: datetime) -> Result:
        key = (mail.issue_id, mail.subscriber_id)
        give_up = self._room.settings.delivery.give_up
        rest = timedelta() if self._stopped else UNTRIED_PAUSE
        return verdict(key, outcome, self._hand[key], now, give_up=give_up, jitter=random.random(), rest=rest)
