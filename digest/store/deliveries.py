"""The ledger: one row per recipient of an issue, from the freeze to the last reply.

What is not here: results and the end of claims (store/outbox), what a reply means (deliver/retry).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, exists, func, insert, literal, or_, select, update

from digest.model.delivery import UNFINISHED, Delivery, DeliveryState, Tally
from digest.model.issue import IssueState
from digest.model.subscriber import Audience, SubscriptionState, followed
from digest.store.engine import Connection
from digest.store.tables import deliveries, issues, opt_outs, subscribers, subscriptions

_D = DeliveryState
_WAITING = deliveries.c.state.in_([_D.PENDING, _D.DEFERRED])


def eligible(audience: Audience) -> Select[Any]:
    """Ids of everyone whom the rule lets in."""
    confirmed = exists().where(
        subscriptions.c.subscriber_id == subscribers.c.id,
        subscriptions.c.list.in_(audience.lists),
        subscriptions.c.state == SubscriptionState.CONFIRMED,
    )
    left = exists().where(opt_outs.c.subscriber_id == subscribers.c.id, opt_outs.c.newsletter == audience.newsletter)
    return select(subscribers.c.id).where(confirmed, ~left, subscribers.c.suppressed.is_(None))


async def count_audience(conn: Connection, audience: Audience) -> int:
    """How many an issue would go to now."""
    return int((await conn.execute(select(func.count()).select_from(eligible(audience).subquery()))).scalar_one())


async def freeze(conn: Connection, issue_id: int, audience: Audience, not_before: datetime, now: datetime) -> int:
    """Write one pending delivery per recipient, in one statement; say how many."""
    chosen = eligible(audience).add_columns(
        literal(issue_id), literal(_D.PENDING.value), literal(not_before, deliveries.c.not_before.type), literal(0),
        literal(now, deliveries.c.changed_at.type),
    )  # fmt: skip
    columns = ["subscriber_id", "issue_id", "state", "not_before", "attempts", "changed_at"]
    statement = insert(deliveries).from_select(columns, chosen).execution_options(preserve_rowcount=True)
    return int((await conn.execute(statement)).rowcount)


async def thaw(conn: Connection, issue_id: int) -> None:
    """Undo the freeze of an issue of which nothing has left."""
    await conn.execute(delete(deliveries).where(deliveries.c.issue_id == issue_id))


async def has_left(conn: Connection, issue_id: int) -> bool:
    """Whether anything of the issue was, or may have been, handed to a mail server."""
    query = select(deliveries.c.issue_id).where(
        deliveries.c.issue_id == issue_id,
        deliveries.c.state.in_([_D.SENT, _D.UNCERTAIN, _D.CLAIMED]) | (deliveries.c.attempts > 0),
    )
    return (await conn.execute(query.limit(1))).first() is not None


# -- claiming ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker has taken on. gone: how many had left since approval and were skipped instead."""

    mails: tuple[Delivery, ...]
    gone: int


async def claim(
    conn: Connection, issue_id: int, audience: Audience, worker: str, limit: int, now: datetime, lease: datetime
) -> Claim:
    """Take up to `limit` due deliveries of an issue that is being sent.

    Safe with any number of workers: each row is claimed once. Those who left the newsletter, or were suppressed, since the
    freeze are skipped in the same transaction.
    """
    rows = (await conn.execute(_claim(issue_id, worker, limit, now, lease))).all()
    taken = {row.subscriber_id: row for row in rows}
    people = await _reachable(conn, audience, list(taken))
    gone = [subscriber_id for subscriber_id in taken if subscriber_id not in people]
    if gone:
        await _skip(conn, issue_id, gone, "left before it was sent", now)
    mails = tuple(
        Delivery(
            issue_id, person.id, person.email, person.name, person.topics,
            taken[person.id].attempts, taken[person.id].first_try,
        )
        for person in sorted(people.values(), key=lambda person: person.id)
    )  # fmt: skip
    return Claim(mails, len(gone))


def _claim(issue_id: int, worker: str, limit: int, now: datetime, lease: datetime) -> Any:
    # A CTE rather than a subquery: PostgreSQL may run a subquery once per row, and then its limit does not hold.
    due = (
        select(deliveries.c.subscriber_id)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .where(
            deliveries.c.issue_id == issue_id,
            issues.c.state == IssueState.SENDING,
            _WAITING,
            deliveries.c.not_before <= now,
        )
        .order_by(deliveries.c.subscriber_id)
        .limit(limit)
        .with_for_update(of=deliveries, skip_locked=True)
        .cte("due")
    )
    return (
        update(deliveries)
        .where(deliveries.c.issue_id == issue_id, deliveries.c.subscriber_id.in_(select(due.c.subscriber_id)))
        .values(state=_D.CLAIMED, worker=worker, lease=lease, changed_at=now)
        .returning(deliveries.c.subscriber_id, deliveries.c.attempts, deliveries.c.first_try)
    )


