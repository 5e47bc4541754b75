"""How each source fared: validators for the next conditional request, when it is asked next, and its health."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from digest.store import upsert
from digest.store.engine import Connection
from digest.store.source_tables import sources


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What is known of a source. status: "ok", "empty", "failed", "broken" (its page's rules match nothing), "gone" (410).

    found: items at the last good fetch. rules: fingerprint of the settings by which it was last asked. asked_at: last
    attempt; good_at: last good one. url: its address in the settings, for which `moved_to` holds. body_since: when a whole
    body last came. next_check: when the daemon asks again. wish_s: seconds for which it would like not to be asked.
    failures: in a row. told_at: when the editors were told. counts: items of the last good fetches, oldest first.
    outside_at: when an answer that did not come from hosts of ours all the way last named stories.
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
    url: str | None = None
    body_since: datetime | None = None
    moved_to: str | None = None
    moved_since: datetime | None = None
    next_check: datetime | None = None
    wish_s: int | None = None
    failures: int = 0
    failing_since: datetime | None = None
    told_at: datetime | None = None
    counts: list[int] | None = None
    outside_at: datetime | None = None


async def all_sources(conn: Connection) -> dict[str, SourceRow]:
    """Every source that was ever asked, by name."""
    rows = (await conn.execute(select(sources))).mappings()
    return {row["name"]: SourceRow(**row) for row in rows}


async def source(conn: Connection, name: str) -> SourceRow | None:
    """One source; None if it was never asked."""
    row = (await conn.execute(select(sources).where(sources.c.name == name))).mappings().one_or_none()
    return SourceRow(**row) if row else None


async def note_outside(conn: Connection, name: str, at: datetime) -> None:
    """Write down that what the source names at `at` is other people's word as well."""
    statement = upsert.insert(conn, sources).values(name=name, status="ok", outside_at=at)
    # Never earlier, also where a clock was put back; how the source fares is for others to say.
    later = or_(sources.c.outside_at.is_(None), sources.c.outside_at < at)
    await conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"outside_at": at}, where=later))


async def record(conn: Connection, name: str, **values: Any) -> None:
    """Write down how the source fared; columns that are not named stay as they are."""
    statement = upsert.insert(conn, sources).values(name=name, **values)
    await conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
