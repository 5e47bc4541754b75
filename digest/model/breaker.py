"""When too many mails of an issue are refused for it to go on. Pure: the last results in, a verdict out.

What is not here: the rows it is counted in (store/breakers), pausing the issue (flow/breaking).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

WINDOW = 200
"""Results that are looked at together."""
COHORT = 200
COHORT_SHARE = 0.01
"""The first cohort: so many mails, or this share of the issue if that is more, go out before all others."""

TAKEN, REFUSED = ".", "x"


@dataclass(frozen=True, slots=True)
class Window:
    """The last results of an issue, oldest first, a letter each. tripped: how many were refused when it was too many."""

    recent: str = ""
    tripped: int | None = None


def cohort(recipients: int) -> int:
    """How many mails of an issue go out first."""
    return max(COHORT, -int(-recipients * COHORT_SHARE // 1))


def count(before: Window, results: Iterable[str], max_failed: int) -> Window:
    """The window after `results`; tripped as soon as more than `max_failed` of any 200 in a row were refused."""
    recent, refused = list(before.recent), before.recent.count(REFUSED)
    tripped = before.tripped
    for result in results:
        recent.append(result)
        refused += result == REFUSED
        if len(recent) > WINDOW:
            refused -= recent.pop(0) == REFUSED
        if tripped is None and refused > max_failed:
            tripped = refused
    return Window("".join(recent), tripped)
