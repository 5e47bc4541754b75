"""A mail's bytes -> what the inbox shows of it (pure). Broken mail is read as far as it goes; nothing here raises.

What is not here: where mails lie (maildir), making a part fit to be shown (frame, pages).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

_SHOWN_HEADERS = ("From", "To", "Reply-To", "Date")
HEAD_MAX = 64 * 1024
"""So many bytes are enough to find the header in; what is longer is no honest mail."""
_LINKS = re.compile(r"<\s*((?:https?|mailto):[^<>\s]+)\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as a reader meets it.

    headers: the lines that matter to her, in order. leave: the addresses of List-Unsubscribe. one_click: whether a mail
    program may unsubscribe her without asking (RFC 8058). html, text: None when the mail has no such part.
    """

    subject: str
    headers: tuple[tuple[str, str], ...]
    leave: tuple[str, ...]
    one_click: bool
    html: str | None
    text: str | None


def subject_of(content: bytes) -> str:
    """The subject of a mail, of which the beginning is enough."""
    return _subject(_parsed(_head(content)))


def read(content: bytes) -> Letter:
    """All of a mail."""
    message = _parsed(content)
    headers = ((name, _header(message, name)) for name in _SHOWN_HEADERS)
    return Letter(
        subject=_subject(message),
        headers=tuple((name, value) for name, value in headers if value),
        leave=tuple(_LINKS.findall(_header(message, "List-Unsubscribe"))),
        one_click="one-click" in _header(message, "List-Unsubscribe-Post").lower(),
        html=_part(message, "html"),
        text=_part(message, "plain"),
    )


def _head(content: bytes) -> bytes:
    end = re.search(rb"\r?\n\r?\n", content[:HEAD_MAX])
    return content[: end.end() if end else HEAD_MAX]


def _parsed(content: bytes) -> EmailMessage:
    # policy.default makes EmailMessages; the type stubs only know that it makes messages.
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101
    return message


def _subject(message: EmailMessage) -> str:
    return _header(message, "Subject") or "(no subject)"


def _header(message: EmailMessage, name: str) -> str:
    """A header's text on one line; "" when there is none."""
    try:
        return " ".join(str(message.get(name, "")).split())
    except Exception:  # the email package has no error tree, and headers that it cannot parse make it fail in many ways
        raw = next((value for each, value in message.raw_items() if each.lower() == name.lower()), "")
        return " ".join(str(raw).split())


def _part(message: EmailMessage, kind: str) -> str | None:
    """The text of the mail's HTML or plain part; None when it has none."""
    try:
        part = message.get_body((kind,))
    except Exception:  # as above: a broken structure
        part = None
    return _text(part) if isinstance(part, EmailMessage) else None


def _text(part: EmailMessage) -> str:
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except Exception:  # as above: an unknown charset, or broken base64
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else str(part.get_payload())
