"""One item of a source in the source's own words, and the story made of it (pure).

What is not here: finding items in a feed (feeds, jsonfeed) or on a page (pages).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from digest.gather import clean
from digest.gather.dates import parse_date
from digest.gather.identity import absolute_link, link_key, reader_link, title_key
from digest.model.story import RawStory
from digest.settings import Source

_TITLE_FROM_TEXT = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """An item before anything is cleaned. Each tuple holds candidates, best first; the first that is of use is taken.

    title, texts: HTML or text. links, images: as written, seen from `base`. published: date strings. language: a tag.
    """

    base: str
    title: str = ""
    texts: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    guid: str | None = None
    published: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    language: str | None = None


def story_of(
    entry: Entry, source_name: str, source: Source, now: datetime, site_names: Iterable[str] = ()
) -> RawStory | None:
    """`entry` as a story of `source`, or None when it has no link or nothing that could be its title.

    site_names: what the source calls itself; taken off the end of titles.
    """
    link = next(filter(None, (reader_link(link, entry.base) for link in entry.links)), None)
    headline = _headline(entry, (source_name, *site_names))
    if link is None or not headline:
        return None
    return RawStory(
        source=source_name,
        guid=clean.plain(entry.guid or "") or None,
        link=link,
        link_key=link_key(link),
        title=headline,
        title_key=title_key(headline),
        teaser=next(filter(None, (clean.teaser(text, headline) for text in entry.texts)), ""),
        published=next(filter(None, (parse_date(text, now) for text in entry.published)), None),
        image=next(filter(None, (absolute_link(image, entry.base) for image in entry.images)), None),
        language=source.language or _language(entry.language),
        topics=source.topics,
    )


def _language(tag: str | None) -> str | None:
    """`tag` if it is one (RFC 5646 §2.1, loosely), with the hyphens that some write as underscores."""
    tag = (tag or "").strip().replace("_", "-")
    return tag if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag) else None


def _headline(entry: Entry, names: Iterable[str]) -> str:
    """The title, else the first words of the text."""
    headline = clean.title(entry.title, names)
    if headline:
        return headline
    return next(filter(None, (clean.opening(text, _TITLE_FROM_TEXT) for text in entry.texts)), "")
