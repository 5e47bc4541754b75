"""The one story of a cluster that speaks for all of them.

What is not here: which stories are a cluster (cluster).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from digest.compose.likeness import TEASER_CHARACTERS
from digest.model.story import Story

_FULL = 0.6
_AGGREGATORS = frozenset({"news.google.com", "news.yahoo.com", "msn.com", "flipboard.com", "feedproxy.google.com"})


def representative(members: Sequence[Story], weights: Mapping[str, float]) -> Story:
    """The story that speaks for its cluster.

    Rather one that can be read than a stub before a paywall, the report itself than an aggregator's link to it, then the
    source of more weight, one with a teaser, the longer teaser, the earlier. Of what one source has told again only the
    last word counts.
    """

    def merit(story: Story) -> tuple[bool, bool, float, bool, int, datetime, str, int]:
        carriers = [weights[source] for source in (story.source, *story.also) if source in weights]
        return (
            story.walled, is_aggregator(story.link), -max(carriers, default=1.0), not story.teaser,
            -min(len(story.teaser), TEASER_CHARACTERS), story.published, story.link_key, story.id,
        )  # fmt: skip

    return min(_last_words(members), key=merit)


def _last_words(members: Iterable[Story]) -> Iterable[Story]:
    """Of each source's stories the newest; an older one if that is much fuller, as where only the headline came again."""
    of: dict[str, list[Story]] = {}
    for story in members:
        of.setdefault(story.source, []).append(story)
    for stories in of.values():
        fullest = max(min(len(story.teaser), TEASER_CHARACTERS) for story in stories)
        full = (story for story in stories if len(story.teaser) >= _FULL * fullest)
        yield max(full, key=lambda story: (story.published, story.first_seen, story.id))


def is_aggregator(link: str) -> bool:
    """Whether a link leads to a page that only passes readers on."""
    return (urlsplit(link).hostname or "").removeprefix("www.") in _AGGREGATORS
