"""Who an issue goes to: the rule that `audience` yields as SQL, and the freeze: a row of the ledger for each of them.

What is not here: what becomes of the rows (deliveries, outbox).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, delete, exists, func, insert, literal, select

from digest.model.delivery import DeliveryState
from digest.model.subscriber import Audience, SubscriptionState
from digest.store.engine import Connection
from digest.store.pace_tables import places
from digest.store.states import WAITING, is_in
from digest.store.tables import deliveries, opt_outs, subscribers, subscriptions

_D = DeliveryState


def may_be_mailed(audience: Audience) -> ColumnElement[bool]:
    """Of a subscriber: that she is not suppressed and has not left the newsletter; her lists are another matter."""
    left = exists().where(opt_outs.c.subscriber_id == subscribers.c.id, opt_outs.c.newsletter == audience.newsletter)
    return subscribers.c.suppressed.is_(None) & ~left


def is_on(audience: Audience) -> ColumnElement[bool]:
    """Of a subscription: that it is confirmed and to one of the rule's lists."""
    return subscriptions.c.list.in_(audience.lists) & (subscriptions.c.state == SubscriptionState.CONFIRMED)


def eligible(audience: Audience) -> Select[Any]:
    """Ids of everyone whom the rule lets in."""
    if len(audience.lists) == 1:  # nobody is on one list twice
        joined = subscribers.c.id == subscriptions.c.subscriber_id
        query = select(subscribers.c.id).select_from(subscriptions).join(subscribers, joined).where(is_on(audience))
    else:
        confirmed = exists().where(subscriptions.c.subscriber_id == subscribers.c.id, is_on(audience))
        query = select(subscribers.c.id).where(confirmed)
    return query.where(may_be_mailed(audience))


async def count_audience(conn: Connection, audience: Audience) -> int:
    """How many an issue would go to now."""
    return int((await conn.execute(select(func.count()).select_from(eligible(audience).subquery()))).scalar_one())


async def zones(conn: Connection, audience: Audience) -> dict[str | None, int]:
    """How many of those whom an issue would go to now live in which time zone; None: it is not known."""
    query = eligible(audience).with_only_columns(subscribers.c.timezone, func.count()).group_by(subscribers.c.timezone)
    return {zone: int(number) for zone, number in await conn.execute(query)}


async def freeze(
    conn: Connection,
    issue_id: int,
    audience: Audience,
    not_before: datetime,
    now: datetime,
    *,
    by_zone: Mapping[str, datetime] | None = None,
    after: int | None = None,
    most: int | None = None,
) -> int:
    """Write one pending delivery per recipient, in one statement; say how many.

    by_zone: the `not_before` of those who live in these time zones. after: only for subscribers of a higher number.
    most: for no more than so many, lowest numbers first.
    """
    chosen, instant = eligible(audience).limit(most), deliveries.c.not_before.type
    if after is not None:
        chosen = chosen.where(subscribers.c.id > after)
    at: ColumnElement[datetime] = literal(not_before, instant)
    zones_at: dict[datetime, list[str]] = {}
    for zone, when in (by_zone or {}).items():
        if when != not_before:
            zones_at.setdefault(when, []).append(zone)
    if zones_at:  # a few hours with the zones of each: tables of values have no index, and would be read for each row
        each = [(subscribers.c.timezone.in_(named), literal(when, instant)) for when, named in zones_at.items()]
        at = case(*each, else_=at)
    chosen = chosen.add_columns(
        literal(issue_id), literal(_D.PENDING.value), at, literal(0), literal(now, deliveries.c.changed_at.type)
    )
    # In the order of the keys, so that the indexes grow at their ends.
    chosen = chosen.order_by(subscribers.c.id)
    columns = ["subscriber_id", "issue_id", "state", "not_before", "attempts", "changed_at"]
    statement = insert(deliveries).from_select(columns, chosen).execution_options(preserve_rowcount=True)
    return int((await conn.execute(statement)).rowcount)


async def last(conn: Connection, issue_id: int) -> int | None:
    """The highest number of a subscriber to whom the issue goes."""
    query = select(func.max(deliveries.c.subscriber_id)).where(deliveries.c.issue_id == issue_id)
    found: int | None = (await conn.execute(query)).scalar()
    return found


async def starts(conn: Connection, issue_id: int) -> dict[datetime, int]:
    """How many deliveries of an issue that was just frozen may leave from when."""
    query = select(deliveries.c.not_before, func.count()).where(deliveries.c.issue_id == issue_id)
    return {at: int(number) for at, number in await conn.execute(query.group_by(deliveries.c.not_before))}


async def later(conn: Connection, issue_id: int, now: datetime) -> tuple[int, datetime | None]:
    """How many deliveries of an issue wait for their hour, untried and in no row; from when the last of them may leave."""
    mine = (places.c.issue_id == deliveries.c.issue_id) & (places.c.subscriber_id == deliveries.c.subscriber_id)
    query = select(func.count(), func.max(deliveries.c.not_before)).where(
        deliveries.c.issue_id == issue_id,
        is_in(deliveries, WAITING),
        deliveries.c.not_before > now,
        deliveries.c.reply.is_(None),
        ~exists().where(mine),
    )
    number, last = (await conn.execute(query)).one()
    return int(number), last


async def thaw(conn: Connection, issue_id: int) -> None:
    """Undo the freeze of an issue of which nothing has left."""
    await conn.execute(delete(deliveries).where(deliveries.c.issue_id == issue_id))
