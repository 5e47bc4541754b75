"""Bytes -> text: in which encoding they were written, whatever they say of it (pure).

What is not here: XML, whose parser has rules of its own (feeds).
"""

from __future__ import annotations

import codecs
import re

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_HEAD = 8_192  # browsers look at 1,024 bytes; real pages declare their encoding later, too
_CHARSET = re.compile(r"(?:charset|<\?xml[^>]{0,60}encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
# Python knows encodings, such as base64 and unicode_escape, that no page is written in.
_PAGE_ENCODING = re.compile(
    r"ascii|utf-8|utf-16(-[lb]e)?|iso8859-\d+|cp\d+|koi8-[rtu]|mac-\w+|tis-620|gb2312|gbk|gb18030|hz|big5\w*|euc_\w+|"
    r"shift_jis\w*|iso2022_jp\w*|johab"
)
_LATIN = frozenset({"windows-1252", "cp1252", "iso8859-15", "iso8859-9", "cp1254"})
# C2, C3: the first byte of what is by far the most common in UTF-8. E2 begins “…” and “–”, and no word ends in "â".
_HALF_CHARACTER = re.compile(rb"[\xc0-\xf7][\x80-\xbf]{1,3}|[\xc2\xc3]|\xe2(?=[<\]]|\Z)")
_CUT_END = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
# Halves of “…” and of emoji: as windows-1252 they would be "â€" and "ðŸ", which nobody writes.
_ONLY_UTF8 = re.compile(rb"\xe2[\x80-\x82](?![\x80-\xbf])|\xf0\x9f")


def decode(body: bytes, content_type: str | None) -> str:
    """`body` as text: byte order mark, HTTP charset, meta within 8,192 bytes, UTF-8 if valid, else windows-1252.

    Text that is UTF-8, and not plain ASCII, is UTF-8 whatever Latin encoding it claims: no other is so by chance. So is
    text of which a few characters were cut.
    """
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    meta = _charset(body[:_HEAD].decode("latin-1"))
    # A meta that could be read as ASCII cannot be right in calling the page UTF-16; browsers take it as UTF-8.
    meta = "utf-8" if meta and meta.startswith("utf-16") else meta
    declared = _charset(content_type or "") or meta
    if declared in {None, "utf-8"} or (declared in _LATIN and is_mostly_utf8(body)):
        return decode_utf8(body)
    return body.decode(declared, "replace")


def decode_utf8(body: bytes) -> str:
    """Bytes that should be UTF-8. Where most of what is not ASCII is not UTF-8 either, they are windows-1252.

    Single bytes of windows-1252 among UTF-8 are read as what they were. Half a character, or half of a surrogate pair
    that was written as if it were one, becomes U+FFFD, and spoils no other.
    """
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("utf-8", _MIXED) if is_mostly_utf8(body) else body.decode("windows-1252", "replace")


def is_mostly_utf8(body: bytes) -> bool:
    """Whether most of what is not ASCII is UTF-8; False for plain ASCII. Half a character at the end proves nothing."""
    whole = _CUT_END.sub(b"", body)
    valid = whole.decode("utf-8", "ignore")
    good = sum(not character.isascii() for character in valid)
    bad = _SURROGATE.sub(b"\xff", whole).decode("utf-8", "replace").count("\ufffd") - valid.count("\ufffd")
    return good > bad or _ONLY_UTF8.search(body) is not None


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if half := _HALF_CHARACTER.match(error.object, error.start):
        return "\ufffd", half.end()
    return error.object[error.start : error.start + 1].decode("windows-1252", "replace"), error.start + 1


_MIXED = "digest.windows-1252"
codecs.register_error(_MIXED, _as_windows_1252)


def _charset(text: str) -> str | None:
    """The encoding named in `text`, as browsers take it; None when none is, or one that is not for pages."""
    match = _CHARSET.search(text)
    try:
        name = codecs.lookup(match[1]).name if match else ""
    except (LookupError, ValueError):
        return None
    if not _PAGE_ENCODING.fullmatch(name):
        return None
    # Browsers read Latin-1 and ASCII as windows-1252, and pages are written for browsers.
    return "windows-1252" if name in {"iso8859-1", "ascii"} else name
