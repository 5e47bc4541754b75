"""One subscriber's text and HTML from the rendered issue, at the price of a join.

Built once per issue: the rendered parts are cut at placeholders and story marks, and each literal is encoded once. What
does not live here: headers and the message around the parts (mime), the rendering itself (html).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import escape
from typing import Literal
from urllib.parse import quote

from digest.errors import TemplateError
from digest.model.issue import RenderedIssue
from digest.render import quoted
from digest.render.slots import KIND_OF_LETTER, NUMBER, URLS, tokens

Place = Literal["markup", "link", "plain"]
"""Where a value stands: HTML text or attribute, a link inside HTML, plain text. Each has its own escaping."""

UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that no value of a subscriber may bring into a mail."""

_TAG = re.compile(r"""<[a-zA-Z](?:[^"'>]|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r"""([a-zA-Z_:][-\w:.]*)\s*=\s*("[^"]*"|'[^']*')""")
_RAW = re.compile(r"<(style|script)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
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
            if kind == NUMBER and story is None:
                raise TemplateError(
                    template, None, "{{ number }} stands outside of a story block: it is a story's number"
                )
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


@lru_cache(maxsize=256)
def _numbers(kept: frozenset[int]) -> Mapping[int | None, int]:
    """The stories that a subscriber gets, numbered from 1 in their order."""
    return {story: number for number, story in enumerate(sorted(kept), 1)}


def _value(personal: Personal, piece: Piece, numbers: Mapping[int | None, int]) -> str:
    """A subscriber's value, escaped for its place."""
    if piece.kind == NUMBER:
        return str(numbers[piece.story])
    clean = UNSAFE.sub("", str(getattr(personal, piece.kind or "")))
    if piece.place == "plain":
        return clean
    if piece.place == "link" and piece.kind not in URLS:
        clean = quote(clean, safe="@")
    return escape(clean, quote=True)


class _Part:
    """One part of the mail, cut; its literals encoded when they are first wanted."""

    def __init__(self, pieces: tuple[Piece, ...]) -> None:
        self._pieces = pieces

    def fill(self, personal: Personal, kept: frozenset[int]) -> str:
        numbers = _numbers(kept)
        return "".join(
            piece.text if piece.kind is None else _value(personal, piece, numbers)
            for piece in self._pieces
            if piece.story is None or piece.story in kept
        )

    def encoded(self, personal: Personal, kept: frozenset[int]) -> bytes:
        numbers = _numbers(kept)
        return b"".join(
            literal if piece.kind is None else quoted.encode(_value(personal, piece, numbers))
            for piece, literal in self._literals
            if piece.story is None or piece.story in kept
        )

    @cached_property
    def _literals(self) -> tuple[tuple[Piece, bytes], ...]:
        return tuple((piece, quoted.encode(piece.text)) for piece in self._pieces)


class Merge:
    """The mails of one issue. Stateless after its construction; may be shared between tasks."""

    def __init__(self, rendered: RenderedIssue) -> None:
        where = f"newsletter {rendered.newsletter}"
        self._html = _Part(cut(rendered.html, rendered.nonce, True, where))
        self._text = _Part(cut(rendered.text, rendered.nonce, False, where))
        self._topics = tuple(frozenset(map(str.casefold, topics)) for topics in rendered.topics)
        self._everyone = rendered.everyone

    def stories_for(self, topics: frozenset[str]) -> frozenset[int]:
        """The numbers of the stories that a follower of `topics` gets (none chosen: all)."""
        if not topics:
            return frozenset(range(len(self._topics)))
        wanted = frozenset(map(str.casefold, topics))
        followed = (number for number, own in enumerate(self._topics) if own & wanted)
        return self._everyone.union(followed)

    def fill(self, personal: Personal) -> tuple[str, str]:
        """Her HTML and her text."""
        kept = self.stories_for(personal.topics)
        return self._html.fill(personal, kept), self._text.fill(personal, kept)

    def bodies(self, personal: Personal) -> tuple[bytes, bytes]:
        """Her HTML and her text in quoted-printable, ready for the wire: the same content as `fill`."""
        kept = self.stories_for(personal.topics)
        return self._html.encoded(personal, kept), self._text.encoded(personal, kept)
