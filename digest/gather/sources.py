"""One source, fetched and read: the way into this stage, called by flow.

What is not here: which sources are due, what becomes of the stories, and how often a source may fail.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from digest.errors import GatherError
from digest.gather.completing import Known, with_articles
from digest.gather.fetch import Fetcher, Response
from digest.gather.folder import read_folder
from digest.gather.parsing import Parsers
from digest.model.story import RawStory, first_word_in
from digest.settings import Source


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
    """

    name: str
    status: Literal["ok", "unchanged"]
    stories: tuple[RawStory, ...]
    found: int
    validators: Validators
    warnings: tuple[str, ...] = ()
    present: frozenset[str] | None = None


async def read_source(
    fetcher: Fetcher,
    name: str,
    source: Source,
    validators: Validators | None,
    now: datetime,
    *,
    parsers: Parsers,
    in_pool: Known | None = None,
) -> SourceRead:
    """Fetch `source` and read it, unless it is unchanged by `validators` (None = read it whatever they were).

    in_pool: which link keys are in the pool, so that only the pages of new stories are asked for; None = nobody knows.
    Raises GatherError when it cannot be fetched or read; the validators to keep are then the old ones.
    """
    if source.kind in {"folder", "push"}:
        return await asyncio.to_thread(_read_own, name, source, validators or Validators(), now)
    if not source.url:
        raise GatherError(f"the source {name} has no url", permanent=True)
    known = validators or Validators()
    response = await fetcher.get(source.url, known.etag, known.last_modified)
    if response.status == 304:
        return SourceRead(name, "unchanged", (), 0, _renewed(known, response))
    body_hash = hashlib.sha256(response.body).hexdigest()
    fresh = Validators(response.etag, response.last_modified, body_hash)
    if body_hash == known.body_hash:
        return SourceRead(name, "unchanged", (), 0, fresh)
    found = await parsers.stories(response, name, source, now)
    kept = tuple(story for story in found if is_wanted(story, source))
    if source.fetch_article:
        kept = await with_articles(fetcher, parsers, kept, now, in_pool)
    return SourceRead(name, "ok", kept, len(found), fresh)


def _renewed(known: Validators, response: Response) -> Validators:
    """A 304 may bring new validators for the body that is known."""
    return Validators(
        response.etag or known.etag,
        response.last_modified or known.last_modified,
        known.body_hash,
    )


def _read_own(name: str, source: Source, known: Validators, now: datetime) -> SourceRead:
    """A source of our own: a folder is read, a push source waits for what it is given."""
    if source.kind == "push":
        return SourceRead(name, "unchanged", (), 0, known)
    read = read_folder(name, source, known.etag, now)
    kept = tuple(story for story in read.stories if is_wanted(story, source))
    status: Literal["ok", "unchanged"] = "unchanged" if read.unchanged else "ok"
    unwanted = {story.guid for story in read.stories} - {story.guid for story in kept}
    present = None if read.present is None else read.present - unwanted
    return SourceRead(
        name, status, kept, len(read.stories), Validators(read.etag), warnings=read.warnings, present=present
    )


def is_wanted(story: RawStory, source: Source) -> bool:
    """By the source's `include` (one of them must occur, if there are any) and `exclude` (none may)."""
    if source.include and not first_word_in(source.include, story.title, story.teaser):
        return False
    return not first_word_in(source.exclude, story.title, story.teaser)
