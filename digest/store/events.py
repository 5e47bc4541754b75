"""The event log: what happened, when, by whom, why. Written in the transaction of what it tells of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

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


async def actors(conn: Connection, issue_id: int, action: str) -> set[str]:
    """Who has done this to the issue."""
    query = select(events.c.actor).where(events.c.issue_id == issue_id, events.c.action == action)
    return set((await conn.execute(query)).scalars())


async def of_issue(conn: Connection, issue_id: int) -> list[Event]:
    """Everything that happened to an issue, oldest first."""
    query = select(events).where(events.c.issue_id == issue_id).order_by(events.c.id)
    rows = (await conn.execute(query)).mappings()
    return [Event(**{key: value for key, value in row.items() if key != "id"}) for row in rows]
