"""People: subscribers, subscriptions, opt-outs, and the files that lists come from.

Addresses arrive normalized (model.subscriber); they are one person when they differ in case only.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from sqlalchemy import RowMapping, delete, select, update

from digest.model.subscriber import (
    Counts,
    ListEntry,
    Subscriber,
    Subscription,
    SubscriptionState,
    email_key,
)
from digest.store import departures, upsert
from digest.store.engine import Connection
from digest.store.tables import list_files, opt_outs, subscribers, subscriptions

CHUNK = 500
"""Rows per statement: well below the limit on bound values of either database."""


async def take_over(conn: Connection, list_name: str, entries: Sequence[ListEntry], now: datetime) -> Counts:
    """Make every entry a confirmed subscriber of the list, unless she left, bounced or complained.

    A file never revives anybody: where the database knows that she left, only her name may change.
    """
    total = Counts()
    for start in range(0, len(entries), CHUNK):
        total += await _take_over(conn, list_name, entries[start : start + CHUNK], now)
    return total


async def _take_over(conn: Connection, list_name: str, entries: Sequence[ListEntry], now: datetime) -> Counts:
    keys = [email_key(entry.email) for entry in entries]
    people = await _people(conn, keys)
    newcomers = [entry for entry, key in zip(entries, keys, strict=True) if key not in people]
    if newcomers:
        # Another process may take over the same file at the same time.
        statement = upsert.insert(conn, subscribers).on_conflict_do_nothing()
        await conn.execute(statement, [_person(entry, now) for entry in newcomers])
        people |= await _people(conn, [email_key(entry.email) for entry in newcomers])
    listed = await _subscribed(conn, list_name, [person["id"] for person in people.values()])
    added = updated = 0
    joining = []
    for entry, key in zip(entries, keys, strict=True):
        person = people[key]
        changed = await _refresh_person(conn, person, entry)
        subscription = listed.get(person["id"])
        if subscription is None:
            joining.append(_subscription(list_name, person["id"], entry, now))
            added += 1
        elif await _refresh_topics(conn, list_name, subscription, entry) or changed:
            updated += 1
    if joining:
        await conn.execute(upsert.insert(conn, subscriptions).on_conflict_do_nothing(), joining)
    return Counts(added, updated, len(entries) - added - updated)


async def _people(conn: Connection, keys: Sequence[str]) -> dict[str, RowMapping]:
    rows = await conn.execute(select(subscribers).where(subscribers.c.email_key.in_(keys)))
    return {row["email_key"]: row for row in rows.mappings()}


async def _subscribed(conn: Connection, list_name: str, ids: Sequence[int]) -> dict[int, RowMapping]:
    query = select(subscriptions).where(subscriptions.c.list == list_name, subscriptions.c.subscriber_id.in_(ids))
    return {row["subscriber_id"]: row for row in (await conn.execute(query)).mappings()}


def _person(entry: ListEntry, now: datetime) -> dict[str, object]:
    return {
        "email": entry.email,
        "email_key": email_key(entry.email),
        "name": entry.name,
        "language": entry.language,
        "timezone": entry.timezone,
        "created_at": now,
    }


def _subscription(list_name: str, subscriber_id: int, entry: ListEntry, now: datetime) -> dict[str, object]:
    return {
        "list": list_name,
        "subscriber_id": subscriber_id,
        "state": SubscriptionState.CONFIRMED,
        "topics": list(entry.topics),
        "since": now,
    }


async def _refresh_person(conn: Connection, person: RowMapping, entry: ListEntry) -> bool:
    said = {"name": entry.name, "language": entry.language, "timezone": entry.timezone}
    wanted = {key: value or person[key] for key, value in said.items()}
    if all(person[key] == value for key, value in wanted.items()):
        return False
    await conn.execute(update(subscribers).where(subscribers.c.id == person["id"]).values(**wanted))
    return True


async def _refresh_topics(conn: Connection, list_name: str, subscription: RowMapping, entry: ListEntry) -> bool:
    if not entry.topics or list(entry.topics) == subscription["topics"]:
        return False
    key = (subscriptions.c.list == list_name) & (subscriptions.c.subscriber_id == subscription["subscriber_id"])
    await conn.execute(update(subscriptions).where(key).values(topics=list(entry.topics)))
    return True


async def file_hash(conn: Connection, list_name: str) -> str | None:
    """The hash of the list's file when it was last read; None when it never was."""
    found: str | None = (await conn.execute(select(list_files.c.hash).where(list_files.c.list == list_name))).scalar()
    return found


async def record_file(conn: Connection, list_name: str, digest: str, now: datetime) -> None:
    """Remember that the file with this hash was read."""
    values = {"hash": digest, "read_at": now}
    statement = upsert.insert(conn, list_files).values(list=list_name, **values)
    await conn.execute(statement.on_conflict_do_update(index_elements=["list"], set_=values))


# -- one person --------------------------------------------------------------------------------------------------------


