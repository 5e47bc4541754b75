"""How a page could become a source: its feed, or rules for its stories, each tried before it is recommended.

What is not here: finding feeds and rules on a page (gather.suggest), and printing them (cli).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from digest.errors import GatherError, UsageError
from digest.flow.gathering import fetcher
from digest.flow.newsroom import Newsroom
from digest.gather.fetch import Fetcher, Response
from digest.model.story import RawStory
from digest.settings import Source


@dataclass(frozen=True, slots=True)
class Proposal:
    """A source that was tried. why: how it was found. select: a page's rules, {} for a feed. stories: what it gives now."""

    name: str
    kind: str
    url: str
    why: str
    select: dict[str, Any]
    stories: tuple[RawStory, ...]

    @property
    def toml(self) -> str:
        """The block for settings.toml."""
        lines = [f"[sources.{self.name}]", f'kind = "{self.kind}"', f"url = {_quoted(self.url)}"]
        if self.select:
            lines += ["", f"[sources.{self.name}.select]"]
            lines += [f"{key} = {_quoted(str(value))}" for key, value in self.select.items()]
        return "\n".join(lines)


async def suggest(room: Newsroom, url: str) -> list[Proposal]:
    """The sources that the page at `url` could be, best first; at least one. Nothing is stored.

    Raises UsageError for what is no address, GatherError when the page cannot be had, or is no source of any kind.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url!r} is not an address that starts with http:// or https://")
    async with fetcher(room) as asking:
        response = await asking.get(url)
        if stories := await _as_feed(room, response):
            return [Proposal(_name(room, url, "feed"), "feed", url, "this address is a feed", {}, stories)]
        found = await room.parsers.suggestion(response, room.clock.now())
        proposals = []
        if found.feed and (stories := await _fetched_feed(room, asking, found.feed, response.speaks_as)):
            why = "the page names this feed, which is the surer way"
            proposals.append(Proposal(_name(room, url, "feed"), "feed", found.feed, why, {}, stories))
    if found.rules:
        why = "the page's own list of its stories" if found.how == "list" else "cards that repeat on the page"
        proposals.append(Proposal(_name(room, url, "page"), "page", url, why, found.rules, found.stories))
    if not proposals:
        raise GatherError(f"no list of stories was found on this page, and its feed {found.feed} has no stories")
    return proposals


async def _fetched_feed(room: Newsroom, asking: Fetcher, url: str, named_by: str) -> tuple[RawStory, ...]:
    try:
        return await _as_feed(room, await asking.get(url, named_by=named_by))
    except GatherError:
        return ()


async def _as_feed(room: Newsroom, response: Response) -> tuple[RawStory, ...]:
    source = Source(kind="feed", url=response.url)
    try:
        return await room.parsers.stories(response, "suggested", source, room.clock.now())
    except GatherError:
        return ()


def _name(room: Newsroom, url: str, kind: str) -> str:
    """A name for the source that no other has yet: from the host and the last part of the path."""
    parts = urlsplit(url)
    host = re.sub(r"^www\.|\.[a-z]+$", "", (parts.hostname or "").lower())
    words = re.sub(r"[^a-z0-9]+", "-", f"{host}-{parts.path.rstrip('/').rpartition('/')[2].lower()}").strip("-")[:40]
    base = f"{words or 'source'}-{kind}"
    taken = room.settings.sources
    return next(name for name in (base, *(f"{base}-{n}" for n in range(2, 1000))) if name not in taken)


def _quoted(text: str) -> str:
    """`text` as a TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\u{ord(match[0]):04x}", escaped) + '"'
