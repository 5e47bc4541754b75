"""What a subscriber reaches from her mail: leaving, and this mail in the browser.

A link opened changes nothing, whoever opens it: mail scanners follow every link. Only POST acts, and it asks for no cookie,
no sign-in and no particular form data (RFC 8058 §3.1, §3.2).
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from digest.errors import TokenError
from digest.flow import mailing, membership
from digest.flow.membership import Link
from digest.flow.newsroom import Newsroom
from digest.tokens import Purpose
from digest.web.pages import Pages

FORM_MAX = 16_384
"""Bytes of form data that are looked at; more is nobody's button."""


def routes(room: Newsroom, pages: Pages) -> APIRouter:
    """The routes for subscribers."""
    router = APIRouter()

    @router.api_route("/unsubscribe/{token}", methods=["GET", "HEAD"])
    async def ask(token: str) -> HTMLResponse:
        try:
            return _leaving(room, pages, await membership.follow(room, Purpose.UNSUBSCRIBE, token), "ask")
        except TokenError:
            return pages.invalid()

    @router.post("/unsubscribe/{token}")
    async def act(token: str, request: Request) -> HTMLResponse:
        try:
            if await _wants_back(request):
                return _leaving(room, pages, await membership.come_back(room, token), "back")
            return _leaving(room, pages, await membership.unsubscribe(room, token), "gone")
        except TokenError:
            return pages.invalid()

    @router.api_route("/view/{token}", methods=["GET", "HEAD"])
    async def view(token: str) -> HTMLResponse:
        try:
            html = await mailing.in_browser(room, token)
        except TokenError:
            return pages.invalid()
        if html is None:
            return pages.page(
                "notice", title="Not sent yet", text="This mail was a preview; its issue has not been sent."
            )
        return pages.mail(html)

    return router


async def _wants_back(request: Request) -> bool:
    """Whether the button "subscribe again" was pressed. Any other or broken form data means: unsubscribe."""
    body = bytearray()
    try:
        async for chunk in request.stream():  # to its end, so that our answer is read
            if len(body) <= FORM_MAX:
                body += chunk
        if len(body) > FORM_MAX:
            return False
        async with Request(request.scope, _replayed(bytes(body))).form(max_files=0, max_fields=20) as form:
            return form.get("action") == "return"
    except (HTTPException, ClientDisconnect, ValueError):
        return False


def _replayed(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _leaving(room: Newsroom, pages: Pages, link: Link, moment: str) -> HTMLResponse:
    if link.newsletter not in room.settings.newsletters or link.subscriber is None:
        text = "This link is from a preview or a test, or what it belongs to is gone. There is nothing to unsubscribe."
        return pages.page("notice", title="Nothing to do", text=text)
    title = room.settings.newsletters[link.newsletter].title
    return pages.page("unsubscribe", newsletter=title, moment=moment, left=link.newsletter in link.subscriber.left)
