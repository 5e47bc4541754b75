"""DKIM signatures (RFC 6376, RFC 8301): relaxed/relaxed over whole bodies, as the last thing done to a mail.

    message bytes + time -> DKIM-Signature field + message bytes

No `l=`: what is appended to a mail must break it. No `x=`: a mail that lay in a queue for a week is still ours. The mails
of an issue differ in a few fields: what the others come to is kept, so that a signature costs one SHA-256 of the body and
one RSA operation, and little else. What is not here: key files and the DNS record (dkim_key). Nothing here asks the time
or opens a file.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

SIGNED = frozenset({
    "from", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references", "mime-version",
    "content-type", "content-transfer-encoding", "content-language", "auto-submitted", "feedback-id", "cfbl-address",
    "cfbl-feedback-id", "list-id", "list-help", "list-owner", "list-archive", "list-subscribe", "list-post",
    "list-unsubscribe", "list-unsubscribe-post",
})  # fmt: skip
"""Fields that are signed where they stand: what a reader sees, and what her mail program acts upon (RFC 8058 §4)."""

OVERSIGNED = ("from", "reply-to", "subject", "to", "date", "message-id", "mime-version", "content-type",
              "list-unsubscribe", "list-unsubscribe-post")  # fmt: skip
"""Fields named once more than they stand, so that adding another one breaks the signature (RFC 6376 §8.15)."""

_LINE = 76
_KEPT = 256
"""Canonical fields that are kept: the ten or so that all mails of an issue share stay among them."""
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\r]|\r(?!\n)|\r\n[ \t])*)", re.DOTALL)
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_BLANKS = re.compile(rb"[ \t]+")
_BLANKS_AT_END = re.compile(rb"[ \t]+(?=\r\n)")


@dataclass(frozen=True, slots=True)
class DkimSigner:
    """Signs for `domain`. Stateless: one is made per process and shared. key: of 2048 bits or more."""

    domain: str
    selector: str
    key: RSAPrivateKey

    def sign(self, message: bytes, at: datetime, *, relaxed: bool = False) -> bytes:
        """`message` with its signature in front. at: of signing, aware.

        relaxed: the caller made the message and vouches that CR and LF are in pairs, and that no two blanks follow each
        other in its body, nor one ends a line of it. To look takes longer than to hash.

        Raises ValueError for a message with bare CR or LF (a relay would mend it, and so break the signature), or
        without exactly one From.
        """
        if not relaxed and not _in_pairs(message):
            raise ValueError("a message to be signed has no CR or LF but in pairs")
        head, _, body = message.partition(b"\r\n\r\n")
        fields = [_canonical(field) for field in _FIELD_END.split(head)]
        order = _order(tuple(name for name, _ in fields))
        unsigned = self._unsigned(order.named, _ended(body) if relaxed else relaxed_body(body), at)
        # RFC 6376 §3.7: the signed fields, then the signature's own without a value and without a line end.
        signed = b"".join([*(fields[place][1] for place in order.places), _canonical(unsigned)[1][:-2]])
        signature = base64.b64encode(self.key.sign(signed, PKCS1v15(), SHA256())).decode("ascii")
        return b"".join([unsigned, _broken(signature, 3).encode("ascii"), b"\r\n", message])

    def _unsigned(self, named: str, body: bytes, at: datetime) -> bytes:
        """The signature's own field, up to `b=`. named: the value of `h=`."""
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")
        tags = [
            f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; t={int(at.timestamp())};",
            f"d={self.domain};",
            f"s={self.selector};",
            f"h={named};",
            f"bh={digest};",
            "b=",
        ]
        return "\r\n ".join(tags).encode("ascii")


@dataclass(frozen=True, slots=True)
class _Order:
    """How the fields of a head are signed. named: the value of `h=`. places: of the fields, in the order of `h=`."""

    named: str
    places: tuple[int, ...]


def _in_pairs(message: bytes) -> bool:
    lines = message.count(b"\r\n")
    return message.count(b"\n") == lines and message.count(b"\r") == lines


@lru_cache(maxsize=_KEPT)
def _canonical(field: bytes) -> tuple[str, bytes]:
    """A field's name in lower case, and its canonical line (RFC 6376 §3.4.2). Raises ValueError for what is none."""
    match = _FIELD.fullmatch(field)
    if match is None:
        raise ValueError("a message to be signed begins with header fields and an empty line")
    name = match[1].lower()
    return name.decode("ascii"), b"%s:%s\r\n" % (name, _relaxed_value(match[2]))


def _relaxed_value(value: bytes) -> bytes:
    """RFC 6376 §3.4.2: unfolded, runs of blanks made one, none at either end."""
    return _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")


@lru_cache(maxsize=16)
def _order(names: tuple[str, ...]) -> _Order:
    """What is signed of a head with these fields. Raises ValueError where there is not exactly one From.

    Each field as often as it stands, and the over-signed ones once more; of several the last first (RFC 6376 §5.4.2).
    """
    if names.count("from") != 1:
        raise ValueError("a message to be signed has exactly one From")
    counted = Counter(name for name in names if name in SIGNED)
    named = [*counted.elements(), *OVERSIGNED]
    left = {name: [place for place, each in enumerate(names) if each == name] for name in counted}
    return _Order(_folded_names(named), tuple(left[name].pop() for name in named if left.get(name)))


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 §3.4.4: blanks at line ends go, runs of them are one, empty lines at the end go."""
    # To look is far cheaper than to substitute.
    if b"\t" in body or b"  " in body or b" \r\n" in body or body.endswith(b" "):
        body = _BLANKS_AT_END.sub(b"", _BLANKS.sub(b" ", body))
        body = body[:-1] if body.endswith(b" ") else body
    return _ended(body)


def _ended(body: bytes) -> bytes:
    """Without empty lines at the end."""
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return body[:end] + b"\r\n" if end else b""


def _folded_names(names: list[str]) -> str:
    lines = [""]
    for name in names:
        part = f"{name}:"
        if len(lines[-1]) + len(part) > _LINE - 4:
            lines.append("")
        lines[-1] += part
    return "\r\n  ".join(lines).removesuffix(":")


def _broken(text: str, column: int) -> str:
    """`text`, which begins at `column`, in lines that no server has to fold."""
    first = _LINE - column
    rest = [text[at : at + _LINE - 1] for at in range(first, len(text), _LINE - 1)]
    return "\r\n ".join([text[:first], *rest])
