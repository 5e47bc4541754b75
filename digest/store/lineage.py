"""Which copy of the database this is: a count that moves before anything leaves, kept in it and in a file beside it.

A copy that is put back has an older count than the file; one that was put elsewhere lies at another place than it knows of.
What is not here: what follows from that (flow/putting_back).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, text, update

from digest.errors import StoreError
from digest.store import upsert
from digest.store.engine import Connection
from digest.store.site_tables import lineage

FILE = "generation"


@dataclass(frozen=True, slots=True)
class Mark:
    """site: drawn once for a database and all its copies. generation: how often senders have taken something on."""

    site: str
    generation: int


class PutBack(StoreError):
    """The database is an older copy than the one from which this machine has sent, or was copied elsewhere."""


async def check(conn: Connection, folder: Path) -> None:
    """Raise PutBack when this is not the database that was here before. At its first start it gets its name."""
    row = (await conn.execute(select(lineage))).one_or_none()
    if row is None:
        await _begin(conn)
        return
    if row.place != await _place(conn):
        raise PutBack("the database is a copy: it lies elsewhere than it did")
    _check_age(Mark(row.site, row.generation), folder)


def _check_age(mark: Mark, folder: Path) -> None:
    seen = remembered(folder)
    if seen and seen.site == mark.site and seen.generation > mark.generation:
        raise PutBack("the database is older than what was sent from this machine")


async def _begin(conn: Connection) -> None:
    values = {"id": 1, "site": secrets.token_hex(16), "place": await _place(conn), "generation": 0}
    await conn.execute(upsert.insert(conn, lineage).values(**values).on_conflict_do_nothing())


async def count_up(conn: Connection, folder: Path) -> Mark:
    """Something is about to leave. Call `remember` with the mark after the commit, before it leaves. Raises PutBack."""
    counted = update(lineage).values(generation=lineage.c.generation + 1)
    row = (await conn.execute(counted.returning(lineage.c.site, lineage.c.generation))).one_or_none()
    if row is None:
        await _begin(conn)
        return await count_up(conn, folder)
    _check_age(Mark(row.site, row.generation - 1), folder)
    return Mark(row.site, row.generation)


async def accept(conn: Connection, folder: Path, now: datetime) -> Mark:
    """From now on this is the database, wherever it came from; what follows is told apart from what this copy is."""
    row = (await conn.execute(select(lineage).with_for_update())).one()
    seen = remembered(folder)
    latest = max(row.generation, seen.generation if seen and seen.site == row.site else 0) + 1
    await conn.execute(update(lineage).values(place=await _place(conn), generation=latest, put_back_at=now))
    return Mark(row.site, latest)


async def put_back_at(conn: Connection) -> datetime | None:
    """When a copy was last put back: what was planned before may have been sent without this database knowing of it."""
    found: datetime | None = (await conn.execute(select(lineage.c.put_back_at))).scalar()
    return found


async def _place(conn: Connection) -> str:
    """Where the database lies; the same after every restart, another one for a copy."""
    if conn.dialect.name == "sqlite":
        file = (await conn.execute(text("SELECT file FROM pragma_database_list WHERE name = 'main'"))).scalar_one()
        return f"inode {os.stat(file).st_ino}"  # noqa: PTH116 - it is open
    table = "SELECT oid FROM pg_class WHERE oid = 'lineage'::regclass"
    database = "SELECT oid FROM pg_database WHERE datname = current_database()"
    numbers = [str((await conn.execute(text(query))).scalar_one()) for query in (database, table)]
    if (await conn.execute(text("SELECT has_function_privilege('pg_control_system()', 'execute')"))).scalar_one():
        numbers += [str((await conn.execute(text("SELECT system_identifier FROM pg_control_system()"))).scalar_one())]
    return " ".join(["oid", *numbers])


# -- the file ----------------------------------------------------------------------------------------------------------


def remembered(folder: Path) -> Mark | None:
    """The newest mark that this machine knows of; None when there is no file, or none that can be read."""
    try:
        site, generation = (folder / FILE).read_text(encoding="ascii").split()
        return Mark(site, int(generation))
    except (OSError, ValueError):
        return None


def remember(folder: Path, mark: Mark) -> None:
    """Keep the mark, unless another process of this machine has kept a newer one. Raises StoreError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / FILE) as file:
            seen = remembered(folder)
            if seen is None or seen.site != mark.site or seen.generation < mark.generation:
                # As long as ever, so that what is written is never half of it.
                os.pwrite(file, f"{mark.site} {mark.generation:020d}\n".encode("ascii"), 0)
    except OSError as error:
        raise StoreError(f"{folder / FILE} cannot be written: {error.strerror}") from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)
