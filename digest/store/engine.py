"""The database: where it is, how a transaction begins, and its errors in plain words.

SQLite runs in WAL mode with synchronous=FULL: what was recorded as sent stays recorded, also when the power fails. Its
writers begin IMMEDIATE, so that a reader never turns into a writer half-way and fails. What is not here: queries.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from digest.errors import StoreError
from digest.store.migrate import migrate
from digest.unloaded import without

with without("sqlalchemy.ext.asyncio.scoping", "sqlalchemy.ext.asyncio.session"):  # the ORM's
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

BUSY_TIMEOUT_MS = 30_000

Connection = AsyncConnection


class Store:
    """One database. `read()` and `write()` give a connection in a transaction; `write()` commits at the end."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        # SQLite's readers see one moment anyway; PostgreSQL's see one only when they ask for it.
        self._reader = engine if self.is_sqlite else engine.execution_options(isolation_level="REPEATABLE READ")
        # Within one process writers queue here, where waiting is free, rather than in SQLite's busy loop.
        self._writer = asyncio.Lock() if self.is_sqlite else contextlib.nullcontext()

    @classmethod
    async def open(cls, url: str, root: Path) -> Store:
        """Open the database at `url` (relative to `root`) and bring its schema up to date. Raises StoreError."""
        store = cls(_engine(url, root))
        try:
            with translated(url):
                await migrate(store.engine)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Give all connections back."""
        await self.engine.dispose()

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A connection that sees one moment of the database."""
        with translated():
            async with self._reader.connect() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """A connection whose changes are committed at the end, or undone if the block raises."""
        async with self._writer:
            with translated():
                async with self.engine.connect() as connection:
                    await connection.execution_options(digest_write=True)
                    async with connection.begin():
                        yield connection


def _engine(url: str, root: Path) -> AsyncEngine:
    if url.startswith("postgresql://"):
        return create_async_engine(make_url(url).set(drivername="postgresql+psycopg"))
    file = root / url.removeprefix("sqlite:///")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder {file.parent} for the database cannot be made: {error.strerror}") from None
    _try_to_open(file, url)
    engine = create_async_engine(f"sqlite+aiosqlite:///{file}")
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _try_to_open(file: Path, url: str) -> None:
    """Fail here rather than in the driver, which leaves a thread behind when it cannot open a file."""
    try:
        with contextlib.closing(sqlite3.connect(file, timeout=BUSY_TIMEOUT_MS / 1000)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        raise StoreError(_sentence(str(error), url)) from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions behind our back
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    write = connection.get_execution_options().get("digest_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextlib.contextmanager
def translated(url: str | None = None) -> Any:
    """Turn the driver's errors into StoreError in plain words."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(_sentence(str(error.orig), url)) from error


def _sentence(message: str, url: str | None) -> str:
    where = f" ({make_url(url).render_as_string(hide_password=True)})" if url else ""
    if "unable to open database file" in message or "readonly database" in message:
        return f"the database{where} cannot be written: check who owns its folder and whether the disk is full"
    if "database or disk is full" in message:
        return f"the disk with the database{where} is full"
    if "database is locked" in message:
        return f"the database{where} has been locked by another program for {BUSY_TIMEOUT_MS // 1000} s"
    return f"the database{where} does not work: {' '.join(message.split())}"
