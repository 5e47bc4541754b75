"""One story from several sources: stories that tell of the same event are put together.

A leader algorithm: in the order of time, each story joins the cluster whose middle (centroid) is most like it, or
begins one. Chaining, by which a likes b and b likes c until everything is one, cannot happen that way. What began as two
because the first reports were short is put together at the end. False merges are worse than missed ones: two notes on
one event do no harm, but a story that vanishes in another one is lost.
What is not here: how alike texts are (likeness), what their titles contradict in (facts), who speaks for them
(representative), what is chosen (select).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from digest.compose.facts import contradict
from digest.compose.likeness import Vector, cosine, overlap
from digest.compose.places import elsewhere
from digest.compose.republished import republished
from digest.compose.texts import Text
from digest.model.story import Story

ALIKE = 0.40
"""A story joins a cluster whose centroid it is so like."""
PERHAPS = 0.26
"""So little is enough where the titles have at least half of the shorter one's terms in common, three of them, and they are
those that tell: "Council approves budget for …" is the beginning of many stories."""
TOGETHER = 0.50
"""Two clusters whose centroids are so like are one, where two of their titles and teasers say so too."""
WINDOW = timedelta(hours=120)
MOST = 10
"""More that are merely alike are a topic, no reports of one event; a wire report that twenty papers print is one report."""

_TITLE_OVERLAP, _TITLE_SHARED = 0.5, 3
_TITLE_ALIKE = 0.52
_TITLE_TERMS_MIN = 3
_EVIDENCE, _WITHOUT = 7, 0.55
_ELSEWHERE = 0.8
_CANDIDATES = 12
_POSTINGS = 60
_HOPELESS = 0.08
_TELLING_TEASER, _TEASER_ALIKE = 60, 0.08


@dataclass(frozen=True, slots=True)
class Cluster:
    """Stories of one event. members: oldest first."""

    members: tuple[Story, ...]

    @property
    def sources(self) -> frozenset[str]:
        """Every source that carried one of them."""
        return frozenset(source for story in self.members for source in (story.source, *story.also))


def clusters(texts: Mapping[int, Text]) -> list[Cluster]:
    """Put together what tells of the same event; the order of `texts` does not matter.

    Stories of one source are put together only where it brings one again.
    """
    index = _Index()
    for text in sorted(texts.values(), key=_in_time):
        group = _best(text, index.near(text))
        if group is None:
            index.begin(text)
        else:
            index.join(group, text)
    for group in index.groups:
        _reunite(index, group)
    alive = (sorted(group.members, key=_in_time) for group in index.groups if group.members)
    return [Cluster(tuple(member.story for member in members)) for members in alive]


def _in_time(text: Text) -> tuple[datetime, str, int]:
    return text.story.published, text.story.link_key, text.story.id


# -- who belongs together ----------------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class _Group:
    """A cluster in the making. total: the sum of its members' vectors."""

    members: list[Text]
    total: Vector
    number: int
    sources: set[str] = field(default_factory=set)

    def likeness(self, text: Text) -> float:
        """The cosine of the text and the centroid."""
        length = math.hypot(*self.total.values())
        return cosine(text.vector, self.total) / length if length else 0.0

    def likeness_to(self, other: _Group) -> float:
        """The cosine of the two centroids."""
        lengths = math.hypot(*self.total.values()) * math.hypot(*other.total.values())
        return cosine(self.total, other.total) / lengths if lengths else 0.0


def _best(text: Text, near: Iterable[_Group]) -> _Group | None:
    """The group that the text belongs to: the likest of those that take it."""
    taking = [(likeness, -group.number, group) for group in near if (likeness := _takes(group, text)) is not None]
    return max(taking, key=lambda found: found[:2])[2] if taking else None


def _takes(group: _Group, text: Text) -> float | None:
    """How like the group's centroid the text is, if it belongs there; None if not."""
    if text.story.published - group.members[0].story.published > WINDOW:
        return None
    if any(_same_page(text, member) for member in group.members):
        return 2.0
    if any(_same_title(text, member) for member in group.members):
        return None if any(_different_news(text, member) for member in group.members) else 1.5
    if any(_told_again(text, member) for member in group.members):
        return 1.25
    if len(group.members) >= MOST:
        return None
    if text.column or text.story.source in group.sources or any(member.column for member in group.members):
        return None
    likeness = group.likeness(text)
    if likeness < PERHAPS or any(contradict(text.story.title, member.story.title) for member in group.members):
        return None
    if likeness < _ELSEWHERE and any(elsewhere(text.story.title, member.story.title) for member in group.members):
        return None
    titles = any(_titles_overlap(text, member) for member in group.members)
    return likeness if titles or likeness >= _needed(group.members[0], text) else None


def _reunite(index: _Index, group: _Group) -> None:
    """Put a group to the one that tells of the same event, if there is one: first short reports may have begun two."""
    if len(group.members) < 2:
        return
    others = (other for other in index.beside(group) if other is not group and _one_event(group, other))
    if found := max(others, key=lambda other: (group.likeness_to(other), -other.number), default=None):
        older, newer = sorted((group, found), key=lambda each: each.number)
        members, newer.members = newer.members, []
        for member in members:
            index.join(older, member)


