"""From a frozen issue to the last reply: claim, merge, hand over, record.

    recover -> claim -> (announce in the journal, final dot, reply, done in the journal) -> record -> settle

A claim is never more than what leaves in about two seconds. What a dead process had in hand is settled from its journal:
done is done, announced and not done is `uncertain`, all else was certainly not sent and is pending again. What is not
here: SMTP (deliver), what a subscriber's mail looks like (mailing).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from digest import log
from digest.audience.rule import audience_of
from digest.clock import first_of, monotonic
from digest.deliver import journal as journals
from digest.deliver.envelope import Envelope
from digest.deliver.journal import Journal, worker_name
from digest.deliver.pool import Outgoing, Pool
from digest.deliver.retry import gives_up, next_try
from digest.errors import DigestError, RelayRefused
from digest.flow import notify, publish
from digest.flow.mailing import Mailing
from digest.flow.newsroom import Newsroom
from digest.model.delivery import Delivery, DeliveryState, Outcome, Reply
from digest.model.issue import Issue, IssueState
from digest.store import deliveries, issues, messages, outbox
from digest.store.engine import Connection
from digest.store.messages import Message
from digest.store.outbox import MESSAGES, Result

LEASE = timedelta(seconds=30)
RENEW_S = 10.0
CLAIM_MIN, CLAIM_MAX, CLAIM_S = 20, 500, 2.0
FLUSH_AT, FLUSH_S = 100, 0.25
UNTRIED_PAUSE = timedelta(seconds=30)
"""How long a mail rests that came back untried because the connection broke."""

_D = DeliveryState
_log = log.get(__name__)

Watch = Callable[[int, DeliveryState], None]
"""Told of every outcome: the issue's number (0 for a message) and the state."""


async def recover(room: Newsroom) -> None:
    """Settle what dead senders had in hand. Safe at any time and from any number of processes."""
    for path in journals.orphans(room.journals):
        told, worker, now = journals.replay(path), path.stem, room.clock.now()
        results = [_result(key, outcome, now, now) for key, outcome in told.items()]
        async with room.store.write() as conn:
            await outbox.record(conn, worker, results, now)
            released = await outbox.release(conn, worker, now)
        journals.discard(path)
        _log.info("sender.recovered", worker=worker, settled=len(told), released=released)
    living, now = _living(room), room.clock.now()
    async with room.store.read() as conn:
        if not await outbox.any_expired(conn, living, now):
            return
    async with room.store.write() as conn:
        await outbox.expire(conn, living, now)


def _living(room: Newsroom) -> list[str]:
    """Senders of this machine whose process lives, as their locked journals show."""
    dead = set(journals.orphans(room.journals))
    return [path.stem for path in room.journals.glob(f"*{journals.SUFFIX}") if path not in dead]


def _result(key: tuple[int, int], outcome: Outcome, now: datetime, not_before: datetime) -> Result:
    tried = outcome.state in {_D.DEFERRED, _D.FAILED, _D.SENT, _D.UNCERTAIN}
    return Result(*key, outcome.state, outcome.reply.code, str(outcome.reply.text), not_before, tried)


class Sender:
    """One process's share in sending. `run` may be called again and again; `close` ends it."""

    def __init__(self, room: Newsroom, watch: Watch | None = None) -> None:
        self._room = room
        self._watch = watch or (lambda _issue, _state: None)
        self._pool = Pool(room.settings.smtp, room.clock, tls_context=room.tls)
        self._mailings: dict[int, Mailing] = {}
        self._worker = ""
        # What was claimed and is not yet written down: tries before this one, and when the first was.
        self._hand: dict[tuple[int, int], tuple[int, datetime | None]] = {}
        self._done: list[tuple[Outgoing, Outcome]] = []
        self._flushing = asyncio.Lock()
        self._rate = CLAIM_MIN / CLAIM_S
        self._given_back = False

    async def close(self) -> None:
        """Take leave of the mail server."""
        await self._pool.close()

    async def run(self, stop: asyncio.Event, *, only: int | None = None, finish_s: float = 10.0) -> None:
        """Send everything that is due, messages first; then end what is finished.

        only: of the issues this one; MESSAGES: none of them.

        When the mail server refuses us, the issues that are being sent are held with its words, nobody is burned, and
        RelayRefused is raised; when it says itself that this is temporary they go on being sent, later. Returns early
        when `stop` is set, within `finish_s` seconds.
        """
        await recover(self._room)
        if not await self._anything_due(only):
            await self._end_finished(only)
            return
        # What an earlier run could not write down is in its journal, and has been settled from there.
        self._worker, self._hand, self._done = worker_name(), {}, []
        self._given_back = False
        self._room.journals.mkdir(parents=True, exist_ok=True)
        journal = Journal.open(self._room.journals, self._worker)
        try:
            await self._send(journal, stop, only, finish_s)
        except RelayRefused as refusal:
            if not refusal.temporary:
                await self._hold_all(only, str(refusal))
            raise
        finally:
            # What could not be written down stays in the journal, which is an orphan from now on.
            journal.close(keep=not self._given_back)
        await self._end_finished(only)

    async def _send(self, journal: Journal, stop: asyncio.Event, only: int | None, finish_s: float) -> None:
        """Send until nothing is due; whatever ends it, what is known is written down and the rest is given back."""
        over = asyncio.Event()
        keeper = asyncio.create_task(self._keep(journal, over))
        # A keeper that fails ends the claiming: without a ledger there is no sending.
        mails = self._mails(lambda: stop.is_set() or keeper.done(), only)
        try:
            async with contextlib.aclosing(mails):
                await self._pool.run(mails, journal, self._record, stop=stop, finish_s=finish_s)
        finally:
            over.set()
            await asyncio.gather(keeper, return_exceptions=True)
            await self._flush(journal)
            await self._give_back()
            self._given_back = True

    async def _give_back(self) -> None:
        now = self._room.clock.now()
        async with self._room.store.write() as conn:
            await outbox.release(conn, self._worker, now)
            await deliveries.skip_rest_of_ended(conn, "the issue was ended", now)

    # -- claiming ------------------------------------------------------------------------------------------------------

    async def _anything_due(self, only: int | None) -> bool:
        async with self._room.store.read() as conn:
            now = self._room.clock.now()
            if await messages.any_due(conn, now):
                return True
            return bool(await self._due_issues(conn, only, now))

    async def _due_issues(self, conn: Connection, only: int | None, now: datetime) -> list[Issue]:
        known = self._room.settings.newsletters  # one that was taken out of the settings must not stop the others
        sending = [
            each
            for each in await issues.in_states(conn, [IssueState.SENDING])
            if only in (None, each.id) and each.newsletter in known
        ]
        return [each for each in sending if (due := await deliveries.next_due(conn, each.id)) and due <= now]

    async def _mails(self, enough: Callable[[], bool], only: int | None) -> AsyncGenerator[Outgoing]:
        """Mails as they are claimed: messages ahead of issues, issues in turn."""
        while not enough():
            begun = monotonic()
            batch = await self._claim(only)
            if not batch:
                return
            for mail in batch:
                yield mail
            self._rate = len(batch) / max(0.001, monotonic() - begun)

    async def _claim(self, only: int | None) -> list[Outgoing]:
        limit = int(min(CLAIM_MAX, max(CLAIM_MIN, self._rate * CLAIM_S)))
        now = self._room.clock.now()
        async with self._room.store.write() as conn:
            if claimed := await messages.claim(conn, self._worker, limit, now, now + LEASE):
                return [self._message(each) for each in claimed]
            for issue in await self._due_issues(conn, only, now):
                if mails := await self._claim_issue(conn, issue, limit, now):
                    return mails
        return []

    async def _claim_issue(self, conn: Connection, issue: Issue, limit: int, now: datetime) -> list[Outgoing]:
        mailing = await self._mailing(conn, issue)
        audience = audience_of(issue.newsletter, self._room.settings.newsletter(issue.newsletter))
        claim = await deliveries.claim(conn, issue.id, audience, self._worker, limit, now, now + LEASE)
        for _ in range(claim.gone):
            self._watch(issue.id, _D.SKIPPED)
        if claim.gone and not claim.mails:  # all of these had left; others may wait behind them
            return await self._claim_issue(conn, issue, limit, now)
        return [self._delivery(mailing, each) for each in claim.mails]

    async def _mailing(self, conn: Connection, issue: Issue) -> Mailing:
        if issue.id not in self._mailings:
            snapshot = await issues.snapshot(conn, issue.id)
            if snapshot is None:
                raise DigestError(f"issue {issue.id} is being sent but was never frozen")
            self._mailings = {issue.id: Mailing(self._room, issue.id, snapshot)}
        return self._mailings[issue.id]

    def _delivery(self, mailing: Mailing, each: Delivery) -> Outgoing:
        self._hand[each.issue_id, each.subscriber_id] = (each.attempts, each.first_try)
        return Outgoing(
            each.issue_id,
            each.subscriber_id,
            mailing.envelope(each.subscriber_id, each.email),
            partial(self._bytes, mailing, each),
        )

    def _bytes(self, mailing: Mailing, each: Delivery) -> bytes:
        personal = mailing.personal(each.subscriber_id, each.email, each.name, each.topics)
        return mailing.message(personal, mailing.message_id(each.subscriber_id), self._room.clock.now())

    def _message(self, each: Message) -> Outgoing:
        self._hand[MESSAGES, each.id] = (each.attempts, each.first_try)
        return Outgoing(
            MESSAGES, each.id, Envelope(each.sender, each.recipient, envid=f"m.{each.id}"), lambda: each.content
        )

    # -- recording -----------------------------------------------------------------------------------------------------

    def _record(self, mail: Outgoing, outcome: Outcome) -> None:
        self._done.append((mail, outcome))
        if outcome.state is not _D.PENDING:
            self._watch(mail.issue_id, outcome.state)

    async def _keep(self, journal: Journal, over: asyncio.Event) -> None:
        """While mails leave: write results down in batches and renew the leases.

        It is asked to end rather than cancelled: a write cut in two would leave in doubt what is known. A write that fails
        ends it too; the same write is tried once more at the end, and its error is raised there.
        """
        renewed = monotonic()
        with contextlib.suppress(DigestError):
            while not over.is_set():
                await first_of(over.wait(), self._room.clock.sleep(FLUSH_S))
                await self._flush(journal)
                if monotonic() - renewed > RENEW_S:
                    renewed = monotonic()
                    async with self._room.store.write() as conn:
                        await outbox.renew(conn, self._worker, self._room.clock.now() + LEASE)

    async def _flush(self, journal: Journal) -> None:
        async with self._flushing:
            done, self._done = self._done, []
            if not done:
                return
            now = self._room.clock.now()
            results = [self._verdict(mail, outcome, now) for mail, outcome in done]
            try:
                async with self._room.store.write() as conn:
                    await outbox.record(conn, self._worker, results, now)
            except BaseException:
                self._done = done + self._done
                raise
            keys = [(result.issue_id, result.subscriber_id) for result in results]
            journal.settle(keys)
            for key in keys:
                self._hand.pop(key, None)

    def _verdict(self, mail: Outgoing, outcome: Outcome, now: datetime) -> Result:
        """What becomes of a delivery: a deferred one is tried later, or given up when it has been tried for too long."""
        key = (mail.issue_id, mail.subscriber_id)
        attempts, first = self._hand[key]
        first = first or now
        if outcome.state not in {_D.DEFERRED, _D.PENDING}:
            return _result(key, outcome, now, now)
        if gives_up(first, now, self._room.settings.delivery.give_up):
            reply = Reply(outcome.reply.code, f"given up: {outcome.reply.text}")
            return _result(key, Outcome(_D.FAILED, reply), now, now)
        later = next_try(attempts + 1, now) if outcome.state is _D.DEFERRED else now + UNTRIED_PAUSE
        return _result(key, outcome, now, later)

    # -- ending --------------------------------------------------------------------------------------------------------

    async def _end_finished(self, only: int | None) -> None:
        async with self._room.store.read() as conn:
            sending = await issues.in_states(conn, [IssueState.SENDING, IssueState.PAUSED])
            finished = [
                each for each in sending if only in (None, each.id) and await deliveries.is_finished(conn, each.id)
            ]
        for issue in finished:
            await _end(self._room, issue)

    async def _hold_all(self, only: int | None, reason: str) -> None:
        async with self._room.store.write() as conn:
            for issue in await issues.in_states(conn, [IssueState.SENDING]):
                if only in (None, issue.id):
                    await publish.hold_in(conn, self._room, issue, reason)


