"""The keys by which programs push stories; of a key only its hash is here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update

from digest.model.api_key import ApiKey
from digest.store import upsert
from digest.store.engine import Connection
from digest.store.site_tables import api_keys


async def add(conn: Connection, key: ApiKey) -> bool:
    """Keep a key; False, and nothing is changed, when its name is taken."""
    values = {"name": key.name, "source": key.source, "key_hash": key.key_hash, "created_at": key.created_at}
    statement = upsert.insert(conn, api_keys).values(values).on_conflict_do_nothing().returning(api_keys.c.name)
    return (await conn.execute(statement)).first() is not None


async def all_keys(conn: Connection) -> list[ApiKey]:
    """Every key, by name."""
    rows = (await conn.execute(select(api_keys).order_by(api_keys.c.name))).mappings()
    return [ApiKey(**row) for row in rows]


async def by_hash(conn: Connection, key_hash: str) -> ApiKey | None:
    """The key with this hash."""
    row = (await conn.execute(select(api_keys).where(api_keys.c.key_hash == key_hash))).mappings().first()
    return ApiKey(**row) if row else None


async def remove(conn: Connection, name: str) -> bool:
    """Forget a key; say whether there was one."""
    statement = delete(api_keys).where(api_keys.c.name == name).returning(api_keys.c.name)
    return (await conn.execute(statement)).first() is not None


async def note_use(conn: Connection, name: str, now: datetime) -> None:
    """Write down when a key was last used."""
    await conn.execute(update(api_keys).where(api_keys.c.name == name).values(used_at=now))
