"""Which stories an issue carries, in which order, and why.

    candidates -> kept out by a rule | clusters -> one story each -> scored -> the lead -> the rest, for variety ->
    sections

The rules, in the order in which they speak: remembered (an issue carried it), excluded by a word, too old, outside the
window, told already by another source, then the caps, likeness, and room. What is not here: where candidates and memory
come from (flow/produce), what an editor changes (edit).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from digest.compose import choice
from digest.compose.choice import Candidate, Section
from digest.compose.cluster import Cluster, clusters
from digest.compose.marks import for_readers
from digest.compose.rank import Scale, score
from digest.compose.representative import representative
from digest.compose.republished import Archive
from digest.compose.texts import Text, read
from digest.model.issue import AlsoIn, IssueStory, is_sponsored
from digest.model.story import Story, first_word_in


@dataclass(frozen=True, slots=True)
class Rules:
    """What a newsletter asks of a choice.

    since: stories seen up to then were for an earlier issue; None: there was none. per_source: at most so many of one
    source while others have something to say. weights: by source. include, exclude: words; a story needs one of the
    former (if there are any) and none of the latter. boost: word or topic to factor. per_month: stories a
    month, by source. language: of the stories that do not name theirs. series: source and title of columns that only
    their return gives away.
    """

    now: datetime
    since: datetime | None
    max_age: timedelta
    half_life: timedelta
    min: int
    max: int
    per_source: int
    weights: Mapping[str, float]
    include: Collection[str] = ()
    exclude: Collection[str] = ()
    boost: Mapping[str, float] = field(default_factory=dict)
    per_month: Mapping[str, float] = field(default_factory=dict)
    sections: Sequence[Section] = ()
    language: str | None = None
    series: Collection[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Carried:
    """The issue that carried a story. on: the day on which it was sent, as an editor reads it; "" when it has not left."""

    issue: int
    on: str = ""

    @property
    def sent(self) -> str:
        """When it went out, in words."""
        return f"sent on {self.on}" if self.on else "about to be sent"

    def reason(self, whose: str = "it") -> str:
        """Why a story is out: `whose` report the issue carried."""
        return f"out: issue {self.issue} carried {whose} ({self.sent})"


@dataclass(frozen=True, slots=True)
class Told:
    """A story that an issue carried."""

    story: Story
    carried: Carried


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen stories, the lead first; `why` has a sentence for every candidate, by story id.

    able: the stories that could have been chosen, by story id. carried: the ids of those that an issue has carried, or
    another source's report of them.
    """

    stories: tuple[IssueStory, ...]
    why: Mapping[int, str]
    able: Mapping[int, Candidate]
    carried: frozenset[int] = frozenset()


def select(
    candidates: Sequence[Story], carried: Mapping[int, Carried], rules: Rules, told: Sequence[Told] = ()
) -> Selection:
    """Choose from `candidates`; `carried` names, by story id, the issue that carried a story already.

    told: what earlier issues carried; what its source only tells again is out, at whatever address.
    """
    texts = read(candidates, rules.language, rules.series)
    again = _told_again([story for story in candidates if story.id not in carried], told, texts, rules)
    out = {story.id: reason for story in candidates if (reason := _kept_out(story, carried, again, rules))}
    sent = {story.id for story in candidates if story.id in carried}
    fit: list[Candidate] = []
    for cluster in clusters(texts):
        able = [story for story in cluster.members if story.id not in out]
        if before := _told_already(cluster, carried, again):
            out |= {story.id: _carried_with(story, before) for story in able}
            sent |= {story.id for story in able if before.story.id in carried}
            continue
        if not able:
            continue
        best = representative(able, rules.weights)
        out |= {story.id: _duplicate(best) for story in able if story is not best}
        fit.append(_candidate(best, cluster, texts[best.id].vector, rules))
    chosen, left = choice.choose(fit, _limits(rules))
    stories = tuple(issue_story(candidate, place, _passed_over(chosen)) for place, candidate in enumerate(chosen))
    why = out | left | {story.story_id: story.why for story in stories}
    return Selection(stories, why, {candidate.story.id: candidate for candidate in fit}, frozenset(sent))


def with_carriers(pool: Iterable[Story], selection: Selection) -> list[Story]:
    """The pool, each story that could be chosen with all who tell it: the same page, or a report of their own."""
    found = []
    for story in pool:
        able = selection.able.get(story.id)
        also = {*story.also, *(each.source for each in able.also)} if able else story.also
        found.append(replace(story, also=tuple(sorted(also))))
    return found


def in_order(pool: Sequence[Story], selection: Selection) -> list[Story]:
    """The pool as an editor wants to read it: the issue from its lead on, then what could have been in it, best first."""
    places = {story.story_id: story.position for story in selection.stories}
    scores = {story_id: candidate.score.value for story_id, candidate in selection.able.items()}

    def place(story: Story) -> tuple[float, float, float, int]:
        position, worth = places.get(story.id, len(places)), scores.get(story.id, -1.0)
        return position, -worth, -story.published.timestamp(), story.id

    return sorted(pool, key=place)


def next_best(selection: Selection, without: Collection[int]) -> IssueStory | None:
    """The story that would come next: a chosen one if there is one left, else the best of those that had no room."""
    left = [story for story in selection.stories if story.story_id not in without]
    if left:
        return max(left, key=lambda story: (story.score, -story.position))
    spare = [each for each in selection.able.values() if each.story.id not in without]
    best = min(spare, key=choice.rank, default=None)
    return issue_story(best, 0) if best else None


