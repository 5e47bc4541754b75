"""One item of a source in the source's own words, and the story made of it (pure).

What is not here: finding items in a feed (feeds, jsonfeed) or on a page (pages).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from digest.gather import clean
from digest.gather.dates import parse_date
from digest.gather.identity import guid_key, link_key, picture_link, reader_link, title_key
from digest.gather.reading_time import minutes_of
from digest.model.story import RawStory
from digest.settings import Source

_TITLE_FROM_TEXT = 100
_COMMON = 3  # what so many stories of one feed have in common tells none of them apart
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class Entry:
    """An item before anything is cleaned. Each tuple holds candidates, best first; the first that is of use is taken.

    title, texts: HTML or text. links, images: as written, seen from `base`. published: date strings. language: a tag.
    carrier: the paper that an aggregator names as the story's own; "" when there is none. whole: the article's whole text,
    HTML or text; "" where the source does not carry it.
    """

    base: str
    title: str = ""
    texts: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    guid: str | None = None
    published: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    language: str | None = None
    carrier: str = ""
    whole: str = ""


def story_of(
    entry: Entry, source_name: str, source: Source, now: datetime, site_names: Iterable[str] = ()
) -> RawStory | None:
    """`entry` as a story of `source`, or None when it has no link or nothing that could be its title.

    site_names: what the source calls itself; taken off the end of titles.
    """
    link = next(filter(None, (reader_link(link, entry.base) for link in entry.links)), None)
    headline = _headline(entry, (source_name, *site_names, entry.carrier))
    if link is None or not headline:
        return None
    teaser = next(filter(None, (clean.teaser(text, headline) for text in entry.texts)), "")
    return RawStory(
        source=source_name,
        guid=guid_key(clean.plain(entry.guid or "")) or None,
        link=link,
        link_key=link_key(link),
        title=headline,
        title_key=title_key(headline),
        teaser=teaser,
        published=next(filter(None, (parse_date(text, now) for text in entry.published)), None),
        image=next(filter(None, (picture_link(image, entry.base) for image in entry.images)), None),
        language=source.language or language_tag(entry.language),
        topics=source.topics,
        minutes=minutes_of(entry.whole),
    )


def _headline(entry: Entry, names: Iterable[str]) -> str:
    """The title, else the first words of the text."""
    headline = clean.title(entry.title, names)
    if headline:
        return headline
    return next(filter(None, (clean.opening(text, _TITLE_FROM_TEXT) for text in entry.texts)), "")


def language_tag(text: str | None) -> str | None:
    """`text` as a language tag such as "en-GB"; None when it is none. Undetermined ("und", "mul") is none either."""
    tag = (text or "").strip().replace("_", "-")
    return tag if _LANGUAGE_TAG.fullmatch(tag) and tag.lower() not in {"und", "mul", "zxx", "mis"} else None


def told_apart(stories: list[RawStory]) -> list[RawStory]:
    """The stories of one feed without the marks that identify several of them at once.

    Where three titles share a link, each is known by the link and its title. A title that three links share is too common
    to identify any. An id that stands on stories with different links is no id.
    """
    titles_of_link = _holders((story.link_key, story.title) for story in stories)
    stories = [_known_by_title(story) if titles_of_link[story.link_key] >= _COMMON else story for story in stories]
    links_of_title = _holders((story.title_key, story.link_key) for story in stories)
    links_of_guid = _holders((story.guid, story.link_key) for story in stories)
    return [
        replace(
            story,
            guid=story.guid if links_of_guid[story.guid] == 1 else None,
            title_key=story.title_key if links_of_title[story.title_key] < _COMMON else "",
        )
        for story in stories
    ]


def _holders(pairs: Iterable[tuple[str | None, str]]) -> Counter[str | None]:
    """On how many different things each mark stands; pairs of mark and thing."""
    return Counter(mark for mark, _ in set(pairs))


def _known_by_title(story: RawStory) -> RawStory:
    return replace(story, link_key=f"{story.link_key}#!{sha256(story.title.encode()).hexdigest()[:16]}")
