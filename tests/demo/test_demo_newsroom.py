"""The sample newsroom, read by the code that reads any newsroom, with the rules of the sample settings."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import pytest

from digest import settings
from digest.clock import SystemClock
from digest.demo.newsroom import SampleNewsroom, routes
from digest.demo.pictures import SCENES
from digest.demo.stories import ARTICLE, EVERYTHING, TEASERS, WIRE
from digest.gather.fetch import Fetcher
from digest.gather.parsing import Parsers
from digest.gather.sources import read_source
from digest.model.story import RawStory
from tests.demo.place import TEMPLATES, get, make_site, served

NOW = SystemClock().now()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with served(routes(SampleNewsroom(TEMPLATES, NOW))) as port:
        yield port


async def gathered(tmp_path: Path, port: int, name: str) -> tuple[RawStory, ...]:
    """What the source of the sample settings gives."""
    site = make_site(tmp_path / "site")
    config = settings.load(site.root, {})
    source = config.sources[name]
    asked = source.model_copy(update={"url": (source.url or "").replace(str(site.newsroom), str(port))})
    async with Fetcher(config.gather) as fetcher, aclosing(Parsers(at_once=1)) as parsers:
        return (await read_source(fetcher, name, asked, None, NOW, parsers=parsers)).stories


async def test_the_section_gives_its_article_and_exactly_its_five_teasers(tmp_path: Path, port: int) -> None:
    found = await gathered(tmp_path, port, "defence-notes")
    assert [story.title for story in found] == [story.title for story in (ARTICLE, *TEASERS)]
    assert [story.teaser for story in found] == [story.teaser for story in (ARTICLE, *TEASERS)]
    assert [story.link for story in found] == [f"http://127.0.0.1:{port}{story.path}" for story in (ARTICLE, *TEASERS)]


async def test_the_feed_gives_six_stories_of_the_last_hours(tmp_path: Path, port: int) -> None:
    found = await gathered(tmp_path, port, "defence-wire")
    assert [story.title for story in found] == [story.title for story in WIRE]
    assert len(found) == 6
    assert all(story.published and timedelta() < NOW - story.published < timedelta(hours=12) for story in found)


async def test_pictures_of_stories_are_there_and_wide(tmp_path: Path, port: int) -> None:
    found = await gathered(tmp_path, port, "defence-notes") + await gathered(tmp_path / "b", port, "defence-wire")
    images = [story.image for story in found if story.image]
    assert len(images) == sum(story.picture is not None for story in EVERYTHING)
    for image in images:
        answer = await get(image)
        assert answer.headers["content-type"] == "image/png"
        assert struct.unpack(">II", answer.body[16:24]) == (1200, 630)


async def test_every_story_has_a_page_that_names_its_title(port: int) -> None:
    for story in EVERYTHING:
        answer = await get(f"http://127.0.0.1:{port}{story.path}")
        assert answer.status == 200
        assert f"<h1>{story.title}</h1>" in answer.text.replace("&#39;", "'")


async def test_what_is_not_there_is_said_to_be_missing(port: int) -> None:
    for path in ("/news/wire/nothing/", "/pictures/nothing.png", "/elsewhere"):
        assert (await get(f"http://127.0.0.1:{port}{path}")).status == 404


def test_every_picture_that_a_story_names_can_be_drawn() -> None:
    assert {story.picture for story in EVERYTHING} - {None} == set(SCENES)


def test_no_two_stories_share_an_address_or_a_title() -> None:
    assert len({story.path for story in EVERYTHING}) == len({story.title for story in EVERYTHING}) == len(EVERYTHING)
