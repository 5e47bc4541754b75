"""The inbox in the browser: which mails came, and each as a subscriber sees it.

    /inbox/               the newest mail, and the list of all
    /inbox/ID/            one mail; /phone, /dark, /text and /source are its other views
    /inbox/ID/mail.html   what stands in the frame (?scheme=dark)
    /inbox/ID/mail.eml    the bytes that came

Mails are foreign: what is in them is escaped, or shown in a sandbox (frame). What is not here: reading mails (reading).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from digest.demo.maildir import Maildir, Stored
from digest.demo.newsroom import environment
from digest.demo.reading import HEAD_MAX, read, subject_of
from digest.web.frame import POLICY, Scheme, framed

PATH = "/inbox/"
SOURCE_MAX = 1_000_000
"""So many characters of the source are shown; all of it can be saved."""

_SHARED = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
_PAGE_POLICY = "img-src data:; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at a mail. path: the end of its address."""

    path: str
    title: str
    size: str = ""


VIEWS = (
    View("", "Desktop", "600"),
    View("phone", "Phone", "375"),
    View("dark", "Dark"),
    View("text", "Text"),
    View("source", "Source"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A mail in the list. at: on the site's clock."""

    id: str
    subject: str
    to: str
    at: datetime
    size_bytes: int


class InboxPages:
    """The pages of one inbox. site: the name that is shown."""

    def __init__(self, maildir: Maildir, templates: Sequence[Path], site: str, zone: ZoneInfo) -> None:
        self._maildir = maildir
        self._environment = environment(templates)
        self._site = site
        self._zone = zone

    def newest(self) -> HTMLResponse:
        """The newest mail; a friendly word while there is none."""
        stored = self._maildir.newest()
        return self._page(stored, stored[0], VIEWS[0]) if stored else self._draw("empty.html.j2", refresh_s=2)

    def mail(self, mail_id: str, view_path: str) -> HTMLResponse:
        """One mail in one view."""
        view = next((each for each in VIEWS if each.path == view_path), None)
        chosen = self._maildir.find(mail_id)
        if view is None or chosen is None:
            return self._draw("empty.html.j2", 404, refresh_s=None)
        return self._page(self._maildir.newest(), chosen, view)

    def frame(self, mail_id: str, scheme: Scheme) -> Response:
        """The mail's HTML, to be shown in a frame."""
        chosen = self._maildir.find(mail_id)
        html = read(chosen.path.read_bytes()).html if chosen else None
        if html is None:
            return Response(status_code=404)
        page = framed(html, scheme).encode("utf-8", "replace")
        return HTMLResponse(page, headers={**_SHARED, "Content-Security-Policy": POLICY})

    def source(self, mail_id: str) -> Response:
        """The bytes that came, to be saved."""
        chosen = self._maildir.find(mail_id)
        if chosen is None:
            return Response(status_code=404)
        saved = {"Content-Disposition": f'attachment; filename="{mail_id}.eml"'}
        return Response(chosen.path.read_bytes(), media_type="message/rfc822", headers={**_SHARED, **saved})

    def _page(self, stored: Sequence[Stored], chosen: Stored, view: View) -> HTMLResponse:
        content = chosen.path.read_bytes()
        return self._draw(
            "mail.html.j2",
            lines=[self._line(each) for each in stored],
            chosen=self._line(chosen),
            letter=read(content),
            view=view,
            source=content.decode("utf-8", "backslashreplace")[:SOURCE_MAX] if view.path == "source" else "",
            cut=len(content) > SOURCE_MAX,
        )

    def _line(self, stored: Stored) -> Line:
        with stored.path.open("rb") as mail:
            head = mail.read(HEAD_MAX)
        to = ", ".join(stored.envelope.recipients) or "unknown recipient"
        size_bytes = stored.path.stat().st_size
        return Line(stored.id, subject_of(head), to, stored.envelope.at.astimezone(self._zone), size_bytes)

    def _draw(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        nonce = secrets.token_urlsafe(16)
        drawn = self._environment.get_template(f"demo/{template}")
        html = drawn.render(site=self._site, nonce=nonce, views=VIEWS, root=PATH, **values)
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; {_PAGE_POLICY}"
        headers = {**_SHARED, "Content-Security-Policy": policy}
        return HTMLResponse(html.encode("utf-8", "replace"), status, headers)


def routes(pages: InboxPages) -> APIRouter:
    """The routes of the inbox. They read files, hence no coroutines: each runs on a thread of its own."""
    router = APIRouter(prefix=PATH.rstrip("/"))

    @router.get("/")
    def newest() -> HTMLResponse:
        return pages.newest()

    @router.get("/{mail_id}/mail.html")
    def frame(mail_id: str, scheme: Scheme = "light") -> Response:
        return pages.frame(mail_id, scheme)

    @router.get("/{mail_id}/mail.eml")
    def source(mail_id: str) -> Response:
        return pages.source(mail_id)

    @router.get("/{mail_id}/{view:path}")
    def mail(mail_id: str, view: str) -> HTMLResponse:
        return pages.mail(mail_id, view)

    return router
