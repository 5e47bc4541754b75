"""What is asked often never looks through the whole ledger, but through what senders have in hand at the moment."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from digest.store import deliveries, issues, messages, outbox
from digest.store.engine import Connection, Store
from tests.store.world import AUDIENCE, LEASE, NOTES, NOW

ASKED: dict[str, Callable[[Connection], Awaitable[object]]] = {
    "any_expired": lambda conn: outbox.any_expired(conn, ["here", "there"], NOW),
    "expire": lambda conn: outbox.expire(conn, ["here"], NOW),
    "renew": lambda conn: outbox.renew(conn, "here", LEASE),
    "release": lambda conn: outbox.release(conn, "here", NOW),
    "tries": lambda conn: outbox.tries(conn, "here"),
    "last_built": lambda conn: issues.last_built(conn, NOTES),
    "summaries": issues.summaries,
    "history": lambda conn: deliveries.history(conn, 7),
    "skip_subscriber": lambda conn: deliveries.skip_subscriber(conn, 7, NOTES, "left", NOW),
    "skip_rest_of_ended": lambda conn: deliveries.skip_rest_of_ended(conn, "ended", NOW),
    "skip_rest": lambda conn: deliveries.skip_rest(conn, 1, "cancelled", NOW),
    "any_rest_of_ended": deliveries.any_rest_of_ended,
    "last_accepted": lambda conn: deliveries.last_accepted(conn, 1),
    "claim": lambda conn: deliveries.claim(conn, 1, AUDIENCE, "here", 500, NOW, LEASE),
    "tally": lambda conn: deliveries.tally(conn, 1),
    "is_finished": lambda conn: deliveries.is_finished(conn, 1),
    "next_due": lambda conn: deliveries.next_due(conn, 1),
    "has_left": lambda conn: deliveries.has_left(conn, 1),
    "any_claimed": lambda conn: deliveries.any_claimed(conn, 1),
    "any_due": lambda conn: messages.any_due(conn, NOW),
}


@pytest.fixture
async def sqlite(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Store]:
    shutil.copy(sqlite_template, tmp_path / "digest.db")
    store = await Store.open("sqlite:///digest.db", tmp_path)
    yield store
    await store.close()


@pytest.mark.parametrize("question", ASKED)
async def test_no_question_that_is_asked_often_scans_the_ledger(sqlite: Store, question: str) -> None:
    asked: list[Any] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    async with sqlite.write() as conn:
        event.listen(sqlite.engine.sync_engine, "before_cursor_execute", note)
        await ASKED[question](conn)
        event.remove(sqlite.engine.sync_engine, "before_cursor_execute", note)
        plans = [
            str(row.detail)
            for statement, parameters in asked
            for row in (await conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)).all()
        ]
    assert any("deliveries" in step or "messages" in step for step in plans)
    assert [step for step in plans if re.match(r"SCAN (deliveries|messages)\b(?! USING .*_(held|lease)$)", step)] == []
