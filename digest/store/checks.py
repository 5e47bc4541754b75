"""What the links of an issue were found to be, kept for some minutes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from digest.store import upsert
from digest.store.edit_tables import link_checks
from digest.store.engine import Connection


async def recent(conn: Connection, since: datetime) -> dict[str, dict[str, Any]]:
    """What was found after `since`, by the story's key; an empty table for a story that stood."""
    rows = await conn.execute(select(link_checks.c.key, link_checks.c.fault).where(link_checks.c.checked_at > since))
    return {key: dict(fault) for key, fault in rows}


async def put(conn: Connection, found: Mapping[str, Mapping[str, Any]], now: datetime, forget: datetime) -> None:
    """Keep what was found now, and forget what is as old as `forget`."""
    await conn.execute(delete(link_checks).where(link_checks.c.checked_at <= forget))
    for key, fault in sorted(found.items()):
        values = {"fault": dict(fault), "checked_at": now}
        statement = upsert.insert(conn, link_checks).values(key=key, **values)
        await conn.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))
