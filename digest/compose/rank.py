"""How much a story is worth now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.model.story import Story


@dataclass(frozen=True, slots=True)
class Score:
    """A story's worth and the factors that it is the product of, each fit to be shown to an editor."""

    weight: float
    freshness: float

    @property
    def value(self) -> float:
        """The product: larger comes first."""
        return self.weight * self.freshness

    def __str__(self) -> str:
        return f"score {self.value:.2f} = weight {self.weight:g} × freshness {self.freshness:.2f}"


def score(story: Story, weights: Mapping[str, float], now: datetime, half_life: timedelta) -> Score:
    """weight × freshness: freshness is 1 for a story of this moment and halves with every `half_life`.

    weights: by source name; a story that several of the newsletter's sources carry counts with the highest.
    """
    carriers = [weights[source] for source in (story.source, *story.also) if source in weights]
    age = max(timedelta(), now - story.published)
    return Score(max(carriers, default=1.0), 0.5 ** (age / half_life))
