"""Numeric character references that name no character, mended before a parser breaks on them (pure).

What is not here: named references and those that are escaped twice, which the parsers and `clean` read without harm.
"""

from __future__ import annotations

import codecs
import re

_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?")
_NO_CHARACTER = "&#xFFFD;"  # itself a reference, so that it can stand in a body of any encoding
_DIGITS_MAX = 7  # of U+10FFFF in decimal; Python refuses to read numbers of thousands of digits


def mended(text: str) -> str:
    """`text` with U+FFFD for each reference to what XML allows nowhere: surrogates, controls, beyond U+10FFFF.

    XML 1.0, section 2.2; browsers do the same (HTML, "numeric character reference end state").
    """
    return _REFERENCE.sub(_mended, text)


def mended_bytes(body: bytes) -> bytes:
    """`mended` for bytes in an encoding that has ASCII in it, or in UTF-16 with its mark."""
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if body.startswith(mark):
            return mended(body.decode(encoding, "replace")).encode(encoding)
    return mended(body.decode("latin-1")).encode("latin-1") if b"&#" in body else body


def _mended(reference: re.Match[str]) -> str:
    digits, base = (reference[1], 16) if reference[1] else (reference[2], 10)
    digits = digits.lstrip("0") or "0"
    return reference[0] if len(digits) <= _DIGITS_MAX and _is_character(int(digits, base)) else _NO_CHARACTER


def _is_character(number: int) -> bool:
    if number < 0x20:
        return number in {0x09, 0x0A, 0x0D}
    return number < 0xD800 or 0xE000 <= number < 0xFFFE or 0x10000 <= number <= 0x10FFFF
