"""What a reader sees: widths, columns and contrast, with and without style blocks."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from digest.render.merge import Merge, Personal
from tests.render.sample_issue import SHIPPED, Renderer, an_issue

CHROMIUM = Path("/usr/bin/chromium")
ONE_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
_STYLES = re.compile(r"<style.*?</style>", re.DOTALL)

needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("paper", "inks"),
    [("#ffffff", ["#1b1b19", "#5d5b55", "#8c1d18"]), ("#17181a", ["#ece9e1", "#a9a59b", "#f0a39b"])],
)
def test_every_text_has_enough_contrast_in_both_schemes(paper: str, inks: list[str]) -> None:
    sheet = (SHIPPED / "mail/parts/head.html.j2").read_text(encoding="utf-8")
    for ink in [paper, *inks]:
        assert ink in sheet
    assert min(_contrast(paper, ink) for ink in inks) >= 4.5


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    quiet += ["--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=quiet)
        yield started
        started.close()


def _picture(route: Route) -> None:
    route.fulfill(body=ONE_PIXEL, content_type="image/png")


def _open(browser: Browser, html: str, width: int) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.route("**/*", _picture)
    page.set_content(html)
    return page


def _top(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["y"]


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("styled", [True, False])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_it_fits_every_width_without_scrolling(browser: Browser, reader: Personal, styled: bool, language: str) -> None:
    html, _ = Merge(Renderer(language=language)(an_issue(intro="Good morning."))).fill(reader)
    for width in (320, 375, 600, 1000):
        page = _open(browser, html if styled else _STYLES.sub("", html), width)
        assert page.evaluate("document.compatMode") == "CSS1Compat"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        column = page.locator(".column").first.bounding_box()
        assert column is not None
        assert column["width"] == min(600, width)
        side_by_side = abs(_top(page, ".thumb") - _top(page, ".beside")) < 10
        assert side_by_side == (width >= 600)
        page.close()


@pytest.mark.browser
@needs_chromium
def test_no_visible_text_is_smaller_than_fourteen_pixels(browser: Browser, reader: Personal) -> None:
    page = _open(browser, Merge(Renderer()()).fill(reader)[0], 375)
    sizes = page.evaluate(
        """[...document.querySelectorAll("h1,h2,p,a,td.folio")].filter(e => e.innerText.trim())
           .map(e => parseFloat(getComputedStyle(e).fontSize))"""
    )
    assert min(sizes) >= 14
    page.close()


_COMPUTED = """[...document.body.querySelectorAll("*")].map(element => {
  const style = getComputedStyle(element);
  return element.tagName + " " + element.className + " " + [...style].map(name => style.getPropertyValue(name)).join("|");
})"""


@pytest.mark.browser
@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize(("width", "scheme"), [(600, "light"), (375, "light"), (600, "dark")])
def test_inlining_changes_nothing_that_a_reader_sees(
    browser: Browser, width: int, scheme: Literal["light", "dark"], monkeypatch: pytest.MonkeyPatch
) -> None:
    inlined = Renderer()().html
    monkeypatch.setattr("digest.render.html.inline", lambda html, template: html)
    raw = Renderer()().html
    seen = []
    for html in (inlined, raw.lstrip()):
        page = _open(browser, html, width)
        page.emulate_media(color_scheme=scheme)
        seen.append(page.evaluate(_COMPUTED))
        page.close()
    assert seen[0] == seen[1]
