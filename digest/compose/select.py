"""Which stories an issue carries, in which order, and why.

The rules, in the order in which they speak: remembered (an issue carried it), excluded by a word, outside the window, too
old, one source too often, no room. What is not here: where candidates and memory come from (flow/produce).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.compose.rank import Score, score
from digest.model.issue import IssueStory
from digest.model.story import Story, first_word_in


@dataclass(frozen=True, slots=True)
class Rules:
    """What a newsletter asks of a choice.

    since: stories seen up to then were for an earlier issue; None: there was none. per_source: at most so many of one
    source while others have something to say. weights: by source. include, exclude: words; a story needs one of the
    former (if there are any) and none of the latter.
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


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen stories, the lead first; `why` has a sentence for every candidate, by story id."""

    stories: tuple[IssueStory, ...]
    why: Mapping[int, str]


def select(candidates: Sequence[Story], carried: Mapping[int, int], rules: Rules) -> Selection:
    """Choose from `candidates`; `carried` names, by story id, the issue that carried a story already."""
    out = {story.id: reason for story in candidates if (reason := _kept_out(story, carried, rules))}
    ranked = _ranked([story for story in candidates if story.id not in out], rules)
    chosen, left = _fill(ranked, rules)
    if chosen:
        chosen = _lead_first(chosen)
    stories = tuple(_issue_story(story, place, points) for place, (story, points) in enumerate(chosen))
    return Selection(stories, out | left | {story.story_id: story.why for story in stories})


def _kept_out(story: Story, carried: Mapping[int, int], rules: Rules) -> str | None:
    """Why a story cannot be in this issue at all; None if it can."""
    if story.id in carried:
        return f"out: issue {carried[story.id]} carried it"
    if hit := first_word_in(rules.exclude, story.title, story.teaser):
        return f"out: excluded by the word {hit!r}"
    if rules.include and not first_word_in(rules.include, story.title, story.teaser):
        return "out: has none of the words that this newsletter asks for"
    if rules.now - story.published > rules.max_age:
        return f"out: published {_ago(rules.now - story.published)} ago, older than {_ago(rules.max_age)}"
    if rules.since is not None and story.first_seen <= rules.since:
        return "out: it was there for the last issue and not chosen"
    return None


def _ranked(candidates: Sequence[Story], rules: Rules) -> list[tuple[Story, Score]]:
    """Best first; ties by age, then source, then the order in which the source has them."""
    scored = [(story, score(story, rules.weights, rules.now, rules.half_life)) for story in candidates]
    return sorted(scored, key=lambda pair: (-pair[1].value, -pair[0].published.timestamp(), pair[0].source, pair[0].id))


def _fill(ranked: Sequence[tuple[Story, Score]], rules: Rules) -> tuple[list[tuple[Story, Score]], dict[int, str]]:
    """Take the best, with a cap on each source; the cap gives way where it would leave fewer than `min`.

    A cap is for variety: a newsletter with one source has nothing to vary, and takes what that source has.
    """
    cap = rules.per_source if len(rules.weights) > 1 else rules.max
    taken: list[tuple[Story, Score]] = []
    over_cap: list[tuple[Story, Score]] = []
    left: dict[int, str] = {}
    used: Counter[str] = Counter()
    for pair in ranked:
        story = pair[0]
        if len(taken) == rules.max:
            left[story.id] = f"out: the issue is full ({rules.max} stories)"
        elif used[story.source] >= cap:
            left[story.id] = f"out: there are {cap} stories of {story.source} already"
            over_cap.append(pair)
        else:
            used[story.source] += 1
            taken.append(pair)
    spare = over_cap[: max(0, rules.min - len(taken))]
    for story, _ in spare:
        del left[story.id]
    return sorted([*taken, *spare], key=ranked.index), left


def _lead_first(chosen: list[tuple[Story, Score]]) -> list[tuple[Story, Score]]:
    """The best story with a teaser leads: a headline alone makes a poor front page."""
    lead = next((pair for pair in chosen if pair[0].teaser), chosen[0])
    return [lead, *(pair for pair in chosen if pair is not lead)]


def _issue_story(story: Story, position: int, points: Score) -> IssueStory:
    place = "in: the lead" if position == 0 else f"in: rank {position + 1}"
    also = f", also in {', '.join(story.also)}" if story.also else ""
    return IssueStory(
        story_id=story.id,
        position=position,
        source=story.source,
        link=story.link,
        link_key=story.link_key,
        guid=story.guid,
        title=story.title,
        title_key=story.title_key,
        teaser=story.teaser,
        published=story.published,
        image=story.image,
        language=story.language,
        topics=story.topics,
        score=points.value,
        why=f"{place}; {points}{also}",
    )


def _ago(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:.0f} h" if hours < 96 else f"{hours / 24:.0f} days"
