"""One source's story that it brings again: a new id, a new address, a mark before the headline, a word put right.

Two stories of one source are one where the second has nothing new to tell. Their titles say whether they could be: alike
but for marks ("UPDATE 1-", "live") and a few words, with the same numbers, days and parts. Where words differ, their
teasers decide: what has a new fact to tell has a new teaser, and is a story of its own.
What is not here: the marks themselves (marks), stories of two sources (cluster), those with one link or exactly one title
(cluster, store/stories).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from digest.compose.likeness import TEASER_CHARACTERS, Vocabulary
from digest.compose.marks import without_marks
from digest.compose.numbering import numbering
from digest.compose.places import elsewhere
from digest.compose.words import terms
from digest.model.story import Story
from digest.model.titles import is_column

_TERMS_MIN = 3
"""Titles of fewer terms prove nothing."""
_TITLE_SHARED = 0.5
"""So much of the weightier title the two have in common, if one teaser holds the other."""
_TEASER_HELD = 0.75
"""So much of the lighter teaser's weight is in the other one, where a story was only touched up."""
_TELLING = 60
"""Characters from which a teaser proves something."""
_SLUG_WORDS = 4
_SLIP_LETTERS = 5
_TURNING_WORDS = """no not never nor again against more without off nicht kein keine keinen keiner nie wieder gegen mehr
    ohne pas plus jamais sans contre ne sin contra más nunca non mai senza contro più niet geen zonder tegen meer não sem
    mais لا لم لن ليس ضد دون"""
_TURNING = frozenset(_TURNING_WORDS.split())


@dataclass(frozen=True, slots=True)
class Told:
    """A story as it is compared with what its source tells later: the terms of its title without marks, of its teaser.

    column: its title says nothing of what is in it.
    """

    story: Story
    title: frozenset[str]
    teaser: frozenset[str]
    column: bool


def told(story: Story, language: str | None = None, *, series: bool = False) -> Told:
    """A story ready to be compared. language: of a story that does not name its own. series: its title comes regularly."""
    tag = story.language or language
    title = frozenset(terms(without_marks(story.title), tag))
    return Told(story, title, frozenset(terms(story.teaser[:TEASER_CHARACTERS], tag)),
                series or is_column(story.title))  # fmt: skip


def republished(one: Told, other: Told, vocabulary: Vocabulary) -> bool:
    """Whether one source has told the same twice; the same both ways."""
    if one.story.source != other.story.source or min(len(one.title), len(other.title)) < _TERMS_MIN:
        return False
    if one.column or other.column:
        return False
    bare = without_marks(one.story.title), without_marks(other.story.title)
    if numbering(bare[0]) != numbering(bare[1]):
        return False
    if elsewhere(one.story.title, other.story.title):
        return False
    if _turns(one.story.title) != _turns(other.story.title):
        return False
    if bare[0].casefold() == bare[1].casefold():
        return True
    if one.title == other.title:
        return not _unlike_teasers(one, other)
    if _of_weight(_shared(one.title, other.title), (one.title, other.title), max, vocabulary) < _TITLE_SHARED:
        return False
    return _same_account(one, other, vocabulary)


def _turns(title: str) -> frozenset[str]:
    """The small words of a title that turn its sense round; as terms, they count for nothing."""
    return _TURNING.intersection(re.findall(r"\w+", title.casefold()))


def _unlike_teasers(one: Told, other: Told) -> bool:
    """Whether both tell more than the title does, and have nothing of it in common."""
    if not _both_tell(one, other):
        return False
    said = one.teaser - one.title, other.teaser - other.title
    return bool(said[0] and said[1]) and not said[0] & said[1]


def _same_account(one: Told, other: Told, vocabulary: Vocabulary) -> bool:
    """Whether stories whose titles differ in some words tell the same nevertheless."""
    if not _both_tell(one, other):
        # Nothing but a slip of the pen, or an address that was kept when the headline was mended.
        return _only_slips(one.title, other.title) or _same_slug(one.story.link_key, other.story.link_key)
    held = _of_weight(one.teaser & other.teaser, (one.teaser, other.teaser), min, vocabulary)
    return held >= _TEASER_HELD and not _each_its_own(one, other)