def _one_event(one: _Group, other: _Group) -> bool:
    """Whether two groups tell of one event: alike as a whole, and in titles and teasers of two; nothing contradicts."""
    if not other.members or len(one.members) + len(other.members) > MOST or one.sources & other.sources:
        return False
    moments = [member.story.published for member in (*one.members, *other.members)]
    if max(moments) - min(moments) > WINDOW or one.likeness_to(other) < TOGETHER:
        return False
    pairs = [(mine, its) for mine in one.members for its in other.members]
    if any(mine.column or its.column or _apart(mine.story.title, its.story.title) for mine, its in pairs):
        return False
    return any(_titles_overlap(mine, its) for mine, its in pairs)


def _apart(one: str, other: str) -> bool:
    return contradict(one, other) or elsewhere(one, other)


def _needed(leader: Text, text: Text) -> float:
    """How like its group a text must be: more, where there is little to compare. Headlines of two words prove nothing."""
    if min(len(set(text.title)), len(set(leader.title))) < _TITLE_TERMS_MIN:
        return math.inf
    shared = sum(term in leader.vector for term in text.vector)
    return ALIKE if shared >= _EVIDENCE else _WITHOUT


def _same_page(one: Text, other: Text) -> bool:
    return bool(one.story.link_key) and one.story.link_key == other.story.link_key


def _same_title(one: Text, other: Text) -> bool:
    return bool(one.story.title_key) and one.story.title_key == other.story.title_key and not one.column


def _told_again(text: Text, member: Text) -> bool:
    return text.story.source == member.story.source and republished(text.told, member.told, text.vocabulary)


def _different_news(one: Text, other: Text) -> bool:
    """Two sources with one headline on different events: their teasers are long and have nothing in common."""
    if one.story.source == other.story.source:
        return False
    if min(len(one.story.teaser), len(other.story.teaser)) < _TELLING_TEASER:
        return False
    told = set(one.teaser) - set(one.title), set(other.teaser) - set(other.title)
    return bool(told[0] and told[1]) and not told[0] & told[1]


def _titles_overlap(one: Text, other: Text) -> bool:
    share, shared = overlap(one.title, other.title)
    if share < _TITLE_OVERLAP or shared < _TITLE_SHARED:
        return False
    return cosine(one.heading, other.heading) >= _TITLE_ALIKE and _teasers_agree(one, other)


def _teasers_agree(one: Text, other: Text) -> bool:
    """Whether the teasers have something in common beyond the titles; where one is short, nobody can say."""
    if min(len(one.story.teaser), len(other.story.teaser)) < _TELLING_TEASER:
        return True
    titles = {*one.title, *other.title}
    first, second = ({t: v for t, v in text.vector.items() if t not in titles} for text in (one, other))
    lengths = math.hypot(*first.values()) * math.hypot(*second.values())
    return lengths > 0 and cosine(first, second) / lengths >= _TEASER_ALIKE


# -- finding candidates ------------------------------------------------------------------------------------------------


_NONE: dict[int, float] = {}


class _Index:
    """The groups, found again by their most telling terms.

    Two stories of one event share some of the dozen terms that count most in each. Looking only at these, and only at the
    newest groups of a term that many have, keeps the work in proportion to the number of stories.
    """

    def __init__(self) -> None:
        self.groups: list[_Group] = []
        # Group number to what the term weighs in its centroid; to nothing of interest for keys.
        self._by_term: dict[str, dict[int, float]] = {}
        self._by_key: dict[str, dict[int, float]] = {}

    def near(self, text: Text) -> list[_Group]:
        """The groups worth comparing, those with the same title or link among them."""
        numbers = self._likest({term: text.vector[term] for term in text.signature})
        for key in _keys(text):
            numbers |= dict.fromkeys(self._by_key.get(key, _NONE))
        return [self.groups[number] for number in numbers]

    def beside(self, group: _Group) -> list[_Group]:
        """The groups worth comparing with a group, itself among them."""
        return [self.groups[number] for number in self._likest(_signature(group.total, len(group.members)))]

    def _likest(self, weights: Vector) -> dict[int, None]:
        shared: dict[int, float] = {}
        for term, weight in weights.items():
            # The product is what this term adds to the cosine, but for the centroid's length.
            for number, its_weight in self._by_term.get(term, _NONE).items():
                shared[number] = shared.get(number, 0.0) + weight * its_weight
        hopeful = [(-likeness, number) for number, likeness in shared.items() if likeness > _HOPELESS]
        return dict.fromkeys(number for _, number in heapq.nsmallest(_CANDIDATES, hopeful))

    def begin(self, text: Text) -> None:
        """A group of one."""
        group = _Group([], {}, len(self.groups))
        self.groups.append(group)
        self.join(group, text)

    def join(self, group: _Group, text: Text) -> None:
        """Take the text into the group."""
        group.members.append(text)
        group.sources.update((text.story.source, *text.story.also))
        for term, value in text.vector.items():
            group.total[term] = group.total.get(term, 0.0) + value
        for term in text.signature:
            _enlist(self._by_term.setdefault(term, {}), group.number, group.total[term] / len(group.members))
        for key in _keys(text):
            _enlist(self._by_key.setdefault(key, {}), group.number, 1.0)


def _signature(total: Vector, members: int) -> Vector:
    """The most telling terms of a centroid."""
    terms = heapq.nsmallest(_CANDIDATES, total, key=lambda term: (-total[term], term))
    return {term: total[term] / members for term in terms}


def _keys(text: Text) -> tuple[str, ...]:
    return tuple(f"{kind} {key}" for kind, key in (("l", text.story.link_key), ("t", text.story.title_key)) if key)


def _enlist(postings: dict[int, float], number: int, weight: float) -> None:
    postings[number] = weight
    if len(postings) > _POSTINGS:
        del postings[next(iter(postings))]
