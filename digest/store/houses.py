"""Who takes the mail of recipient domains, as far as it was looked up. What is not here: looking up (deliver/exchanges)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select

from digest.store import upsert
from digest.store.engine import Connection
from digest.store.pace_tables import houses


async def known(conn: Connection, domains: Collection[str], since: datetime) -> dict[str, str]:
    """The house of each of these domains that was looked up later than `since`."""
    query = select(houses.c.domain, houses.c.house).where(houses.c.domain.in_(domains), houses.c.looked_at > since)
    return {row.domain: row.house for row in await conn.execute(query)}


async def taken_by(conn: Connection, names: Collection[str], since: datetime) -> dict[str, str]:
    """The domains whose mail these houses take, as far as that was looked up later than `since`, with the house."""
    query = select(houses.c.domain, houses.c.house).where(houses.c.house.in_(names), houses.c.looked_at > since)
    return {row.domain: row.house for row in await conn.execute(query)}


async def put(conn: Connection, found: Mapping[str, str], now: datetime) -> None:
    """Keep what was looked up."""
    for domain, house in sorted(found.items()):
        values = {"house": house, "looked_at": now}
        statement = upsert.insert(conn, houses).values(domain=domain, **values)
        await conn.execute(statement.on_conflict_do_update(index_elements=["domain"], set_=values))
