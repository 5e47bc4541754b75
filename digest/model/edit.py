"""What an editor does to one issue, as values: kept, made anew on another choice of stories, undone one by one.

What is not here: what a move does to an issue, and when it makes no sense (compose/edit); who may make it when
(flow/editing).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from digest.model.issue import IssueStory


class Act(StrEnum):
    """What is done; the words are those of the event log."""

    PIN = "pin"
    UNPIN = "unpin"
    DROP = "drop"
    RESTORE = "restore"
    ADD = "add"
    ORDER = "order"
    TITLE = "title"
    TEASER = "teaser"
    INTRO = "intro"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Move:
    """One act. Stories are named by their id, because places change.

    story_id: of pin, unpin, drop, title, teaser. text: the new title, teaser, intro or subject. order: the ids of those
    that come first, in their order. story: what is restored or added, at its position; with pin, the story as it was
    pinned, so that it stays though another choice would leave it out.
    """

    act: Act
    story_id: int | None = None
    text: str = ""
    order: tuple[int, ...] = ()
    story: IssueStory | None = None
