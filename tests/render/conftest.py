"""What the tests of render are given; the issue itself stands in sample_issue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright

from digest.model.issue import RenderedIssue
from digest.render.merge import Merge, Personal
from tests.render.chromium import FORCED_DARK, driver, running_chromium, with_pictures
from tests.render.sample_issue import SHIPPED, Renderer


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    # Not for the whole session: its loop must be over before a test with a loop of its own begins.
    with driver() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with running_chromium(playwright) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 600, "height": 800})
    with_pictures(page)
    yield page
    page.close()


@pytest.fixture(scope="module")
def forcing_browser(playwright: Playwright) -> Iterator[Browser]:
    with running_chromium(playwright, FORCED_DARK) as browser:
        yield browser


@pytest.fixture
def forced(forcing_browser: Browser) -> Iterator[Page]:
    """A page of a client that turns colours around by itself."""
    page = forcing_browser.new_page()
    with_pictures(page)
    yield page
    page.close()


@pytest.fixture
def render() -> Renderer:
    return Renderer()


@pytest.fixture
def in_site(tmp_path: Path) -> Callable[..., Renderer]:
    """A renderer whose site has templates of its own: name under mail/ -> source."""

    def make(**templates: str) -> Renderer:
        for name, source in templates.items():
            file = tmp_path / "mail" / f"{name.replace('_', '.')}.j2"
            file.parent.mkdir(exist_ok=True)
            file.write_text(source, encoding="utf-8")
        return Renderer(folders=(tmp_path, SHIPPED))

    return make


@pytest.fixture
def reader() -> Personal:
    return Personal(
        email="reader@example.com",
        name="Kim O'Neil & <Sons>",
        topics=frozenset(),
        unsubscribe_url=f"https://news.example.org/unsubscribe/{'T0ken-_' * 29}",
        view_url="https://news.example.org/view/v1?a=1&b=2",
        preferences_url="https://news.example.org/preferences/p1",
    )


@pytest.fixture
def merged(render: Renderer) -> tuple[RenderedIssue, Merge]:
    rendered = render()
    return rendered, Merge(rendered)
