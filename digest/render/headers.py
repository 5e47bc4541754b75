"""Header fields, folded and encoded by hand (RFC 5322 §2.2.3, RFC 2047), so that no field is mangled and none injected.

Python's `email` package encodes a long List-Unsubscribe as RFC 2047 words, reads `Example: News <a@b>` as a group, and
encodes a local part, each without an error. What does not live here: which fields a message has (mime).
"""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

from digest.errors import AddressError
from digest.model.subscriber import Mailbox

LINE = 76
"""Longest line with an encoded word (RFC 2047 §2), kept for every line that can be folded."""
_WORD = 75
_LONGEST = 998

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+( [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_ADDRESS = re.compile(r"[^\x00-\x20\x7f-\xa0<>()\[\]\\,;:\"@\u2028\u2029\ud800-\udfff]+@[A-Za-z0-9.-]+")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")
# The characters that stand for themselves in an encoded word inside a phrase (RFC 2047 §5 (3)).
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_URL_SAFE = "!#$%&'()*+,-./:;=?@[]_~"


def text_field(name: str, value: str) -> bytes:
    """An unstructured field such as Subject; any text is taken, control characters become blanks."""
    return _field(name, _text(_one_line(value), len(name) + 2))


def mailbox_field(name: str, mailbox: Mailbox, *, smtputf8: bool = False) -> bytes:
    """From, To, Reply-To: one mailbox, never a group.

    smtputf8: an address with a non-ASCII local part is written as raw UTF-8 (RFC 6532). Raises AddressError for one
    without it, and for any address that could not stand in a header.
    """
    email = mailbox.email
    if not _ADDRESS.fullmatch(email):
        raise AddressError(email, "it holds a character that is not allowed in an address")
    if not email.isascii() and not smtputf8:
        raise AddressError(email, "the part before the @ is not ASCII, and the mail server does not offer SMTPUTF8")
    return _field(name, _after_phrase(_one_line(mailbox.name), f"<{email}>" if mailbox.name.strip() else email, name))


def list_id_field(title: str, list_id: str) -> bytes:
    """List-Id: the title, then the id in angle brackets (RFC 2919 §3)."""
    bare = re.sub(r"[^A-Za-z0-9._-]", "", list_id)
    return _field("List-Id", _after_phrase(_one_line(title), f"<{bare}>", "List-Id"))


def url_field(name: str, url: str) -> bytes:
    """A field with one URI in angle brackets, on one line: never encoded, never folded (RFC 2369 §2, RFC 8058 §3.1)."""
    return _field(name, f"<{quote(_CONTROL.sub('', url), safe=_URL_SAFE)}>")


def message_id_field(message_id: str) -> bytes:
    """Message-ID; the angle brackets may be given or not. Raises ValueError for anything but an id."""
    bare = message_id.removeprefix("<").removesuffix(">")
    if not _MESSAGE_ID.fullmatch(bare):
        raise ValueError(f"{message_id!r} is not a Message-ID")
    return _field("Message-ID", f"<{bare}>")


def plain_field(name: str, value: str) -> bytes:
    """A field whose value is printable ASCII, made by us or by settings; anything else in it is dropped."""
    return _field(name, re.sub(r"[^\x20-\x7e]", "", value).strip())


def _field(name: str, value: str) -> bytes:
    """`value` is folded already, with `\\n `."""
    if "\n" not in value and len(value) < LINE:
        return f"{name}: {value}".rstrip(" ").encode() + b"\r\n"
    lines = f"{name}: {value}".rstrip(" ").split("\n")
    encoded = [line.encode() for line in lines]
    if max(map(len, encoded)) > _LONGEST:
        raise ValueError(f"{name} is longer than the {_LONGEST} bytes that a line may have")
    return b"\r\n".join(encoded) + b"\r\n"


def _one_line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def _text(text: str, column: int) -> str:
    """An unstructured value that begins at `column`."""
    words = text.split(" ")
    plain = text.isascii() and "=?" not in text and all(len(word) <= LINE - column for word in words)
    return _fold(words, column) if plain else "\n ".join(_encoded_words(text, column))


def _fold(words: list[str], column: int) -> str:
    lines, room = [words[0]], LINE - column - len(words[0])
    for word in words[1:]:
        if len(word) < room:
            lines[-1] += f" {word}"
            room -= len(word) + 1
        else:
            lines.append(word)
            room = LINE - 1 - len(word)
    return "\n ".join(lines)


def _after_phrase(phrase: str, rest: str, field: str) -> str:
    """A phrase and what follows it in angle brackets; on the next line when it does not fit."""
    if not phrase:
        return rest
    column = len(field) + 2
    shown = _phrase(phrase, column)
    last = shown.rpartition("\n")[2]
    used = len(last) if "\n" in shown else column + len(last)
    return f"{shown}{' ' if used + 1 + len(rest) <= LINE else chr(10) + ' '}{rest}"


def _phrase(text: str, column: int) -> str:
    """A display name: bare atoms, else a quoted string, else encoded words (never quotes around encoded words)."""
    if text.isascii() and "=?" not in text:
        escaped = re.sub(r'(["\\])', r"\\\1", text)
        shown = text if _ATOMS.fullmatch(text) else f'"{escaped}"'
        if column + len(shown) <= LINE:
            return shown
    return "\n ".join(_encoded_words(text, column))


def _encoded_words(text: str, column: int) -> list[str]:
    """`text` in words of at most 75 characters, none of which splits a character; the shorter of Q and B."""
    raw = text.encode("utf-8", "replace")
    q = sum(1 if byte in _Q_PLAIN or byte == 32 else 3 for byte in raw) <= len(raw) * 4 / 3
    words, chunk, room = [], "", LINE - column
    for character in text:
        if chunk and len(_encoded_word(chunk + character, q)) > min(room, _WORD):
            words.append(_encoded_word(chunk, q))
            chunk, room = "", LINE - 1
        chunk += character
    return [*words, _encoded_word(chunk, q)]


def _encoded_word(text: str, q: bool) -> str:
    raw = text.encode("utf-8", "replace")
    if not q:
        return f"=?utf-8?b?{base64.b64encode(raw).decode('ascii')}?="
    shown = "".join("_" if byte == 32 else chr(byte) if byte in _Q_PLAIN else f"={byte:02X}" for byte in raw)
    return f"=?utf-8?q?{shown}?="
