"""Issues, their stories, their snapshots, and since when each schedule holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, delete, exists, func, insert, select, update

from digest.errors import IllegalMove, NotFound
from digest.model.delivery import DeliveryState
from digest.model.issue import REGULAR, AlsoIn, Issue, IssueState, IssueStory, RenderedIssue, check_move
from digest.store import upsert
from digest.store.engine import Connection
from digest.store.states import HELD, NOT_REACHED, WAITING, is_in
from digest.store.tables import deliveries, issue_stories, issues, snapshots, timetable

_D = DeliveryState


# -- issues ------------------------------------------------------------------------------------------------------------


async def create(
    conn: Connection, newsletter: str, slot: datetime, now: datetime, *, scheduled: bool, edition: str = REGULAR
) -> int | None:
    """Make the issue of a slot, as a draft; None when the slot has one already."""
    statement = upsert.insert(conn, issues).values(
        newsletter=newsletter, edition=edition, slot=slot, scheduled=scheduled, state=IssueState.DRAFT, created_at=now
    )
    found: int | None = (await conn.execute(statement.on_conflict_do_nothing().returning(issues.c.id))).scalar()
    return found


async def get(conn: Connection, issue_id: int, *, lock: bool = False) -> Issue:
    """The issue with its stories. lock: nobody else changes it until the transaction ends. Raises NotFound."""
    query = select(issues).where(issues.c.id == issue_id)
    # SQLite knows no row locks and needs none: its writers come one at a time. Its key stays what it is, so that rows that
    # only name the issue can be written meanwhile: a claim that holds the breaker's row would else wait for its holder.
    row = (await conn.execute(query.with_for_update(key_share=True) if lock else query)).mappings().first()
    if row is None:
        raise NotFound(f"there is no issue {issue_id}")
    return _issue(row, await _stories(conn, issue_id))


async def of_slot(conn: Connection, newsletter: str, slot: datetime, edition: str = REGULAR) -> Issue | None:
    """The issue of a slot, with its stories; None when there is none yet."""
    query = select(issues.c.id).where(
        issues.c.newsletter == newsletter, issues.c.edition == edition, issues.c.slot == slot
    )
    found = (await conn.execute(query)).scalar()
    return None if found is None else await get(conn, found)


async def in_states(conn: Connection, states: Iterable[IssueState], newsletter: str | None = None) -> list[Issue]:
    """Issues in one of `states`, without their stories, oldest slot first."""
    query = select(issues).where(issues.c.state.in_(list(states))).order_by(issues.c.slot, issues.c.id)
    if newsletter is not None:
        query = query.where(issues.c.newsletter == newsletter)
    return [_issue(row, ()) for row in (await conn.execute(query)).mappings()]


def _issue(row: RowMapping, stories: Sequence[IssueStory]) -> Issue:
    columns = {field.name: row[field.name] for field in fields(Issue) if field.name != "stories"}
    return Issue(**columns | {"state": IssueState(row["state"]), "stories": tuple(stories)})


async def _stories(conn: Connection, issue_id: int) -> list[IssueStory]:
    query = select(issue_stories).where(issue_stories.c.issue_id == issue_id).order_by(issue_stories.c.position)
    rows = (await conn.execute(query)).mappings()
    return [story_of({key: value for key, value in row.items() if key != "issue_id"}) for row in rows]


def story_of(values: Mapping[str, Any]) -> IssueStory:
    """An issue's story from its columns, or from their values in a JSON document."""
    published = values["published"]
    return IssueStory(**{
        **values,
        "published": datetime.fromisoformat(published) if isinstance(published, str) else published,
        "topics": tuple(values["topics"]),
        "also": tuple(AlsoIn(**each) for each in values["also"]),
        "factors": tuple((name, factor) for name, factor in values["factors"]),
    })  # fmt: skip


async def put_stories(conn: Connection, issue_id: int, chosen: Sequence[IssueStory]) -> None:
    """Replace the stories of an issue."""
    await conn.execute(delete(issue_stories).where(issue_stories.c.issue_id == issue_id))
    rows = [_columns(story) | {"issue_id": issue_id} for story in chosen]
    if rows:
        await conn.execute(insert(issue_stories), rows)


def _columns(story: IssueStory) -> dict[str, Any]:
    lists = {"topics": list(story.topics), "factors": [list(each) for each in story.factors]}
    return asdict(story) | lists | {"also": [asdict(each) for each in story.also]}


def document_of(story: IssueStory) -> dict[str, Any]:
    """An issue's story as JSON; `story_of` reads it back."""
    return _columns(story) | {"published": story.published.isoformat()}


async def move(conn: Connection, issue: Issue, to: IssueState, **values: Any) -> None:
    """Bring an issue from the state we saw it in to `to`, in one conditional update.

    Raises IllegalMove when the move is not permitted, or when somebody has moved the issue since we looked.
    """
    check_move(issue.id, issue.state, to)
    statement = (
        update(issues)
        .where(issues.c.id == issue.id, issues.c.state == issue.state)
        .values({"state": to, "reason": "", **values})
    )
    if (await conn.execute(statement)).rowcount != 1:
        seen = (await conn.execute(select(issues.c.state).where(issues.c.id == issue.id))).scalar_one()
        raise IllegalMove(f"issue {issue.id}", seen, to)


