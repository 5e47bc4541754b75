"""Who has asked us to wait, and until when: Retry-After in every form, by registrable domain (pure, but for the memory).

What is not here: asking (fetch), and keeping it over a restart (flow, store).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from digest.gather.addresses import host_name

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(hours=24)
UNTOLD = timedelta(minutes=5)
"""What we wait when we are only told that it was too much; doubled each time that it is told again."""


@dataclass(frozen=True, slots=True)
class Cooldown:
    """Nobody of `domain` is asked before `until`. strikes: how often in a row it had to say so."""

    domain: str
    until: datetime
    strikes: int

    def holds(self, now: datetime) -> bool:
        """Whether it still keeps us from asking."""
        # More than the longest wait away: the clock has been put back since, and nobody asked for that.
        return now < self.until <= now + LONGEST


def domain_of(url: str) -> str:
    """What is asked as one: the registrable domain of `url`; host and port where there is none (addresses, localhost).

    A limit is rarely that of one host: feeds.example.org and www.example.org are one house.
    """
    parts = urlsplit(url)
    host = host_name(parts.hostname or "")
    found = None if _is_address(host) else _suffixes().privatesuffix(host)
    return found or (f"{host}:{parts.port}" if parts.port else host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache
def _suffixes() -> PublicSuffixList:
    """The list as it was shipped with the library: nothing is fetched. 40 ms, so not before it is wanted."""
    return PublicSuffixList()


def asks_to_wait(status: int, retry_after: str | None) -> bool:
    """Whether an answer speaks for its whole domain: 429 always, 403 and 5xx with Retry-After; else it is one page's."""
    return status == 429 or ((status == 403 or status >= 500) and retry_after is not None)


def wait(retry_after: str | None, strikes: int, now: datetime) -> timedelta:
    """How long to wait, between a minute and a day, after the `strikes`th such answer in a row (from 1).

    retry_after: seconds or an HTTP date (RFC 9110 §10.2.3). None, and what is neither: 5 minutes, doubled each time.
    """
    told = _told(retry_after.strip(), now) if retry_after else None
    if told is None:
        told = UNTOLD * 2 ** min(max(strikes, 1) - 1, 10)
    return min(max(told, SHORTEST), LONGEST)


def _told(text: str, now: datetime) -> timedelta | None:
    if number := re.fullmatch(r"([+-]?)(\d+)(?:\.\d*)?", text):
        seconds = int(number[2][:9]) if len(number[2].lstrip("0")) < 9 else 10**9
        return timedelta(seconds=-seconds if number[1] == "-" else seconds)
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


class Cooldowns:
    """The memory of one process; `learn` and `changes` connect it with that of the site."""

    def __init__(self) -> None:
        self._known: dict[str, Cooldown] = {}
        self._changed: dict[str, Cooldown | None] = {}

    def learn(self, kept: Iterable[Cooldown]) -> None:
        """Take over what the site knows, but for what we know better."""
        self._known = {each.domain: each for each in kept}
        for domain, changed in self._changed.items():
            self._put(domain, changed)

    def of(self, url: str, now: datetime) -> Cooldown | None:
        """The cool-down that keeps us from asking `url`; None: it may be asked."""
        if not self._known:
            return None
        found = self._known.get(domain_of(url))
        return found if found and found.holds(now) else None

    def ask_later(self, url: str, retry_after: str | None, now: datetime) -> Cooldown:
        """Note that the domain of `url` has asked us to wait.

        Requests that were on their way together are told one thing: only what is said after a wait is said again.
        """
        domain = domain_of(url)
        before = self._known.get(domain)
        if before and before.holds(now):
            until = max(before.until, now + wait(retry_after, before.strikes, now))
            cooldown = Cooldown(domain, until, before.strikes)
        else:
            strikes = before.strikes + 1 if before else 1
            cooldown = Cooldown(domain, now + wait(retry_after, strikes, now), strikes)
        self._changed[domain] = cooldown
        self._put(domain, cooldown)
        return cooldown

    def answered(self, url: str) -> None:
        """Note that the domain of `url` answers again."""
        if self._known and (domain := domain_of(url)) in self._known:
            self._changed[domain] = None
            self._put(domain, None)

    def changes(self) -> dict[str, Cooldown | None]:
        """What is to be kept (None: to be forgotten) and is not yet: `kept` says when it is."""
        return dict(self._changed)

    def kept(self, changes: Mapping[str, Cooldown | None]) -> None:
        """Note that the site knows these `changes` now; what has changed again since is still to be kept."""
        for domain, change in changes.items():
            if domain in self._changed and self._changed[domain] is change:
                del self._changed[domain]

    def _put(self, domain: str, cooldown: Cooldown | None) -> None:
        if cooldown is None:
            self._known.pop(domain, None)
        else:
            self._known[domain] = cooldown
