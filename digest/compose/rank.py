"""How much a story is worth now, as a product of factors that an editor can follow.

What is not here: which stories are chosen (select), which are one story (cluster).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.model.story import Story, first_word_in

BOOST_MIN, BOOST_MAX = 0.25, 4.0
"""However many words of `rank.boost` a story has, it counts at most four times as much, and at least a quarter."""
OFTEN = 30
"""A source with so many stories a month or more is not rare."""


@dataclass(frozen=True, slots=True)
class Score:
    """A story's worth and the factors that it is the product of, each fit to be shown to an editor.

    weight: of the source. freshness: 1 for a story of this moment. corroboration: 1 when one source has it alone.
    boost: of words and topics. rarity: 1 for a source that writes daily, up to 2 for one that hardly ever does.
    words: what `boost` comes from, as the settings have it.
    """

    weight: float
    freshness: float
    corroboration: float = 1.0
    boost: float = 1.0
    rarity: float = 1.0
    words: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """The product: larger comes first."""
        return self.weight * self.freshness * self.corroboration * self.boost * self.rarity

    @property
    def factors(self) -> tuple[tuple[str, float], ...]:
        """Each factor by its name."""
        return (
            ("weight", self.weight),
            ("freshness", round(self.freshness, 4)),
            ("corroboration", round(self.corroboration, 4)),
            ("boost", round(self.boost, 4)),
            ("rarity", round(self.rarity, 4)),
        )

    def __str__(self) -> str:
        """Without the factors that change nothing, but for the first two."""
        told = [f"weight {self.weight:g}", f"freshness {self.freshness:.2f}"]
        words = {"boost": f" ({', '.join(self.words)})"}
        told += [f"{name} {value:.2f}{words.get(name, '')}" for name, value in self.factors[2:] if value != 1.0]
        return f"score {self.value:.2f} = {' × '.join(told)}"


@dataclass(frozen=True, slots=True)
class Scale:
    """By what a newsletter measures stories.

    weights: by source name. boost: word or topic to factor. per_month: how many stories a month each source has; one
    that is not in it counts as frequent.
    """

    now: datetime
    half_life: timedelta
    weights: Mapping[str, float]
    boost: Mapping[str, float]
    per_month: Mapping[str, float]


def score(story: Story, scale: Scale, sources: Iterable[str] = ()) -> Score:
    """What a story is worth by `scale`.

    sources: who else tells the same story; a story that several of the newsletter's sources carry counts with the highest
    weight of them.
    """
    carriers = {story.source, *story.also, *sources}
    age = max(timedelta(), scale.now - story.published)
    boosts = _boosts(story, scale.boost)
    return Score(
        weight=max((scale.weights[source] for source in carriers if source in scale.weights), default=1.0),
        freshness=0.5 ** (age / scale.half_life),
        corroboration=1 + 0.5 * math.log2(len(carriers)),
        boost=min(BOOST_MAX, max(BOOST_MIN, math.prod(boosts.values()))),
        rarity=_rarity(scale.per_month.get(story.source, OFTEN)),
        words=tuple(boosts),
    )


def _boosts(story: Story, boost: Mapping[str, float]) -> dict[str, float]:
    """The factors of the words and topics that the story has; that of a word in the title counts twice."""
    topics = frozenset(topic.casefold() for topic in story.topics)
    found = {}
    for word, factor in boost.items():
        if first_word_in((word,), story.title, ""):
            found[word] = factor * factor
        elif word.casefold() in topics or first_word_in((word,), "", story.teaser):
            found[word] = factor
    return found


def _rarity(per_month: float) -> float:
    return max(1.0, 2.0 - per_month / OFTEN)
