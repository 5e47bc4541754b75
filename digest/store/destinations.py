"""Limits of the relay and of recipient domains, and the places of deliveries that wait for their turn there.

What is not here: what a limit is and when there is one (model/destination), the ledger's other queries (deliveries).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy import RowMapping, bindparam, delete, exists, func, select, update

from digest.model.delivery import DeliveryState
from digest.model.destination import Destination, Slowed
from digest.store import upsert
from digest.store.engine import Connection
from digest.store.pace_tables import destinations, places
from digest.store.tables import deliveries

_D = DeliveryState
Place = tuple[int, datetime]
"""(the plan by which it was given out, when)."""


async def known(conn: Connection) -> dict[str, Destination]:
    """Every destination that has a limit, by name. Few."""
    rows = (await conn.execute(select(destinations))).mappings()
    return {row["name"]: _destination(row) for row in rows}


async def locked(conn: Connection, names: Sequence[str]) -> list[Destination]:
    """These destinations, which nobody else may change until the end of the transaction."""
    query = select(destinations).where(destinations.c.name.in_(names)).order_by(destinations.c.name)
    return [_destination(row) for row in (await conn.execute(query.with_for_update())).mappings()]


def _destination(row: RowMapping) -> Destination:
    slowed = Slowed(row["slow_rate"], row["slow_base"], row["slow_since"]) if row["slow_since"] else None
    return Destination(row["name"], row["rate"], slowed, row["due"], row["plan"])


async def move_on(conn: Connection, name: str, due: datetime) -> None:
    """The next place of the destination is free at `due`."""
    await conn.execute(update(destinations).where(destinations.c.name == name).values(due=due))


async def put(conn: Connection, to: Destination, now: datetime) -> None:
    """Give the destination this limit from now on; places that were given out before hold no more."""
    slow = to.slowed
    values = {
        "rate": to.rate,
        "slow_rate": slow.rate if slow else None,
        "slow_base": slow.base if slow else None,
        "slow_since": slow.since if slow else None,
        "due": now,
        "plan": int.from_bytes(sha256(f"{to.name} {now.isoformat()}".encode()).digest()[:7], "big"),
    }
    statement = upsert.insert(conn, destinations).values(name=to.name, **values)
    await conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


async def remove(conn: Connection, name: str) -> None:
    """The destination has no limit any more."""
    await conn.execute(delete(destinations).where(destinations.c.name == name))


# -- places ------------------------------------------------------------------------------------------------------------


async def places_of(conn: Connection, issue_id: int, subscribers: Sequence[int]) -> dict[int, Place]:
    """The places that these subscribers' deliveries have."""
    query = select(places.c.subscriber_id, places.c.plan, places.c.at).where(
        places.c.issue_id == issue_id, places.c.subscriber_id.in_(subscribers)
    )
    return {subscriber: (plan, at) for subscriber, plan, at in await conn.execute(query)}


async def send_back(conn: Connection, issue_id: int, waiting: Mapping[int, Place], now: datetime) -> None:
    """Give claimed deliveries back untried; each comes up again when its place does."""
    rows = [{"b_subscriber": key, "b_plan": plan, "b_at": at} for key, (plan, at) in waiting.items()]
    await conn.execute(
        update(deliveries)
        .where(deliveries.c.issue_id == issue_id, deliveries.c.subscriber_id == bindparam("b_subscriber"))
        .values(state=_D.PENDING, not_before=bindparam("b_at"), worker=None, lease=None, changed_at=now),
        rows,
    )
    await leave(conn, issue_id, list(waiting))
    values = [{"issue_id": issue_id, "subscriber_id": k, "plan": plan, "at": at} for k, (plan, at) in waiting.items()]
    await conn.execute(places.insert(), values)


async def leave(conn: Connection, issue_id: int, subscribers: Sequence[int]) -> None:
    """Their places are used, or taken anew."""
    key = (places.c.issue_id == issue_id) & places.c.subscriber_id.in_(subscribers)
    await conn.execute(delete(places).where(key))


async def pull_forward(conn: Connection, plan: int, now: datetime) -> None:
    """What waits for a place of this plan is due now: it leaves, or takes a place of the new plan."""
    mine = exists().where(
        places.c.plan == plan,
        places.c.issue_id == deliveries.c.issue_id,
        places.c.subscriber_id == deliveries.c.subscriber_id,
    )
    waits = (deliveries.c.state == _D.PENDING) & (deliveries.c.not_before > now)
    issues = select(places.c.issue_id).where(places.c.plan == plan).distinct()
    statement = update(deliveries).where(deliveries.c.issue_id.in_(issues), waits, mine)
    await conn.execute(statement.values(not_before=now, changed_at=now))
    await conn.execute(delete(places).where(places.c.plan == plan))


async def next_turn(conn: Connection, issue_id: int) -> datetime | None:
    """When the next delivery of the issue is due that no server has put off; None when there is none."""
    waits = (deliveries.c.issue_id == issue_id) & (deliveries.c.state == _D.PENDING)
    found: datetime | None = (await conn.execute(select(func.min(deliveries.c.not_before)).where(waits))).scalar()
    return found
