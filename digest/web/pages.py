"""Drawing pages from templates/web: escaped, with headers that let nothing foreign in."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from digest.flow.newsroom import Newsroom

_SHARED = {
    "Referrer-Policy": "no-referrer",  # the address of a page is a key to a subscription
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}


class Pages:
    """The pages of one site."""

    def __init__(self, room: Newsroom) -> None:
        self._site = room.settings.site
        self._environment = Environment(
            loader=FileSystemLoader(room.templates), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    def page(
        self, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> HTMLResponse:
        """The page of templates/web/`template`.html.j2."""
        nonce = secrets.token_urlsafe(16)
        html = self._environment.get_template(f"web/{template}.html.j2").render(site=self._site, nonce=nonce, **values)
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'"
        return HTMLResponse(html, status, {**(headers or {}), **_SHARED, "Content-Security-Policy": policy})

    def invalid(self, status: int = 404, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """The one page for every link that leads nowhere: it does not tell why."""
        text = "Perhaps it was cut in two by a mail program: please copy the whole of it from the mail."
        return self.page("notice", status, headers, title="This link is not valid", text=text)

    def broken(self, status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """The page for a fault of ours."""
        text = (
            "Something on our side does not work just now, and nothing was changed. Please try again in a few minutes."
        )
        return self.page("notice", status, headers, title="That did not work", text=text)

    def mail(self, html: str) -> HTMLResponse:
        """A mail in the browser: its styles are in its elements, its pictures come from elsewhere, nothing else runs."""
        policy = "default-src 'none'; img-src http: https:; style-src 'unsafe-inline'; base-uri 'none'"
        return HTMLResponse(html, headers={**_SHARED, "Content-Security-Policy": policy})
