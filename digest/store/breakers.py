"""What the breaker of each issue has counted, and what was sent again by itself.

What is not here: when it is too much (model/breaker).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import exists, func, insert, select, update

from digest.model.breaker import Window, cohort
from digest.model.delivery import DeliveryState
from digest.model.issue import IssueState
from digest.store import upsert
from digest.store.engine import Connection
from digest.store.pace_tables import breakers, resent
from digest.store.states import WAITING, being, is_in
from digest.store.tables import deliveries, issues

_D = DeliveryState


async def window(conn: Connection, issue_id: int) -> Window | None:
    """The last results of an issue that is being sent, locked; None when it is not being sent: then nothing is counted."""
    sending = exists().where(issues.c.id == issue_id, issues.c.state == IssueState.SENDING)
    query = select(breakers.c.recent, breakers.c.tripped).where(breakers.c.issue_id == issue_id, sending)
    row = (await conn.execute(query.with_for_update())).first()
    return Window(row.recent, row.tripped) if row else None


async def put(conn: Connection, issue_id: int, seen: Window) -> None:
    """Keep the last results of an issue."""
    values = {"recent": seen.recent, "tripped": seen.tripped}
    await conn.execute(update(breakers).where(breakers.c.issue_id == issue_id).values(**values))


async def tripped(conn: Connection, issue_id: int) -> int | None:
    """How many of the last results were too many; None when they were not."""
    found: int | None = (await conn.execute(select(breakers.c.tripped).where(breakers.c.issue_id == issue_id))).scalar()
    return found


async def all_tripped(conn: Connection) -> list[int]:
    """The issues whose breaker has tripped and that nobody has paused yet."""
    return list((await conn.execute(select(breakers.c.issue_id).where(breakers.c.tripped.is_not(None)))).scalars())


async def allowance(conn: Connection, issue_id: int, limit: int) -> int | None:
    """How many of `limit` may be claimed now: all once the first cohort is through, none when the breaker has tripped.

    None: what has been claimed of the first cohort must come back first.
    """
    row = (await conn.execute(select(breakers).where(breakers.c.issue_id == issue_id).with_for_update())).first()
    if row is None:
        waiting = await _waiting(conn, issue_id)
        rest: int | None = max(0, waiting - cohort(waiting))
        values = {"issue_id": issue_id, "recent": "", "behind": rest}
        await conn.execute(upsert.insert(conn, breakers).values(**values).on_conflict_do_nothing())
    else:
        rest = row.behind
        if row.tripped is not None:
            return 0
    if rest is None:
        return limit
    if (left := await _waiting(conn, issue_id) - rest) > 0:
        return min(limit, left)
    claimed = (deliveries.c.issue_id == issue_id) & being(deliveries, _D.CLAIMED)
    if (await conn.execute(select(deliveries.c.issue_id).where(claimed).limit(1))).first():
        return None
    await conn.execute(update(breakers).where(breakers.c.issue_id == issue_id).values(behind=None))
    return limit


async def _waiting(conn: Connection, issue_id: int) -> int:
    which = (deliveries.c.issue_id == issue_id) & is_in(deliveries, WAITING)
    return int((await conn.execute(select(func.count()).select_from(deliveries).where(which))).scalar_one())


# -- what is in doubt --------------------------------------------------------------------------------------------------


async def resend(conn: Connection, now: datetime) -> int:
    """Put what is in doubt of the issues being sent back in line, each delivery once; say how many."""
    again = exists().where(
        resent.c.issue_id == deliveries.c.issue_id, resent.c.subscriber_id == deliveries.c.subscriber_id
    )
    sending = select(issues.c.id).where(issues.c.state == IssueState.SENDING)
    which = deliveries.c.issue_id.in_(sending) & (deliveries.c.state == _D.UNCERTAIN) & ~again
    rows = (
        await conn.execute(select(deliveries.c.issue_id, deliveries.c.subscriber_id).where(which).limit(1000))
    ).all()
    for issue_id, subscriber_id in rows:
        await conn.execute(insert(resent).values(issue_id=issue_id, subscriber_id=subscriber_id))
        await conn.execute(
            update(deliveries)
            .where(deliveries.c.issue_id == issue_id, deliveries.c.subscriber_id == subscriber_id)
            .values(state=_D.PENDING, not_before=now, worker=None, lease=None, changed_at=now)
        )
    return len(rows)


async def were_resent(conn: Connection, keys: Collection[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """Which of these deliveries have been sent again by themselves."""
    numbers = {issue_id for issue_id, _ in keys}
    query = select(resent.c.issue_id, resent.c.subscriber_id).where(resent.c.issue_id.in_(numbers))
    return frozenset((a, b) for a, b in await conn.execute(query)) & frozenset(keys)