async def by_email(conn: Connection, email: str) -> Subscriber | None:
    """The subscriber with this normalized address, with her lists and what she left; None when unknown."""
    row = (await _people(conn, [email_key(email)])).get(email_key(email))
    return None if row is None else await _whole(conn, row)


async def by_id(conn: Connection, subscriber_id: int) -> Subscriber | None:
    """The subscriber with this number; None when unknown."""
    rows = await conn.execute(select(subscribers).where(subscribers.c.id == subscriber_id))
    row = rows.mappings().first()
    return None if row is None else await _whole(conn, row)


async def _whole(conn: Connection, row: RowMapping) -> Subscriber:
    query = select(subscriptions).where(subscriptions.c.subscriber_id == row["id"]).order_by(subscriptions.c.list)
    left = select(opt_outs.c.newsletter).where(opt_outs.c.subscriber_id == row["id"]).order_by(opt_outs.c.newsletter)
    return Subscriber(
        id=row["id"],
        email=row["email"],
        name=row["name"],
        language=row["language"],
        created_at=row["created_at"],
        subscriptions=tuple(
            Subscription(each["list"], SubscriptionState(each["state"]), tuple(each["topics"]), each["since"])
            for each in (await conn.execute(query)).mappings()
        ),
        left=tuple((await conn.execute(left)).scalars()),
        suppressed=row["suppressed"],
        timezone=row["timezone"],
    )


async def rejoin(conn: Connection, list_name: str, subscriber_id: int, now: datetime) -> None:
    """Confirm a subscription again because an editor or the subscriber asked for it."""
    key = (subscriptions.c.list == list_name) & (subscriptions.c.subscriber_id == subscriber_id)
    await conn.execute(update(subscriptions).where(key).values(state=SubscriptionState.CONFIRMED, since=now))
    await departures.count_up(conn)


async def leave_list(conn: Connection, list_name: str, subscriber_id: int, now: datetime) -> bool:
    """End a subscription; say whether there was a confirmed one."""
    key = (subscriptions.c.list == list_name) & (subscriptions.c.subscriber_id == subscriber_id)
    active = subscriptions.c.state == SubscriptionState.CONFIRMED
    statement = update(subscriptions).where(key & active).values(state=SubscriptionState.LEFT, since=now)
    return await _counted(conn, (await conn.execute(statement)).rowcount > 0)


async def opt_out(conn: Connection, newsletter: str, subscriber_id: int, issue_id: int | None, now: datetime) -> bool:
    """She leaves the newsletter; say whether that is news."""
    values = {"newsletter": newsletter, "subscriber_id": subscriber_id, "issue_id": issue_id, "at": now}
    statement = upsert.insert(conn, opt_outs).values(**values).on_conflict_do_nothing()
    inserted = await conn.execute(statement, execution_options={"preserve_rowcount": True})
    return await _counted(conn, inserted.rowcount > 0)


async def withdraw_opt_out(conn: Connection, newsletter: str, subscriber_id: int) -> bool:
    """She is back; say whether she had left."""
    key = (opt_outs.c.newsletter == newsletter) & (opt_outs.c.subscriber_id == subscriber_id)
    return await _counted(conn, (await conn.execute(delete(opt_outs).where(key))).rowcount > 0)


async def suppress(conn: Connection, subscriber_id: int, reason: str, now: datetime) -> bool:
    """Her address must not be mailed at all from now on; say whether that is news."""
    fresh = (subscribers.c.id == subscriber_id) & subscribers.c.suppressed.is_(None)
    statement = update(subscribers).where(fresh).values(suppressed=reason, suppressed_at=now)
    return await _counted(conn, (await conn.execute(statement)).rowcount > 0)


async def _counted(conn: Connection, changed: bool) -> bool:
    """`changed`; if it is so, senders are to look again whom they have in hand."""
    if changed:
        await departures.count_up(conn)
    return changed


# -- lists -------------------------------------------------------------------------------------------------------------


async def listing(
    conn: Connection, list_name: str | None = None, limit: int | None = None
) -> AsyncGenerator[tuple[str, str, str, str, tuple[str, ...], str | None, str | None, datetime]]:
    """Rows of (list, email, name, state, topics, language, timezone, since), ordered, streamed."""
    query = (
        select(
            subscriptions.c.list,
            subscribers.c.email,
            subscribers.c.name,
            subscriptions.c.state,
            subscriptions.c.topics,
            subscribers.c.language,
            subscribers.c.timezone,
            subscriptions.c.since,
            subscribers.c.suppressed,
        )
        .join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
        .order_by(subscriptions.c.list, subscribers.c.email_key)
        .limit(limit)
    )
    if list_name is not None:
        query = query.where(subscriptions.c.list == list_name)
    rows = await conn.stream(query)
    try:
        async for row in rows:
            state, topics = row.suppressed or row.state, tuple(row.topics)
            yield row.list, row.email, row.name, state, topics, row.language, row.timezone, row.since
    finally:
        await rows.close()  # by hand: as a context manager it stays open when the caller stops half-way
