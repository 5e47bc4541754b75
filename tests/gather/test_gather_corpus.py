"""Real material of other people, where it is at hand; none of its text is in this repository."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from digest.gather.dates import parse_date
from digest.gather.pages import parse_page
from digest.settings import Select, Source
from tests import corpus

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


def published(date: str) -> datetime:
    return datetime.fromisoformat(date).astimezone(UTC)


@needs_corpus
def test_real_feeds_are_read_right() -> None:
    scores, _ = corpus.feeds()
    least = {"feeds: entries": 1.0, "feeds: titles": 0.995, "feeds: links": 0.995, "feeds: published": 0.995}
    assert [str(score) for score in scores if score.share < least[score.name]] == []


@needs_corpus
def test_rules_for_real_pages_find_their_stories() -> None:
    lines = [line for line in corpus.sections() if "cards" in line]
    assert [line for line in lines if "precision  1.00 recall  1.00" not in line] == []
    assert lines != []


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
def test_real_article_pages_have_title_and_date_and_no_wrong_date() -> None:
    titled, dated, not_wrong = corpus.articles()
    assert titled.share >= 0.9, str(titled)
    assert dated.share >= 0.85, str(dated)
    assert not_wrong.share == 1.0, str(not_wrong)


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
