"""What the ledger costs at a million recipients; `python -m tests.bench.ledger [sqlite|postgresql] [RECIPIENTS]` prints it.

Both databases write to disk as they do in service (SQLite with synchronous=FULL, PostgreSQL with fsync and full pages).
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from digest.model.delivery import DeliveryState
from digest.model.issue import IssueState
from digest.model.subscriber import Audience
from digest.store import deliveries, issues, outbox, recipients
from digest.store.engine import Connection, Store
from digest.store.outbox import Result
from tests.postgres import PostgresqlMissing, running_cluster

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
AUDIENCE = Audience("notes", ("notes",))
RECIPIENTS = 1_000_000
CLAIMS = 40
_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < :count)",
    "postgresql": "WITH n(x) AS (SELECT generate_series(1, :count))",
}


def main() -> None:
    """One process for each database, so that the peak is its own."""
    for kind in _NUMBERS:
        subprocess.run([sys.executable, "-m", "tests.bench.ledger", kind], check=True)


def measure(kind: str, count: int) -> None:
    """Freeze, claim, record, ask, undo, in this process."""
    with tempfile.TemporaryDirectory(prefix="digest-bench-") as folder:
        if kind == "sqlite":
            asyncio.run(_measure(kind, "sqlite:///digest.db", Path(folder), count))
            return
        try:
            with running_cluster(durable=True) as cluster:
                asyncio.run(_measure(kind, cluster.url(cluster.create()), Path(folder), count))
        except PostgresqlMissing as reason:
            _say(kind, f"not measured: {reason}")


async def _measure(kind: str, url: str, folder: Path, count: int) -> None:
    store = await Store.open(url, folder)
    await _people(store, kind, count)
    number = await _issue(store)
    before = _peak()
    with _timed(kind, "count the audience", count):
        await _written(store, lambda conn: recipients.count_audience(conn, AUDIENCE))
    with _timed(kind, "freeze", count):
        await _written(store, lambda conn: recipients.freeze(conn, number, AUDIENCE, NOW, NOW))
    if kind == "postgresql":
        await _written(store, lambda conn: conn.execute(text("ANALYZE")))
    taken = []
    with _timed(kind, f"claim {CLAIMS} x 500 and record", CLAIMS * 500):
        for _ in range(CLAIMS):
            taken.append(await _claim(store, number))
            await _record(store, number, taken[-1])
    await _ask(store, kind, number)
    with _timed(kind, "pause, cancel: skip the rest", count - CLAIMS * 500):
        while await _skip(store, number):
            pass
    with _timed(kind, "undo: take the freeze back", count):
        await _written(store, lambda conn: recipients.thaw(conn, number))
    _say(kind, f"memory {before:.0f} MB before, {_peak():.0f} MB at its highest")
    await store.close()


async def _claim(store: Store, number: int) -> deliveries.Claim:
    async with store.write() as conn:
        return await deliveries.claim(conn, number, AUDIENCE, "bench", 500, NOW, NOW + timedelta(seconds=30))


async def _record(store: Store, number: int, claim: deliveries.Claim) -> None:
    results = [
        Result(
            number, mail.subscriber_id, DeliveryState.SENT, 250, f"2.0.0 queued as {mail.subscriber_id:X}", NOW, True
        )
        for mail in claim.mails
    ]
    async with store.write() as conn:
        await outbox.record(conn, "bench", results, NOW)


async def _ask(store: Store, kind: str, number: int) -> None:
    """What is asked every second, and what an editor's report asks."""
    questions: dict[str, Callable[[Connection], Awaitable[object]]] = {
        "next due": lambda conn: deliveries.next_due(conn, number),
        "finished?": lambda conn: deliveries.is_finished(conn, number),
        "anything claimed?": lambda conn: deliveries.any_claimed(conn, number),
        "has anything left?": lambda conn: deliveries.has_left(conn, number),
        "last accepted": lambda conn: deliveries.last_accepted(conn, number),
        "lost claims": lambda conn: outbox.any_expired(conn, ["here"], NOW),
        "renew": lambda conn: outbox.renew(conn, "bench", NOW),
        "list of issues": issues.summaries,
        "tally": lambda conn: deliveries.tally(conn, number),
        "reasons": lambda conn: deliveries.reasons(conn, number),
    }
    for name, question in questions.items():
        await _written(store, question)
        began = time.perf_counter()
        await _written(store, question)
        _say(kind, f"{name:20} {(time.perf_counter() - began) * 1e3:8.1f} ms")


async def _skip(store: Store, number: int) -> int:
    async with store.write() as conn:
        return await deliveries.skip_rest(conn, number, "cancelled", NOW)


async def _written(store: Store, work: Callable[[Connection], Awaitable[object]]) -> None:
    async with store.write() as conn:
        await work(conn)


async def _people(store: Store, kind: str, count: int) -> None:
    numbers, values = _NUMBERS[kind], {"count": count}
    address = "'reader' || x || '@list' || (x % 40) || '.example.net'"
    async with store.write() as conn:
        await conn.execute(
            text(
                "INSERT INTO subscribers (id, email, email_key, name, created_at)"
                f" {numbers} SELECT x, {address}, {address}, 'Reader ' || x, '2026-01-01 00:00:00' FROM n"
                if kind == "sqlite"
                else "INSERT INTO subscribers (id, email, email_key, name, created_at)"
                f" {numbers} SELECT x, {address}, {address}, 'Reader ' || x, timestamp '2026-01-01' FROM n"
            ),
            values,
        )
        since = "'2026-01-01 00:00:00'" if kind == "sqlite" else "timestamp '2026-01-01'"
        await conn.execute(
            text(
                "INSERT INTO subscriptions (list, subscriber_id, state, topics, since)"
                f" SELECT 'notes', id, 'confirmed', '[]', {since} FROM subscribers"
            )
        )
        await conn.execute(text("ANALYZE"))


async def _issue(store: Store) -> int:
    async with store.write() as conn:
        number = await issues.create(conn, "notes", NOW, NOW, scheduled=False)
        if number is None:
            raise AssertionError("the slot is taken")
        await issues.note(conn, number, state=IssueState.SENDING)
        return number


@contextmanager
def _timed(kind: str, name: str, rows: int) -> Iterator[None]:
    began, worked = time.perf_counter(), time.process_time()
    yield
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    _say(kind, f"{name:28} {seconds:6.2f} s, {rows / seconds:9,.0f} rows/s, {cpu / rows * 1e6:5.1f} us of our CPU each")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _say(kind: str, words: str) -> None:
    print(f"ledger: {kind:10} {words}", flush=True)  # noqa: T201


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else RECIPIENTS)
    else:
        main()
