"""A rendered part, cut at the places of a subscriber's values and at the marks around stories.

What is not here: filling the places (merge).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from digest.errors import TemplateError
from digest.render.slots import KIND_OF_LETTER, MORE, NUMBER, tokens

Place = Literal["markup", "link", "plain"]
"""Where a value stands: HTML text or attribute, a link inside HTML, plain text. Each has its own escaping."""

_TAG = re.compile(r"""<[a-zA-Z](?:[^"'>]|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r"""([a-zA-Z_:][-\w:.]*)\s*=\s*("[^"]*"|'[^']*')""")
_RAW = re.compile(r"<(style|script)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
INSIDE = {
    NUMBER: "{{ number }} stands outside of a story block: it is a story's number",
    MORE: "{{ more }} stands outside of {% more %} … {% endmore %}, which is left out where nothing more is told",
}
"""Values that are the same for all who get the same stories, and stand in blocks only."""
_LINKS = frozenset({"href", "src", "background", "action", "cite"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A literal text, or (kind is given) the place of a value. story: its number, None outside of story blocks."""

    text: str
    kind: str | None
    place: Place
    story: int | None


def cut(text: str, nonce: str, html: bool, template: str) -> tuple[Piece, ...]:
    """Cut a rendered part at its tokens.

    Raises TemplateError when a value stands where it could not be escaped, or when story blocks overlap.
    """
    place = places(text, template) if html else _plain
    pieces: list[Piece] = []
    story: int | None = None
    end = 0
    for match in tokens(nonce, html).finditer(text):
        pieces.append(Piece(text[end : match.start()], None, "plain", story))
        end = match.end()
        if match[1]:
            kind = KIND_OF_LETTER[match[1]]
            if kind in INSIDE and story is None:
                raise TemplateError(template, None, INSIDE[kind])
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


def places(html: str, template: str) -> Callable[[int], Place]:
    """Tells the place of a position in `html`. The HTML is lxml's, so a `<` in it always begins a tag or comment.

    What it gives raises TemplateError where no value could be escaped.
    """
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
