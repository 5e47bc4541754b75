"""DKIM signatures (RFC 6376, RFC 8301): relaxed/relaxed over whole bodies, as the last thing done to a mail.

    message bytes + time -> DKIM-Signature field + message bytes

No `l=`: what is appended to a mail must break it. No `x=`: a mail that lay in a queue for a week is still ours. What is
not here: key files and the DNS record (dkim_key). Nothing here asks the time or opens a file.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

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
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\r]|\r(?!\n)|\r\n[ \t])*)\r\n")
_BLANKS = re.compile(rb"[ \t]+")
_BLANKS_AT_END = re.compile(rb"[ \t]+(?=\r\n)")


@dataclass(frozen=True, slots=True)
class DkimSigner:
    """Signs for `domain`. Stateless: one is made per process and shared. key: of 2048 bits or more."""

    domain: str
    selector: str
    key: RSAPrivateKey

    def sign(self, message: bytes, at: datetime) -> bytes:
        """`message` with its signature in front. at: of signing, aware.

        Raises ValueError for a message with bare CR or LF (a relay would mend it, and so break the signature), or
        without exactly one From.
        """
        lines = message.count(b"\r\n")
        if message.count(b"\n") != lines or message.count(b"\r") != lines:
            raise ValueError("a message to be signed has no CR or LF but in pairs")
        head, separator, body = message.partition(b"\r\n\r\n")
        fields = _fields(head + b"\r\n" if separator else head)
        if sum(name == "from" for name, _ in fields) != 1:
            raise ValueError("a message to be signed has exactly one From")
        unsigned = self._unsigned(fields, body, at)
        signature = base64.b64encode(self.key.sign(_signed_bytes(fields, unsigned), PKCS1v15(), SHA256())).decode(
            "ascii"
        )
        return b"".join([unsigned, _broken(signature, 3).encode("ascii"), b"\r\n", message])

    def _unsigned(self, fields: list[tuple[str, bytes]], body: bytes, at: datetime) -> bytes:
        """The signature's own field, up to `b=`."""
        digest = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode("ascii")
        tags = [
            f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; t={int(at.timestamp())};",
            f"d={self.domain};",
            f"s={self.selector};",
            f"h={_folded_names(_names(fields))};",
            f"bh={digest};",
            "b=",
        ]
        return "\r\n ".join(tags).encode("ascii")


def _fields(head: bytes) -> list[tuple[str, bytes]]:
    """Each field of a message's head: its name in lower case, its value canonicalised. Raises ValueError."""
    fields, end = [], 0
    for match in _FIELD.finditer(head):
        if match.start() != end:
            break
        end = match.end()
        fields.append((match[1].decode("ascii").lower(), _relaxed_value(match[2])))
    if end != len(head):
        raise ValueError("a message to be signed begins with header fields and an empty line")
    return fields


def _relaxed_value(value: bytes) -> bytes:
    """RFC 6376 §3.4.2: unfolded, runs of blanks made one, none at either end."""
    return _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 §3.4.4: blanks at line ends go, runs of them are one, empty lines at the end go."""
    # Bodies made by `render` have none of these; to look is far cheaper than to substitute.
    if b"\t" in body or b"  " in body or b" \r\n" in body or body.endswith(b" "):
        body = _BLANKS_AT_END.sub(b"", _BLANKS.sub(b" ", body))
        body = body[:-1] if body.endswith(b" ") else body
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return body[:end] + b"\r\n" if end else b""


def _names(fields: list[tuple[str, bytes]]) -> list[str]:
    """`h=`: every signed field as often as it stands, and the over-signed ones once more."""
    counted = Counter(name for name, _ in fields if name in SIGNED)
    return [*counted.elements(), *OVERSIGNED]


def _signed_bytes(fields: list[tuple[str, bytes]], unsigned: bytes) -> bytes:
    """RFC 6376 §3.7: the fields in the order of `h=`, of several the last first, then the signature's own."""
    left = [(name, value) for name, value in fields if name in SIGNED]
    chosen = []
    for name in _names(fields):
        place = next((at for at in range(len(left) - 1, -1, -1) if left[at][0] == name), None)
        if place is not None:
            chosen.append(b"%s:%s\r\n" % (name.encode("ascii"), left.pop(place)[1]))
    own_name, _, own_value = unsigned.partition(b":")
    return b"".join([*chosen, own_name.lower(), b":", _relaxed_value(own_value)])


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
