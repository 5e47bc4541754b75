"""Signed tokens in links and return paths: they name rows by number, are bound to one purpose, and cannot be guessed.

A token is base32 in lower case without padding: letters and digits only, so that it survives URLs, templates, mail servers
that fold the case of a local part, and people who read it out. What is not here: what a token permits (web, flow).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from digest.errors import StoreError, TokenError

MAC_BYTES = 12
"""96 bits: beyond guessing, and a return path still fits into the 64 octets of a local part (RFC 5321 §4.5.3.1.1)."""

_MAX_TOKEN = 120


class Purpose(StrEnum):
    """What a token is for; one made for another purpose does not verify."""

    UNSUBSCRIBE = "unsubscribe"
    VIEW = "view"
    RETURN_PATH = "return path"
    MESSAGE_ID = "message id"


class Signer:
    """Makes and checks tokens. The first key signs; every key verifies, so that links survive a change of keys."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._macs = {
            purpose: [hmac.new(_derived(key, purpose), digestmod="sha256") for key in keys] for purpose in Purpose
        }

    def sign(self, purpose: Purpose, *numbers: int) -> str:
        """A token that names `numbers` (each 0 or more) for `purpose`; the same arguments give the same token."""
        payload = _payload(numbers)
        return _encode(payload + _mac(self._macs[purpose][0], payload))

    def verify(self, purpose: Purpose, token: str) -> tuple[int, ...]:
        """The numbers that `token` names. Raises TokenError for anything that this site has not signed for `purpose`."""
        raw = _decode(token)
        payload, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if not any(hmac.compare_digest(_mac(key, payload), mac) for key in self._macs[purpose]):
            raise TokenError("this link is not valid")
        return _numbers(payload)


def _derived(key: bytes, purpose: Purpose) -> bytes:
    return hmac.digest(key, purpose.encode(), hashlib.sha256)


def _mac(key: hmac.HMAC, payload: bytes) -> bytes:
    mac = key.copy()  # the key is hashed once: a mail has four tokens, and an issue a million mails
    mac.update(payload)
    return mac.digest()[:MAC_BYTES]


_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(first + second for first in _LETTERS for second in _LETTERS)


def _encode(raw: bytes) -> str:
    """RFC 4648 §6, lower case and unpadded; ten bits at a time, twice as fast as `base64`, which is written in Python."""
    bits = 8 * len(raw)
    pairs = -(-bits // 10)
    number = int.from_bytes(raw, "big") << (10 * pairs - bits)
    letters = "".join([_PAIRS[number >> shift & 1023] for shift in range(10 * pairs - 10, -1, -10)])
    return letters[: -(-bits // 5)]


def _decode(token: str) -> bytes:
    if not token.isascii() or not token.isalnum() or len(token) > _MAX_TOKEN:
        raise TokenError("this link is not valid")
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except binascii.Error:
        raise TokenError("this link is not valid") from None
    # Unused low bits of the last letter could spell one token in several ways; there is one spelling only.
    if len(raw) < MAC_BYTES or _encode(raw) != token.lower():
        raise TokenError("this link is not valid")
    return raw


@lru_cache(maxsize=256)
def _payload(numbers: tuple[int, ...]) -> bytes:
    # A mail's tokens are made one after the other, and all of them name the same delivery.
    return b"".join(map(_varint, numbers))


def _varint(number: int) -> bytes:
    if number < 0:
        raise ValueError("tokens name rows by numbers of 0 or more")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _numbers(payload: bytes) -> tuple[int, ...]:
    numbers, value, shift = [], 0, 0
    for byte in payload:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value, shift = 0, 0
    return tuple(numbers)


def load_keys(file: Path) -> list[bytes]:
    """The keys in `file`, newest first; the file is made, readable by its owner only, when there is none.

    Several processes may start at once: the first one's file counts. Raises StoreError when it cannot be read or made.
    """
    try:
        _create(file)
        keys = [bytes.fromhex(line) for line in file.read_text(encoding="ascii").split()]
    except OSError as error:
        raise StoreError(f"the secret in {file} cannot be read or made: {error.strerror}") from None
    except ValueError:
        keys = []
    if not keys or any(len(key) < 16 for key in keys):
        raise StoreError(f"the secret in {file} is damaged: each line is a key of at least 32 hexadecimal digits")
    return keys


def _create(file: Path) -> None:
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    # Written whole under another name and then linked: nobody can read half a key, and an existing file is never replaced.
    draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    try:
        with draft.open("w", encoding="ascii") as opened:
            opened.write(secrets.token_hex(32) + "\n")
            opened.flush()
            os.fsync(opened.fileno())  # links in sent mails depend on it for years
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
