"""From the pool to a draft issue: choose, with a reason for every story that is in or out.

    pool -> candidates -> select -> issue (draft -> review, or skipped with its reason)

What is not here: filling the pool (gathering), approving an issue (publish), the clock that says when (daemon/timetable).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from digest.compose import cluster
from digest.compose.choice import Section
from digest.compose.select import Carried, Rules, Selection, Told, by_hand, in_order, issue_story, select, with_carriers
from digest.compose.series import is_series
from digest.errors import NotFound, UsageError
from digest.flow import notify, source_health
from digest.flow.newsroom import Newsroom
from digest.flow.selection import keep
from digest.model.issue import REGULAR, Issue, IssueState, IssueStory
from digest.model.story import Story
from digest.store import arrivals, issues, stories
from digest.store import carried as memory
from digest.store.engine import Connection
from digest.store.stories import Memory

_CHOOSING = ThreadPoolExecutor(1, "choosing")
_MONTH, _WEEK = timedelta(days=30), timedelta(days=7)
_HORIZON = timedelta(days=365)
"""So far back `digest stories` looks where no newsletter is named."""


async def choose(
    conn: Connection, room: Newsroom, name: str, edition: str = REGULAR, up_to: datetime | None = None
) -> tuple[list[Story], Selection]:
    """The pool of a newsletter, and what would be in an issue that is built now, with the reasons.

    up_to: what came later is the next issue's.
    """
    rules = await _rules(conn, room, name, edition)
    # As far back as a story could tell of the same event as one that is young enough: that one may have been sent.
    since = rules.now - max(2 * rules.max_age, rules.max_age + cluster.WINDOW)
    found = await stories.pool(conn, room.settings.newsletter(name).sources, since)
    pool = [_named(story, rules) for story in found if up_to is None or story.first_seen <= up_to]
    remembered = await stories.remembered(conn, name, edition, rules.now - stories.REMEMBERED)
    zone = room.settings.zone_of(name)
    carried = _carried(pool, remembered, zone)
    before = await memory.carried(conn, name, edition, rules.now - stories.REMEMBERED)
    told = [Told(story, _as_read(by, zone)) for story, by in before]
    # Thousands of stories take seconds: in a thread, so that the daemon sends on meanwhile; one of its own, so that it does
    # not wait behind others.
    return pool, await asyncio.get_running_loop().run_in_executor(_CHOOSING, select, pool, carried, rules, told)


async def _rules(conn: Connection, room: Newsroom, name: str, edition: str) -> Rules:
    now = room.clock.now()
    newsletter, language = room.settings.newsletter(name), room.settings.language_of(name)
    return Rules(
        now=now,
        since=await issues.last_built(conn, name, edition),
        max_age=room.settings.max_age(name, now),
        half_life=newsletter.stories.half_life,
        min=newsletter.stories.min,
        max=newsletter.stories.max,
        per_source=newsletter.stories.per_source,
        weights={source: room.settings.sources[source].weight for source in newsletter.sources},
        include=newsletter.rank.include,
        exclude=newsletter.rank.exclude,
        boost=newsletter.rank.boost,
        per_month=await _per_month(conn, newsletter.sources, now),
        language=language,
        series=await _series(conn, newsletter.sources, now, language),
        sections=[Section(each.title, each.topics, each.max) for each in newsletter.sections],
    )


async def _series(conn: Connection, sources: Sequence[str], now: datetime, language: str) -> frozenset[tuple[str, str]]:
    """Source and title of the columns that only their return gives away."""
    often = await memory.repeated(conn, sources, now - stories.REMEMBERED)
    return frozenset(name for name, instalments in often.items() if is_series(name[1], instalments, language))


async def _per_month(conn: Connection, sources: Sequence[str], now: datetime) -> dict[str, float]:
    """How many stories a month each source has, by what it published in the last month or since we know it.

    Less than a week says nothing about a month: such a source counts as frequent, as one without stories does.
    """
    counted = await stories.per_source(conn, sources, now - _MONTH, now)
    return {
        source: number * (_MONTH / (now - first)) for source, (number, first) in counted.items() if now - first >= _WEEK
    }


def _carried(pool: Sequence[Story], remembered: Mapping[tuple[str, str], Memory], zone: ZoneInfo) -> dict[int, Carried]:
    """The issue that carried a story before, by story id: its link, its id or its title is remembered."""
    return {
        story.id: _as_read(remembered[mark], zone)
        for story in pool
        for mark in reversed(stories.marks(story))
        if mark in remembered
    }


def _named(story: Story, rules: Rules) -> Story:
    """The story; of a series without the title's key, because the title names all of them."""
    return replace(story, title_key="") if (story.source, story.title) in rules.series else story


