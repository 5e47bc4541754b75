"""What robots.txt says to us (RFC 9309), by Protego: the standard library reads `*` and `$` wrongly.

What is not here: fetching it (fetch). Feeds are made for machines and are not asked for leave.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from protego import Protego

from digest.errors import GatherError

KEPT_S = 24 * 3600.0
UNREADABLE_KEPT_S = 60.0
READ_BYTES = 512_000  # RFC 9309 §2.5
CRAWL_DELAY_MOST_S = 60.0


@dataclass(slots=True)
class Robots:
    """The rules of one host for us. fault: why they cannot be read (then nothing may be asked); until_s: monotonic."""

    rules: Protego | None = None
    fault: str | None = None
    until_s: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_over(self, now_s: float) -> bool:
        """Whether it can be forgotten: nobody is asking, and what was heard holds no longer."""
        return not self.lock.locked() and self.until_s <= now_s


def read_rules(body: bytes) -> Protego | None:
    """The rules in `body`; None when there are none that can be read: then everything may be asked."""
    try:
        return Protego.parse(body[:READ_BYTES].decode("utf-8-sig", "replace"))
    except Exception:  # whatever a strange file does to the parser: RFC 9309 §2.3.1 asks for as much as can be read
        return None


def without(host: str, error: GatherError) -> tuple[Protego | None, str | None, float]:
    """What holds when robots.txt could not be had: rules, fault, and for how many seconds.

    No such file is leave for everything (RFC 9309 §2.3.1.3); a server in trouble has given none (§2.3.1.4).
    """
    if error.status is not None and 400 <= error.status < 500:
        return None, None, KEPT_S
    if error.status is None:  # the host itself cannot be reached, or is not to be: that is what an editor should read
        return None, str(error), 0.0
    return None, f"the robots.txt of {host} cannot be read ({error}): nothing else is asked there", UNREADABLE_KEPT_S


def product(user_agent: str) -> str:
    """The name by which robots.txt may speak of us: `Digest` for `Digest/1.0 (+https://…)`."""
    found = re.match(r"[^\s/(;]+", user_agent.strip())
    return found[0] if found else "*"


def forbids(rules: Protego | None, url: str, agent: str) -> bool:
    """Whether the rules keep us from `url`."""
    return rules is not None and not rules.can_fetch(url, agent)


def crawl_delay_s(rules: Protego | None, agent: str) -> float:
    """The pause that the rules ask for, at most a minute; 0 for none."""
    delay = rules.crawl_delay(agent) if rules is not None else None
    return min(max(0.0, delay or 0.0), CRAWL_DELAY_MOST_S)
