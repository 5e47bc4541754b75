"""What an issue carries: what was chosen for it, with the editors' moves made on that.

What is not here: choosing (produce), making a move and taking it back (editing).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from digest.compose import edit
from digest.flow.newsroom import Newsroom
from digest.model.issue import Issue, IssueStory
from digest.store import edits, issues, stories
from digest.store.engine import Connection


async def keep(conn: Connection, room: Newsroom, issue: Issue, chosen: Sequence[IssueStory]) -> Issue:
    """Give the issue a new choice; what editors did to it is done to that one too. The issue as it is now."""
    await edits.put_selection(conn, issue.id, chosen)
    return await redo(conn, room, issue)


async def redo(conn: Connection, room: Newsroom, issue: Issue) -> Issue:
    """Make the standing moves on what was chosen, and keep what comes of it. The issue as it is now.

    A story that an editor pinned or added, and that another issue has carried since, stays out; the event log tells it.
    """
    chosen = await edits.selection(conn, issue.id)
    base = issue.stories if chosen is None else chosen
    moves = [move for _, move in await edits.standing(conn, issue.id)]
    brought = [move.story for move in moves if move.story]
    taken = await stories.taken(conn, issue.newsletter, issue.edition, issue.id, brought, room.clock.now())
    made = edit.replay(replace(issue, stories=base, subject=None, intro=""), moves, set(taken))
    await issues.put_stories(conn, issue.id, made.stories)
    await issues.note(conn, issue.id, subject=made.subject, intro=made.intro)
    present = {story.story_id for story in issue.stories}
    for story in {each.story_id: each for each in brought if each.story_id in taken}.values():
        if story.story_id in present:
            why = f"issue {taken[story.story_id]} carried it"
            await room.log(conn, "issue.story_taken", issue, title=story.title, reason=why)
    return made
