"""The ledger: one row per recipient of an issue, from the freeze to the last reply.

What is not here: who is one (recipients), results and the end of claims (outbox), what a reply means (deliver/retry).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select, tuple_, update

from digest.model.delivery import Delivery, DeliveryState, Tally
from digest.model.issue import IssueState
from digest.model.subscriber import Audience, followed
from digest.store import bulk
from digest.store.engine import Connection
from digest.store.recipients import is_on, may_be_mailed
from digest.store.states import HELD, NOT_REACHED, WAITING, being, is_in
from digest.store.tables import deliveries, issues, subscribers, subscriptions

_D = DeliveryState
_WAITING = is_in(deliveries, WAITING)
_CLAIMED = is_in(deliveries, HELD) & being(deliveries, _D.CLAIMED)
_EXCEPTION = is_in(deliveries, NOT_REACHED)
_OF_ENDED = deliveries.c.issue_id.in_(
    select(issues.c.id).where(issues.c.state.in_([IssueState.CANCELLED, IssueState.FAILED]))
)

AT_ONCE = 10_000
"""Rows that are skipped in one transaction."""


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
    taken = {subscriber_id: (attempts, first_try) for subscriber_id, attempts, first_try in rows}
    people = await _reachable(conn, audience, taken)
    gone = taken.keys() - people.keys()
    if gone:
        await _skip(conn, issue_id, gone, "left before it was sent", now)
    mails = tuple(
        Delivery(issue_id, number, email, name, followed(chosen), *taken[number])
        for number, (email, name, chosen) in sorted(people.items())
    )
    return Claim(mails, len(gone))


def _claim(issue_id: int, worker: str, limit: int, now: datetime, lease: datetime) -> Any:
    # A CTE rather than a subquery: PostgreSQL may run a subquery once per row, and then its limit does not hold.
    sending = select(issues.c.id).where(issues.c.id == issue_id, issues.c.state == IssueState.SENDING).exists()
    due = (
        select(deliveries.c.subscriber_id)
        .where(deliveries.c.issue_id == issue_id, _WAITING, deliveries.c.not_before <= now, sending)
        # As the index of what waits has them: it is read from its beginning, and no further than the limit.
        .order_by(deliveries.c.not_before, deliveries.c.subscriber_id)
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


async def _reachable(
    conn: Connection, audience: Audience, ids: Iterable[int]
) -> dict[int, tuple[str, str, list[frozenset[str]]]]:
    """Those of `ids` whom the rule still lets in: address, name, and what they chose on each of their lists."""
    query = (
        select(subscribers.c.id, subscribers.c.email, subscribers.c.name, cast(subscriptions.c.topics, Text))
        .join(subscriptions, subscriptions.c.subscriber_id == subscribers.c.id)
        .where(bulk.among(conn, subscribers.c.id, ids), is_on(audience), may_be_mailed(audience))
    )
    people: dict[int, tuple[str, str, list[frozenset[str]]]] = {}
    for number, email, name, topics in (await conn.execute(query)).all():
        if number in people:
            people[number][2].append(_topics(topics))
        else:
            people[number] = email, name, [_topics(topics)]
    return people


@lru_cache(maxsize=1000)
def _topics(stored: str) -> frozenset[str]:
    """Read once, and not for each of the many who chose the same."""
    return frozenset(json.loads(stored))


async def _skip(conn: Connection, issue_id: int, ids: Iterable[int], reason: str, now: datetime) -> None:
    key = (deliveries.c.issue_id == issue_id) & bulk.among(conn, deliveries.c.subscriber_id, ids)
    values = {"state": _D.SKIPPED, "reply": reason, "worker": None, "lease": None, "changed_at": now}
    await conn.execute(update(deliveries).where(key).values(**values))


async def skip_rest(conn: Connection, issue_id: int, reason: str, now: datetime) -> int:
    """Skip some of what has not left of an issue and is in nobody's hands; say how many, 0 when there is no more.

    Some: who skips a million keeps nobody else from writing for longer than AT_ONCE rows take.
    """
    return await _skip_some(conn, deliveries.c.issue_id == issue_id, reason, now)


async def skip_rest_of_ended(conn: Connection, reason: str, now: datetime) -> int:
    """Skip some of what waits of issues that were cancelled, or failed; say how many, 0 when there is no more."""
    return await _skip_some(conn, _OF_ENDED, reason, now)


async def any_rest_of_ended(conn: Connection) -> bool:
    """Whether `skip_rest_of_ended` would find something."""
    return (await conn.execute(select(deliveries.c.issue_id).where(_OF_ENDED, _WAITING).limit(1))).first() is not None


async def _skip_some(conn: Connection, of_issues: ColumnElement[bool], reason: str, now: datetime) -> int:
    some = select(deliveries.c.issue_id, deliveries.c.subscriber_id).where(of_issues, _WAITING).limit(AT_ONCE)
    chosen = tuple_(deliveries.c.issue_id, deliveries.c.subscriber_id).in_(some)
    values = {"state": _D.SKIPPED, "reply": reason, "changed_at": now}
    return int((await conn.execute(update(deliveries).where(chosen, _WAITING).values(**values))).rowcount)


async def count_waiting(conn: Connection, issue_id: int) -> int:
    """How many deliveries of the issue have not left and are in nobody's hands."""
    query = select(func.count()).where(deliveries.c.issue_id == issue_id, _WAITING)
    return int((await conn.execute(query)).scalar_one())


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
    which = (deliveries.c.issue_id == issue_id) & _EXCEPTION & being(deliveries, state)
    # The attempts stay: they are what says that something may have left.
    values = {"state": _D.PENDING, "not_before": now, "first_try": None, "worker": None, "lease": None}
    return int((await conn.execute(update(deliveries).where(which).values(**values, changed_at=now))).rowcount)


