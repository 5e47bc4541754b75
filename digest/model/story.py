"""Stories, through their lives: found in a source (RawStory), kept in the pool (Story).

What is not here: how they are found (gather), whether they are chosen (compose).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

UNDATED_AGE = timedelta(days=365)
"""How old a feed's dateless stories of its first fetch count: nobody knows, so they are no news."""


@dataclass(frozen=True, slots=True)
class RawStory:
    """A story as one fetch of one source found it; cleaned, not yet stored.

    link: absolute, for readers, without tracking parameters. link_key: the link's identity (`gather.identity`).
    title_key: the title's identity, "" when the title is too common to identify anything. guid: the source's own id.
    published: None when the source names no date. topics: the source's. minutes: that reading the whole article takes; None
    where nobody has seen the whole. walled: readers without a subscription find a stub. canonical_key: the key of the link
    that the page calls its own, of the same registrable domain; "" where that is not known or no other.
    """

    source: str
    guid: str | None
    link: str
    link_key: str
    title: str
    title_key: str
    teaser: str
    published: datetime | None = None
    image: str | None = None
    language: str | None = None
    topics: tuple[str, ...] = ()
    minutes: int | None = None
    walled: bool = False
    canonical_key: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """A stored story. also: other sources that carried it. minutes, walled: as a RawStory's.

    published: where the source named no date, first seen, or UNDATED_AGE before (`undated`).
    """

    id: int
    source: str
    guid: str | None
    link: str
    link_key: str
    title: str
    title_key: str
    teaser: str
    published: datetime
    first_seen: datetime
    image: str | None = None
    language: str | None = None
    topics: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    minutes: int | None = None
    walled: bool = False

    @property
    def undated(self) -> bool:
        """Whether it has no date and stood in its feed before we first looked, so that `published` says nothing."""
        # To the microsecond: a date that a source names is not so by chance.
        return self.first_seen - self.published == UNDATED_AGE


class Kept(StrEnum):
    """What became of a story that its source hands over by an id of its own.

    sent: an issue has carried it, and it stays as it was read. known: the pool has its link already, as another story.
    """

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SENT = "sent"
    KNOWN = "known"


def first_word_in(words: Iterable[str], title: str, teaser: str) -> str | None:
    """The first of `words` that occurs in the title or the teaser; None if none does.

    Case and blanks do not count. Words occur whole, so that `AI` is not found in `said`; in scripts that write no blanks,
    and so in words that are not ASCII, any occurrence counts.
    """
    text = f"{title}\n{teaser}".casefold()
    return next((word for word in words if _occurs(" ".join(word.casefold().split()), text)), None)


def _occurs(word: str, text: str) -> bool:
    if not word.isascii():
        return word in text
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None
