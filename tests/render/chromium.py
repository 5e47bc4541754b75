"""Chromium, as the tests that look at a mail use it: started once a module, offline but for the pictures of the demo.

What is not here: what is looked at (test_mail_looks, test_mail_rules, test_mail_shots).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, sync_playwright

from tests.render.looks_issue import picture

CHROMIUM = Path("/usr/bin/chromium")
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
FORCED_DARK = "--enable-features=WebContentsForceDark"
"""Colours turned around by the client, as the apps of some providers do it."""


def missing(what: str) -> None:
    """Skip a test; on a build machine, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@contextmanager
def driver() -> Iterator[Playwright]:
    """What starts browsers; there can be one only at a time."""
    if not CHROMIUM.exists():
        missing("Chromium is not installed")
    with sync_playwright() as playwright:
        yield playwright


@contextmanager
def running_chromium(playwright: Playwright, *more: str) -> Iterator[Browser]:
    """Debian's."""
    started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*_QUIET, *more])
    yield started
    started.close()


def with_pictures(page: Page) -> None:
    """Stories' pictures load; nothing else does."""
    page.unroute("**/*")
    page.route("**/*", _serve)


def without_pictures(page: Page) -> None:
    """No picture loads, as in a client that blocks them."""
    page.unroute("**/*")
    page.route("**/*", lambda route: route.abort())


def _serve(route: Route) -> None:
    content = picture(route.request.url)
    if content is None:
        route.abort()
    else:
        route.fulfill(body=content, content_type="image/png")
