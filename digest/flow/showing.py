"""An issue to look at, also where there is nothing new to send: for previews and test mails.

An editor changes a template right after a sending, and wants to see it. What is not here: what is sent (produce).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from digest.flow import produce
from digest.flow.newsroom import Newsroom
from digest.model.issue import Issue
from digest.store import issues, precedents


@dataclass(frozen=True, slots=True)
class Shown:
    """An issue to look at. shown_with: the number of the issue whose stories it has; None: its own. reason: why."""

    issue: Issue
    shown_with: int | None = None
    reason: str = ""

    @property
    def known_as(self) -> Issue:
        """The issue as it is checked: that an earlier one, from which its stories are, had them too is no fault."""
        return replace(self.issue, id=self.shown_with) if self.shown_with else self.issue


async def to_show(room: Newsroom, newsletter: str, at_least: int | None = None) -> Shown:
    """The issue that `send` would send; where it lacks stories, with those of the last issue that went out.

    at_least: so many stories are enough; None: as many as an issue needs. Stores nothing. If no issue has gone out yet,
    what there is.
    """
    issue = await produce.preview(room, newsletter)
    wanting = produce.lacks(room, newsletter, len(issue.stories))
    if wanting is None or (at_least is not None and len(issue.stories) >= at_least):
        return Shown(issue)
    async with room.store.read() as conn:
        number = await precedents.last(conn, newsletter, issue.edition)
        last = await issues.get(conn, number) if number else None
    if last is None or not last.stories:
        return Shown(issue)
    # "no new stories" or "only 1 new story", without what is needed of them.
    reason = f"{wanting.partition(',')[0]}: shown with those of issue {last.id}"
    return Shown(replace(issue, stories=last.stories, intro=last.intro), last.id, reason)
