"""Bringing the schema up to date at start, once, whatever the number of processes that start.

Alembic is imported only when there is something to do: a command that finds the schema current must not pay for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text

from digest.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

HEAD = "0010"
"""The newest migration; a test holds that it is."""

FOLDER = Path(__file__).parent / "migrations"

_LOCK = 0x0D16E57


async def migrate(engine: AsyncEngine) -> None:
    """Bring the schema to HEAD in one transaction. Raises StoreError when the database is of a newer Digest."""
    async with engine.connect() as connection:
        if await connection.run_sync(version) == HEAD:
            return
    async with engine.connect() as connection:
        await connection.execution_options(digest_write=True)
        async with connection.begin():
            if connection.dialect.name == "postgresql":
                await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(_upgrade)


def version(connection: Connection) -> str | None:
    """The migration that the database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("select version_num from alembic_version")).scalar()
    return found


def _upgrade(connection: Connection) -> None:
    # Here rather than at the top: Alembic costs 100 ms and is wanted once in a database's life.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(FOLDER))
    known = {revision.revision for revision in script.walk_revisions()}
    present = version(connection)
    if present is not None and present not in known:
        raise StoreError(f"the database was written by a newer Digest (schema {present}, this one knows {HEAD})")

    def steps(revision: Any, _context: object) -> Any:
        return script._upgrade_revs(HEAD, revision)

    with EnvironmentContext(Config(), script, fn=steps, destination_rev=HEAD) as context:
        context.configure(connection=connection)
        context.run_migrations()
