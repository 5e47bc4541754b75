"""Subscribers, their subscriptions, and the border that every address crosses.

What is not here: who belongs to an issue's audience (audience), rows (store/subscribers).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

import idna

from digest.errors import AddressError

MAX_ADDRESS = 254
"""Octets of a whole address (RFC 5321 §4.5.3.1.3, less the angle brackets)."""
MAX_LOCAL_PART = 64
"""Octets before the @ (RFC 5321 §4.5.3.1.1)."""

_ATEXT = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+)*"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def normalize_email(text: str) -> str:
    """The address in `text` in the form that is stored and mailed to.

    Blanks around it are dropped, the domain becomes lower-case A-labels (IDNA 2008, UTS 46). The local part is left as it
    is; it may hold non-ASCII (then the server must offer SMTPUTF8). Quoted local parts, address literals and anything with
    a control character are refused here, at the border: libraries behind us have let such bytes through.
    Raises AddressError.
    """
    address = text.strip(" \t")
    if _CONTROL.search(address):
        raise AddressError(text, "it holds a control character")
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise AddressError(text, "it is not of the form name@domain")
    if len(local.encode()) > MAX_LOCAL_PART:
        raise AddressError(text, f"the part before the @ is longer than {MAX_LOCAL_PART} bytes")
    if not _ATEXT.fullmatch(local) or any(unicodedata.category(char)[0] in "CZ" for char in local):
        raise AddressError(text, "the part before the @ holds a character that is not allowed there")
    email = f"{local}@{_ascii_domain(text, domain)}"
    if len(email.encode()) > MAX_ADDRESS:
        raise AddressError(text, f"it is longer than {MAX_ADDRESS} bytes")
    return email


def _ascii_domain(address: str, domain: str) -> str:
    try:
        ascii_domain = idna.encode(domain.removesuffix("."), uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise AddressError(address, f"the domain is not valid ({error})") from None
    if "." not in ascii_domain and ascii_domain != "localhost":
        raise AddressError(address, "the domain has no dot")
    if ascii_domain.rpartition(".")[2].isdigit():
        raise AddressError(address, "the domain ends in a number")
    return ascii_domain


def email_key(email: str) -> str:
    """The identity of a normalized address: two that differ in case only are one subscriber."""
    return email.casefold()


def domain_of(email: str) -> str:
    """The part after the @."""
    return email.rpartition("@")[2]


def clean_name(text: str) -> str:
    """A display name on one line, control characters removed, at most 200 characters."""
    return " ".join(_CONTROL.sub(" ", text).split())[:200]


MAX_ZONE = 64
"""Letters of a time zone's name."""


@lru_cache(maxsize=1000)
def zone_named(name: str) -> ZoneInfo | None:
    """The IANA time zone of this name; None when there is none."""
    try:
        return ZoneInfo(name) if 0 < len(name) <= MAX_ZONE else None
    except (OSError, ValueError, KeyError):
        return None


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A sender: display name (may be empty) and address."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.name else self.email


def parse_mailbox(text: str) -> Mailbox:
    """Read `Name <address>` or a bare address; quotes around the name are dropped. Raises AddressError."""
    name, bracket, rest = text.rpartition("<")
    if not bracket:
        return Mailbox("", normalize_email(text))
    address, close, after = rest.partition(">")
    if not close or after.strip():
        raise AddressError(text, "it is not of the form Name <name@domain>")
    if _CONTROL.search(name):
        raise AddressError(text, "the name holds a control character")
    return Mailbox(clean_name(name.strip().strip('"')), normalize_email(address))


class SubscriptionState(StrEnum):
    """Where a subscription stands: only CONFIRMED ones are mailed."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    LEFT = "left"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscriber on one list. topics: empty means all."""

    list: str
    state: SubscriptionState
    topics: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person, which is to say an address, with her subscriptions and the newsletters she has left."""

    id: int
    email: str
    name: str
    language: str | None
    created_at: datetime
    subscriptions: tuple[Subscription, ...] = ()
    left: tuple[str, ...] = ()
    suppressed: str | None = None
    timezone: str | None = None


def followed(chosen: Iterable[Collection[str]]) -> frozenset[str]:
    """The topics of someone with these choices, one for each list she is on; empty for everything.

    She gets what any of her lists promises; a list on which she chose nothing promises everything.
    """
    choices = list(chosen)
    return frozenset(topic for topics in choices for topic in topics) if all(choices) else frozenset()


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A line that was read from a list's file and can be taken over. line: counted from 1, the header is line 1."""

    line: int
    email: str
    name: str
    topics: tuple[str, ...]
    language: str | None
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line of a list's file that cannot be taken over, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What reading a list did. fewer: so many lines less than at the last reading; who stood there stays on the list."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: tuple[Refusal, ...] = ()
    fewer: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.added + other.added,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.refused + other.refused,
            self.fewer + other.fewer,
        )


@dataclass(frozen=True, slots=True)
class Audience:
    """The rule that says who gets an issue; the store turns it into rows.

    Everyone with a confirmed subscription to one of `lists`, once, who has not left `newsletter` and is not suppressed.
    """

    newsletter: str
    lists: tuple[str, ...]