async def note(conn: Connection, issue_id: int, **values: Any) -> None:
    """Change columns of an issue that are not its state."""
    await conn.execute(update(issues).where(issues.c.id == issue_id).values(**values))


async def times(conn: Connection, issue_id: int) -> tuple[datetime | None, datetime | None]:
    """When the issue began to leave, and when it ended; None for what has not happened."""
    row = (await conn.execute(select(issues.c.started_at, issues.c.ended_at).where(issues.c.id == issue_id))).first()
    return (row.started_at, row.ended_at) if row else (None, None)


# -- what the window and the timetable ask -----------------------------------------------------------------------------


async def last_built(conn: Connection, newsletter: str, edition: str = REGULAR) -> datetime | None:
    """When the stories of the last issue that went out were chosen; None when none has."""
    went_out = (IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED, IssueState.SENT)
    some_left = exists().where(deliveries.c.issue_id == issues.c.id, deliveries.c.state == DeliveryState.SENT)
    query = select(func.max(issues.c.built_at)).where(
        issues.c.newsletter == newsletter,
        issues.c.edition == edition,
        issues.c.state.in_(went_out) | some_left,
    )
    found: datetime | None = (await conn.execute(query)).scalar()
    return found


async def scheduled_slots(conn: Connection, newsletter: str, edition: str = REGULAR) -> dict[datetime, IssueState]:
    """The newest hundred planned slots that have an issue, and its state."""
    query = (
        select(issues.c.slot, issues.c.state)
        .where(issues.c.newsletter == newsletter, issues.c.edition == edition, issues.c.scheduled)
        .order_by(issues.c.slot.desc())
        .limit(100)
    )
    return {slot: IssueState(state) for slot, state in await conn.execute(query)}


async def schedule_since(conn: Connection, newsletter: str, schedule: str, edition: str = REGULAR) -> datetime | None:
    """Since when this schedule holds; None when it is new or has changed."""
    key = (timetable.c.newsletter == newsletter) & (timetable.c.edition == edition)
    row = (await conn.execute(select(timetable.c.schedule, timetable.c.since).where(key))).first()
    return row.since if row is not None and row.schedule == schedule else None


async def begin_schedule(
    conn: Connection, newsletter: str, schedule: str, now: datetime, edition: str = REGULAR
) -> None:
    """This schedule holds from now on: it never plans into the past."""
    values = {"schedule": schedule, "since": now}
    statement = upsert.insert(conn, timetable).values(newsletter=newsletter, edition=edition, **values)
    await conn.execute(statement.on_conflict_do_update(index_elements=["newsletter", "edition"], set_=values))


# -- snapshots ---------------------------------------------------------------------------------------------------------


async def put_snapshot(conn: Connection, issue_id: int, rendered: RenderedIssue) -> None:
    """Keep what was approved; an approval after an undo replaces it."""
    content = asdict(rendered) | {"everyone": sorted(rendered.everyone), "beyond": sorted(rendered.beyond)}
    statement = upsert.insert(conn, snapshots).values(issue_id=issue_id, content=content)
    await conn.execute(statement.on_conflict_do_update(index_elements=["issue_id"], set_={"content": content}))


async def snapshot(conn: Connection, issue_id: int) -> RenderedIssue | None:
    """What was approved; None when the issue never was."""
    content = (await conn.execute(select(snapshots.c.content).where(snapshots.c.issue_id == issue_id))).scalar()
    if content is None:
        return None
    rows = {name: tuple(tuple(row) for row in content.get(name, ())) for name in ("topics", "headings")}
    sets = {name: frozenset(content.get(name, ())) for name in ("everyone", "beyond")}
    return RenderedIssue(**content | rows | sets)


# -- for people --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Summary:
    """A line of the list of issues."""

    issue: Issue
    recipients: int
    sent: int


_NEWEST = (issues.c.slot.desc(), issues.c.id.desc())


async def summaries(conn: Connection, limit: int = 1000) -> list[Summary]:
    """The newest issues, newest first."""
    newest = list((await conn.execute(select(issues).order_by(*_NEWEST).limit(limit))).mappings())
    # Of these issues only: the ledger holds those of years.
    of_these = deliveries.c.issue_id.in_(select(issues.c.id).order_by(*_NEWEST).limit(limit))
    per_issue = select(deliveries.c.issue_id, func.count().label("number")).where(of_these)
    unsent = [is_in(deliveries, WAITING), is_in(deliveries, HELD)]
    unsent.append(is_in(deliveries, NOT_REACHED) & ~deliveries.c.state.in_([_D.DEFERRED, _D.UNCERTAIN]))
    totals = await _counted(conn, per_issue)
    others = [await _counted(conn, per_issue.where(which)) for which in unsent]
    sent = {number: total - sum(each.get(number, 0) for each in others) for number, total in totals.items()}
    return [Summary(_issue(row, ()), totals.get(row["id"], 0), sent.get(row["id"], 0)) for row in newest]


async def _counted(conn: Connection, query: Select[Any]) -> dict[int, int]:
    return {issue_id: int(number) for issue_id, number in await conn.execute(query.group_by(deliveries.c.issue_id))}
