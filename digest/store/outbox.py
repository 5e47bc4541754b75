"""What deliveries and messages have in common: results of tries, and the end of claims.

A claim names its worker and ends by itself: `lease` is when another machine may conclude that the worker is lost. The key
of a row is (issue, subscriber); a message's is (MESSAGES, its number). What is not here: claiming (deliveries, messages).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, exists, func, literal, literal_column, select, update
from sqlalchemy.types import TypeEngine

from digest.model.delivery import UNFINISHED, DeliveryState, check_move
from digest.model.issue import IssueState
from digest.store import bulk
from digest.store.engine import Connection
from digest.store.states import HELD, WAITING, being, is_in
from digest.store.tables import deliveries, issues, messages

_D = DeliveryState
_LOST = {"state": _D.UNCERTAIN, "reply": "the sender was lost before it could say", "lease": None}

MESSAGES = 0
"""Stands for the issue in the key of a message."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one try ended, ready to be written down.

    issue_id, subscriber_id: the row's key. not_before: when it may be tried again. tried: whether the try counts.
    """

    issue_id: int
    subscriber_id: int
    state: DeliveryState
    code: int
    reply: str
    not_before: datetime
    tried: bool


@dataclass(frozen=True, slots=True)
class Tries:
    """What lies behind a row: tries before this one, and when the first was; None when there was none."""

    attempts: int = 0
    first: datetime | None = None


async def tries(conn: Connection, worker: str) -> dict[tuple[int, int], Tries]:
    """What lies behind the rows that `worker` claimed, and of which it has not been written down how they ended, by key."""
    query = select(deliveries.c.issue_id, deliveries.c.subscriber_id, deliveries.c.attempts, deliveries.c.first_try)
    of_messages = select(literal_column(str(MESSAGES)), messages.c.id, messages.c.attempts, messages.c.first_try)
    rows = [
        *await conn.execute(query.where(deliveries.c.worker == worker, is_in(deliveries, HELD))),
        *await conn.execute(of_messages.where(messages.c.worker == worker, is_in(messages, HELD))),
    ]
    return {(issue, subscriber): Tries(attempts, first) for issue, subscriber, attempts, first in rows}


async def record(conn: Connection, worker: str, results: Sequence[Result], now: datetime) -> list[int]:
    """Write down how tries of `worker` ended. A row that is no longer its claim is left alone, but for a late reply.

    An issue that counted as sent, and of which a late reply now says that it must be tried again, is being sent again: the
    numbers of those issues. Raises IllegalMove for what no try can end in.
    """
    for state in {result.state for result in results}:
        check_move(_D.CLAIMED, state)
    waiting = sorted({result.issue_id for result in results if result.state in UNFINISHED} - {MESSAGES})
    if waiting:
        # Whoever is about to end one of them has done so when we go on, or sees what we have written. Before the rows of
        # the ledger, as everybody who wants both.
        await conn.execute(
            select(issues.c.id).where(issues.c.id.in_(waiting)).order_by(issues.c.id).with_for_update(key_share=True)
        )
    for table, of_messages in ((messages, True), (deliveries, False)):
        of_table = [result for result in results if (result.issue_id == MESSAGES) == of_messages]
        if of_table:
            await conn.execute(_record(conn, table, worker, of_table, now))
    return await _reopen(conn, waiting) if waiting else []


async def _reopen(conn: Connection, numbers: Sequence[int]) -> list[int]:
    of_issue = deliveries.c.issue_id == issues.c.id
    unfinished = exists().where(of_issue, is_in(deliveries, WAITING)) | exists().where(of_issue, _claimed(deliveries))
    statement = (
        update(issues)
        .where(issues.c.id.in_(numbers), issues.c.state == IssueState.SENT, unfinished)
        .values(state=IssueState.SENDING, ended_at=None)
        .returning(issues.c.id)
    )
    return sorted((await conn.execute(statement)).scalars())


def _record(conn: Connection, table: Table, worker: str, results: Sequence[Result], now: datetime) -> Any:
    columns = table.c
    told = bulk.rows(conn, _TOLD, _rows(results)).c
    key = columns.id == told.subscriber if table is messages else _same_row(told)
    return (
        update(table)
        .where(key, columns.worker == worker, (columns.state == _D.CLAIMED) | (columns.state == _D.UNCERTAIN))
        .values(
            state=told.state,
            code=told.code,
            reply=told.reply,
            not_before=told.not_before,
            attempts=columns.attempts + told.tried,
            first_try=func.coalesce(columns.first_try, case((told.tried == 1, literal(now, columns.first_try.type)))),
            lease=None,
            changed_at=now,
        )
    )


_TOLD: dict[str, TypeEngine[Any]] = {
    "issue": deliveries.c.issue_id.type,
    "subscriber": deliveries.c.subscriber_id.type,
    "state": deliveries.c.state.type,
    "code": deliveries.c.code.type,
    "reply": deliveries.c.reply.type,
    "not_before": deliveries.c.not_before.type,
    "tried": deliveries.c.attempts.type,
}


def _rows(results: Sequence[Result]) -> Iterator[tuple[Any, ...]]:
    # Most are due at one and the same instant.
    written = {due: bulk.instant(due) for due in {result.not_before for result in results}}
    for each in results:
        due, tried = written[each.not_before], int(each.tried)
        yield each.issue_id, each.subscriber_id, each.state, each.code, each.reply, due, tried


def _same_row(told: Any) -> ColumnElement[bool]:
    return and_(deliveries.c.issue_id == told.issue, deliveries.c.subscriber_id == told.subscriber)


async def renew(conn: Connection, worker: str, lease: datetime) -> None:
    """The worker lives: its claims hold until `lease`."""
    for table in (deliveries, messages):
        await conn.execute(update(table).where(_claimed_by(table, worker)).values(lease=lease))


async def release(conn: Connection, worker: str, now: datetime) -> int:
    """Give back what the worker has claimed and certainly not sent; say how many."""
    values = {"state": _D.PENDING, "worker": None, "lease": None, "changed_at": now}
    changed = 0
    for table in (deliveries, messages):
        changed += (await conn.execute(update(table).where(_claimed_by(table, worker)).values(**values))).rowcount
    return changed


async def doubt(conn: Connection, worker: str, now: datetime) -> None:
    """What the worker has claimed is uncertain: it is lost, and of its journal not all is left."""
    for table in (deliveries, messages):
        await conn.execute(update(table).where(_claimed_by(table, worker)).values(**_LOST, changed_at=now))


def _claimed_by(table: Table, worker: str) -> ColumnElement[bool]:
    return (table.c.worker == worker) & _claimed(table)


def _claimed(table: Table) -> ColumnElement[bool]:
    return is_in(table, HELD) & being(table, _D.CLAIMED)


async def any_expired(conn: Connection, alive: Iterable[str], now: datetime) -> bool:
    """Whether `expire` would find something: asked often, and for free."""
    here = list(alive)
    for table in (deliveries, messages):
        if (await conn.execute(select(table.c.worker).where(_lost(table, here, now)).limit(1))).first():
            return True
    return False


def _lost(table: Table, alive: list[str], now: datetime) -> ColumnElement[bool]:
    return _claimed(table) & (table.c.lease < now) & table.c.worker.not_in(alive)


async def expire(conn: Connection, alive: Iterable[str], now: datetime) -> int:
    """Claims whose lease has run out become uncertain: their worker is lost, and its journal with it. Say how many.

    alive: workers on this machine whose process is known to live, whatever their lease says.
    """
    here, changed = list(alive), 0
    for table in (deliveries, messages):
        changed += (
            await conn.execute(update(table).where(_lost(table, here, now)).values(**_LOST, changed_at=now))
        ).rowcount
    return changed
