"""Measure gathering on real material: `make corpus` prints how much of it is read right.

The material is not part of the project; it is looked for in ../shared/corpus. Expected answers were set by the authors of
other parsers. A relative link in them is seen from where the feed's own are; two readings of one story's address (the
feed's link, and what stands behind a counting redirect) are both right.
"""

from __future__ import annotations

import gzip
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from digest.errors import GatherError
from digest.gather import clean
from digest.gather.articles import described
from digest.gather.dates import parse_date
from digest.gather.document import parse
from digest.gather.entry import Entry, story_of
from digest.gather.feeds import Feed, read_feed
from digest.gather.identity import absolute_link, link_key, title_key
from digest.gather.linked_data import listed_links
from digest.gather.story_links import story_links
from digest.gather.suggest import best_rules
from digest.settings import Source
from tests import corpus_dedup

CORPUS = Path(__file__).parents[1] / "../shared/corpus"
LATER = datetime(2100, 1, 2, tzinfo=UTC)  # the material has a date of 2099
URL = "https://feed.example.org/feed"


class Score:
    """How many of something are right, and what the wrong ones are."""

    def __init__(self, name: str) -> None:
        self.name, self.right, self.wrong = name, 0, list[str]()

    def add(self, right: bool, what: str) -> None:
        """Count one; `what` is shown if it is wrong."""
        self.right += right
        if not right:
            self.wrong.append(what)

    @property
    def share(self) -> float:
        """From 0 to 1; 1 where there was nothing to judge."""
        return self.right / max(1, self.right + len(self.wrong)) if self.right or self.wrong else 1.0

    def __str__(self) -> str:
        head = f"{self.name:28} {self.right:5} of {self.right + len(self.wrong):5}  {self.share:7.2%}"
        return "\n".join([head, *(f"      {each[:160]}" for each in self.wrong[:12])])


def rows(name: str) -> list[dict[str, Any]]:
    """The lines of one of the corpus's tables."""
    return [json.loads(line) for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()]


def content(name: str) -> bytes:
    """A file of the corpus, unpacked."""
    body = (CORPUS / name).read_bytes()
    return gzip.decompress(body) if name.endswith(".gz") else body


def feeds() -> tuple[list[Score], list[float]]:
    """Entry counts, titles, links and dates; and the seconds that each file took."""
    scores = {name: Score(f"feeds: {name}") for name in ("entries", "titles", "links", "published")}
    seconds = []
    for case in rows("feeds/expected.jsonl"):
        begun = time.perf_counter()
        feed = _feed(content(case["file"]))
        stories = [story_of(e, "corpus", Source(kind="feed", url=URL), LATER) for e in feed.entries] if feed else []
        seconds.append(time.perf_counter() - begun)
        found = len(feed.entries) if feed else None
        expect = case["expect"]
        # No answer by consensus: the other parsers do not agree, so that a refusal and a reading are both right.
        right = found == expect["entries"] if expect else found is None or case["basis"] == "consensus"
        scores["entries"].add(right, f"{case['file']}: {found} instead of {expect and expect['entries']}")
        for key, test in (("titles", _same_title), ("links", _same_link), ("published", _same_date)):
            for entry, wanted in zip(feed.entries if feed else (), (expect or {}).get(key) or (), strict=False):
                if wanted is not None:
                    scores[key].add(test(entry, wanted), f"{case['file']}: {wanted}")
        assert len(stories) == (found or 0)
    return list(scores.values()), seconds


def _feed(body: bytes) -> Feed | None:
    try:
        return read_feed(body, None, URL)
    except GatherError:
        return None


def _same_title(entry: Entry, wanted: str) -> bool:
    return clean.plain(entry.title) == clean.plain(wanted)


def _same_link(entry: Entry, wanted: str) -> bool:
    seen = {link_key(absolute_link(link, entry.base) or "") for link in entry.links}
    return link_key(urljoin(entry.base, wanted)) in seen


def _same_date(entry: Entry, wanted: str) -> bool:
    found = next(filter(None, (parse_date(text, LATER) for text in entry.published)), None)
    return found is not None and abs((found - datetime.fromisoformat(wanted).astimezone(UTC)).total_seconds()) < 1.5


def dates() -> list[Score]:
    """Date strings."""
    score = Score("dates.jsonl")
    for case in rows("dates.jsonl"):
        if case.get("score") is False:
            continue
        found, wanted = parse_date(case["raw"], LATER), case["utc"]
        instant = datetime.fromisoformat(wanted).astimezone(UTC) if wanted not in {None, "any"} else None
        score.add((found is not None) if wanted == "any" else found == instant, f"{case['raw']!r}: {found}")
    return [score]


def articles() -> list[Score]:
    """Titles (equal but for case and marks, or one the beginning of the other) and days (off by one at most)."""
    titled, dated, wrong = Score("articles: titles"), Score("articles: dates found"), Score("articles: dates not wrong")
    for case in rows("articles/index.jsonl"):
        expect = case.get("expect") or {}
        page = described(parse(content(case["file"]), None), case.get("url") or URL)
        if expect.get("title"):
            titled.add(
                _like(clean.title(page.title), expect["title"]), f"{case['file']}: {page.title!r}, {expect['title']!r}"
            )
        day = _day(str(expect.get("date") or expect.get("publishing_date") or ""))
        if day is None:
            continue
        found = next(filter(None, (parse_date(text, LATER) for text in page.published)), None)
        dated.add(found is not None, case["file"])
        if found:
            wrong.add(abs((found - day).days) <= 1, f"{case['file']}: {found} instead of {day}")
    return [titled, dated, wrong]


def _like(found: str, wanted: str) -> bool:
    one, other = _letters(found), _letters(wanted)
    return bool(one and other) and (
        one.startswith(other) or other.startswith(one) or title_key(found) == title_key(wanted)
    )


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _day(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text[:10]).replace(tzinfo=UTC)
    except ValueError:
        return None


def sections() -> Iterator[str]:
    """Precision and recall of suggested rules on pages whose story links are known."""
    for case in rows("sections/index.jsonl"):
        expect, url = case["expect"] or {}, case.get("base_url") or URL
        links = expect.get("links") or [item["url"] for item in expect.get("items") or ()]
        if not links:
            continue
        tree = parse(content(case["file"]), None)
        listed = frozenset(link_key(link) for link in listed_links(tree)) if "items" in expect else frozenset()
        _, stories = best_rules(tree, url, LATER, listed)
        if not {link_key(urljoin(url, link)) for link in links} & {link.key for link in story_links(tree, url, url)}:
            yield f"sections: the list is not on the page as it was saved       {case['file']}"
            continue
        wanted, found = {link_key(urljoin(url, link)) for link in links}, {story.link_key for story in stories}
        hits = len(wanted & found)
        kind = "own list" if listed else "cards"
        figures = f"precision {hits / max(1, len(found)):5.2f} recall {hits / len(wanted):5.2f}"
        yield f"sections: {kind:9} {figures}  {case['file']}"


def main() -> int:
    """Print all figures."""
    say: Callable[[str], object] = print
    if not CORPUS.is_dir():
        say(f"The corpus is not at hand (looked for {CORPUS}): nothing was measured.")
        return 0
    read, seconds = feeds()
    for score in (*read, *dates(), *articles()):
        say(str(score))
    for line in sections():
        say(line)
    corpus_dedup.main()
    say(f"seconds a feed: median {statistics.median(seconds):.3f}, largest {max(seconds):.2f}, {len(seconds)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
