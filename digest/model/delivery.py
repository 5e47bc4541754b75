"""A delivery: one issue to one subscriber; its states and what a mail server's reply makes of it.

What is not here: reading replies (deliver/retry), talking SMTP (deliver/smtp), the ledger's rows (store/deliveries).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from digest.errors import IllegalMove, one_line


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    SKIPPED = "skipped"


_D = DeliveryState

MOVES: dict[DeliveryState, frozenset[DeliveryState]] = {
    _D.PENDING: frozenset({_D.CLAIMED, _D.SKIPPED}),
    # Back to pending: the claim was given up before the final dot left, so nothing can have been sent.
    _D.CLAIMED: frozenset({_D.PENDING, _D.SENT, _D.DEFERRED, _D.FAILED, _D.UNCERTAIN, _D.SKIPPED}),
    _D.DEFERRED: frozenset({_D.CLAIMED, _D.FAILED, _D.SKIPPED}),
    # Only an editor's `retry` leads on from here; from `uncertain` also the reply that comes after all.
    _D.FAILED: frozenset({_D.PENDING}),
    _D.UNCERTAIN: frozenset({_D.PENDING, _D.SENT, _D.DEFERRED, _D.FAILED}),
    _D.SENT: frozenset(),
    _D.SKIPPED: frozenset(),
}
"""The permitted moves of a delivery; every other raises IllegalMove."""

UNFINISHED = frozenset({_D.PENDING, _D.CLAIMED, _D.DEFERRED})
"""While one of these remains, the issue is not sent."""


def check_move(state: DeliveryState, wanted: DeliveryState) -> None:
    """Raise IllegalMove unless a delivery in `state` may become `wanted`."""
    if wanted not in MOVES[state]:
        raise IllegalMove("the delivery", state, wanted)


_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A claimed row of the ledger: which issue goes to whom.

    topics: empty for all. attempts: tries before this one. first_try: when the first was; None when there was none.
    """

    issue_id: int
    subscriber_id: int
    email: str
    name: str
    topics: frozenset[str]
    attempts: int
    first_try: datetime | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said. code: 0 when it said nothing (the connection broke).

    text: its words, on one line; whatever a server sends, no control character gets further than this.
    """

    code: int
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", one_line(self.text))

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code of RFC 3463 ("5.1.1"), None when the server gave none."""
        first = self.text.split(" ", 1)[0]
        return first if _ENHANCED.fullmatch(first) else None

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip() if self.code else self.text


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try ended: SENT, DEFERRED, FAILED, UNCERTAIN, PENDING (untried after all) or SKIPPED."""

    state: DeliveryState
    reply: Reply


@dataclass(frozen=True, slots=True)
class Tally:
    """The deliveries of one issue, counted by state. `waiting` are pending or claimed."""

    recipients: int = 0
    waiting: int = 0
    sent: int = 0
    deferred: int = 0
    failed: int = 0
    uncertain: int = 0
    skipped: int = 0
