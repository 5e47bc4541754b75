"""What a run takes on: messages ahead of issues, issues in turn, never more than leaves in about two seconds.

What is not here: handing it over and writing down what became of it (worker), how many may leave (pacing).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from digest.audience.rule import audience_of
from digest.deliver.envelope import Envelope
from digest.deliver.hand import Outgoing
from digest.errors import DigestError, StoreError
from digest.flow import ending
from digest.flow.due import due_issues
from digest.flow.mailing import Mailing
from digest.flow.newsroom import Newsroom
from digest.flow.outcomes import Key
from digest.flow.pacing import Claimed, Gate
from digest.flow.putting_back import hold_everything
from digest.model.delivery import Delivery, DeliveryState, Outcome, Reply
from digest.model.issue import Issue
from digest.model.subscriber import Audience
from digest.store import breakers, deliveries, issues, lineage, messages
from digest.store.engine import Connection
from digest.store.lineage import PutBack
from digest.store.messages import Message
from digest.store.outbox import MESSAGES, Tries

LEASE = timedelta(seconds=30)
COHORT_S, COHORT_LOOKS = 0.02, 25
"""How often we look whether the first cohort is through; after so many looks also for what else has come to be due."""

LEFT = Outcome(DeliveryState.SKIPPED, Reply(0, "left before it was sent"))
RECALLED = Outcome(DeliveryState.PENDING, Reply(0, "stopped before it was sent"))

Watch = Callable[[int, DeliveryState], None]
"""Told of every outcome: the issue's number (0 for a message) and the state."""


@dataclass(slots=True)
class InHand:
    """What was claimed and is not yet written down.

    begun: of it, what may be with the mail server. gone: who left after the claim. recalled: nothing of it may be begun.
    newsletters, audiences: of the issues, by number.
    """

    tries: dict[Key, Tries] = field(default_factory=dict)
    begun: set[Key] = field(default_factory=set)
    gone: set[Key] = field(default_factory=set)
    recalled: bool = False
    newsletters: dict[int, str] = field(default_factory=dict)
    audiences: dict[int, Audience] = field(default_factory=dict)

    @property
    def issues(self) -> set[int]:
        """The issues of which something is in hand."""
        return {issue for issue, _ in self.tries} - {MESSAGES}


