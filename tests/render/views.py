"""A mail as one client shows it, and what a look at it finds: what sticks out, is cut off, overlaps, cannot be read.

Contrast is measured on the picture, since a client that turns colours around tells nobody. What is not here: which views
there are to look at (test_mail_shots), the pictures that are kept (test_mail_pictures).
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import Any

import numpy
from PIL import Image
from playwright.sync_api import Page

from tests import pairs
from tests.render.chromium import with_pictures, without_pictures
from tests.render.looks_issue import LAYOUTS, mail

WIDTHS = (320, 375, 600, 1000)
SCHEMES = ("light", "dark", "forced")
CLIENTS = ("whole", "no pictures", "no styles", "word")
READABLE = 4.5
_STYLES = re.compile(r"<style.*?</style>", re.DOTALL)

Pixels = numpy.ndarray[Any, numpy.dtype[numpy.float64]]


@dataclass(frozen=True, order=True)
class View:
    """Who sees what. scheme: forced = a client that turns light colours into dark ones by itself."""

    layout: str
    language: str
    shape: str
    client: str
    width: int
    scheme: str

    def __str__(self) -> str:
        return "-".join(map(str, astuple(self))).replace(" ", "-")

    @property
    def exists(self) -> bool:
        """Word has windows of a desktop only."""
        return self.client != "word" or self.width == 1000


def all_views(
    languages: Iterable[str] = ("en", "ar"), shapes: Iterable[str] = ("full", "long"), layouts: Iterable[str] = LAYOUTS
) -> list[View]:
    """The whole matrix."""
    made = itertools.product(layouts, languages, shapes, CLIENTS, WIDTHS, SCHEMES)
    return [view for view in (View(*each) for each in made) if view.exists]


def pairwise(views: list[View]) -> list[View]:
    """Few of them, in which every two values that ever meet do meet."""
    return [View(*each) for each in pairs.pairwise([astuple(view) for view in views])]


# -- showing -----------------------------------------------------------------------------------------------------------


def html_of(view: View) -> str:
    """The mail as its client takes it."""
    html = mail(view.layout, view.language, view.shape)
    if view.client == "no styles":  # the Gmail app with another provider's account
        return _STYLES.sub("", html)
    return as_word(html) if view.client == "word" else html


def as_word(html: str) -> str:
    """Outlook's comments brought to life, and what Word does not know taken away."""
    live = _STYLES.sub("", html).replace("<!--[if mso]>", "").replace("<![endif]-->", "")
    return re.sub(r"max-width:\d+px;?|display:inline-block;?", "", live)


def show(page: Page, view: View) -> None:
    """Show it; a page of a browser with FORCED_DARK is wanted for the scheme "forced"."""
    (without_pictures if view.client == "no pictures" else with_pictures)(page)
    page.set_content(html_of(view))
    resize(page, view)


def resize(page: Page, view: View) -> None:
    """The same mail in another window."""
    page.emulate_media(color_scheme="dark" if view.scheme == "dark" else "light")
    page.set_viewport_size({"width": view.width, "height": 800})


# -- looking -----------------------------------------------------------------------------------------------------------

# Each piece of text is a box a line. Lines of one text may touch: the box is as high as the font, not as the line.
_LOOK = """() => {
  const width = innerWidth, faults = [], texts = [];
  const placed = (words, box) =>
    ({words, left: box.left, right: box.right, top: box.top + scrollY, bottom: box.bottom + scrollY});
  if (document.documentElement.scrollWidth > width) faults.push("the page scrolls sideways");
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const words = node.textContent.trim(), parent = node.parentElement;
    if (!words || ["STYLE", "XML"].includes(parent.tagName) || parent.closest(".preheader")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      if (box.width > 2 && box.height > 2)
        texts.push(placed(words.slice(0, 40), box));
  }
  const pictures = [...document.images].map(image => image.getBoundingClientRect()).filter(box => box.width > 2)
    .map(box => placed("a picture", box));
  const boxes = texts.concat(pictures);
  const column = document.querySelector(".column").getBoundingClientRect();
  for (const box of boxes)
    if (box.left < column.left - 1 || box.right > column.right + 1) faults.push(`${box.words}: sticks out of the column`);
  for (let one = 0; one < texts.length; one++)
    for (let two = one + 1; two < boxes.length; two++) {
      const a = boxes[one], b = boxes[two];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      const line = Math.min(a.bottom - a.top, b.bottom - b.top);
      if (wide > 2 && high > 0.4 * line) faults.push(`${a.words}: lies on ${b.words}`);
    }
  for (const element of document.body.querySelectorAll("*:not(.preheader):not(img)")) {
    const hides = getComputedStyle(element).overflowX != "visible";
    if (hides && element.scrollWidth > element.clientWidth + 1) faults.push(`${element.className}: is cut off`);
  }
  return {faults, texts};
}"""

_SIDE_BY_SIDE = """names => {
  const [one, two] = names.map(name => document.querySelector(name).getBoundingClientRect().top);
  return Math.abs(one - two) < 12;
}"""


def faults_of(page: Page, view: View) -> list[str]:
    """Whatever is wrong with the view that the page shows; empty when it is as it should be."""
    seen = page.evaluate(_LOOK)
    faults: list[str] = [*seen["faults"], *_columns(page, view)]
    picture = shot(page)
    faults += [
        f"{box['words']}: contrast {ratio:.1f}" for box, ratio in _contrasts(picture, seen["texts"]) if ratio < READABLE
    ]
    return sorted(set(faults))


def _columns(page: Page, view: View) -> Iterator[str]:
    first = {"classic": ".thumb", "compact": ".who"}.get(view.layout)
    if not first or not page.locator(first).count():
        return
    beside = page.evaluate(_SIDE_BY_SIDE, [first, ".beside"])
    if beside != (view.width >= 600):
        yield "columns stand side by side" if beside else "columns are stacked"


def shot(page: Page) -> Image.Image:
    """The whole page as a picture."""
    return Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")


def _contrasts(picture: Image.Image, texts: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], float]]:
    """Of each line of text: how well its ink is told from the ground, which is the colour that it has most of."""
    pixels = _luminance(numpy.asarray(picture, dtype=numpy.float64) / 255)
    for box in texts:
        part = pixels[int(box["top"]) : int(box["bottom"]) + 1, int(box["left"]) : int(box["right"]) + 1]
        if part.size > 100 and sum(map(str.isalnum, box["words"])) > 1:  # a dot alone has no pixel of full ink
            values, counts = numpy.unique(part, return_counts=True)
            ground = values[counts.argmax()]
            light, dark = numpy.maximum(values, ground), numpy.minimum(values, ground)
            yield box, float(((light + 0.05) / (dark + 0.05)).max())


def _luminance(pixels: Pixels) -> Pixels:
    """WCAG 2.2, "relative luminance"; rounded, so that one colour is one number."""
    linear = numpy.where(pixels <= 0.03928, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    rounded: Pixels = numpy.round(linear @ numpy.array([0.2126, 0.7152, 0.0722]), 4)
    return rounded
