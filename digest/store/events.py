"""The event log: what happened, when, by whom, why. Written in the transaction of what it tells of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select

from digest.store.engine import Connection
from digest.store.tables import events


@dataclass(frozen=True, slots=True)
class Event:
    """One entry. actor: "daemon", "cli" or a user's name. action: such as "issue.approved"."""

    at: datetime
    actor: str
    action: str
    newsletter: str | None
    issue_id: int | None
    reason: str
    data: dict[str, Any]


async def add(
    conn: Connection,
    now: datetime,
    actor: str,
    action: str,
    *,
    newsletter: str | None = None,
    issue_id: int | None = None,
    reason: str = "",
    **data: Any,
) -> None:
    """Write an entry."""
    await conn.execute(
        insert(events).values(
            at=now, actor=actor, action=action, newsletter=newsletter, issue_id=issue_id, reason=reason, data=data
        )
    )


async def of_issue(conn: Connection, issue_id: int) -> list[Event]:
    """Everything that happened to an issue, oldest first."""
    query = select(events).where(events.c.issue_id == issue_id).order_by(events.c.id)
    rows = (await conn.execute(query)).mappings()
    return [_event(row) for row in rows]


async def latest_of_list(conn: Connection, name: str) -> Event | None:
    """What happened last to a list's file: "list.read" or "list.unreadable"; None when it was never looked at."""
    about = events.c.action.in_(["list.read", "list.unreadable"]) & (events.c.data["list"].as_string() == name)
    row = (await conn.execute(select(events).where(about).order_by(events.c.id.desc()).limit(1))).mappings().first()
    return _event(row) if row else None


def _event(row: RowMapping) -> Event:
    return Event(**{key: value for key, value in row.items() if key != "id"})
