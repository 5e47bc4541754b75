"""Which titles one source uses again and again for something new: the column that no list of words knows.

What is not here: columns that their words give away (model/titles), instalments whose titles differ (numbering).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from digest.compose.likeness import TEASER_CHARACTERS
from digest.compose.words import terms

_APART = timedelta(hours=20)
_LEFT_OUT = 4.5
_UNSTEADY = 0.2
"""By so much of its rhythm an instalment may be early or late."""
_TELLING = 60
"""Characters from which a teaser proves something."""


def is_series(title: str, instalments: Collection[tuple[datetime, str]], language: str | None = None) -> bool:
    """Whether one source's stories of one title, each with its instant and teaser, are instalments of a column.

    They come a day or more after each other, no two with one teaser: a story that is republished keeps its own. Three in a
    rhythm are enough; where there is none, or only two have come, the teasers must have nothing in common.
    """
    ordered = sorted(instalments)
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(ordered)]
    teasers = [teaser for _, teaser in ordered]
    if not gaps or min(gaps) < _APART or len(set(teasers)) < len(teasers):
        return False
    return _in_rhythm(gaps) or _each_of_something_else(title, teasers, language)


def _in_rhythm(gaps: Sequence[timedelta]) -> bool:
    """An instalment may be left out: a daily column has no Sunday. One gap is no rhythm."""
    beats = [gap / min(gaps) for gap in gaps]
    return len(beats) > 1 and all(beat < _LEFT_OUT and abs(beat - round(beat)) <= _UNSTEADY for beat in beats)


def _each_of_something_else(title: str, teasers: Sequence[str], language: str | None) -> bool:
    if min(map(len, teasers)) < _TELLING:
        return False
    of_title = frozenset(terms(title, language))
    told = [frozenset(terms(teaser[:TEASER_CHARACTERS], language)) - of_title for teaser in teasers]
    return all(one and other and not one & other for one, other in pairwise(told))
