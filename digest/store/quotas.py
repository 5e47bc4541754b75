"""How many mails of a newsletter that warms up are planned for which day.

What is not here: how many may be (model/plan).
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import delete, func, insert, select

from digest.store.engine import Connection
from digest.store.pace_tables import quotas
from digest.store.tables import issues


async def used(conn: Connection, newsletter: str, *, lock: bool = False) -> dict[date, int]:
    """What is planned of the newsletter's issues, by day. lock: until the end of the transaction nobody else plans."""
    of_newsletter = issues.c.newsletter == newsletter
    if lock:  # its first issue stands for the newsletter
        first = select(issues.c.id).where(of_newsletter).order_by(issues.c.id).limit(1)
        await conn.execute(first.with_for_update(key_share=True))
    query = select(quotas.c.day, func.sum(quotas.c.planned)).join(issues, issues.c.id == quotas.c.issue_id)
    rows = await conn.execute(query.where(of_newsletter).group_by(quotas.c.day))
    return {day: int(number) for day, number in rows}


async def plan(conn: Connection, issue_id: int, day: date, number: int) -> None:
    """So many mails of the issue are to leave on this day."""
    await conn.execute(insert(quotas).values(issue_id=issue_id, day=day, planned=number))


async def release(conn: Connection, issue_id: int, after: date | None = None) -> None:
    """The issue needs its share no more. after: that of later days; None: of any."""
    mine = quotas.c.issue_id == issue_id
    await conn.execute(delete(quotas).where(mine if after is None else mine & (quotas.c.day > after)))
