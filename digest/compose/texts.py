"""Stories as they are compared: their terms, their vectors, what of them would be told again.

What is not here: which of them are one (cluster, republished).
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from digest.compose.likeness import TEASER_CHARACTERS, Vector, Vocabulary, vector
from digest.compose.republished import Told, told
from digest.compose.words import terms
from digest.model.story import Story
from digest.model.titles import is_column

_SIGNATURE = 12


@dataclass(frozen=True)
class Text:
    """What is compared of a story. vector: of title and teaser. signature: its most telling terms."""

    story: Story
    title: tuple[str, ...]
    teaser: tuple[str, ...]
    vector: Vector
    signature: tuple[str, ...]
    column: bool
    vocabulary: Vocabulary
    language: str | None = None

    @property
    def heading(self) -> Vector:
        """The vector of the title alone; made when it is wanted, which is seldom."""
        return vector(self.title, (), self.vocabulary)

    @cached_property
    def told(self) -> Told:
        """What of it would be told again by its own source; made when it is wanted, which is seldom too."""
        return told(self.story, self.language, series=self.column)


def read(
    stories: Iterable[Story], language: str | None = None, series: Collection[tuple[str, str]] = ()
) -> dict[int, Text]:
    """The stories as texts, by id; how telling a word is, these stories say.

    language: of those that do not name theirs. series: by source, the titles that come regularly.
    """
    split = [(story, *_split(story, story.language or language)) for story in stories]
    vocabulary = Vocabulary.of([*title, *teaser] for _, title, teaser in split)
    return {story.id: _text(story, title, teaser, vocabulary, language, series) for story, title, teaser in split}


def _split(story: Story, language: str | None) -> tuple[list[str], list[str]]:
    return terms(story.title, language), terms(story.teaser[:TEASER_CHARACTERS], language)


def _text(
    story: Story,
    title: Sequence[str],
    teaser: Sequence[str],
    vocabulary: Vocabulary,
    language: str | None,
    series: Collection[tuple[str, str]],
) -> Text:
    weights = vector(title, teaser, vocabulary)
    signature = heapq.nsmallest(_SIGNATURE, weights, key=lambda term: (-weights[term], term))
    column = is_column(story.title) or (story.source, story.title) in series
    return Text(story, tuple(title), tuple(teaser), weights, tuple(signature), column, vocabulary, language)
