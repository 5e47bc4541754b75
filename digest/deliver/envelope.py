"""Who to whom: the envelope of one mail, the commands that say it on the wire, and the body made fit for DATA. Pure.

What is not here: writing anything (smtp). The addresses were normalized by model/subscriber; they are checked again, since
what reaches a command line unchecked is an injection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from digest.model.delivery import Reply

MAX_ENVID = 100
"""Characters of an ENVID, encoded (RFC 3461 §4.4)."""
MAX_PATH = 254
"""Octets of an address (RFC 5321 §4.5.3.1.3, less the angle brackets)."""

# Controls of C0 and C1, blanks, angle brackets, the line separators of Unicode, and what UTF-8 cannot carry.
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0<>\u2028\u2029\ud800-\udfff]")
_XTEXT = re.compile(rb"[^!-*,-<>-~]")  # RFC 3461 §4: all printable ASCII but "+" and "="

Extensions = Mapping[str, str]
"""What the server offered in EHLO: lower-case keyword -> parameters."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """sender: the return path, "" for the null path. envid: comes back in delivery reports, None when not wanted."""

    sender: str
    recipient: str
    envid: str | None = None

    @property
    def needs_utf8(self) -> bool:
        """Whether one of the addresses is not ASCII (RFC 6531)."""
        return not (self.sender.isascii() and self.recipient.isascii())


@dataclass(frozen=True, slots=True, eq=False)
class Letter:
    """One mail as it travels. Made by `letter`.

    body: what follows DATA, less the final dot. size: bytes of the message itself. eight_bit: whether it needs 8BITMIME.
    """

    envelope: Envelope
    body: bytes
    size: int
    eight_bit: bool


def letter(envelope: Envelope, data: bytes, *, fit: bool = False) -> Letter:
    """`data` made ready to travel.

    data: CRLF bytes. fit: whoever made them vouches that they are 7-bit, have CR and LF in pairs only, end with a line
    break, and have no line that begins with a dot; then they are not looked through. Raises ValueError for what must not
    travel.
    """
    if fit:
        return Letter(envelope, data, len(data), eight_bit=False)
    return Letter(envelope, stuffed(data), len(data), not data.isascii())


def sender_fault(envelope: Envelope) -> str | None:
    """Why the return path or the envelope's id cannot go on the wire; None when they can."""
    if envelope.sender and (fault := _address_fault(envelope.sender)):
        return f"the return path {envelope.sender!r} {fault}"
    if envelope.envid is not None and len(xtext(envelope.envid)) > MAX_ENVID:
        return f"the envelope id is longer than {MAX_ENVID} characters"
    return None


def refusal(letter: Letter, offered: Extensions) -> Reply | None:
    """The reply that the server would give, found before anything is sent; None when nothing speaks against sending."""
    envelope = letter.envelope
    if fault := _address_fault(envelope.recipient):
        return Reply(553, f"5.1.3 not sent: {envelope.recipient!r} {fault}")
    if envelope.needs_utf8 and "smtputf8" not in offered:
        return Reply(553, "5.6.7 not sent: the address is not ASCII, and the mail server does not offer SMTPUTF8")
    if letter.eight_bit and "8bitmime" not in offered:
        return Reply(554, "5.6.3 not sent: the message is not ASCII, and the mail server does not offer 8BITMIME")
    if 0 < (limit := _size_limit(offered)) < letter.size:
        return Reply(552, f"5.3.4 not sent: the message has {letter.size} bytes, the mail server takes {limit}")
    return None


def mail_command(letter: Letter, offered: Extensions) -> bytes:
    """MAIL FROM with the parameters that the server offers and this mail needs."""
    envelope = letter.envelope
    words = [f"MAIL FROM:<{_checked(envelope.sender)}>".encode()]
    if "size" in offered:
        words.append(b"SIZE=%d" % letter.size)  # RFC 1870 §6: without dot-stuffing and the final dot
    if letter.eight_bit:
        words.append(b"BODY=8BITMIME")
    if envelope.needs_utf8:
        words.append(b"SMTPUTF8")
    if "dsn" in offered:
        words.append(b"RET=HDRS")
        if envelope.envid is not None:
            words.append(b"ENVID=" + xtext(envelope.envid))
    return b" ".join(words) + b"\r\n"


def rcpt_command(envelope: Envelope, offered: Extensions) -> bytes:
    """RCPT TO; where delivery reports are offered they are asked for failures only."""
    words = [f"RCPT TO:<{_checked(envelope.recipient)}>".encode()]
    if "dsn" in offered:
        words.append(b"NOTIFY=FAILURE")
        if envelope.recipient.isascii():  # else RFC 6533 wants another type and encoding
            words.append(b"ORCPT=rfc822;" + xtext(envelope.recipient))
    return b" ".join(words) + b"\r\n"


def stuffed(data: bytes) -> bytes:
    """`data` as it travels after DATA, less the final dot: ends with CRLF, dots at line starts doubled (RFC 5321 §4.5.2).

    Raises ValueError for a bare CR or LF: servers disagree where such a line ends, and mails have been smuggled that way.
    """
    lines = data.count(b"\r\n")
    if data.count(b"\n") != lines or data.count(b"\r") != lines:
        raise ValueError("a message for the wire has no CR or LF but in pairs")
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    data = data.replace(b"\r\n.", b"\r\n..")  # the same object when there is no such dot
    return b"." + data if data.startswith(b".") else data


def xtext(text: str) -> bytes:
    """RFC 3461 §4: everything but printable ASCII, and "+" and "=", as +XX."""
    return _XTEXT.sub(lambda found: b"+%02X" % found[0][0], text.encode(errors="surrogatepass"))


def _address_fault(address: str) -> str | None:
    if _UNSAFE.search(address):
        return "holds a control character, a blank or an angle bracket"
    if "@" not in address:
        return "has no @"
    return f"is longer than {MAX_PATH} bytes" if len(address.encode()) > MAX_PATH else None


def _checked(address: str) -> str:
    if _UNSAFE.search(address):
        raise ValueError(f"{address!r} must not reach the wire")
    return address


def _size_limit(offered: Extensions) -> int:
    """Bytes; 0 when the server names no limit (RFC 1870 §4)."""
    limit = offered.get("size", "")
    return int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 20 else 0
