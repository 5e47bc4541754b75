"""An issue, its states and the moves between them; the rendered snapshot of it.

What is not here: who makes a move and when (flow), how an issue is chosen (compose) or drawn (render).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from digest.errors import IllegalMove


class IssueState(StrEnum):
    """Where an issue stands; the words are those on screen."""

    DRAFT = "draft"
    REVIEW = "review"
    HELD = "held"
    APPROVED = "approved"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    FAILED = "failed"


_S = IssueState

MOVES: dict[IssueState, frozenset[IssueState]] = {
    _S.DRAFT: frozenset({_S.REVIEW, _S.SKIPPED, _S.FAILED}),
    _S.REVIEW: frozenset({_S.APPROVED, _S.HELD, _S.SKIPPED, _S.FAILED}),
    _S.HELD: frozenset({_S.REVIEW, _S.APPROVED, _S.CANCELLED, _S.SENDING, _S.FAILED}),
    # Back to review is "undo": only while nothing has left.
    _S.APPROVED: frozenset({_S.REVIEW, _S.SENDING, _S.FAILED}),
    _S.SENDING: frozenset({_S.PAUSED, _S.HELD, _S.SENT, _S.FAILED}),
    _S.PAUSED: frozenset({_S.SENDING, _S.CANCELLED, _S.FAILED}),
    # An editor asks for the failed or doubtful deliveries of a finished issue to be tried again.
    _S.SENT: frozenset({_S.SENDING}),
    _S.SKIPPED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.FAILED: frozenset(),
}
"""The permitted moves of an issue; every other raises IllegalMove."""

OPEN = frozenset({_S.DRAFT, _S.REVIEW, _S.APPROVED})
"""States in which the timetable still has something to do for the slot."""

BEFORE_APPROVAL = frozenset({_S.DRAFT, _S.REVIEW, _S.HELD})
"""States in which the content of an issue may still change."""


def check_move(issue: int, state: IssueState, wanted: IssueState) -> None:
    """Raise IllegalMove unless an issue in `state` may become `wanted`."""
    if wanted not in MOVES[state]:
        raise IllegalMove(f"issue {issue}", state, wanted)


REGULAR = "regular"
"""The edition that every newsletter has."""


SPONSORED = "sponsored"
"""The topic that marks a story as paid for: it is labelled, never leads, and there is one in an issue at most."""


def is_sponsored(topics: Iterable[str]) -> bool:
    """Whether a story with these topics is paid for."""
    return any(topic.casefold() == SPONSORED for topic in topics)


@dataclass(frozen=True, slots=True)
class AlsoIn:
    """Another source that tells the same story, and where. link_key: the link's identity."""

    source: str
    link: str
    link_key: str = ""


@dataclass(frozen=True, slots=True)
class IssueStory:
    """A story as it stands in one issue: what the editor changes here changes this issue only.

    position: 0 is the lead. why: the reason for its place, in an editor's words. score: for ordering only; factors: what it
    is the product of. section: the title of the section it belongs to, "" for none. also: other sources that tell it.
    minutes: that reading its article takes; None where that is not known.
    """

    story_id: int
    position: int
    source: str
    link: str
    link_key: str
    guid: str | None
    title: str
    title_key: str
    teaser: str
    published: datetime
    image: str | None = None
    language: str | None = None
    topics: tuple[str, ...] = ()
    pinned: bool = False
    score: float = 0.0
    why: str = ""
    section: str = ""
    also: tuple[AlsoIn, ...] = ()
    factors: tuple[tuple[str, float], ...] = ()
    minutes: int | None = None

    @property
    def sponsored(self) -> bool:
        """Whether it is paid for, and so labelled."""
        return is_sponsored(self.topics)


@dataclass(frozen=True, slots=True)
class Issue:
    """What is sent for one slot: exactly one per (newsletter, edition, slot).

    slot: UTC. scheduled: False for a manual send. built_at: when its stories were chosen; the next issue's window begins
    there. not_before: when an approved issue may start to leave. subject: None until the issue is rendered.
    """

    id: int
    newsletter: str
    edition: str
    slot: datetime
    state: IssueState
    scheduled: bool = True
    reason: str = ""
    subject: str | None = None
    intro: str = ""
    built_at: datetime | None = None
    approved_at: datetime | None = None
    not_before: datetime | None = None
    stories: tuple[IssueStory, ...] = field(default=())


def fingerprint(issue: Issue) -> str:
    """Stands for what two editors who approve an issue must both have seen: subject, intro, the stories in their order."""
    seen = [field.name for field in fields(IssueStory) if field.name not in {"score", "factors", "why"}]
    stories = [[getattr(story, name) for name in seen] for story in issue.stories]
    return sha256(repr((issue.subject, issue.intro, stories)).encode("utf-8", "backslashreplace")).hexdigest()


@dataclass(frozen=True, slots=True)
class RenderedIssue:
    """The frozen snapshot of an issue: every byte of its mail but the named slots.

    html, text: with placeholders and story marks (`render.slots` knows their form, `nonce` makes them unguessable).
    from_, reply_to: header values as text. list_id: without angle brackets. topics: story number (as in its mark) to the
    topics that story has, behind the stories the same for headings; `everyone`: numbers that go to every subscriber.
    headings: the numbers of the stories below each heading. beyond: the stories that the mail leaves to the web version.
    personal: what each subscriber's mail is drawn from once more (`render.frozen` reads it), where the templates ask for a
    subscriber's values: html and text are those of a reader without a name then. None: the same is drawn for all.
    """

    nonce: str
    newsletter: str
    subject: str
    preheader: str
    html: str
    text: str
    from_: str
    reply_to: str | None
    list_title: str
    list_id: str
    language: str
    topics: tuple[tuple[str, ...], ...] = ()
    everyone: frozenset[int] = frozenset()
    headings: tuple[tuple[int, ...], ...] = ()
    beyond: frozenset[int] = frozenset()
    personal: str | None = None
