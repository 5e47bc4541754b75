"""How long reading takes: milliseconds per feed, for generated ones of several sizes and for real ones where at hand.

In this process, without the pipes; the cost of those is one line of its own.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterable
from contextlib import aclosing
from datetime import UTC, datetime

from digest.errors import GatherError
from digest.gather.feeds import parse_feed
from digest.gather.fetch import Response
from digest.gather.parsing import Parsers
from digest.settings import Source
from tests import corpus

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
URL = "https://feed.example.org/feed"
SOURCE = Source(kind="feed", url=URL, language="en")
SAY: Callable[[str], object] = print
WORDS = "The harbour board will buy two tugs from a yard up the coast, and pay for them next spring. "


def generated(items: int, paragraphs: int) -> bytes:
    """A feed of so many items, each with so many paragraphs of HTML."""
    text = f"&lt;p&gt;{WORDS * 3}&lt;img src=&quot;/p/1.jpg&quot;&gt;&lt;/p&gt;" * paragraphs
    entries = "".join(
        f"<item><title>Two tugs for harbour number {n}</title><link>https://feed.example.org/{n}?utm_source=rss</link>"
        f"<guid>{n}</guid><pubDate>Mon, 02 Nov 2026 08:15:30 GMT</pubDate><description>{text}</description></item>"
        for n in range(items)
    )
    return f"<rss version='2.0'><channel><title>The Coast</title>{entries}</channel></rss>".encode()


def milliseconds(bodies: Iterable[bytes]) -> list[float]:
    """How long each takes to become stories."""
    taken = []
    for body in bodies:
        begun = time.perf_counter()
        try:
            parse_feed(body, None, URL, "bench", SOURCE, NOW)
        except GatherError:
            continue
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def figures(name: str, taken: list[float]) -> str:
    """Median, 95th percentile and largest, in one line."""
    ordered = sorted(taken)
    late = ordered[int(len(ordered) * 0.95)]
    return f"{name:34} median {statistics.median(ordered):7.1f} ms  p95 {late:7.1f} ms  largest {ordered[-1]:7.1f} ms"


async def through_pipes(body: bytes, times: int) -> list[float]:
    """How long the same takes in the process for it, once that is warm."""
    taken = []
    async with aclosing(Parsers()) as parsers:
        await parsers.stories(Response(200, URL, body), "bench", SOURCE, NOW)
        for _ in range(times):
            begun = time.perf_counter()
            await parsers.stories(Response(200, URL, body), "bench", SOURCE, NOW)
            taken.append((time.perf_counter() - begun) * 1000)
    return taken


def main() -> None:
    """Print all figures."""
    milliseconds([generated(1, 1)])  # what is loaded once
    SAY(figures("parse: 20 short items", milliseconds([generated(20, 1)] * 20)))
    SAY(figures("parse: 20 items of 2,000 words", milliseconds([generated(20, 40)] * 20)))
    SAY(figures("parse: 500 short items", milliseconds([generated(500, 1)] * 5)))
    SAY(figures("parse: 10,000 short items", milliseconds([generated(10_000, 1)] * 3)))
    SAY(figures("parse: 20 short items, by the child", asyncio.run(through_pipes(generated(20, 1), 20))))
    if corpus.CORPUS.is_dir():
        bodies = [corpus.content(case["file"]) for case in corpus.rows("feeds/expected.jsonl")]
        SAY(figures(f"parse: {len(bodies)} real feeds", milliseconds(bodies)))


if __name__ == "__main__":
    main()
