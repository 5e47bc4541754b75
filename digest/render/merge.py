"""One subscriber's text and HTML from the rendered issue, at the price of a join.

Built once per issue: the rendered parts are cut at placeholders and story marks, each literal is encoded once, and what
followers of the same stories have in common is joined once. What does not live here: headers and the message around the
parts (mime), the rendering itself (html).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from html import escape
from itertools import chain
from typing import Any, Literal
from urllib.parse import quote

from digest.errors import TemplateError
from digest.model.issue import RenderedIssue
from digest.render import quoted
from digest.render.slots import KIND_OF_LETTER, MORE, NUMBER, URLS, tokens
from digest.render.words import more_stories

Place = Literal["markup", "link", "plain"]
"""Where a value stands: HTML text or attribute, a link inside HTML, plain text. Each has its own escaping."""

UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that no value of a subscriber may bring into a mail."""

_TAG = re.compile(r"""<[a-zA-Z](?:[^"'>]|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r"""([a-zA-Z_:][-\w:.]*)\s*=\s*("[^"]*"|'[^']*')""")
_RAW = re.compile(r"<(style|script)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_INSIDE = {
    NUMBER: "{{ number }} stands outside of a story block: it is a story's number",
    MORE: "{{ more }} stands outside of {% more %} … {% endmore %}, which is left out where nothing more is told",
}
"""Values that are the same for all who get the same stories, and stand in blocks only."""
_LINKS = frozenset({"href", "src", "background", "action", "cite"})


@dataclass(frozen=True, slots=True)
class Personal:
    """What differs from subscriber to subscriber. name: may be empty. topics: empty means all."""

    email: str
    name: str
    topics: frozenset[str]
    unsubscribe_url: str
    view_url: str
    preferences_url: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A literal text, or (kind is given) the place of a value. story: its number, None outside of story blocks."""

    text: str
    kind: str | None
    place: Place
    story: int | None


# -- cutting -----------------------------------------------------------------------------------------------------------


def cut(text: str, nonce: str, html: bool, template: str) -> tuple[Piece, ...]:
    """Cut a rendered part at its tokens.

    Raises TemplateError when a value stands where it could not be escaped, or when story blocks overlap.
    """
    place = _places(text, template) if html else _plain
    pieces: list[Piece] = []
    story: int | None = None
    end = 0
    for match in tokens(nonce, html).finditer(text):
        pieces.append(Piece(text[end : match.start()], None, "plain", story))
        end = match.end()
        if match[1]:
            kind = KIND_OF_LETTER[match[1]]
            if kind in _INSIDE and story is None:
                raise TemplateError(template, None, _INSIDE[kind])
            pieces.append(Piece("", kind, place(match.start()), story))
        else:
            story = _step(story, int(match[2]), match[3] == "e", template)
    pieces.append(Piece(text[end:], None, "plain", story))
    return tuple(piece for piece in pieces if piece.text or piece.kind)


def _step(inside: int | None, number: int, end: bool, template: str) -> int | None:
    """The story we are in after a mark."""
    if inside != (number if end else None):
        raise TemplateError(template, None, "a story block stands inside another one; end the first before the second")
    return None if end else number


def _plain(_position: int) -> Place:
    return "plain"


def _places(html: str, template: str) -> Callable[[int], Place]:
    """Tells the place of a position in `html`. The HTML is lxml's, so a `<` in it always begins a tag or comment."""
    raw = [match.span() for match in _RAW.finditer(html)]
    spans = [match.span() for match in _TAG.finditer(html)]

    def place(position: int) -> Place:
        if any(start <= position < end for start, end in raw):
            raise _unfit(template, "inside <style> or <script>")
        tag = next(((start, end) for start, end in spans if start <= position < end), None)
        return "markup" if tag is None else _place_in_tag(html, tag, position, template)

    return place


def _place_in_tag(html: str, tag: tuple[int, int], position: int, template: str) -> Place:
    for match in _ATTRIBUTE.finditer(html, *tag):
        if match.start(2) < position < match.end(2):
            name = match[1].lower()
            if name == "style" or name.startswith("on"):
                raise _unfit(template, f"in the attribute {name}")
            return "link" if name in _LINKS else "markup"
    raise _unfit(template, "in a tag outside of a quoted attribute")


def _unfit(template: str, where: str) -> TemplateError:
    return TemplateError(template, None, f"a subscriber's value stands {where}, where it cannot be made safe")


# -- filling -----------------------------------------------------------------------------------------------------------

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
        return ((piece.kind, piece.place) for piece in self._pieces if piece.kind and piece.kind not in _INSIDE)

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
