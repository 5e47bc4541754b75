"""Who an issue goes to: the rule that `audience` yields as SQL, and the freeze: a row of the ledger for each of them.

What is not here: what becomes of the rows (deliveries, outbox).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, insert, literal, select

from digest.model.delivery import DeliveryState
from digest.model.subscriber import Audience, SubscriptionState
from digest.store.engine import Connection
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


async def freeze(conn: Connection, issue_id: int, audience: Audience, not_before: datetime, now: datetime) -> int:
    """Write one pending delivery per recipient, in one statement; say how many."""
    chosen = eligible(audience).add_columns(
        literal(issue_id), literal(_D.PENDING.value), literal(not_before, deliveries.c.not_before.type), literal(0),
        literal(now, deliveries.c.changed_at.type),
    )  # fmt: skip
    # In the order of the keys, so that the indexes grow at their ends.
    chosen = chosen.order_by(subscribers.c.id)
    columns = ["subscriber_id", "issue_id", "state", "not_before", "attempts", "changed_at"]
    statement = insert(deliveries).from_select(columns, chosen).execution_options(preserve_rowcount=True)
    return int((await conn.execute(statement)).rowcount)


async def thaw(conn: Connection, issue_id: int) -> None:
    """Undo the freeze of an issue of which nothing has left."""
    await conn.execute(delete(deliveries).where(deliveries.c.issue_id == issue_id))