@dataclass(frozen=True, slots=True)
class _Person:
    id: int
    email: str
    name: str
    topics: frozenset[str]


async def _reachable(conn: Connection, audience: Audience, ids: Sequence[int]) -> dict[int, _Person]:
    """Those of `ids` whom the rule still lets in, with the topics they follow (none: all)."""
    query = (
        select(subscribers.c.id, subscribers.c.email, subscribers.c.name, subscriptions.c.topics)
        .join(subscriptions, subscriptions.c.subscriber_id == subscribers.c.id)
        .where(
            subscribers.c.id.in_(ids),
            subscribers.c.id.in_(eligible(audience)),
            subscriptions.c.list.in_(audience.lists),
            subscriptions.c.state == SubscriptionState.CONFIRMED,
        )
    )
    rows = (await conn.execute(query)).all()
    chosen: dict[int, list[list[str]]] = {}
    for row in rows:
        chosen.setdefault(row.id, []).append(row.topics)
    return {row.id: _Person(row.id, row.email, row.name, followed(chosen[row.id])) for row in rows}


async def _skip(conn: Connection, issue_id: int, ids: Sequence[int], reason: str, now: datetime) -> None:
    key = (deliveries.c.issue_id == issue_id) & deliveries.c.subscriber_id.in_(ids)
    values = {"state": _D.SKIPPED, "reply": reason, "worker": None, "lease": None, "changed_at": now}
    await conn.execute(update(deliveries).where(key).values(**values))


async def skip_rest(conn: Connection, issue_id: int, reason: str, now: datetime) -> int:
    """Skip everything of an issue that has not left and is in nobody's hands; say how many."""
    values = {"state": _D.SKIPPED, "reply": reason, "changed_at": now}
    statement = update(deliveries).where(deliveries.c.issue_id == issue_id, _WAITING).values(**values)
    return int((await conn.execute(statement)).rowcount)


async def skip_rest_of_ended(conn: Connection, reason: str, now: datetime) -> None:
    """Skip what senders gave back of issues that were cancelled, or failed, while they had it in hand."""
    ended = select(issues.c.id).where(issues.c.state.in_([IssueState.CANCELLED, IssueState.FAILED]))
    values = {"state": _D.SKIPPED, "reply": reason, "changed_at": now}
    await conn.execute(update(deliveries).where(_WAITING, deliveries.c.issue_id.in_(ended)).values(**values))


async def skip_subscriber(conn: Connection, subscriber_id: int, newsletter: str, reason: str, now: datetime) -> int:
    """Skip what still waits for her in issues of the newsletter; say how many."""
    mine = select(issues.c.id).where(issues.c.newsletter == newsletter)
    statement = (
        update(deliveries)
        .where(
            deliveries.c.subscriber_id == subscriber_id,
            deliveries.c.issue_id.in_(mine),
            _WAITING,
        )
        .values(state=_D.SKIPPED, reply=reason, changed_at=now)
    )
    return int((await conn.execute(statement)).rowcount)


# -- an editor's second thoughts ---------------------------------------------------------------------------------------


async def retry(conn: Connection, issue_id: int, state: DeliveryState, now: datetime) -> int:
    """Put failed or uncertain deliveries back in line because an editor asked; say how many."""
    which = (deliveries.c.issue_id == issue_id) & (deliveries.c.state == state)
    # The attempts stay: they are what says that something may have left.
    values = {"state": _D.PENDING, "not_before": now, "first_try": None, "worker": None, "lease": None}
    return int((await conn.execute(update(deliveries).where(which).values(**values, changed_at=now))).rowcount)


async def hurry(conn: Connection, issue_id: int, now: datetime) -> int:
    """Make everything that waits for a later try due at once; say how many."""
    which = (deliveries.c.issue_id == issue_id) & _WAITING & (deliveries.c.not_before > now)
    return int((await conn.execute(update(deliveries).where(which).values(not_before=now, changed_at=now))).rowcount)


# -- reading -----------------------------------------------------------------------------------------------------------