def _as_read(memory: Memory, zone: ZoneInfo) -> Carried:
    sent = memory.sent.astimezone(zone) if memory.sent else None
    return Carried(memory.issue, f"{sent.day} {sent:%B %Y}" if sent else "")


async def explain(room: Newsroom, name: str | None) -> tuple[list[Story], Mapping[int, str]]:
    """The pool (of a newsletter, if given) and, by story id, why a story would be in or out of its next issue.

    Of a newsletter: the issue in its order, then what could have been in it, best first, then the rest; each with all who
    tell the same story.
    """
    async with room.store.read() as conn:
        if name is not None:
            pool, selection = await choose(conn, room, name)
            return with_carriers(in_order(pool, selection), selection), selection.why
        return await stories.pool(conn, None, room.clock.now() - _HORIZON), {}


async def from_pool(conn: Connection, room: Newsroom, issue: Issue, story_id: int) -> IssueStory:
    """A story of the pool as it would stand in the issue, whatever the rules say of it.

    Raises NotFound; UsageError when an issue has carried it.
    """
    pool, selection = await choose(conn, room, issue.newsletter, issue.edition)
    story = next((each for each in pool if each.id == story_id), None)
    if story is None:
        raise NotFound(f"the pool of {issue.newsletter} has no story {story_id}; see: digest stories --newsletter "
                       f"{issue.newsletter}")  # fmt: skip
    if story_id in selection.carried:
        raise UsageError(f"“{story.title}” is {selection.why[story_id]}")
    able = selection.able.get(story_id)
    return issue_story(able or by_hand(story, await _rules(conn, room, issue.newsletter, issue.edition)), 0)


async def draft(room: Newsroom, name: str, slot: datetime, *, scheduled: bool) -> Issue:
    """Make the issue of a slot and build it; where the slot has an issue already, that one is returned untouched."""
    async with room.store.write() as conn:
        issue_id = await issues.create(conn, name, slot, room.clock.now(), scheduled=scheduled)
        if issue_id is not None:
            await room.log(conn, "issue.created", await issues.get(conn, issue_id))
    async with room.store.read() as conn:
        issue = await issues.of_slot(conn, name, slot)
    if issue is None:  # pragma: no cover - nobody deletes issues
        raise NotFound(f"the issue of {slot} has gone")
    return await build(room, issue) if issue_id is not None else issue


async def build(room: Newsroom, issue: Issue) -> Issue:
    """Choose the stories of a draft. With enough of them it goes to review; else it stays a draft, its lack noted.

    One that is no draft any more, because somebody else was faster, is left alone.
    """
    chosen = await _chosen_for(room, issue, IssueState.DRAFT)
    async with room.store.write() as conn:
        issue = await issues.get(conn, issue.id, lock=True)
        if issue.state is not IssueState.DRAFT or chosen is None:
            return issue
        now, selection = chosen
        made = await keep(conn, room, issue, selection.stories)
        if wanting := lacks(room, issue.newsletter, len(made.stories)):
            await issues.note(conn, issue.id, reason=wanting, built_at=now)
        else:
            await issues.move(conn, issue, IssueState.REVIEW, built_at=now)
            issue = await issues.get(conn, issue.id)
            broken = await source_health.broken(conn, room.settings.newsletter(issue.newsletter).sources)
            await room.log(conn, "issue.review", issue, stories=len(issue.stories), broken=dict(broken))
            await notify.review_opened(conn, room, issue, broken)
        return await issues.get(conn, issue.id)


