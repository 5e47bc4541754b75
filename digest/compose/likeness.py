"""How alike two texts are: cosines of terms that count the more the rarer they are.

Two measures. `similarity` compares two titles word by word, also words of one root ("Nigeria", "Nigerian"); `cosine`
compares vectors of whole stories and is fast enough for thousands. Thresholds were set by cross-validation on 1,200
pairs of headlines that people had judged. What is not here: which stories become one (cluster).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from digest.compose.places import elsewhere
from digest.compose.words import terms

DUPLICATE = 0.62
"""Two titles at least this similar tell the same, but for their wording."""
SAME_STORY = 0.44
"""Two titles at least this similar tell of the same event."""

TEASER_CHARACTERS = 300
_PRIOR_TEXTS = 300.0
_COMMON, _RARE = 0.02, 0.003
_KIN = 0.9
_KIN_LETTERS = 5
_OTHER_NUMBERS, _NUMBER_MISSING = 0.25, 0.05
_ELSEWHERE = 0.2
# What every newsroom writes about, as a share of texts; our own estimate, for the days in which the pool knows little.
_COMMON_WORDS = """
    again against agree ahead aid air arrest ask attack back ban become begin big billion blast boost break bring
    build call case chief city claim close come company country court crash cut day deal death defence defense
    demand die drop early election end expand expect face fall family fight find fire first five force four free
    game gain get give go government group grow head health help high hit hold home hope hour hurt international job
    join jump keep kill king lead leader leave life live local long look lose low major make man market meet member
    military million minister month morning move name national near need news next night north offer office official
    old one open order part party pay people plan play police power president price protest public push put raise
    rate reach report return rise rule run second see seek sell send service set seven share show sign six south
    stand start state still stop strike suspect take talk team tell ten test thousand threat three time today top
    tour trade turn two urge use video visit vote want war warn watch way week weekend west win woman work world
    year young roundup weekly daily briefing digest update live latest quarter result
"""


@lru_cache(maxsize=1)
def _common_terms() -> frozenset[str]:
    return frozenset(terms(_COMMON_WORDS, "en"))


@dataclass(frozen=True)
class Vocabulary:
    """In how many of `texts` texts each term occurs; besides, a general estimate that counts as much as 300 texts.

    So the first issue of a site with ten stories is judged sanely, and a busy site by its own words.
    """

    texts: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: Iterable[Iterable[str]]) -> Vocabulary:
        """The vocabulary of texts that are given as terms."""
        counts: Counter[str] = Counter()
        known = [set(each) for each in texts]
        for each in known:
            counts.update(each)
        return cls(len(known), counts)

    @cached_property
    def _weights(self) -> dict[str, float]:
        return {}

    def weight(self, term: str) -> float:
        """How telling a term is: 4 to 10, about."""
        if (known := self._weights.get(term)) is not None:
            return known
        share = _COMMON if term in _common_terms() else _RARE
        found = math.log((self.texts + _PRIOR_TEXTS + 1) / (self.counts.get(term, 0) + _PRIOR_TEXTS * share + 0.5))
        self._weights[term] = found
        return found


GENERAL = Vocabulary()
"""The general estimate alone."""


# -- two titles --------------------------------------------------------------------------------------------------------


def similarity(one: str, other: str, vocabulary: Vocabulary = GENERAL, language: str | None = None) -> float:
    """How alike two titles are: 1 for the same words, 0 or less for none in common; `DUPLICATE`, `SAME_STORY` judge it.

    Words of one root count nearly as one. Numbers that differ take away, because a headline's number is its news; so do
    other places.
    """
    a, b = dict.fromkeys(terms(one, language)), dict.fromkeys(terms(other, language))
    if not a or not b:
        return 0.0
    weight = vocabulary.weight
    shared = sum(weight(term) ** 2 for term in a if term in b)
    kin = sum(_KIN * weight(x) * weight(y) for x, y in _kin(a, b))
    norms = sum(weight(term) ** 2 for term in a) * sum(weight(term) ** 2 for term in b)
    return (shared + kin) / math.sqrt(norms) - _number_penalty(a, b) - _ELSEWHERE * elsewhere(one, other)


def _kin(a: Iterable[str], b: Iterable[str]) -> list[tuple[str, str]]:
    """Terms of the one and of the other that begin alike; each counts once."""
    left = sorted(set(a) - set(b))
    right = sorted(set(b) - set(a))
    found = []
    for term in left:
        match = next((other for other in right if _is_kin(term, other)), None)
        if match is not None:
            found.append((term, match))
            right.remove(match)
    return found


def _is_kin(one: str, other: str) -> bool:
    if one[0] != other[0] or one[0].isdigit():
        return False
    shortest = min(len(one), len(other))
    letters = next((at for at in range(shortest) if one[at] != other[at]), shortest)
    return letters >= _KIN_LETTERS or (letters >= 4 and letters == shortest)


def _number_penalty(a: Iterable[str], b: Iterable[str]) -> float:
    first, second = ({term for term in side if term[0].isdigit()} for side in (a, b))
    if first - second and second - first:
        return _OTHER_NUMBERS / 2 if first & second else _OTHER_NUMBERS
    return _NUMBER_MISSING if first != second else 0.0


def overlap(one: Iterable[str], other: Iterable[str]) -> tuple[float, int]:
    """The share of the shorter title's terms that the other has too, and their number."""
    a, b = set(one), set(other)
    shared = len(a & b)
    return (shared / min(len(a), len(b)) if a and b else 0.0), shared


# -- whole stories -----------------------------------------------------------------------------------------------------

_LOUDNESS = (0.0, *(1.0 + math.log(number) for number in range(1, 32)))

Vector = dict[str, float]
"""Terms with their weights, of length 1; empty for a text without terms."""


def vector(title_terms: Iterable[str], teaser_terms: Iterable[str], vocabulary: Vocabulary) -> Vector:
    """A story as a vector: its title counts twice, and a word that is said again counts less each time."""
    counts = Counter(teaser_terms)
    for term in title_terms:
        counts[term] += 2
    weight = vocabulary.weight
    raw = {term: _LOUDNESS[min(number, 31)] * weight(term) for term, number in counts.items()}
    length = math.hypot(*raw.values())
    return {term: value / length for term, value in raw.items()} if length else {}


def cosine(one: Vector, other: Vector) -> float:
    """How alike two stories are: 0 to 1."""
    if len(one) > len(other):
        one, other = other, one
    return sum(value * other[term] for term, value in one.items() if term in other)
