"""Before an issue is approved: do its stories still stand?

    stories -> their pages, all at once, 5 s in all; notices -> their folder -> faults
    faults -> warned of, or dropped and replaced by the next best

A page that does not answer in time, or that robots.txt keeps us from, counts as standing: a slow server withdraws nothing.
What a link came to preflight need not ask again.
What is not here: the judgement itself (compose/withdrawn).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from hashlib import sha256

from digest import log
from digest.compose.select import Selection, next_best
from digest.compose.withdrawn import Fault, Page, fault_of
from digest.errors import GatherError, UsageError
from digest.flow import editing, gathering, links, produce
from digest.flow.newsroom import Newsroom
from digest.gather.fetch import Fetcher
from digest.model.edit import Act, Move
from digest.model.issue import Issue, IssueStory
from digest.store import checks, edits
from digest.store import stories as pool

IN_ALL_S = 5.0
FRESH = timedelta(minutes=10)
"""So long a finding holds: `send` and the timetable ask again and again."""
_GONE = frozenset({404, 410})
_PAUSE = timedelta(seconds=0.25)
_TAKEN_AWAY = Fault(True, "its notice was taken out of the folder, or has expired")

_log = log.get(__name__)


async def withdrawn(room: Newsroom, issue: Issue) -> list[tuple[IssueStory, str]]:
    """The stories of an issue that no longer stand, and why, in an editor's words. Nothing is changed."""
    return [(story, fault.reason) for story, fault in await _faults(room, issue)]


async def look_again(room: Newsroom, issue: Issue) -> tuple[Issue, list[str]]:
    """The issue, and warnings of what no longer stands in it.

    With `withdrawn = "drop"` stories whose pages have gone are dropped and the next best take their places; the issue
    is the changed one then. A changed headline is warned of only: the story is still there to be read.
    """
    faults = await _faults(room, issue)
    drop = room.settings.newsletter(issue.newsletter).withdrawn == "drop" and issue.id != 0
    gone = {story.story_id for story, fault in faults if drop and fault.gone}
    spare = await _spare(room, issue) if gone else None
    warnings = []
    for story, fault in faults:
        replaced = False
        if spare is not None and story.story_id in gone:
            without = {each.story_id for each in (*issue.stories, *spare.chosen)} | gone
            try:
                issue = await _replace(room, issue, story, next_best(spare.selection, without))
                replaced = True
            except UsageError:  # the only story: better a dead link than no issue, and somebody is told
                pass
        warnings.append(f"“{story.title}” ({story.source}): {fault.reason}{'; it was dropped' if replaced else ''}")
    return issue, warnings


@dataclass(frozen=True, slots=True)
class _Spare:
    """What an issue could carry now, and what was chosen for it: that an editor dropped shall not come back."""

    selection: Selection
    chosen: tuple[IssueStory, ...]


async def _spare(room: Newsroom, issue: Issue) -> _Spare:
    async with room.store.read() as conn:
        _, selection = await produce.choose(conn, room, issue.newsletter, issue.edition)
        return _Spare(selection, await edits.selection(conn, issue.id) or ())


async def _replace(room: Newsroom, issue: Issue, story: IssueStory, best: IssueStory | None) -> Issue:
    moves = [Move(Act.DROP, story.story_id)]
    if best is not None:
        why = f"{best.why}; it came for a story that was withdrawn"
        moves.insert(0, Move(Act.ADD, best.story_id, story=_last(best, issue, why)))
    return await editing.apply(room, issue.id, moves)


def _last(story: IssueStory, issue: Issue, why: str) -> IssueStory:
    return replace(story, position=len(issue.stories), why=why)


# -- asking ------------------------------------------------------------------------------------------------------------


async def _faults(room: Newsroom, issue: Issue) -> list[tuple[IssueStory, Fault]]:
    now = room.clock.now()
    told = await _as_gathered(room, issue)
    async with room.store.read() as conn:
        known = await checks.recent(conn, now - FRESH)
    found = await _ask(room, [story for story in told if _key(story) not in known])
    if found:
        async with room.store.write() as conn:
            await checks.put(conn, found, now, now - FRESH)
    verdicts = known | found
    gone = await _taken_away(room, issue)
    faults = []
    for story, source in zip(issue.stories, told, strict=True):
        if story.story_id in gone:
            faults.append((story, _TAKEN_AWAY))
        elif verdict := verdicts.get(_key(source)):
            faults.append((story, Fault(**verdict)))
    return faults


async def _taken_away(room: Newsroom, issue: Issue) -> set[int]:
    """The stories whose notices have gone from their folder, or have expired: the folder is the truth, and looked into now.

    What another source carries too is still told by that one. A folder that cannot be looked into takes nothing away.
    """
    notices = [story for story in issue.stories if story.source in room.settings.sources and story.guid is not None]
    notices = [story for story in notices if room.settings.sources[story.source].kind == "folder"]
    present = {name: await gathering.present(room, name) for name in {story.source for story in notices}}
    missing = [story for story in notices if (known := present[story.source]) is not None and story.guid not in known]
    async with room.store.read() as conn:
        carried = await pool.carriers(conn, [story.story_id for story in missing])
    return {story.story_id for story in missing if carried.get(story.story_id, frozenset()) <= {story.source}}


async def _as_gathered(room: Newsroom, issue: Issue) -> list[IssueStory]:
    """The stories with the headlines that their sources gave them: an editor's own are no withdrawal."""
    async with room.store.read() as conn:
        chosen = {story.story_id: story for story in await edits.selection(conn, issue.id) or ()}
    return [chosen.get(story.story_id, story) for story in issue.stories]


def _key(story: IssueStory) -> str:
    return sha256(f"{story.link_key}\n{story.title}".encode("utf-8", "replace")).hexdigest()


async def _ask(room: Newsroom, stories: Iterable[IssueStory]) -> dict[str, dict[str, object]]:
    """What is wrong with each story whose page answered in time; an empty table for those that stand."""
    found: dict[str, dict[str, object]] = {}
    gather = room.settings.gather
    # A dozen pages of one publisher are to be asked within five seconds.
    hasty = gather.model_copy(update={"pause": min(gather.pause, _PAUSE)})
    asked = tuple(stories)
    async with room.store.read() as conn:
        namers = await gathering.namers(conn, room, asked)

    async def ask(story: IssueStory) -> None:
        try:
            page = await _page(room, fetcher, story.link, namers[story.story_id])
        except Exception:  # a fault of ours: the check is advice, and no reason to keep an issue from leaving
            _log.exception("withdrawal.fault", story=story.story_id)
            return
        if page is not None:
            fault = fault_of(story.title, story.link, story.language, page)
            found[_key(story)] = asdict(fault) if fault else {}

    async with gathering.fetcher(room, hasty, IN_ALL_S) as fetcher:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IN_ALL_S):
                await asyncio.gather(*map(ask, asked))
    return found


async def _page(room: Newsroom, fetcher: Fetcher, link: str, named_by: str) -> Page | None:
    """What the link leads to; None when nobody can say now, or we may not ask."""
    try:
        response = await fetcher.get(link, robots=True, named_by=named_by)
    except GatherError as error:
        if error.status is not None:  # else preflight tries again: it has another patience, and asks no robots.txt
            links.learn(link, error)
        return Page(link, gone=True) if error.status in _GONE else None
    links.learn(link, response.url)
    try:
        headline = await room.parsers.headline(response)
    except GatherError:  # nothing that can be read, a PDF perhaps: it is there
        headline = None
    return Page(response.url, titles=(headline,) if headline else ())
