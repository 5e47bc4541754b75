"""The application that the daemon serves: all routes, wired to one site."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from digest import log
from digest.errors import StoreError
from digest.flow.newsroom import Newsroom
from digest.web import api, health, subscribers
from digest.web.health import Pulse, Senders, no_senders
from digest.web.pages import Pages
from digest.web.serving import bound, serving

_log = log.get(__name__)


def create(room: Newsroom, pulse: Pulse, senders: Senders = no_senders) -> FastAPI:
    """The application: all routes, wired to one site."""
    app = FastAPI(title="Digest", docs_url=None, redoc_url=None, openapi_url=None)
    pages = Pages(room)
    app.include_router(subscribers.routes(room, pages))
    app.include_router(health.routes(room, pulse, senders))
    app.mount(api.ROOT, api.create(room, pages))
    _explain(app, pages)
    return app


def _explain(app: FastAPI, pages: Pages) -> None:
    """Whatever goes wrong, a subscriber gets a page, with the same headers as every other."""

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> HTMLResponse:
        return pages.invalid(error.status_code, error.headers)

    @app.exception_handler(StoreError)
    async def resting(_request: Request, error: StoreError) -> HTMLResponse:
        _log.error("page.failed", reason=str(error))
        return pages.broken(503, {"Retry-After": "60"})

    @app.exception_handler(Exception)
    async def crashed(_request: Request, _error: Exception) -> HTMLResponse:
        return pages.broken(500)  # uvicorn logs the traceback


@contextlib.asynccontextmanager
async def serving_pages(room: Newsroom, pulse: Pulse, senders: Senders = no_senders) -> AsyncIterator[None]:
    """The pages of a site, served while the block lasts. Raises UsageError when the port is taken."""
    web = room.settings.web
    async with serving(create(room, pulse, senders), bound(web.host, web.port, "web.port"), web.trusted_proxies):
        yield
