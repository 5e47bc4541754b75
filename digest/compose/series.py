"""Which titles one source uses again and again for something new: the column that no list of words knows.

What is not here: columns that their words give away (model/titles), instalments whose titles differ (numbering).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import pairwise

_INSTALMENTS = 3
_RHYTHM_MIN = timedelta(hours=20)
_LEFT_OUT = 4.5
_UNSTEADY = 0.2
"""By so much of its rhythm an instalment may be early or late."""


def is_series(instalments: Collection[tuple[datetime, str]]) -> bool:
    """Whether stories of one title, each with its instant and teaser, come in a rhythm of a day or more, each with news.

    An instalment may be left out: a daily column has no Sunday. A story that is republished keeps its teaser.
    """
    teasers = {teaser for _, teaser in instalments}
    if len(teasers) < max(_INSTALMENTS, len(instalments)):
        return False
    instants = sorted(instant for instant, _ in instalments)
    gaps = [later - earlier for earlier, later in pairwise(instants)]
    rhythm = min(gaps)
    beats = [gap / rhythm for gap in gaps] if rhythm >= _RHYTHM_MIN else []
    return bool(beats) and all(beat < _LEFT_OUT and abs(beat - round(beat)) <= _UNSTEADY for beat in beats)
