"""The sample newsroom: a section page, a feed, a page for every story, and pictures.

    /news/defence-notes/   the section: an article, and under "More from Defence Notes" five teasers
    /feed.xml              six more stories

What is not here: the stories themselves (stories), the inbox (pages).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from digest.demo.pictures import picture
from digest.demo.stories import ARTICLE, EVERYTHING, SECTION, SECTION_PATH, TEASERS, WIRE, SampleStory


def environment(templates: Sequence[Path]) -> Environment:
    """The environment in which all pages of the demo are drawn; everything is escaped."""
    return Environment(
        loader=FileSystemLoader(templates), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )  # fmt: skip


class SampleNewsroom:
    """The pages of the newsroom, as they have been since `started`: nothing in them changes while it runs."""

    def __init__(self, templates: Sequence[Path], started: datetime) -> None:
        self._environment = environment(templates)
        self._started = started

    def section(self, base: str) -> str:
        """The section page: its own article, then the teasers."""
        return self._draw("section.html.j2", base, story=ARTICLE, teasers=TEASERS)

    def article(self, base: str, story: SampleStory) -> str:
        """A story's page."""
        return self._draw("article.html.j2", base, story=story)

    def feed(self, base: str) -> str:
        """The feed, RSS 2.0."""
        return self._draw("feed.xml.j2", base, stories=WIRE, started=self._started)

    def _draw(self, template: str, base: str, **values: object) -> str:
        shared = {"base": base, "section": SECTION, "section_path": SECTION_PATH, "rfc822": format_datetime}
        return self._environment.get_template(f"demo/{template}").render(published=self._published, **shared, **values)

    def _published(self, story: SampleStory) -> datetime | None:
        return None if story.age is None else self._started - story.age


def routes(newsroom: SampleNewsroom) -> APIRouter:
    """The routes of the newsroom."""
    router = APIRouter()
    by_path = {story.path: story for story in EVERYTHING}

    @router.get("/")
    async def home() -> RedirectResponse:
        return RedirectResponse(SECTION_PATH)

    @router.get(SECTION_PATH)
    async def section(request: Request) -> HTMLResponse:
        return HTMLResponse(newsroom.section(_base(request)))

    @router.get("/feed.xml")
    async def feed(request: Request) -> Response:
        return Response(newsroom.feed(_base(request)), media_type="application/rss+xml")

    @router.get("/news/{section}/{slug}/")
    async def article(request: Request) -> HTMLResponse:
        story = by_path.get(request.url.path)
        if story is None:
            return HTMLResponse("There is no such story.", 404)
        return HTMLResponse(newsroom.article(_base(request), story))

    @router.get("/pictures/{name}.png")
    def drawn(name: str) -> Response:
        found = picture(name)
        if found is None:
            return Response(status_code=404)
        return Response(found, media_type="image/png", headers={"Cache-Control": "max-age=3600"})

    return router


def _base(request: Request) -> str:
    """Where the newsroom was asked: its absolute links lead there again."""
    return str(request.base_url).rstrip("/")
