"""Quoted-printable in pieces that may be joined in any order (RFC 2045 §6.7).

Each encoded piece starts and ends at column 0: one that does not end with a line break gets a soft break, which adds
nothing to the content. So an issue's constant pieces are encoded once, a subscriber's values on their own, and a mail
is their plain concatenation. No line is longer than 76, begins with a bare dot (no dot-stuffing) or with "From" (no
mbox quoting), or ends in a blank; runs of blanks are broken up, so that DKIM's relaxed and simple forms are the same.
"""

from __future__ import annotations

import re

LINE = 76
"""Longest line, its soft break's `=` included, its CRLF not."""

_PLAIN = {code: chr(code) for code in range(33, 127) if code != ord("=")} | {ord(" "): " "}
_TABLE = {code: _PLAIN.get(code, f"={code:02X}") for code in range(256)}
_BLANK_AFTER_BLANK = re.compile(r"(?<= ) ")


def encode(text: str) -> bytes:
    """`text` (line breaks: LF) as one joinable piece; empty for an empty text."""
    if not text:
        return b""
    *whole, rest = text.split("\n")
    lines = [_line(line, soft_end=False) for line in whole]
    if rest:
        lines.append(_line(rest, soft_end=True))
    return "".join(lines).encode("ascii")


def encode_bare(text: str) -> bytes:
    """`encode` for a text in which nothing can need encoding, but for its place in a line: no blank, no "=", no break."""
    return _folded(text, soft_end=True).encode("ascii") if text else b""


def _line(line: str, soft_end: bool) -> str:
    encoded = line.encode("utf-8", "replace").decode("latin-1").translate(_TABLE)
    encoded = _BLANK_AFTER_BLANK.sub("=20", encoded)
    if encoded.endswith(" "):
        encoded = f"{encoded[:-1]}=20"
    return _folded(encoded, soft_end)


def _folded(encoded: str, soft_end: bool) -> str:
    folded = []
    encoded = _guarded(encoded)
    # A last line without a soft break may be one longer: it has no "=" at its end.
    while len(encoded) > LINE - soft_end:
        cut = _cut(encoded)
        folded.append(f"{encoded[:cut]}=\r\n")
        encoded = _guarded(encoded[cut:])
    return f"{''.join(folded)}{encoded}{'=' if soft_end else ''}\r\n"


def _cut(encoded: str) -> int:
    """Where a line ends before its soft break: never inside an =XX."""
    cut = LINE - 1
    if encoded[cut - 1] == "=":
        return cut - 1
    return cut - 2 if encoded[cut - 2] == "=" else cut


def _guarded(encoded: str) -> str:
    """The start of a line, so that neither SMTP's dot nor mbox's From is seen there."""
    if encoded.startswith("."):
        return f"=2E{encoded[1:]}"
    # A line may be joined from pieces, hence the whole start and not only "From ".
    return f"=46{encoded[1:]}" if encoded.startswith("From") else encoded