class Claims:
    """The claims of one run. watch: told of who is skipped. flush: writes down what is known.

    only: as `Sender.run` has it. over: whether nobody asks for mails any more.
    """

    def __init__(
        self,
        room: Newsroom,
        gate: Gate,
        worker: str,
        only: int | None,
        in_hand: InHand,
        watch: Watch,
        flush: Callable[[], Awaitable[None]],
        over: Callable[[], bool],
    ) -> None:
        self._room = room
        self._gate = gate
        self._worker = worker
        self._only = only
        self._in_hand = in_hand
        self._watch = watch
        self._flush = flush
        self._over = over
        self._mailings: dict[int, Mailing] = {}

    async def take(self, limit: int) -> list[Outgoing]:
        """Take on up to `limit`; none when nothing is due.

        While the first cohort of an issue is out, others have their turn; when they have nothing, it is waited for.
        """
        while True:
            mails, due = await self._take(limit)
            for _ in range(COHORT_LOOKS):
                if mails or not due or self._over():
                    return mails
                await self._room.clock.sleep(COHORT_S)
                await self._flush()
                mails, due = await self._of_issues(due, limit)

    async def _take(self, limit: int) -> tuple[list[Outgoing], list[Issue]]:
        """Mails; and where there are none, the issues of which a first cohort is out."""
        now = self._room.clock.now()
        try:
            claimed, due = await self._claim_messages(limit, now)
        except PutBack as found:  # under our feet
            await hold_everything(self._room, str(found))
            return [], []
        if claimed:
            return [self._message(each) for each in claimed], []
        return await self._of_issues(due, limit)

    async def _of_issues(self, due: list[Issue], limit: int) -> tuple[list[Outgoing], list[Issue]]:
        held_up = []
        for issue in due:
            mails, waits = await self._claim_or_hold(issue, limit, self._room.clock.now())
            if mails:
                return mails, []
            if waits:
                held_up.append(issue)
        return [], held_up

    async def _claim_messages(self, limit: int, now: datetime) -> tuple[list[Message], list[Issue]]:
        """Messages, or else the issues that are due. Before anything can leave, it is marked that something will."""
        async with self._room.store.write() as conn:
            mark = await lineage.count_up(conn, self._room.var)
            limit = await self._gate.places_at_relay(conn, now, limit)
            claimed = await messages.claim(conn, self._worker, limit, now, now + LEASE) if limit else []
            await self._gate.take(conn, len(claimed), now)
            due = [] if claimed else await due_issues(conn, self._room, self._only, now)
        lineage.remember(self._room.var, mark)
        return claimed, due

    async def _claim_or_hold(self, issue: Issue, limit: int, now: datetime) -> tuple[list[Outgoing], bool]:
        """Mails of an issue; whether we have its first cohort in hand, so that there may be more of it soon.

        One that a fault of ours spoils is held, and the others go on.
        """
        try:
            while True:  # all of a claim may have left, or wait for its turn; others may stand behind them
                async with self._room.store.write() as conn:
                    claim = await self._claim_issue(conn, issue, limit, now)
                for _ in range(claim.gone):
                    self._watch(issue.id, DeliveryState.SKIPPED)
                if claim.mails:
                    mailing = self._mailings[issue.id]
                    return [self._delivery(mailing, each) for each in claim.mails], False
                if not claim.took:
                    return [], claim.held_up and issue.id in self._in_hand.issues
        except StoreError:
            raise
        except Exception as error:
            await ending.broken(self._room, [issue.id], error)
            return [], False

    async def _claim_issue(self, conn: Connection, issue: Issue, limit: int, now: datetime) -> Claimed:
        allowed = await breakers.allowance(conn, issue.id, limit)
        if allowed:
            allowed = await self._gate.places_at_relay(conn, now, allowed)
        if not allowed:
            return Claimed((), 0, 0, held_up=allowed is None)
        audience = await self._know(conn, issue)
        claim = await deliveries.claim(conn, issue.id, audience, self._worker, allowed, now, now + LEASE)
        mails = await self._gate.admit(conn, issue.id, claim.mails, now)
        await self._gate.take(conn, len(mails), now)
        return Claimed(mails, claim.gone, claim.gone + len(claim.mails))

    async def _know(self, conn: Connection, issue: Issue) -> Audience:
        """Have at hand what its mails need; who may get them."""
        self._in_hand.newsletters[issue.id] = issue.newsletter
        if issue.id not in self._mailings:
            snapshot = await issues.snapshot(conn, issue.id)
            if snapshot is None:
                raise DigestError(f"issue {issue.id} is being sent but was never frozen")
            self._mailings = {issue.id: Mailing(self._room, issue.id, snapshot)}  # one is kept: they are large
        audience = audience_of(issue.newsletter, self._room.settings.newsletter(issue.newsletter))
        self._in_hand.audiences[issue.id] = audience
        return audience

    def _delivery(self, mailing: Mailing, each: Delivery) -> Outgoing:
        self._in_hand.tries[each.issue_id, each.subscriber_id] = Tries(each.attempts, each.first_try)
        return Outgoing(
            each.issue_id,
            each.subscriber_id,
            mailing.envelope(each.subscriber_id, each.email),
            partial(self._bytes, mailing, each),
            fit=each.email.isascii(),  # render keeps every line fit for the wire
        )

    def _bytes(self, mailing: Mailing, each: Delivery) -> bytes | Outcome:
        if (each.issue_id, each.subscriber_id) in self._in_hand.gone:
            return LEFT
        if self._in_hand.recalled:
            return RECALLED
        self._in_hand.begun.add((each.issue_id, each.subscriber_id))
        personal = mailing.personal(each.subscriber_id, each.email, each.name, each.topics)
        return mailing.message(personal, mailing.message_id(each.subscriber_id), self._room.clock.now())

    def _message(self, each: Message) -> Outgoing:
        self._in_hand.tries[MESSAGES, each.id] = Tries(each.attempts, each.first_try)
        return Outgoing(
            MESSAGES, each.id, Envelope(each.sender, each.recipient, envid=f"m.{each.id}"), lambda: each.content
        )
