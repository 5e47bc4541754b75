"""From scored candidates to an issue: the lead, then greedily what is worth most and unlike what is chosen (MMR).

    J. Carbonell, J. Goldstein: The Use of MMR (SIGIR 1998)

Caps on sources and sections give way where the issue would fall below its minimum. What is not here: the scores (rank),
who may be a candidate at all (select).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from digest.compose.likeness import Vector, cosine
from digest.compose.rank import Score
from digest.model.issue import AlsoIn, is_sponsored
from digest.model.story import Story
from digest.model.titles import is_column

LAMBDA = 0.75
"""How much worth counts beside variety."""
ALIKE = 0.40
"""From here on two stories tell of one event, as a rule."""
REAL_TEASER = 80
"""Characters from which a teaser can carry a front page."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading for the stories of some topics; at most `max` under it."""

    title: str
    topics: tuple[str, ...]
    max: int


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A story that may be chosen. section: the title of the one it would stand in, "" for none."""

    story: Story
    score: Score
    vector: Vector
    section: str
    also: tuple[AlsoIn, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many stories an issue has, how many of one source (None: as many as there are), how many under each heading."""

    min: int
    max: int
    per_source: int | None
    sections: tuple[Section, ...] = ()


def section_of(topics: Iterable[str], sections: Iterable[Section]) -> str:
    """The title of the first section that has one of the topics; "" if none has."""
    own = frozenset(topic.casefold() for topic in topics)
    return next((each.title for each in sections if own & {topic.casefold() for topic in each.topics}), "")


def choose(candidates: Sequence[Candidate], limits: Limits) -> tuple[list[Candidate], dict[int, str]]:
    """The chosen ones in the order in which they stand, the lead first; and why each of the others is out, by story id."""
    ranked = sorted(candidates, key=rank)
    lead = _lead(ranked, limits)
    if lead is None:
        return [], {each.story.id: "out: a sponsored story needs others beside it" for each in ranked}
    draft = _Draft(limits, lead, _typical(ranked, limits))
    rest = [each for each in ranked if each is not lead]
    over = _fill(draft, rest)
    _give_way(draft, over)
    taken = frozenset(draft.taken)
    left = {each.story.id: over.get(each) or draft.too_late(each) for each in rest if each not in taken}
    return [lead, *_in_sections([each for each in rest if each in taken], limits)], left


