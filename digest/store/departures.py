"""Who leaves while an issue is being sent: a counter that senders read every second, and whom in hand it concerns.

Whatever takes somebody out of an audience, or lets her back in, counts it up in its own transaction. What is not here:
those who had left when they were claimed (deliveries).
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import exists, select, update

from digest.model.subscriber import Audience
from digest.store import bulk
from digest.store.engine import Connection
from digest.store.recipients import is_on, may_be_mailed
from digest.store.site_tables import departures
from digest.store.tables import subscribers, subscriptions


async def count_up(conn: Connection) -> None:
    """Somebody leaves, must not be mailed any more, or is back."""
    await conn.execute(update(departures).values(counter=departures.c.counter + 1))


async def counter(conn: Connection) -> int:
    """A number that is another one after every change of who may be mailed: one row, asked often."""
    return int((await conn.execute(select(departures.c.counter))).scalar_one())


async def gone(conn: Connection, audience: Audience, ids: Collection[int]) -> set[int]:
    """Those of `ids` whom the rule does not let in any more."""
    listed = exists().where(subscriptions.c.subscriber_id == subscribers.c.id, is_on(audience))
    query = select(subscribers.c.id).where(bulk.among(conn, subscribers.c.id, ids), listed, may_be_mailed(audience))
    return set(ids) - set((await conn.execute(query)).scalars())
