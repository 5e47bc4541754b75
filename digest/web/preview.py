"""The page on which a designer sees her mail in every form at once, drawn anew at each change of a template or setting.

On loopback only, for the one who started it. What is not here: drawing the mail (flow.preview), the page's looks
(templates/web/preview.html.j2).
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.middleware.trustedhost import TrustedHostMiddleware

from digest.errors import DigestError
from digest.flow import preview
from digest.flow.newsroom import Newsroom
from digest.flow.preview import Drawn
from digest.web.frame import Scheme, framed
from digest.web.serving import bound, serving

HOST = "127.0.0.1"
CLIP = 102 * 1024
"""Bytes of HTML behind which Gmail cuts a message off."""

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_COUNTS = ("stories", "html_bytes", "bytes")
_NOTHING = "There is no story to show: no source has a new one. `digest stories` says why."


@dataclass(frozen=True, slots=True)
class View:
    """What there is to see. version: grows with each change. drawn: the last one that succeeded. fault: of the newest."""

    version: int
    drawn: Drawn | None
    fault: str | None


class Watcher:
    """Draws the mail again when what it depends on has changed; asked by the page, twice a second."""

    def __init__(self, room: Newsroom, newsletter: str, email: str | None, at: datetime | None) -> None:
        self.newsletter = newsletter
        self._room = room
        self._email = email
        self._at = at
        self._seen: Hashable = None
        self._view = View(0, None, None)
        self._lock = asyncio.Lock()

    async def view(self) -> View:
        """The mail as it is now. Never raises for a fault of a template or of the settings: it tells it."""
        async with self._lock:
            now = preview.state_of(self._room)
            if now is not None and now != self._seen:
                self._seen = now
                self._view = await self._anew(self._view)
            return self._view

    async def _anew(self, before: View) -> View:
        try:
            room = preview.with_settings_of_now(self._room)
            drawn = await preview.draw(room, self.newsletter, email=self._email, at=self._at)
        except DigestError as error:
            return View(before.version + 1, before.drawn, str(error))
        return View(before.version + 1, drawn or before.drawn, None if drawn else _NOTHING)


@contextlib.asynccontextmanager
async def watching(
    room: Newsroom, newsletter: str, *, email: str | None = None, at: datetime | None = None
) -> AsyncIterator[str]:
    """Serve the page on a free port of loopback while the block lasts; gives its address.

    email: as which subscriber; None: nobody in particular. at: as of when. What is wrong is said on the page.
    """
    watcher = Watcher(room, newsletter, email, at)
    await watcher.view()
    listening = bound(HOST, 0, "nothing: another program takes every port")
    port = listening.getsockname()[1]
    async with serving(create(room, watcher), listening):
        yield f"http://{HOST}:{port}/"


def create(room: Newsroom, watcher: Watcher) -> FastAPI:
    """The application: the page, the mail in its forms, and what changed."""
    app = FastAPI(title="Digest preview", docs_url=None, redoc_url=None, openapi_url=None)
    # Another site's page must not read the preview under a name that it has pointed at this machine.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    pages = Environment(
        loader=FileSystemLoader(room.templates), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )

    @app.get("/")
    async def page() -> HTMLResponse:
        nonce = secrets.token_urlsafe(16)
        html = pages.get_template("web/preview.html.j2").render(
            nonce=nonce, newsletter=watcher.newsletter, now=_figures(await watcher.view())
        )
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; frame-src 'self'; "
        return HTMLResponse(
            html, headers=_HEADERS | {"Content-Security-Policy": policy + "connect-src 'self'; base-uri 'none'"}
        )

    @app.get("/now")
    async def now() -> JSONResponse:
        return JSONResponse(_figures(await watcher.view()), headers=_HEADERS)

    @app.get("/mail.html")
    async def mail(scheme: Scheme = "light", pictures: Literal["on", "off"] = "on") -> HTMLResponse:
        drawn = (await watcher.view()).drawn
        html = framed(drawn.mail.html, scheme) if drawn else ""
        return HTMLResponse(html, headers=_HEADERS | {"Content-Security-Policy": _policy(pictures == "on")})

    @app.get("/mail.eml")
    async def source() -> PlainTextResponse:
        drawn = (await watcher.view()).drawn
        return PlainTextResponse(drawn.mail.message.decode("ascii") if drawn else "", headers=_HEADERS)

    return app


def _policy(pictures: bool) -> str:
    """A mail runs nothing and sends nothing; the page around it, of the same origin, may keep its place."""
    shown = "http: https: data:" if pictures else "'none'"
    return (
        f"default-src 'none'; img-src {shown}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
    )


def _figures(view: View) -> dict[str, Any]:
    """What the page says about the mail."""
    figures: dict[str, Any] = {"version": view.version, "fault": view.fault, "clip": CLIP}
    if view.drawn is None:
        return figures | dict.fromkeys(("subject", "preheader", "reason", "text"), "") | dict.fromkeys(_COUNTS, 0)
    document, mail = view.drawn.document, view.drawn.mail
    return figures | {
        "subject": document["subject"],
        "preheader": document["preheader"],
        "reason": document["reason"] if document["shown_with"] else "",
        "stories": len(document["stories"]),
        "text": mail.text,
        "html_bytes": len(mail.html.encode()),
        "bytes": len(mail.message),
    }
