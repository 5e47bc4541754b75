"""One subscriber's text and HTML from the rendered issue, at the price of a join.

Built once per issue: the rendered parts are cut at placeholders and story marks, each literal is encoded once, and what
followers of the same stories have in common is joined once. What does not live here: the cutting (pieces), headers and
the message around the parts (mime), the rendering itself (html).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from html import escape
from itertools import chain
from typing import Any
from urllib.parse import quote

from digest.model.issue import RenderedIssue
from digest.render import quoted
from digest.render.pieces import INSIDE, Piece, Place, cut
from digest.render.slots import MORE, NUMBER, URLS
from digest.render.words import more_stories

UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that no value of a subscriber may bring into a mail."""


@dataclass(frozen=True, slots=True)
class Personal:
    """What differs from subscriber to subscriber. name: may be empty. topics: empty means all."""

    email: str
    name: str
    topics: frozenset[str]
    unsubscribe_url: str
    view_url: str
    preferences_url: str


Hole = tuple[str, Place]
"""A value and the place that it is escaped for."""

_SAFE_ANYWHERE = re.compile(r"[A-Za-z0-9@:/._~-]*")
"""What no place escapes, but for a link's own rules: most addresses, and all of our links."""
_PLANS = 64
"""Plans that are kept: choices of topics are many, and each plan is as large as a mail."""


@dataclass(frozen=True, slots=True)
class _Share:
    """What a subscriber gets of an issue: the numbers of the blocks, and in words how much more there is on the web."""

    kept: frozenset[int]
    more: str = ""


@lru_cache(maxsize=256)
def _numbers(kept: frozenset[int]) -> Mapping[int | None, int]:
    """The stories that a subscriber gets, numbered from 1 in their order."""
    return {story: number for number, story in enumerate(sorted(kept), 1)}


def _value(personal: Personal, kind: str, place: Place) -> str:
    """A subscriber's value, escaped for its place."""
    clean = UNSAFE.sub("", getattr(personal, kind))
    if place == "plain":
        return clean
    if place == "link" and kind not in URLS:
        clean = quote(clean, safe="@")
    return escape(clean, quote=True)


