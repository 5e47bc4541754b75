"""How long composing takes and how it grows; `python -m tests.bench.compose` prints it."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from digest.compose.select import Rules, select
from digest.model.story import Story

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
SIZES = (1_000, 5_000, 15_000)
_BEGINNINGS, _ENDS = (
    ("b", "br", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v"),
    ("a", "en", "er", "o"),
)
_SYLLABLES = [beginning + end for beginning in _BEGINNINGS for end in _ENDS]


def stories(number: int, seed: int = 1) -> list[Story]:
    """A pool of three days from 100 sources: words as common as Zipf has it, every fifth story told by two to four."""
    dice = random.Random(seed)
    words = [
        "".join(dice.choice(_SYLLABLES) for _ in range(2 + (rank > 300) + (rank > 5_000))) for rank in range(30_000)
    ]
    shares = [1 / (rank + 10) for rank in range(len(words))]
    drawn = iter(dice.choices(words, shares, k=number * 60))
    found: list[Story] = []
    while len(found) < number:
        title, teaser = [next(drawn) for _ in range(8)], [next(drawn) for _ in range(35)]
        age = timedelta(minutes=dice.randrange(70 * 60))
        sources = dice.sample(range(100), dice.choice([1, 1, 1, 1, dice.randint(2, 4)]))
        for source in sources[: number - len(found)]:
            if source != sources[0]:
                dice.shuffle(title)
                teaser = teaser[:20] + [next(drawn) for _ in range(5)] if len(found) < number * 0.9 else teaser
            found.append(_story(len(found), source, " ".join(title), " ".join(teaser), NOW - age))
            age -= timedelta(minutes=dice.randrange(60))
    return found


def _story(number: int, source: int, title: str, teaser: str, published: datetime) -> Story:
    link = f"https://news.example.com/{number}"
    return Story(
        number, f"s{source}", None, link, link, title.capitalize(), title, teaser, published, published, None, "en"
    )


def rules() -> Rules:
    """Those of a newsletter with a hundred sources."""
    return Rules(
        now=NOW, since=None, max_age=timedelta(hours=72), half_life=timedelta(hours=18), min=3, max=12, per_source=4,
        weights={f"s{number}": 1.0 for number in range(100)},
    )  # fmt: skip


def measure(number: int) -> None:
    """Compose once, in this process, and print what it took."""
    pool = stories(number)
    began, worked = time.perf_counter(), time.process_time()
    chosen = select(pool, {}, rules())
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    out = sum(reason.startswith("out: duplicate") for reason in chosen.why.values())
    print(  # noqa: T201
        f"compose: {number:6} stories clustered, ranked and chosen in {seconds:5.2f} s "
        f"({cpu:5.2f} s of CPU, {cpu / number * 1e6:4.0f} us each), {peak:4.0f} MB peak; {out} were told twice"
    )


def main() -> None:
    """One process for each size, so that the peak is its own."""
    for number in SIZES:
        subprocess.run([sys.executable, "-m", "tests.bench.compose", str(number)], check=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]))
    else:
        main()