def _each_its_own(one: Told, other: Told) -> bool:
    """Whether each names in title and teaser what the other names nowhere: two cases of one kind, told by one pattern."""

    def own(mine: Told, its: Told) -> bool:
        return bool((mine.title & mine.teaser) - its.title - its.teaser)

    return own(one, other) and own(other, one)


def _both_tell(one: Told, other: Told) -> bool:
    return min(len(one.story.teaser), len(other.story.teaser)) >= _TELLING


def _of_weight(
    shared: Iterable[str],
    sides: Sequence[Iterable[str]],
    which: Callable[[Iterable[float]], float],
    vocabulary: Vocabulary,
) -> float:
    """What share of the heavier (max) or the lighter (min) side's weight is shared."""
    whole = which(sum(map(vocabulary.weight, side)) for side in sides)
    return sum(map(vocabulary.weight, shared)) / whole if whole else 0.0


def _shared(one: frozenset[str], other: frozenset[str]) -> set[str]:
    """The terms of the one that the other has too, slips of the pen forgiven."""
    left = sorted(other - one)
    return set(one & other) | {term for term in one - other if any(_is_slip(term, its) for its in left)}


def _only_slips(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one) == len(other) and len(_shared(one, other)) == len(one) == len(_shared(other, one))


def _is_slip(term: str, other: str) -> bool:
    """Whether two words are one that was misspelt: a letter too many, another one, or two that changed places."""
    if min(len(term), len(other)) < _SLIP_LETTERS or term[0] != other[0] or abs(len(term) - len(other)) > 1:
        return False
    ahead = _alike(term, other)
    behind = _alike(term[ahead:][::-1], other[ahead:][::-1])
    wrong, right = term[ahead : len(term) - behind], other[ahead : len(other) - behind]
    return max(len(wrong), len(right)) <= 1 or (len(wrong) == 2 and wrong == right[::-1])


def _alike(one: str, other: str) -> int:
    """With how many letters in common two words begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _same_slug(one: str, other: str) -> bool:
    words = _slug(one)
    return len(words) >= _SLUG_WORDS and words == _slug(other)


def _slug(link: str) -> tuple[str, ...]:
    """The words of the longest part of an address; dates, numbers and endings left out."""
    parts = [re.sub(r"\.\w{2,5}$", "", part) for part in unquote(urlsplit(link).path).casefold().split("/")]
    words: list[list[str]] = [
        [word for word in re.split(r"[^\w]+|_", part) if word and not any(map(str.isdigit, word))] for part in parts
    ]
    return tuple(sorted(words, key=len)[-1]) if words else ()


# -- among many --------------------------------------------------------------------------------------------------------


class Archive:
    """What was told before, found again by the source and the words of its title."""

    def __init__(self, before: Iterable[Story], vocabulary: Vocabulary, language: str | None = None) -> None:
        self._told = [told(each, language) for each in before]
        self._vocabulary = vocabulary
        self._language = language
        self._places: dict[tuple[str, str], list[int]] = {}
        for place, each in enumerate(self._told):
            for term in each.title:
                self._places.setdefault((each.story.source, term), []).append(place)

    def find(self, story: Story, title: Iterable[str]) -> Story | None:
        """The latest story of the archive that `story` only tells again; None if there is none.

        title: its terms, by which is found what is worth comparing: what has half of its own.
        """
        shared = Counter(place for term in set(title) for place in self._places.get((story.source, term), ()))
        near = [each for place, number in shared.items() if 2 * number >= len((each := self._told[place]).title)]
        if not near:
            return None
        new = told(story, self._language)
        found = [each.story for each in near if each.story.id != story.id and republished(new, each, self._vocabulary)]
        return max(found, key=lambda each: (each.published, each.id), default=None)
