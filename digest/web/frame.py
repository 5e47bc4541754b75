"""A mail's HTML made ready for a frame on a page of ours: light or dark by choice, links in a new tab (pure).

The mail is not cleaned: the frame is a sandbox without scripts, and its policy lets pictures in from this machine only.
Browsers differ in whether a frame follows the colour scheme of the page around it, so the mail's own media conditions are
answered here.
"""

from __future__ import annotations

import re
from typing import Literal

Scheme = Literal["light", "dark"]

_CONDITION = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*<!doctype\b[^>]*>", re.IGNORECASE)
_ALWAYS, _NEVER = "(min-width: 0px)", "(max-width: 0px)"

POLICY = "; ".join((
    "default-src 'none'",
    "img-src http://127.0.0.1:* http://localhost:* data:",
    "style-src 'unsafe-inline'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
    "sandbox allow-popups allow-popups-to-escape-sandbox",
))  # fmt: skip
"""The Content-Security-Policy under which a mail is shown."""


def framed(html: str, scheme: Scheme) -> str:
    """The mail as a reader sees it whose system is set to `scheme`."""
    answered = _CONDITION.sub(lambda match: _ALWAYS if match[1].lower() == scheme else _NEVER, html)
    ours = f'<base target="_blank"><style>:root {{ color-scheme: {scheme} !important }}</style>'
    place = _HEAD.search(answered) or _DOCTYPE.match(answered)
    at = place.end() if place else 0
    return answered[:at] + ours + answered[at:]
