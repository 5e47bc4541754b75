"""When a source is asked next, from what it wishes and how it fares (pure).

What is not here: who is asked at all (flow), the pause between two requests (turns), who asks us to wait (cooldown).
"""

from __future__ import annotations

import re
from datetime import timedelta

LONGEST = timedelta(hours=24)
LONGEST_AFTER_FAILURE = timedelta(hours=6)
JITTER = 0.1
JITTER_MOST = timedelta(minutes=5)

_PERIODS = {b"hourly": 1, b"daily": 24, b"weekly": 168, b"monthly": 720, b"yearly": 8760}  # hours
_TTL = re.compile(rb"<ttl[^>]{0,100}>\s*(\d{1,6})\s*</ttl>", re.IGNORECASE)
_PERIOD = re.compile(rb"<sy:updatePeriod[^>]{0,100}>\s*([a-zA-Z]{5,7})\s*<")
_FREQUENCY = re.compile(rb"<sy:updateFrequency[^>]{0,100}>\s*(\d{1,4})\s*<")
_HEAD_BYTES = 20_000
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)


def next_check(every: timedelta, wish: timedelta | None, failures: int, jitter: float) -> timedelta:
    """How long to leave a source alone that was asked now.

    every: `gather.every`. wish: what the source asks for, None = nothing; never more than a day. failures: in a row, 0
    after a good answer; each one after the first doubles `every`, up to six hours. jitter: from 0 up to 1, drawn by the
    caller, so that sources which began together do not go on together.
    """
    if failures:
        span = min(every * (1 << min(failures - 1, 20)), max(every, LONGEST_AFTER_FAILURE))
    else:
        span = max(every, min(wish or every, LONGEST))
    return span + min(span * JITTER, JITTER_MOST) * jitter


def fresh_for(cache_control: str | None) -> timedelta | None:
    """How long an answer is good by its Cache-Control (RFC 9111 §5.2.2.1); None: it does not say, or is never good."""
    text = cache_control or ""
    if "no-cache" in text.lower() or "no-store" in text.lower():
        return None
    found = _MAX_AGE.search(text)
    return timedelta(seconds=int(found[1])) if found else None


def feed_wish(body: bytes) -> timedelta | None:
    """How often a feed says that it changes: RSS `ttl` (minutes), `sy:updatePeriod`. None: it does not."""
    head = body[:_HEAD_BYTES]
    if found := _TTL.search(head):
        return timedelta(minutes=int(found[1]))
    period = _PERIOD.search(head)
    hours = _PERIODS.get(period[1].lower()) if period else None
    if hours is None:
        return None
    frequency = _FREQUENCY.search(head)
    return timedelta(hours=hours) / max(1, int(frequency[1]) if frequency else 1)
