"""The application that the daemon serves: all routes, wired to one site."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from digest.flow.newsroom import Newsroom
from digest.web import health, subscribers
from digest.web.health import Pulse
from digest.web.pages import Pages
from digest.web.serving import bound, serving


def create(room: Newsroom, pulse: Pulse) -> FastAPI:
    """The application: all routes, wired to one site."""
    app = FastAPI(title="Digest", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(subscribers.routes(room, Pages(room)))
    app.include_router(health.routes(room, pulse))
    return app


@contextlib.asynccontextmanager
async def serving_pages(room: Newsroom, pulse: Pulse) -> AsyncIterator[None]:
    """The pages of a site, served while the block lasts. Raises UsageError when the port is taken."""
    web = room.settings.web
    async with serving(create(room, pulse), bound(web.host, web.port, "web.port"), web.trusted_proxies):
        yield
