"""Two mails, byte for byte, and what differs between them for a person to read.

What is not here: where the kept ones are (flow/template_trial, tests).
"""

from __future__ import annotations

import difflib
from email import message_from_bytes, policy

MOST_LINES = 60


def difference(kept: bytes, made: bytes, most: int = MOST_LINES) -> str:
    """What `made` has otherwise than `kept`, as a unified diff of the decoded mails; empty when they are the same bytes."""
    if kept == made:
        return ""
    lines = list(difflib.unified_diff(_readable(kept), _readable(made), "kept", "now", lineterm="", n=2))
    if not lines:
        return "the same words in other bytes: line ends, encoding or folding"
    more = [f"… and {len(lines) - most} more lines"] if len(lines) > most else []
    return "\n".join([*lines[:most], *more])


def _readable(message: bytes) -> list[str]:
    """The header fields as they stand, then each part decoded."""
    head = message.partition(b"\r\n\r\n")[0].decode("ascii", "backslashreplace").split("\r\n")
    parsed = message_from_bytes(message, policy=policy.default)
    parts = []
    for part in parsed.walk():
        if not part.is_multipart():
            parts += [f"--- {part.get_content_type()}", *str(part.get_content()).splitlines()]
    return [*head, *parts]
