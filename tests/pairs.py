"""A small sample of a large matrix of cases."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any


def pairwise(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Few of the rows, in which every two values that ever meet do meet: the next is always the one with most new pairs."""
    left = {row: set(itertools.combinations(enumerate(row), 2)) for row in rows}
    chosen = []
    while any(left.values()):
        best = max(left, key=lambda row: len(left[row]))
        chosen.append(best)
        met = frozenset(left[best])
        for pairs in left.values():
            pairs -= met
    return chosen