async def _end(room: Newsroom, issue: Issue) -> None:
    """The issue is sent; unless somebody has paused, retried or ended it in the meantime."""
    async with room.store.write() as conn:
        issue = await issues.get(conn, issue.id, lock=True)
        if not await deliveries.is_finished(conn, issue.id):
            return
        if issue.state is IssueState.PAUSED:  # the pause came when everything had left
            await issues.move(conn, issue, IssueState.SENDING)
            issue = await issues.get(conn, issue.id)
        if issue.state is not IssueState.SENDING:
            return
        tally = await deliveries.tally(conn, issue.id)
        await issues.move(conn, issue, IssueState.SENT, ended_at=room.clock.now())
        figures: dict[str, Any] = {
            "sent": tally.sent,
            "failed": tally.failed,
            "uncertain": tally.uncertain,
            "skipped": tally.skipped,
        }
        await room.log(conn, "issue.sent", issue, **figures)
        if issue.scheduled:
            words = ", ".join(f"{number} {state}" for state, number in figures.items())
            await notify.ended(conn, room, issue, IssueState.SENT, words)


async def send_messages(room: Newsroom, ids: list[int]) -> list[tuple[str, str, int | None, str]]:
    """Send these messages now; (address, state, code, reply) of each. What did not leave is given up.

    Raises RelayRefused when the mail server refuses us.
    """
    sender = Sender(room)
    try:
        await sender.run(asyncio.Event(), only=MESSAGES)
    finally:
        await sender.close()
        async with room.store.write() as conn:
            await messages.abandon(conn, ids, "it could not be sent at once", room.clock.now())
    async with room.store.read() as conn:
        return await messages.outcomes(conn, ids)
