"""INSERT … ON CONFLICT, which both databases spell alike and SQLAlchemy keeps in two places."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from digest.store.engine import Connection


def insert(conn: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that knows `on_conflict_do_nothing()` and `on_conflict_do_update()`."""
    return sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)
