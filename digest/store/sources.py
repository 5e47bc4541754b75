"""How each source fared: validators for the next conditional request, and its health."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from digest.store import upsert
from digest.store.engine import Connection
from digest.store.tables import sources


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What is known of a source. asked_at: last attempt; good_at: last good one; found: items at the last good fetch.

    rules: fingerprint of the settings by which it was last read.
    """

    name: str
    status: str
    found: int
    rules: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    asked_at: datetime | None = None
    good_at: datetime | None = None
    error: str | None = None


async def all_sources(conn: Connection) -> dict[str, SourceRow]:
    """Every source that was ever asked, by name."""
    rows = (await conn.execute(select(sources))).mappings()
    return {row["name"]: SourceRow(**row) for row in rows}


async def record(conn: Connection, name: str, **values: Any) -> None:
    """Write down how the source fared; columns that are not named stay as they are."""
    statement = upsert.insert(conn, sources).values(name=name, **values)
    await conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
