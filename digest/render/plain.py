"""Plain text in lines for a terminal: widths as a terminal counts them, lines that Chinese and Japanese may break.

What is not here: the text template (templates/mail/digest.txt.j2).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_NOT_FIRST = frozenset("、。，．・：；？！」』）】〉》〕］｝ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ々〜…,.!?:;)]}’”")
_NOT_LAST = frozenset("「『（【〈《〔［｛([{‘“")
"""Characters that a line neither begins nor ends with in Japanese and Chinese (JIS X 4051, kinsoku)."""

_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\U00020000-\U0003fffd]"
)


def width(text: str) -> int:
    """The columns that `text` takes: two for a wide character, none for one that joins another."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Cf", "Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrap(text: str, columns: int = 72, indent: str = "", first: str | None = None) -> str:
    """`text` in lines of at most `columns`, each after `indent` (the first after `first`); words and addresses stay whole.

    Where a script writes no blanks, lines break between characters, but never before a closing mark.
    """
    lines: list[str] = []
    line, used = (indent if first is None else first), width(indent if first is None else first)
    empty = True
    for gap, piece in _pieces(text):
        wide = width(piece)
        if not empty and used + len(gap) + wide > columns:
            lines.append(line)
            line, used, gap = indent, width(indent), ""
        elif empty:
            gap = ""
        line, used, empty = f"{line}{gap}{piece}", used + len(gap) + wide, False
    return "\n".join([*lines, line]) if not empty else ""


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """What must stay together, each with the blank before it."""
    for word in text.split():
        gap = " "
        for piece in [word] if word.isascii() or not _WIDE.search(word) else _characters(word):
            yield gap, piece
            gap = ""


def _characters(word: str) -> Iterator[str]:
    """A word of a script without blanks, cut wherever a line may break."""
    piece = ""
    for character in word:
        together = piece and (
            character in _NOT_FIRST
            or piece[-1] in _NOT_LAST
            or not _columns(character)
            or not (_WIDE.match(character) or _WIDE.match(piece[-1]))
        )
        if piece and not together:
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece
