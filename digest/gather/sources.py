"""One source, fetched and read: the way into this stage, called by flow.

What is not here: which sources are due, what becomes of the stories, and how often a source may fail.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from digest.errors import AskedToWait, GatherError
from digest.gather.completing import Known, with_articles
from digest.gather.fetch import Fetcher, Response
from digest.gather.identity import reader_link
from digest.gather.parsing import Parsers
from digest.gather.timing import feed_wish
from digest.model.story import RawStory, first_word_in
from digest.settings import Source

KEPT_MOST = 500
"""Items of one source that are taken at once: the newest."""
ADOPTED_AFTER = timedelta(days=7)
"""How long a permanent redirect must have led to one place before that is asked first."""


@dataclass(frozen=True, slots=True)
class Validators:
    """By what a source is recognised as unchanged; None = not known. They are those of a body that could be read.

    etag, last_modified: verbatim as the server sent them. body_hash: SHA-256 in hexadecimal.
    """

    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None


@dataclass(frozen=True, slots=True)
class SourceRead:
    """What one look at a source gave. validators: to be kept for the next look, also when it is unchanged.

    found: the stories in the source before its word rules; 0 when it is unchanged. stories: those that passed them.
    warnings: what is wrong with parts of it, while the rest is fine. present: for a source that is the truth about its
    stories (a folder) the ids of all that are in it, so that any other story of it is withdrawn; None for all others.
    asked_whole: whether the whole body came, so that the validators are certainly its own. inside: whether it came from
    hosts of ours, or our own disk, all the way. moved_to: where permanent redirects led; None = nowhere. wish: how long the
    source would like not to be asked; None = it does not say.
    """

    name: str
    status: Literal["ok", "unchanged"]
    stories: tuple[RawStory, ...]
    found: int
    validators: Validators
    asked_whole: bool = False
    moved_to: str | None = None
    wish: timedelta | None = None
    warnings: tuple[str, ...] = ()
    present: frozenset[str] | None = None
    inside: bool = True


async def read_source(
    fetcher: Fetcher,
    name: str,
    source: Source,
    validators: Validators | None,
    now: datetime,
    adopted_url: str | None = None,
    *,
    parsers: Parsers,
    in_pool: Known | None = None,
) -> SourceRead:
    """Fetch `source` and read it, unless it is unchanged by `validators` (None = read it whatever they were).

    adopted_url: where it has moved to for good, asked first. in_pool: which link keys the pool has, so that only the pages
    of new stories are asked for; None = nobody knows. Raises GatherError when it cannot be fetched or read; the
    validators to keep are then the old ones.
    """
    if source.kind in {"folder", "push"}:
        return await asyncio.to_thread(read_own, name, source, validators or Validators(), now)
    if not source.url:
        raise GatherError(f"the source {name} has no url", permanent=True)
    known = validators or Validators()
    response = await _asked(fetcher, source, source.url, known, adopted_url)
    moved_to = reader_link(response.moved_to) if response.moved_to else None
    if response.status == 304:
        renewed = _renewed(known, response)
        return SourceRead(name, "unchanged", (), 0, renewed, moved_to=moved_to, wish=response.fresh_for)
    body_hash = hashlib.sha256(response.body).hexdigest()
    fresh = Validators(response.etag, response.last_modified, body_hash)
    wish = _wish(source, response)
    if body_hash == known.body_hash:
        return SourceRead(name, "unchanged", (), 0, fresh, True, moved_to, wish)
    found = await parsers.stories(response, name, source, now)
    kept = tuple(story for story in newest(found, now) if is_wanted(story, source))
    if source.fetch_article:
        kept = await with_articles(fetcher, parsers, kept, now, response.speaks_as, in_pool)
    return SourceRead(name, "ok", kept, len(found), fresh, True, moved_to, wish, inside=response.inside)


async def _asked(fetcher: Fetcher, source: Source, url: str, known: Validators, adopted_url: str | None) -> Response:
    """The answer of the adopted address; when it fails, that of the one in the settings. Pages ask robots.txt first."""
    robots = source.kind == "page"
    if adopted_url:
        try:
            response = await fetcher.get(adopted_url, known.etag, known.last_modified, robots=robots, named_by=url)
            return response if response.moved_to else replace(response, moved_to=adopted_url)
        except AskedToWait:
            raise
        except GatherError:
            pass  # whoever took the old address over may have given the new one up: the operator's word counts
    return await fetcher.get(url, known.etag, known.last_modified, robots=robots)


def adopted(url: str, moved_to: str | None, since: datetime | None, now: datetime) -> str | None:
    """The address to ask in place of `url`, which has redirected to `moved_to` for good since `since`; None: `url` itself.

    After a week of the same answer; at once where only https took the place of http; never from https to http.
    """
    if not moved_to or since is None or (url.startswith("https:") and not moved_to.startswith("https:")):
        return None
    if now - since >= ADOPTED_AFTER or _is_only_safer(url, moved_to):
        return moved_to
    return None


def _is_only_safer(url: str, moved_to: str) -> bool:
    old, new = urlsplit(url), urlsplit(moved_to)
    same = (old.hostname, old.path or "/", old.query) == (new.hostname, new.path or "/", new.query)
    return (old.scheme, new.scheme) == ("http", "https") and (old.port, new.port) == (None, None) and same


def newest(found: Sequence[RawStory], now: datetime) -> Sequence[RawStory]:
    """`found` in its order when it is of a sane length, else the newest of it; what has no date counts as new."""
    if len(found) <= KEPT_MOST:
        return found
    return sorted(found, key=lambda story: story.published or now, reverse=True)[:KEPT_MOST]


def _wish(source: Source, response: Response) -> timedelta | None:
    wishes = [response.fresh_for, feed_wish(response.body) if source.kind == "feed" else None]
    return max((wish for wish in wishes if wish), default=None)


def _renewed(known: Validators, response: Response) -> Validators:
    """A 304 may bring new validators for the body that is known."""
    return Validators(
        response.etag or known.etag,
        response.last_modified or known.last_modified,
        known.body_hash,
    )


def read_own(name: str, source: Source, known: Validators, now: datetime) -> SourceRead:
    """A source of our own: a folder is read, a push source waits for what it is given."""
    if source.kind == "push":
        return SourceRead(name, "unchanged", (), 0, known)
    # Imported here: Markdown and YAML are for those who have a folder.
    from digest.gather.folder import read_folder

    read = read_folder(name, source, known.etag, now)
    kept = tuple(story for story in read.stories if is_wanted(story, source))
    status: Literal["ok", "unchanged"] = "unchanged" if read.unchanged else "ok"
    unwanted = {story.guid for story in read.stories} - {story.guid for story in kept}
    present = None if read.present is None else read.present - unwanted
    return SourceRead(
        name, status, kept, len(read.stories), Validators(read.etag), asked_whole=status == "ok",
        warnings=read.warnings, present=present,
    )  # fmt: skip


def is_wanted(story: RawStory, source: Source) -> bool:
    """By the source's `include` (one of them must occur, if there are any) and `exclude` (none may)."""
    if source.include and not first_word_in(source.include, story.title, story.teaser):
        return False
    return not first_word_in(source.exclude, story.title, story.teaser)
