"""What it costs to compile an issue, and to make one subscriber's mail from it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from digest.app import open_newsroom
from digest.flow import publish
from digest.flow.mailing import Mailing
from digest.store import issues
from tests.bench._newsroom import address

MAILS = 2000


def merge_us(site: Path, issue: int, runs: int) -> list[float]:
    """Microseconds for envelope, links, Message-ID and bytes of one mail; one figure a run."""

    async def measure() -> list[float]:
        async with open_newsroom(site) as room:
            async with room.store.read() as conn:
                rendered = await issues.snapshot(conn, issue)
            assert rendered is not None
            mailing, now = Mailing(room, issue, rendered), room.clock.now()

            def merged(number: int) -> None:
                email = address(number)
                mailing.envelope(number, email)
                personal = mailing.personal(number, email, f"Reader {number:07}", frozenset())
                mailing.message(personal, mailing.message_id(number), now)

            return [_seconds(merged) / MAILS * 1e6 for _ in range(runs)]

    return asyncio.run(measure())


def _seconds(merged: object) -> float:
    assert callable(merged)
    merged(0)
    began = time.perf_counter()
    for number in range(MAILS):
        merged(number)
    return time.perf_counter() - began


def compile_ms(site: Path, issue: int, runs: int) -> list[float]:
    """Milliseconds from the issue to the first mail's bytes: rendered, inlined, cut and encoded; one figure a run."""

    async def measure() -> list[float]:
        async with open_newsroom(site) as room:
            drawn = await publish.get(room, issue)

            def compiled() -> float:
                began = time.perf_counter()
                mailing = Mailing(room, issue, publish.render(room, drawn))
                personal = mailing.personal(1, address(1), "", frozenset())
                mailing.message(personal, mailing.message_id(1), room.clock.now())
                return (time.perf_counter() - began) * 1000

            compiled()
            return [compiled() for _ in range(runs)]

    return asyncio.run(measure())