def _typical(ranked: Sequence[Candidate], limits: Limits) -> float:
    """What a chosen story is worth, about: by this, variety is weighed.

    Not by the best: one that is boosted to many times the others' worth would leave them to variety alone.
    """
    return ranked[(min(len(ranked), limits.max) - 1) // 2].score.value


def _give_way(draft: _Draft, over: Iterable[Candidate]) -> None:
    """Take whom a cap kept out, as long as the issue lacks stories; a second sponsored story, or one it has, never."""
    for each in over:
        if len(draft.taken) >= draft.limits.min:
            return
        if not (draft.has(each) or (draft.sponsored and is_sponsored(each.story.topics))):
            draft.take(each)


def rank(candidate: Candidate) -> tuple[float, float, str, int]:
    """Sorts candidates: best first; ties by age, then source, then the order in which the source has them: its editors'."""
    story = candidate.story
    return -candidate.score.value, -story.published.timestamp(), story.source, story.id


def _lead(ranked: Sequence[Candidate], limits: Limits) -> Candidate | None:
    """The best with a real teaser leads: a headline alone makes a poor front page. None if all are sponsored.

    Looked for among as many as the issue has room for: a poor story is no better for its long teaser.
    """
    able = [each for each in ranked if not is_sponsored(each.story.topics)][: limits.max]
    real = (each for each in able if len(each.story.teaser) >= REAL_TEASER)
    some = (each for each in able if each.story.teaser)
    return next(real, None) or next(some, None) or next(iter(able), None)


class _Draft:
    """An issue in the making."""

    def __init__(self, limits: Limits, lead: Candidate, typical: float) -> None:
        self.limits = limits
        self.taken: list[Candidate] = []
        self.sponsored = False
        self._typical = typical or 1.0
        self._maxima = {section.title: section.max for section in limits.sections}
        self._of_source: Counter[str] = Counter({lead.story.source: 1})
        self._of_section: Counter[str] = Counter()
        self._likeness: dict[int, tuple[float, int, str]] = {}
        self._identities = set(_identities(lead.story))
        self.taken.append(lead)

    def take(self, candidate: Candidate) -> None:
        self.taken.append(candidate)
        self._of_source[candidate.story.source] += 1
        self._of_section[candidate.section] += 1
        self.sponsored |= is_sponsored(candidate.story.topics)
        self._identities.update(_identities(candidate.story))

    def has(self, candidate: Candidate) -> bool:
        """Whether the issue has a story with the candidate's link or its telling title: nobody reads one headline twice."""
        return not self._identities.isdisjoint(_identities(candidate.story))

    def refuses(self, candidate: Candidate) -> str | None:
        """The cap that stands against a candidate; None if none does."""
        source, section = candidate.story.source, candidate.section
        if self.has(candidate):
            return "out: the issue has a story with its title or its link"
        if self.limits.per_source is not None and self._of_source[source] >= self.limits.per_source:
            return f"out: there are {self.limits.per_source} stories of {source} already"
        if section in self._maxima and self._of_section[section] >= self._maxima[section]:
            return f"out: the section “{section}” is full ({self._maxima[section]})"
        if self.sponsored and is_sponsored(candidate.story.topics):
            return "out: one sponsored story is enough"
        return None

    def worth(self, candidate: Candidate) -> float:
        """What the candidate adds: its worth, less for its likeness to what is chosen.

        Twice as much less where only a number kept it from being the same story: "12 hurt", "14 hurt".
        """
        likeness = self._likest(candidate)[0]
        return self.at_most(candidate) - (1 - LAMBDA) * likeness * (2 if likeness >= ALIKE else 1)

    def at_most(self, candidate: Candidate) -> float:
        """What it would add if it were like nothing chosen."""
        return LAMBDA * candidate.score.value / self._typical

    def too_late(self, candidate: Candidate) -> str:
        """Why a candidate that no cap refused is out: too like a chosen one, or no room."""
        likeness, title = self._likest(candidate)
        worse = min(each.score.value for each in self.taken)
        if candidate.score.value > worse and likeness > 0:
            return f"out: too like “{title}” ({likeness:.2f})"
        return f"out: the issue is full ({self.limits.max} stories)"

    def _likest(self, candidate: Candidate) -> tuple[float, str]:
        """The likeness to the likest of the chosen, and its title; what was compared once is kept."""
        likeness, seen, title = self._likeness.get(candidate.story.id, (0.0, 0, ""))
        for each in self.taken[seen:]:
            if (found := cosine(candidate.vector, each.vector)) > likeness:
                likeness, title = found, each.story.title
        self._likeness[candidate.story.id] = likeness, len(self.taken), title
        return likeness, title


def _identities(story: Story) -> Iterable[tuple[str, str]]:
    """What no two stories of an issue have in common. A column's title says nothing of what is in it."""
    if story.link_key:
        yield "link", story.link_key
    if story.title_key and not is_column(story.title):
        yield "title", story.title_key


def _fill(draft: _Draft, ranked: Sequence[Candidate]) -> dict[Candidate, str]:
    """Take what adds most until the issue is full; give back whom a cap kept out, best first."""
    waiting = list(ranked)
    while len(draft.taken) < draft.limits.max:
        best = _next(draft, waiting)
        if best is None:
            break
        waiting.remove(best)
        draft.take(best)
    full = len(draft.taken) == draft.limits.max
    return {each: reason for each in waiting if (reason := draft.refuses(each)) and not (full and _beyond(each, draft))}


def _beyond(candidate: Candidate, draft: _Draft) -> bool:
    """Whether a candidate would have found no room anyway."""
    return candidate.score.value < min(each.score.value for each in draft.taken)


def _next(draft: _Draft, ranked: Sequence[Candidate]) -> Candidate | None:
    """The one that adds most. `ranked` is best first, so what cannot reach the best found needs no look."""
    best: Candidate | None = None
    most = 0.0
    for each in ranked:
        if best is not None and draft.at_most(each) <= most:
            break
        if draft.refuses(each):
            continue
        if best is None or draft.worth(each) > most:
            best, most = each, draft.worth(each)
    return best


def _in_sections(chosen: Sequence[Candidate], limits: Limits) -> list[Candidate]:
    """Section by section, those of no section last; within each, best first."""
    places = {section.title: place for place, section in enumerate(limits.sections)}
    return sorted(chosen, key=lambda each: places.get(each.section, len(places)))