async def _chosen_for(room: Newsroom, issue: Issue, state: IssueState) -> tuple[datetime, Selection] | None:
    """What an issue in `state` would carry, and the instant up to which stories were looked at; None when it has moved on.

    Nobody is kept from writing while we choose. The instant is written down first: what is kept meanwhile comes after it.
    """
    async with room.store.write() as conn:
        issue = await issues.get(conn, issue.id, lock=True)
        if issue.state is not state:
            return None
        sources = room.settings.newsletter(issue.newsletter).sources
        up_to = await arrivals.looked_up_to(conn, sources, room.clock.now())
        await issues.note(conn, issue.id, built_at=up_to)
    async with room.store.read() as conn:
        _, selection = await choose(conn, room, issue.newsletter, issue.edition, up_to)
    return up_to, selection


async def rebuild(room: Newsroom, issue: Issue) -> Issue:
    """Choose anew for an issue whose stories another issue has taken; too few are left: it is skipped."""
    chosen = await _chosen_for(room, issue, IssueState.REVIEW)
    async with room.store.write() as conn:
        issue = await issues.get(conn, issue.id, lock=True)
        if issue.state is not IssueState.REVIEW or chosen is None:
            return issue
        now, selection = chosen
        made = await keep(conn, room, issue, selection.stories)
        await issues.note(conn, issue.id, built_at=now)
        await room.log(conn, "issue.rebuilt", issue, reason="another issue took one of its stories")
        if wanting := lacks(room, issue.newsletter, len(made.stories)):
            await skip(conn, room, issue, wanting)
        return await issues.get(conn, issue.id)


def lacks(room: Newsroom, name: str, number: int) -> str | None:
    """What keeps an issue with so many stories from going out; None if nothing."""
    wanted = room.settings.newsletter(name).stories.min
    if number >= wanted:
        return None
    found = "no new stories" if number == 0 else f"only {number} new {'story' if number == 1 else 'stories'}"
    return f"{found}, {wanted} are needed"


async def skip(conn: Connection, room: Newsroom, issue: Issue, reason: str, *, tell: bool = True) -> None:
    """End an issue that shall not go out, with its reason. tell: the editors too, where it was planned."""
    await issues.move(conn, issue, IssueState.SKIPPED, reason=reason, ended_at=room.clock.now())
    await room.log(conn, "issue.skipped", issue, reason=reason)
    if tell and issue.scheduled:
        await notify.ended(conn, room, issue, IssueState.SKIPPED, reason)


async def preview(room: Newsroom, name: str) -> Issue:
    """The issue that `send` would send: the one under review, else one built now and not kept."""
    async with room.store.read() as conn:
        if waiting := await under_review(conn, name):
            return waiting
        now = room.clock.now()
        _, selection = await choose(conn, room, name)
        return Issue(
            id=0, newsletter=name, edition=REGULAR, slot=now, state=IssueState.DRAFT, scheduled=False, built_at=now,
            stories=selection.stories,
        )  # fmt: skip


async def under_review(conn: Connection, name: str) -> Issue | None:
    """The draft or issue under review of a newsletter that a manual send would send; None if there is none."""
    waiting = await issues.in_states(conn, (IssueState.REVIEW, IssueState.DRAFT), name)
    return await issues.get(conn, waiting[0].id) if waiting else None


async def waiting(room: Newsroom, name: str) -> Issue | None:
    """The draft or issue under review that a manual send would send; None if there is none."""
    async with room.store.read() as conn:
        return await under_review(conn, name)


async def give_up(room: Newsroom, issue: Issue) -> Issue:
    """Skip a draft that did not find enough stories, with what it lacks as the reason."""
    async with room.store.write() as conn:
        await skip(conn, room, issue, issue.reason)
        return await issues.get(conn, issue.id)
