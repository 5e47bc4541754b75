"""What a server's reply makes of a delivery, and when it is tried again. Pure: values in, values out.

What is not here: reading replies from the wire (replies), acting on an outcome (pool, flow).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum

from digest.model.delivery import DeliveryState, Outcome, Reply

FIRST_DELAY = timedelta(minutes=5)
"""Before the second try: what most greylisting asks for."""
LONGEST_DELAY = timedelta(hours=1)
JITTER = 0.1
"""At most so much of a delay is added, so that what failed together does not come back together."""


class Phase(StrEnum):
    """Where the conversation stood when the reply came, or did not come."""

    GREETING = "greeting"
    HELLO = "hello"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"  # after 354, the final dot not yet written
    DOT = "dot"  # the final dot is written


_BEFORE_MAIL = frozenset({Phase.GREETING, Phase.HELLO, Phase.TLS, Phase.AUTH})
_AUTH_WANTED = frozenset({530, 534, 535, 538})  # RFC 4954 §4 and §6
_NOT_UNDERSTOOD = frozenset({500, 502, 503, 504})  # RFC 5321 §4.2.3: the command, not the recipient
_TOO_BIG = frozenset({552})  # RFC 1870 §6.1

# Enhanced codes about the sender, his keys or his host: 1.7, 1.8 sender address; 7.8 to 7.11 authentication; 7.20 to 7.27
# DKIM, SPF, DMARC, reverse DNS; 7.57, 7.60, 7.64, 7.5xx, 7.7xx Microsoft's refusals of a sender or tenant.
_ABOUT_SENDER = re.compile(r"5\.(1\.[78]|7\.(8|9|10|11|2[0-7]|57|60|64|5\d\d|7\d\d))")
# 5.7.0 and 5.7.1 also mean "she takes no mail from outside": only the words tell whom they are about.
_POLICY = frozenset({None, "5.7.0", "5.7.1"})
_ABOUT_US = re.compile(
    r"\b(relay(ed|ing)?|authenticat(ion|e)|(un|not )authenticated|client host|(sender|from) address"
    r"|sender\b.*\b(reject|den)\w*|(block|black) ?list\w*|blocked using|spamhaus|spf|dkim|dmarc)\b",
    re.IGNORECASE,
)
# Replies repeat the recipient, and whoever subscribes may call herself relay@, at a domain called dmarc: what stands in
# angle brackets, addresses and names of hosts are no words of the server's.
_ECHO = re.compile(r'<[^<>]*>|("[^"]*"|\S+)@\S+|[\w-]+(\.[\w-]+)+')


def classify(reply: Reply, phase: Phase) -> Outcome:
    """What `reply`, given in `phase`, makes of the delivery. Code 0: the connection broke, or what came was no reply.

    Only a reply settles what is behind the final dot: without one the delivery is UNCERTAIN. Before the dot nothing can
    have been sent, so everything that is not about the recipient leaves it PENDING, with no try counted.
    """
    return Outcome(_state(reply, phase), reply)


def _state(reply: Reply, phase: Phase) -> DeliveryState:
    kind = reply.code // 100
    if kind == 2 and phase is Phase.DOT:
        return DeliveryState.SENT
    if kind not in {4, 5}:
        return DeliveryState.UNCERTAIN if phase is Phase.DOT else DeliveryState.PENDING
    # RFC 5321 §3.8: 421 may answer any command; a 4yz to the dot still means "not accepted" (§4.2.5).
    if reply.code == 421 or phase in _BEFORE_MAIL or refuses_us(reply, phase):
        return DeliveryState.PENDING
    return DeliveryState.DEFERRED if kind == 4 else DeliveryState.FAILED


def refuses_us(reply: Reply, phase: Phase) -> bool:
    """Whether the reply is about us, whoever the recipient: then the issue is held and nobody is marked as failed."""
    if reply.code == 454 and phase in {Phase.TLS, Phase.AUTH}:  # RFC 3207 §4, RFC 4954 §6
        return True
    if not 500 <= reply.code <= 599:
        return False
    if phase in _BEFORE_MAIL or reply.code in _AUTH_WANTED:
        return True
    if phase is Phase.MAIL:
        return not _about_message(reply)
    if phase in {Phase.RCPT, Phase.DATA} and reply.code in _NOT_UNDERSTOOD:
        return True
    return _about_sender(reply)


def _about_message(reply: Reply) -> bool:
    """Too big (RFC 1870), or an address that this server cannot carry (RFC 6531 §3.5): other recipients may fare better."""
    return reply.code in _TOO_BIG or reply.enhanced in {"5.3.4", "5.6.7"}


def _about_sender(reply: Reply) -> bool:
    enhanced = reply.enhanced
    if enhanced is not None and _ABOUT_SENDER.fullmatch(enhanced):
        return True
    return enhanced in _POLICY and bool(_ABOUT_US.search(_ECHO.sub(" ", reply.text)))


def next_try(attempts: int, now: datetime, jitter: float = 0.0) -> datetime:
    """When a deferred delivery is due again: 5 minutes after the first try, doubling, at most an hour.

    attempts: tries made, this one included; less than 1 counts as 1. jitter: 0 to 1, drawn by the caller.
    """
    doublings = min(max(attempts, 1) - 1, 10)  # bounded, lest a huge count overflow timedelta
    return now + min(FIRST_DELAY * (1 << doublings) * (1 + JITTER * jitter), LONGEST_DELAY)


def gives_up(first_try_at: datetime, now: datetime, give_up: timedelta) -> bool:
    """Whether a deferred delivery has been tried for long enough and counts as failed."""
    return now - first_try_at >= give_up
