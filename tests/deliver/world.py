"""What the tests of this stage share: a clock that only moves when it is slept on, settings, mails."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from digest.deliver.envelope import Envelope
from digest.deliver.hand import Outgoing
from digest.model.delivery import DeliveryState, Outcome
from digest.settings import Smtp


@dataclass
class FakeClock:
    """Sleeping moves it, and takes no time."""

    slept: list[float] = field(default_factory=list)
    passed_s: float = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=self.passed_s)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed_s += seconds

    def elapsed_s(self) -> float:
        return self.passed_s


@dataclass(frozen=True)
class Tls:
    """An authority of our own: the server's side, and the side of a client that trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


ENVELOPE = Envelope("bounce@example.org", "zoe@example.net", "issue-7")
BODY = b"Subject: hello\r\n\r\nGood morning.\r\n"


def smtp(port: int, **settings: object) -> Smtp:
    """Settings for a server on this machine."""
    return Smtp.model_validate({"host": "127.0.0.1", "port": port, "security": "none", **settings})


def mail(number: int, body: bytes = BODY) -> Outgoing:
    """The mail to reader `number`."""
    return Outgoing(7, number, Envelope("bounce@example.org", f"reader{number}@example.net"), lambda: body)


async def mails(count: int) -> AsyncIterator[Outgoing]:
    """The mails to readers 0, 1, …"""
    for number in range(count):
        yield mail(number)


@dataclass
class Ledger:
    """What was recorded: one outcome per mail, or the test fails."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)

    def record(self, outgoing: Outgoing, outcome: Outcome) -> None:
        assert outgoing.subscriber_id not in self.outcomes, "recorded twice"
        self.outcomes[outgoing.subscriber_id] = outcome

    def states(self) -> dict[int, DeliveryState]:
        return {number: outcome.state for number, outcome in sorted(self.outcomes.items())}
