"""Who has asked us to wait, kept so that a restart and every other process obeys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from digest.store import upsert
from digest.store.engine import Connection
from digest.store.source_tables import cooldowns


@dataclass(frozen=True, slots=True)
class CooldownRow:
    """Nobody of `domain` is asked before `until`. strikes: how often in a row it had to say so."""

    domain: str
    until: datetime
    strikes: int


async def all_cooldowns(conn: Connection) -> list[CooldownRow]:
    """Every cool-down, those that are over included: the next one after it is longer."""
    return [CooldownRow(**row) for row in (await conn.execute(select(cooldowns))).mappings()]


async def keep(conn: Connection, changes: Mapping[str, tuple[datetime, int] | None]) -> None:
    """Write down cool-downs (until, strikes) by domain; None: it is over and forgotten."""
    for domain, change in sorted(changes.items()):  # in one order, so that no two processes wait for each other
        if change is None:
            await conn.execute(delete(cooldowns).where(cooldowns.c.domain == domain))
        else:
            values = {"until": change[0], "strikes": change[1]}
            statement = upsert.insert(conn, cooldowns).values(domain=domain, **values)
            await conn.execute(statement.on_conflict_do_update(index_elements=["domain"], set_=values))
