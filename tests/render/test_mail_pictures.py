"""Kept pictures of the mails: whatever a change of a template moves or colours shows as a difference from them.

Words are drawn in blocks, so that no machine's fonts matter; the pictures are a third of the size, in few colours. After a
change that is meant: `pytest tests/render/test_mail_pictures.py --update-golden`, and a look at what changed.
"""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import numpy
import pytest
from PIL import Image
from playwright.sync_api import Page, Route

from tests.render import blocks
from tests.render.views import View, html_of, resize, shot

pytestmark = pytest.mark.browser

KEPT = Path(__file__).parent / "pictures"
SMALLER = 3
COLOURS = 128
CELL = 4
"""Kept pictures are compared by squares of so many pixels, which edges drawn a shade otherwise hardly change."""
FAR = 6
"""The greatest distance of two squares in a colour, of 255, that is no difference."""
FEW = 0.0008
"""The share of squares that may differ all the same."""

VIEWS = (
    *(View(layout, "en", "full", "whole", 600, "light") for layout in ("classic", "compact", "briefing")),
    *(View(layout, "en", "full", "whole", 375, "dark") for layout in ("classic", "compact", "briefing")),
    View("classic", "ar", "full", "whole", 600, "light"),
    View("classic", "en", "full", "word", 1000, "light"),
    View("classic", "en", "bare", "no styles", 375, "light"),
    View("briefing", "ja", "one", "no pictures", 375, "light"),
)


def _dead(route: Route) -> None:
    route.abort()


def _flat(route: Route) -> None:
    route.fulfill(body=_picture(), content_type="image/png")


@lru_cache
def _picture() -> bytes:
    """A story's picture, of two colours: a landscape would take the palette for itself."""
    picture = Image.new("RGB", (1200, 630), "#5b7ea4")
    picture.paste("#3a4a5c", (0, 420, 1200, 630))
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def drawn(page: Page, view: View, more: str = "") -> Image.Image:
    """The view in blocks, made small."""
    page.unroute("**/*")
    page.route("**/*", _dead if view.client == "no pictures" else _flat)
    page.set_content(html_of(view).replace("</head>", f"{blocks.style()}{more}</head>"))
    resize(page, view)
    page.evaluate("document.fonts.load('16px Blocks').then(() => document.fonts.ready).then(() => null)")
    whole = shot(page)
    return whole.resize((whole.width // SMALLER, whole.height // SMALLER), Image.Resampling.BOX)


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of squares that differ; 1 when the pictures are not of one size, give or take a pixel."""
    if abs(one.width - other.width) > 1 or abs(one.height - other.height) > 1:
        return 1.0
    size = (min(one.width, other.width) // CELL, min(one.height, other.height) // CELL)
    box = (0, 0, size[0] * CELL, size[1] * CELL)
    squares = [each.crop(box).resize(size, Image.Resampling.BOX) for each in (one, other)]
    first, second = (numpy.asarray(each, dtype=numpy.int16) for each in squares)
    return float((numpy.abs(first - second).max(axis=2) > FAR).mean())


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_mail_looks_as_it_did(page: Page, view: View, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    file = KEPT / f"{view}.png"
    seen = drawn(page, view)
    if request.config.getoption("--update-golden"):
        KEPT.mkdir(exist_ok=True)
        seen.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    seen.save(tmp_path / "seen.png")
    differs = difference(seen, Image.open(file).convert("RGB"))
    assert differs <= FEW, f"{differs:.1%} differs from {file}; seen: {tmp_path / 'seen.png'}"


@pytest.mark.parametrize(
    "change",
    [
        ".lead { padding-top: 34px !important }",
        ".title { font-size: 21px !important }",
        ".text { line-height: 26px !important }",
        ".button { background-color: #8c4d18 !important }",
        ".rule { border-color: #888888 !important }",
        ".meta { color: #1b1a18 !important }",
        ".foot-link { text-decoration: none !important }",
    ],
)
def test_a_change_is_seen(page: Page, change: str) -> None:
    before, after = (drawn(page, VIEWS[0], more) for more in ("", f"<style>{change}</style>"))
    assert difference(before, after) > FEW


def test_the_kept_pictures_stay_small() -> None:
    sizes = {file.name: file.stat().st_size for file in KEPT.iterdir()}
    assert sizes.keys() == {f"{view}.png" for view in VIEWS}
    assert sum(sizes.values()) < 60_000
