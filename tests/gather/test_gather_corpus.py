"""Real material of other people, where it is at hand; none of its text is in this repository."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from digest.errors import GatherError
from digest.gather.articles import article_of
from digest.gather.dates import parse_date
from digest.gather.document import parse
from digest.gather.entry import story_of
from digest.gather.feeds import Feed, read_feed
from digest.gather.identity import absolute_link, link_key
from digest.gather.pages import parse_page
from digest.settings import Select, Source

SHARED = Path(__file__).parents[2] / "../shared"
CORPUS = SHARED / "corpus"
SEED = SHARED / "seed/defence-notes.html"
LATER = datetime(2100, 1, 2, tzinfo=UTC)  # the corpus has a date of 2099

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not at hand")
needs_seed = pytest.mark.skipif(not SEED.is_file(), reason="the seed page is not at hand")


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()]


def content(name: str) -> bytes:
    body = (CORPUS / name).read_bytes()
    return gzip.decompress(body) if name.endswith(".gz") else body


def feed_or_none(name: str) -> Feed | None:
    try:
        return read_feed(content(name), None, "https://feed.example.org/feed")
    except GatherError:
        return None


def published(date: str) -> datetime:
    return datetime.fromisoformat(date).astimezone(UTC)


@needs_corpus
def test_the_entries_of_real_feeds_are_all_found() -> None:
    wrong = []
    cases = rows("feeds/expected.jsonl")
    for case in cases:
        feed = feed_or_none(case["file"])
        wanted = case["expect"]["entries"] if case["expect"] else None
        if (len(feed.entries) if feed else None) != wanted:
            wrong.append((case["file"], wanted, len(feed.entries) if feed else None))
    print(f"entry counts: {len(cases) - len(wrong)} of {len(cases)};", *wrong)  # noqa: T201 - for people, shown by -rP
    assert len(wrong) <= len(cases) * 0.02


@needs_corpus
@pytest.mark.parametrize(("key", "least"), [("links", 0.98), ("published", 0.99)])
def test_links_and_dates_of_real_feeds_are_right(key: str, least: float) -> None:
    right, wrong = 0, []
    for case in rows("feeds/expected.jsonl"):
        feed = feed_or_none(case["file"]) if case["expect"] else None
        for entry, wanted in zip(feed.entries if feed else (), (case["expect"] or {}).get(key) or (), strict=False):
            if wanted is None:
                continue
            if key == "links":
                same = link_key(absolute_link((*entry.links, "")[0], entry.base) or "") == link_key(wanted)
            else:
                found = next(filter(None, (parse_date(text, LATER) for text in entry.published)), None)
                same = found is not None and abs((found - published(wanted)).total_seconds()) < 1.5
            right += same
            if not same:
                wrong.append((case["file"], wanted))
    print(f"{key}: {right} right, {len(wrong)} wrong;", *wrong)  # noqa: T201 - for people, shown by -rP
    assert right >= (right + len(wrong)) * least


@needs_corpus
def test_odd_dates_of_real_feeds_are_read() -> None:
    wrong = []
    for case in rows("dates.jsonl"):
        found, wanted = parse_date(case["raw"], LATER), case["utc"]
        right = (found is not None) if wanted == "any" else found == (published(wanted) if wanted else None)
        if not right and case.get("score") is not False:
            wrong.append((case["raw"], found))
    assert not wrong


@needs_corpus
def test_real_article_pages_are_known_as_articles_with_title_and_date() -> None:
    source = Source(kind="page", url="https://example.org/", include_article=True)
    titled = dated = wrong = 0
    cases = rows("articles/index.jsonl")
    for case in cases:
        url = case.get("url") or "https://example.org/story"
        entry = article_of(parse(content(case["file"]), None), url)
        story = story_of(entry, "corpus", source, LATER) if entry else None
        titled += story is not None
        wanted = (case.get("date") or (case.get("expect") or {}).get("date") or "")[:10]
        if story and story.published and wanted:
            near = abs((story.published - datetime.fromisoformat(wanted).replace(tzinfo=UTC)).days) <= 1
            dated, wrong = dated + near, wrong + (not near)
    print(f"articles: {titled} of {len(cases)} known; dates: {dated} right, {wrong} wrong")  # noqa: T201 - for people, shown by -rP
    assert titled >= len(cases) * 0.7


@needs_seed
def test_the_page_that_the_mission_began_from_gives_its_article_and_five_teasers() -> None:
    url = "http://127.0.0.1:8010/news/defence-notes/"
    select = Select(within="More from Defence Notes", item="li", title="h3", link="a", teaser="p")
    source = Source(kind="page", url=url, include_article=True, select=select)
    found = parse_page(SEED.read_bytes(), "text/html", url, "defence-notes", source, datetime(2026, 11, 23, tzinfo=UTC))
    assert found.state == "items"
    assert len(found.stories) == 6
    assert all(story.link.startswith(url) and story.title and story.teaser for story in found.stories)
    assert [story.published is not None for story in found.stories] == [True, False, False, False, False, False]
    listed = parse_page(
        SEED.read_bytes(), None, url, "defence-notes", source.model_copy(update={"include_article": False}), LATER
    )
    assert [story.link for story in listed.stories] == [story.link for story in found.stories[1:]]
