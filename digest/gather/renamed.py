"""Whether a feed has only given its stories new names: other ids and other links for what is known (pure).

It happens when a site changes its domain or its software, and would bring every story once more. What is not here: finding
the known stories, and giving them their new names (store).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.model.story import RawStory

AT_LEAST = 3
_SAME_TIME = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Twin:
    """A known story of the same source under the same title."""

    story_id: int
    title_key: str
    published: datetime


def renamed(found: Sequence[RawStory], known: Mapping[int, int], twins: Sequence[Twin]) -> dict[int, int]:
    """Which of `found` are known stories under new names: position to story id; empty unless the whole feed is renamed.

    known: position to story id of those that are recognised by link or id. twins: the source's stories with their titles.
    It is renamed when more than half of the items, and three at least, are new by link and id but known by title, each
    title once here and once there, at about the same time. A weekly column bears its title again, but a week later; and
    where the old item stands beside the new one, it is another story. An item without a date proves nothing: a page of
    daily columns bears yesterday's titles over new stories.
    """
    seen = set(known.values())
    once = Counter(story.title_key for story in found)
    of_title = Counter(twin.title_key for twin in twins)
    by_title = {twin.title_key: twin for twin in twins if of_title[twin.title_key] == 1 and twin.story_id not in seen}
    pairs = {}
    for position, story in enumerate(found):
        twin = by_title.get(story.title_key) if story.title_key else None
        if position not in known and twin and once[story.title_key] == 1 and _at_one_time(story, twin):
            pairs[position] = twin.story_id
    return pairs if len(pairs) >= AT_LEAST and 2 * len(pairs) > len(found) else {}


def _at_one_time(story: RawStory, twin: Twin) -> bool:
    return story.published is not None and abs(story.published - twin.published) <= _SAME_TIME
