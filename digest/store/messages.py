"""Mails that are no issue: tests, notes to editors, confirmations. Same states as deliveries, sent ahead of issues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import insert, select, update

from digest.model.delivery import DeliveryState
from digest.store.engine import Connection
from digest.store.tables import messages

_D = DeliveryState


class Kind(StrEnum):
    """What a message is for."""

    TEST = "test"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Message:
    """A claimed message. content: the whole mail, CRLF, as it was queued."""

    id: int
    recipient: str
    sender: str
    content: bytes
    attempts: int
    first_try: datetime | None


async def add(conn: Connection, kind: Kind, sender: str, recipient: str, content: bytes, now: datetime) -> int:
    """Queue a message; its number is returned."""
    values = {"kind": kind, "sender": sender, "recipient": recipient, "content": content, "state": _D.PENDING}
    statement = insert(messages).values(**values, not_before=now, created_at=now, changed_at=now)
    return int((await conn.execute(statement.returning(messages.c.id))).scalar_one())


async def claim(conn: Connection, worker: str, limit: int, now: datetime, lease: datetime) -> list[Message]:
    """Take up to `limit` due messages; safe with any number of workers."""
    # A CTE rather than a subquery: PostgreSQL may run a subquery once per row, and then its limit does not hold.
    due = (
        select(messages.c.id)
        .where(messages.c.state.in_([_D.PENDING, _D.DEFERRED]), messages.c.not_before <= now)
        .order_by(messages.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    columns = (messages.c.id, messages.c.recipient, messages.c.sender, messages.c.content, messages.c.attempts)
    statement = (
        update(messages)
        .where(messages.c.id.in_(select(due.c.id)))
        .values(state=_D.CLAIMED, worker=worker, lease=lease, changed_at=now)
        .returning(*columns, messages.c.first_try)
    )
    return [Message(*row) for row in await conn.execute(statement)]


async def any_due(conn: Connection, now: datetime) -> bool:
    """Whether a message waits to be sent."""
    due = messages.c.state.in_([_D.PENDING, _D.DEFERRED]) & (messages.c.not_before <= now)
    return (await conn.execute(select(messages.c.id).where(due).limit(1))).first() is not None


async def outcomes(conn: Connection, ids: Sequence[int]) -> list[tuple[str, str, int | None, str]]:
    """(recipient, state, code, reply) of messages, in the order they were queued."""
    query = select(messages.c.recipient, messages.c.state, messages.c.code, messages.c.reply)
    rows = await conn.execute(query.where(messages.c.id.in_(ids)).order_by(messages.c.id))
    return [(recipient, state, code, reply or "") for recipient, state, code, reply in rows]


async def abandon(conn: Connection, ids: Sequence[int], reason: str, now: datetime) -> None:
    """Try these messages no more: whoever asked for them has been told."""
    waiting = messages.c.id.in_(ids) & messages.c.state.in_([_D.PENDING, _D.DEFERRED])
    await conn.execute(update(messages).where(waiting).values(state=_D.SKIPPED, reply=reason, changed_at=now))


async def drop_waiting(conn: Connection, reason: str, now: datetime) -> int:
    """Skip all that waits; say how many."""
    waiting = messages.c.state.in_([_D.PENDING, _D.DEFERRED])
    values = {"state": _D.SKIPPED, "reply": reason, "changed_at": now}
    return int((await conn.execute(update(messages).where(waiting).values(**values))).rowcount)