def by_hand(story: Story, rules: Rules) -> Candidate:
    """A story that an editor wants, whatever the rules say of it."""
    return _candidate(story, Cluster((story,)), {}, rules)


# -- what cannot be in it ----------------------------------------------------------------------------------------------


def _told_again(
    candidates: Iterable[Story], told: Sequence[Told], texts: Mapping[int, Text], rules: Rules
) -> dict[int, Told]:
    """What of earlier issues each of the candidates only tells again, by story id."""
    if not told or not texts:
        return {}
    before = {each.story.id: each for each in told}
    vocabulary = next(iter(texts.values())).vocabulary
    archive = Archive([each.story for each in told], vocabulary, rules.language)
    new = [story for story in candidates if not texts[story.id].column]
    found = ((story.id, archive.find(story, texts[story.id].title)) for story in new)
    return {story_id: before[earlier.id] for story_id, earlier in found if earlier is not None}


def _kept_out(story: Story, carried: Mapping[int, Carried], again: Mapping[int, Told], rules: Rules) -> str | None:
    """Why a story cannot be in this issue at all; None if it can."""
    if story.id in carried:
        return carried[story.id].reason()
    if story.id in again:
        return _carried_with(story, again[story.id])
    if hit := first_word_in(rules.exclude, story.title, story.teaser):
        return f"out: excluded by the word {hit!r}"
    if rules.include and not first_word_in(rules.include, story.title, story.teaser):
        return "out: has none of the words that this newsletter asks for"
    if rules.now - story.published > rules.max_age:
        if story.undated:
            return "out: no date; it stood there before we first looked"
        return f"out: published {_ago(rules.now - story.published)} ago, older than {_ago(rules.max_age)}"
    if rules.since is not None and story.first_seen <= rules.since:
        return "out: it was there for the last issue and not chosen"
    return None


def _told_already(cluster: Cluster, carried: Mapping[int, Carried], again: Mapping[int, Told]) -> Told | None:
    """What of a cluster an issue has carried, by which the whole of it is out; None where nothing of it was sent."""
    for story in cluster.members:
        if story.id in carried:
            return Told(story, carried[story.id])
    return next((again[story.id] for story in cluster.members if story.id in again), None)


def _carried_with(story: Story, before: Told) -> str:
    if story.source != before.story.source:
        return before.carried.reason(f"the same story from {before.story.source}")
    by = f"{before.carried.sent}, issue {before.carried.issue}"
    return f"out: duplicate of “{before.story.title}” ({by})"


def _duplicate(best: Story) -> str:
    return f"out: duplicate of “{best.title}” ({best.source})"


def _ago(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:.0f} h" if hours < 96 else f"{hours / 24:.0f} days"


# -- what can ----------------------------------------------------------------------------------------------------------


def _candidate(best: Story, cluster: Cluster, vector: dict[str, float], rules: Rules) -> Candidate:
    scale = Scale(rules.now, rules.half_life, rules.weights, rules.boost, rules.per_month)
    return Candidate(
        story=best,
        score=score(best, scale, cluster.sources),
        vector=vector,
        section=choice.section_of(best.topics, rules.sections),
        also=tuple(_also(best, cluster)),
    )


def _also(best: Story, cluster: Cluster) -> Iterable[AlsoIn]:
    """Who else has the story, each once, with the link to that report; other sources of the same page have that page's."""
    named = {best.source}
    for story in (best, *cluster.members):
        for source in (story.source, *story.also):
            if source not in named:
                named.add(source)
                yield AlsoIn(source, story.link, story.link_key)


def _limits(rules: Rules) -> choice.Limits:
    """A cap on sources is for variety: a newsletter with one source has nothing to vary, and takes what that source has."""
    per_source = rules.per_source if len(rules.weights) > 1 else None
    return choice.Limits(rules.min, rules.max, per_source, tuple(rules.sections))


def _passed_over(chosen: Sequence[Candidate]) -> int:
    """How many have a higher score than the lead, but no teaser to lead with."""
    able = (each for each in chosen[1:] if not is_sponsored(each.story.topics))
    return sum(each.score.value > chosen[0].score.value for each in able)


def issue_story(candidate: Candidate, position: int, passed_over: int = 0) -> IssueStory:
    """A candidate as it stands in an issue. passed_over: stories of a higher score that lack the teaser of a lead."""
    story = candidate.story
    place = f"in: rank {position + 1}"
    if position == 0:
        place = "in: the lead"
        place += f", before {passed_over} with a higher score but too short a teaser to lead" if passed_over else ""
    also = f"; also covered by {', '.join(each.source for each in candidate.also)}" if candidate.also else ""
    return IssueStory(
        story_id=story.id,
        position=position,
        source=story.source,
        link=story.link,
        link_key=story.link_key,
        guid=story.guid,
        title=for_readers(story.title),
        title_key=story.title_key,
        teaser=story.teaser,
        published=story.published,
        image=story.image,
        language=story.language,
        topics=story.topics,
        score=candidate.score.value,
        why=f"{place}; {candidate.score}{also}",
        section=candidate.section,
        also=candidate.also,
        factors=candidate.score.factors,
        minutes=story.minutes,
    )
