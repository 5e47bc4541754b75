"""What the tests of the store work with: stories, people and issues, and short ways to put them there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, func, insert, select

from digest.model.delivery import DeliveryState
from digest.model.issue import Issue, IssueState, IssueStory
from digest.model.story import RawStory
from digest.model.subscriber import Audience, ListEntry, email_key
from digest.store import deliveries, issues, outbox, recipients, subscribers
from digest.store.engine import Connection, Store
from digest.store.outbox import Result
from digest.store.tables import deliveries as ledger
from digest.store.tables import subscribers as people
from digest.store.tables import subscriptions

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
LEASE = NOW + timedelta(seconds=30)
NOTES = "defence-notes"
AUDIENCE = Audience(NOTES, ("notes",))


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def raw_story(key: str = "1", **more: Any) -> RawStory:
    values: dict[str, Any] = {
        "source": "wire",
        "guid": f"guid-{key}",
        "link": f"https://news.example.com/{key}",
        "link_key": f"news.example.com/{key}",
        "title": f"Story {key}",
        "title_key": f"ship {key}",
        "teaser": "A teaser.",
    }
    return RawStory(**values | more)


def issue_story(key: str = "1", position: int = 0, **more: Any) -> IssueStory:
    values: dict[str, Any] = {
        "story_id": 100 + position,
        "position": position,
        "source": "wire",
        "link": f"https://news.example.com/{key}",
        "link_key": f"news.example.com/{key}",
        "guid": f"guid-{key}",
        "title": f"Story {key}",
        "title_key": f"ship {key}",
        "teaser": "A teaser.",
        "published": NOW - timedelta(hours=1),
    }
    return IssueStory(**values | more)


def entry(email: str, name: str = "", topics: tuple[str, ...] = (), language: str | None = None) -> ListEntry:
    return ListEntry(2, email, name, topics, language)


async def subscribe(store: Store, *emails: str, to: str = "notes", topics: tuple[str, ...] = ()) -> dict[str, int]:
    """Confirmed subscribers of a list; their numbers by address."""
    async with store.write() as conn:
        await subscribers.take_over(conn, to, [entry(email, topics=topics) for email in emails], NOW)
        return await numbers(conn, *emails)


async def numbers(conn: Connection, *emails: str) -> dict[str, int]:
    query = select(people.c.email_key, people.c.id).where(people.c.email_key.in_([email_key(each) for each in emails]))
    found = {row.email_key: row.id for row in await conn.execute(query)}
    return {email: found[email_key(email)] for email in emails}


async def crowd(store: Store, count: int) -> None:
    """Many confirmed subscribers at once, on the list `notes`."""
    await subscribe(store, *(f"reader{number}@example.net" for number in range(count)))


async def new_issue(
    store: Store, slot: datetime = NOW, newsletter: str = NOTES, state: IssueState = IssueState.DRAFT
) -> int:
    async with store.write() as conn:
        number = await issues.create(conn, newsletter, slot, NOW, scheduled=True)
        assert number is not None
        await issues.note(conn, number, state=state)
        return number


async def sending_issue(store: Store, *emails: str, slot: datetime = NOW, not_before: datetime = NOW) -> int:
    """An issue in the middle of being sent, frozen for `AUDIENCE`; `emails` are subscribed first."""
    if emails:
        await subscribe(store, *emails)
    number = await new_issue(store, slot, state=IssueState.SENDING)
    async with store.write() as conn:
        await recipients.freeze(conn, number, AUDIENCE, not_before, NOW)
    return number


async def get_issue(store: Store, number: int) -> Issue:
    async with store.read() as conn:
        return await issues.get(conn, number)


async def claim(
    store: Store, issue: int, worker: str = "w1", limit: int = 500, now: datetime = NOW, **more: Any
) -> deliveries.Claim:
    """Take on what is due."""
    values: dict[str, Any] = {"audience": AUDIENCE, "lease": now + timedelta(seconds=30)}
    async with store.write() as conn:
        return await deliveries.claim(conn, issue, worker=worker, limit=limit, now=now, **values | more)


def result(
    issue: int,
    subscriber: int,
    state: DeliveryState = DeliveryState.SENT,
    code: int = 250,
    reply: str = "queued",
    not_before: datetime = NOW,
) -> Result:
    tried = state is not DeliveryState.PENDING
    return Result(issue, subscriber, state, code, reply, not_before, tried)


async def record(store: Store, worker: str, results: Sequence[Result], now: datetime = NOW) -> None:
    async with store.write() as conn:
        await outbox.record(conn, worker, results, now)


async def states(store: Store, issue: int) -> dict[int, str]:
    """Where each delivery of an issue stands."""
    query = select(ledger.c.subscriber_id, ledger.c.state).where(ledger.c.issue_id == issue)
    async with store.read() as conn:
        return {row.subscriber_id: row.state for row in await conn.execute(query)}


async def row(store: Store, issue: int, subscriber: int) -> dict[str, Any]:
    """One row of the ledger, as it stands."""
    query = select(ledger).where(ledger.c.issue_id == issue, ledger.c.subscriber_id == subscriber)
    async with store.read() as conn:
        return dict((await conn.execute(query)).mappings().one())


async def number_of(conn: Connection, table: Table) -> int:
    """How many rows a table has."""
    return int((await conn.execute(select(func.count()).select_from(table))).scalar_one())


async def subscription_states(conn: Connection) -> dict[str, dict[str, int]]:
    """For each list, how many subscriptions are in each state."""
    columns = (subscriptions.c.list, subscriptions.c.state)
    found: dict[str, dict[str, int]] = {}
    for name, state, number in await conn.execute(select(*columns, func.count()).group_by(*columns)):
        found.setdefault(name, {})[state] = number
    return found


async def put_delivery(conn: Connection, issue: int, subscriber: int, state: DeliveryState, **more: Any) -> None:
    """A row of the ledger in any state, past every rule."""
    values = {"not_before": NOW, "attempts": 0, "changed_at": NOW} | more
    await conn.execute(insert(ledger).values(issue_id=issue, subscriber_id=subscriber, state=state, **values))