async def hurry(conn: Connection, issue_id: int, now: datetime) -> int:
    """Make everything that waits for a later try due at once; say how many. Who waits for her first goes on waiting."""
    tried = deliveries.c.reply.is_not(None) | being(deliveries, _D.DEFERRED)
    which = (deliveries.c.issue_id == issue_id) & _WAITING & (deliveries.c.not_before > now) & tried
    return int((await conn.execute(update(deliveries).where(which).values(not_before=now, changed_at=now))).rowcount)


# -- reading -----------------------------------------------------------------------------------------------------------


async def tally(conn: Connection, issue_id: int) -> Tally:
    """The deliveries of an issue, counted by state."""
    # What was sent is what is left: of a million rows the many are counted by an index and none is looked at.
    of_issue = deliveries.c.issue_id == issue_id
    counted = {"recipients": of_issue, "waiting": of_issue & _WAITING, "claimed": _claimed_of(issue_id)}
    counted |= {state.value: of_issue & _EXCEPTION & being(deliveries, state) for state in NOT_REACHED}
    columns = [select(func.count()).where(which).scalar_subquery().label(name) for name, which in counted.items()]
    found = (await conn.execute(select(*columns))).mappings().one()
    named = {state.value: int(found[state.value]) for state in NOT_REACHED}
    waiting = int(found["waiting"]) - named["deferred"] + int(found["claimed"])
    return Tally(
        recipients=int(found["recipients"]),
        waiting=waiting,
        sent=int(found["recipients"]) - waiting - sum(named.values()),
        **named,
    )


async def is_finished(conn: Connection, issue_id: int) -> bool:
    """Whether nothing is pending, claimed or deferred any more."""
    waits = select(deliveries.c.issue_id).where(deliveries.c.issue_id == issue_id, _WAITING)
    return (await conn.execute(waits.limit(1))).first() is None and not await any_claimed(conn, issue_id)


def _claimed_of(issue_id: int) -> ColumnElement[bool]:
    # The sum keeps SQLite from the index of the key, by which it would look at each row of the issue.
    return _CLAIMED & (deliveries.c.issue_id + 0 == issue_id)


async def any_claimed(conn: Connection, issue_id: int) -> bool:
    """Whether a sender has deliveries of the issue in hand."""
    claimed = select(deliveries.c.issue_id).where(_claimed_of(issue_id))
    return (await conn.execute(claimed.limit(1))).first() is not None


async def next_due(conn: Connection, issue_id: int) -> datetime | None:
    """When the next delivery of the issue may be tried; None when none waits."""
    query = select(func.min(deliveries.c.not_before)).where(deliveries.c.issue_id == issue_id, _WAITING)
    found: datetime | None = (await conn.execute(query)).scalar()
    return found


async def last_accepted(conn: Connection, issue_id: int) -> datetime | None:
    """When the mail server last took a mail of the issue; None when it has taken none."""
    query = select(func.max(deliveries.c.changed_at)).where(
        deliveries.c.issue_id == issue_id, being(deliveries, _D.SENT)
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
            or_(_EXCEPTION, and_(_WAITING, being(deliveries, _D.PENDING), deliveries.c.reply.is_not(None))),
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
        .where(deliveries.c.issue_id == issue_id, _EXCEPTION)
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
        # Her rows are found by their keys, issue by issue: an index of their own would cost at every freeze.
        .where(deliveries.c.issue_id.in_(select(issues.c.id)), deliveries.c.subscriber_id == subscriber_id)
        .order_by(issues.c.slot.desc())
        .limit(limit)
    )  # fmt: skip
    return [dict(row) for row in (await conn.execute(query)).mappings()]