async def tally(conn: Connection, issue_id: int) -> Tally:
    """The deliveries of an issue, counted by state."""
    query = select(deliveries.c.state, func.count()).where(deliveries.c.issue_id == issue_id)
    found = {state: int(number) for state, number in await conn.execute(query.group_by(deliveries.c.state))}
    by_state = {state: found.get(state, 0) for state in _D}
    return Tally(
        recipients=sum(by_state.values()),
        waiting=by_state[_D.PENDING] + by_state[_D.CLAIMED],
        sent=by_state[_D.SENT],
        deferred=by_state[_D.DEFERRED],
        failed=by_state[_D.FAILED],
        uncertain=by_state[_D.UNCERTAIN],
        skipped=by_state[_D.SKIPPED],
    )


async def is_finished(conn: Connection, issue_id: int) -> bool:
    """Whether nothing is pending, claimed or deferred any more."""
    unfinished = deliveries.c.state.in_(sorted(UNFINISHED))
    query = select(deliveries.c.issue_id).where(deliveries.c.issue_id == issue_id, unfinished)
    return (await conn.execute(query.limit(1))).first() is None


async def any_claimed(conn: Connection, issue_id: int) -> bool:
    """Whether a sender has deliveries of the issue in hand."""
    claimed = select(deliveries.c.issue_id).where(deliveries.c.issue_id == issue_id, deliveries.c.state == _D.CLAIMED)
    return (await conn.execute(claimed.limit(1))).first() is not None


async def next_due(conn: Connection, issue_id: int) -> datetime | None:
    """When the next delivery of the issue may be tried; None when none waits."""
    query = select(func.min(deliveries.c.not_before)).where(deliveries.c.issue_id == issue_id, _WAITING)
    found: datetime | None = (await conn.execute(query)).scalar()
    return found


async def last_accepted(conn: Connection, issue_id: int) -> datetime | None:
    """When the mail server last took a mail of the issue; None when it has taken none."""
    # What was sent has the instant of that as its not_before too, so that the index knows the last one.
    query = (
        select(deliveries.c.changed_at)
        .where(deliveries.c.issue_id == issue_id, deliveries.c.state == _D.SENT)
        .order_by(deliveries.c.not_before.desc())
        .limit(1)
    )
    found: datetime | None = (await conn.execute(query)).scalar()
    return found


async def reasons(conn: Connection, issue_id: int) -> list[tuple[str, int | None, str, int]]:
    """Why deliveries were not simply sent: (outcome, code, reply, count), most frequent first."""
    columns = (deliveries.c.state, deliveries.c.code, deliveries.c.reply)
    number = func.count()
    query = (
        select(*columns, number)
        .where(
            deliveries.c.issue_id == issue_id,
            or_(
                deliveries.c.state.in_([_D.DEFERRED, _D.FAILED, _D.UNCERTAIN, _D.SKIPPED]),
                (deliveries.c.state == _D.PENDING) & deliveries.c.reply.is_not(None),
            ),
        )
        .group_by(*columns)
        .order_by(number.desc(), *columns)
    )
    return [(state, code, reply or "", int(n)) for state, code, reply, n in await conn.execute(query)]


async def not_reached(conn: Connection, issue_id: int, limit: int = 1000) -> list[tuple[str, str, int | None, str]]:
    """Who was not reached: (email, outcome, code, reply), by address."""
    query = (
        select(subscribers.c.email, deliveries.c.state, deliveries.c.code, deliveries.c.reply)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(
            deliveries.c.issue_id == issue_id,
            deliveries.c.state.in_([_D.DEFERRED, _D.FAILED, _D.UNCERTAIN, _D.SKIPPED]),
        )
        .order_by(subscribers.c.email_key)
        .limit(limit)
    )
    return [(email, state, code, reply or "") for email, state, code, reply in await conn.execute(query)]


async def history(conn: Connection, subscriber_id: int, limit: int = 50) -> list[dict[str, Any]]:
    """What one subscriber was sent, newest first."""
    query = (
        select(issues.c.id, issues.c.newsletter, issues.c.slot, issues.c.subject, deliveries.c.state,
               deliveries.c.code, deliveries.c.reply, deliveries.c.changed_at)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .where(deliveries.c.subscriber_id == subscriber_id)
        .order_by(issues.c.slot.desc())
        .limit(limit)
    )  # fmt: skip
    return [dict(row) for row in (await conn.execute(query)).mappings()]