class _Part:
    """One part of the mail, cut."""

    def __init__(self, pieces: tuple[Piece, ...]) -> None:
        self._pieces = pieces

    @property
    def holes(self) -> Iterator[Hole]:
        """Where a subscriber's values stand, in order."""
        return ((piece.kind, piece.place) for piece in self._pieces if piece.kind and piece.kind not in INSIDE)

    def fill(self, personal: Personal, share: _Share) -> str:
        return "".join(piece if isinstance(piece, str) else _value(personal, *piece) for piece in self._of(share))

    def encoded(self, share: _Share) -> Iterator[bytes | Hole]:
        """Ready bytes and holes, in order."""
        return (self._literal(piece) if isinstance(piece, str) else piece for piece in self._of(share))

    def _of(self, share: _Share) -> Iterator[str | Hole]:
        numbers = _numbers(share.kept)
        for piece in self._pieces:
            if piece.story is not None and piece.story not in share.kept:
                continue
            if piece.kind == NUMBER:
                yield str(numbers[piece.story])
            elif piece.kind == MORE:
                yield share.more if piece.place == "plain" else escape(share.more, quote=True)
            else:
                yield piece.text if piece.kind is None else (piece.kind, piece.place)

    @cached_property
    def _literal(self) -> Callable[[str], bytes]:
        return cache(quoted.encode)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the mails of those who get the same stories have in common: ready bytes, and the holes between them."""

    ready: list[bytes]
    holes: tuple[tuple[int, int], ...]
    """Place in `ready` -> number of the hole."""

    def joined(self, values: Sequence[bytes]) -> bytes:
        mail = self.ready.copy()
        for at, hole in self.holes:
            mail[at] = values[hole]
        return b"".join(mail)


class Merge:
    """The mails of one issue. May be shared between tasks.

    frame: what stands before the text, between the text and the HTML, and behind the HTML on the wire.
    """

    def __init__(self, rendered: RenderedIssue, frame: tuple[bytes, bytes, bytes] = (b"", b"", b"")) -> None:
        where = f"newsletter {rendered.newsletter}"
        self._html = _Part(cut(rendered.html, rendered.nonce, True, where))
        self._text = _Part(cut(rendered.text, rendered.nonce, False, where))
        self._topics = tuple(frozenset(map(str.casefold, topics)) for topics in rendered.topics)
        self._everyone = rendered.everyone
        self._beyond = rendered.beyond
        self._language = rendered.language
        stories = len(rendered.topics) - len(rendered.headings)
        self._below = {stories + place: frozenset(numbers) for place, numbers in enumerate(rendered.headings)}
        self._frame = frame
        self._holes = {
            hole: number for number, hole in enumerate(dict.fromkeys([*self._text.holes, *self._html.holes]))
        }
        self._plans: dict[frozenset[int], _Plan] = {}
        self._kept: dict[frozenset[str], frozenset[int]] = {}

    def stories_for(self, topics: frozenset[str]) -> frozenset[int]:
        """The numbers of the stories that a follower of `topics` gets (none chosen: all)."""
        if not topics:
            return frozenset(range(len(self._topics)))
        wanted = frozenset(map(str.casefold, topics))
        followed = (number for number, own in enumerate(self._topics) if own & wanted)
        return self._everyone.union(followed)

    def _share(self, followed: frozenset[int]) -> _Share:
        """What a mail holds of the stories that are followed: not those beyond it, nor headings with nothing below."""
        left = followed & self._beyond
        if not left:
            return _Share(followed)
        kept = followed - left
        empty = {heading for heading, below in self._below.items() if not below & kept}
        # The number of the `more` block is that behind the last heading's.
        return _Share((kept - empty) | {len(self._topics)}, more_stories(len(left), self._language))

    def fill(self, personal: Personal) -> tuple[str, str]:
        """Her HTML and her text."""
        share = self._share(self.stories_for(personal.topics))
        return self._html.fill(personal, share), self._text.fill(personal, share)

    def fill_web(self, personal: Personal) -> str:
        """Her HTML with every story, however long: the web version."""
        return self._html.fill(personal, _Share(self.stories_for(personal.topics)))

    def bodies(self, personal: Personal) -> tuple[bytes, bytes]:
        """Her HTML and her text in quoted-printable, each on its own: the same content as `fill`."""
        share, values = self._share(self.stories_for(personal.topics)), self._encoded(personal)
        html, text = (
            b"".join(piece if isinstance(piece, bytes) else values[self._holes[piece]] for piece in part.encoded(share))
            for part in (self._html, self._text)
        )
        return html, text

    def wire(self, personal: Personal) -> bytes:
        """Her text and her HTML in quoted-printable, within the frame: the same content as `fill`."""
        return self._plan(personal.topics).joined(self._encoded(personal))

    def _encoded(self, personal: Personal) -> list[bytes]:
        """What fills each hole. A value that no place escapes is encoded once for all of them."""
        done: dict[str, bytes | None] = {}
        values = []
        for kind, place in self._holes:
            if kind not in done:
                value = getattr(personal, kind)
                done[kind] = quoted.encode_bare(value) if _SAFE_ANYWHERE.fullmatch(value) else None
            values.append(done[kind] or quoted.encode(_value(personal, kind, place)))
        return values

    def _plan(self, topics: frozenset[str]) -> _Plan:
        kept = self._kept.get(topics)
        if kept is None:
            self._bound(self._kept)
            kept = self._kept[topics] = self.stories_for(topics)
        plan = self._plans.get(kept)
        if plan is None:
            self._bound(self._plans)
            plan = self._plans[kept] = self._planned(kept)
        return plan

    @staticmethod
    def _bound(cached: dict[Any, Any]) -> None:
        if len(cached) >= _PLANS:
            del cached[next(iter(cached))]

    def _planned(self, kept: frozenset[int]) -> _Plan:
        before, between, behind = self._frame
        share = self._share(kept)
        ready, holes = [], []
        literal = [before]
        for piece in chain(self._text.encoded(share), (between,), self._html.encoded(share), (behind,)):
            if isinstance(piece, bytes):
                literal.append(piece)
                continue
            ready += [b"".join(literal), b""]
            holes.append((len(ready) - 1, self._holes[piece]))
            literal.clear()
        return _Plan([*ready, b"".join(literal)], tuple(holes))
