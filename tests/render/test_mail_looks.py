"""What a reader sees: widths, columns and contrast, with and without style blocks."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

import pytest
from playwright.sync_api import Page

from digest.model.issue import AlsoIn
from digest.render.merge import Merge, Personal
from tests.render.chromium import without_pictures
from tests.render.sample_issue import Renderer, an_issue, six_stories

_STYLES = re.compile(r"<style.*?</style>", re.DOTALL)

LAYOUTS = ["classic", "compact", "briefing"]
WIDTHS = (320, 375, 414, 600, 1000)
LONG = "Wirtschaftsprüfungsgesellschaftsvorsitzender" + "x" * 80


def _mail(reader: Personal, layout: str, language: str = "en") -> str:
    """An issue with everything in it: an intro, a section, other sources, a paid story, a word that is too long."""
    stories = list(six_stories())
    stories[1] = replace(stories[1], also=(AlsoIn("harbour-post", "https://h.example.com/1"), AlsoIn("Gazette", "")))
    stories[3] = replace(stories[3], title=f"{stories[3].title} {LONG}", section="Industry")
    stories[4] = replace(stories[4], section="Industry", topics=("sponsored",))
    stories[5] = replace(stories[5], section="Industry", language="he", title="ספינות סיור: מה יכולות המספנות לספק")
    rendered = Renderer(language=language)(an_issue(tuple(stories), intro="Good morning."), theme={"layout": layout})
    return Merge(rendered).fill(reader)[0]


def _top(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["y"]


_BEYOND = """width => [...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > width + 1
  || e.getBoundingClientRect().left < -1).map(e => e.tagName + "." + e.className)"""


@pytest.mark.browser
@pytest.mark.parametrize("client", ["a good one", "without a doctype"])
@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_fits_every_width_without_scrolling(
    page: Page, reader: Personal, layout: str, language: str, client: str
) -> None:
    html = _mail(reader, layout, language)
    if client == "without a doctype":  # webmails take it away
        html = html.removeprefix("<!DOCTYPE html>")
    page.set_content(html)
    assert page.evaluate("document.compatMode") == ("BackCompat" if "doctype" in client else "CSS1Compat")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(_BEYOND, width) == []
        column = page.locator(".column").first.bounding_box()
        assert column is not None
        assert column["width"] == min(600, width)
        assert abs(column["x"] - (width - column["width"]) / 2) < 1
        if layout != "briefing":
            first = ".thumb" if layout == "classic" else ".who"
            assert (abs(_top(page, first) - _top(page, ".beside")) < 10) == (width >= 600)


@pytest.mark.browser
@pytest.mark.parametrize("layout", LAYOUTS)
def test_sizes_are_those_that_thumbs_eyes_and_word_need(page: Page, reader: Personal, layout: str) -> None:
    page.set_content(_mail(reader, layout))
    tallest = page.evaluate("Math.max(...[...document.querySelectorAll('table')].map(e => e.offsetHeight))")
    assert tallest < 1700
    page.set_viewport_size({"width": 375, "height": 800})
    sizes = page.evaluate(
        """[...document.querySelectorAll("h1,h2,h3,p,a,b,.plain")].filter(e => e.innerText.trim())
           .map(e => parseFloat(getComputedStyle(e).fontSize))"""
    )
    assert min(sizes) >= 14
    for box in (each.bounding_box() for each in page.locator(".button-link").all()):
        assert box is not None
        assert box["height"] >= 44
        assert box["width"] >= 44


@pytest.mark.browser
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_dead_picture_takes_no_more_room_than_its_words(page: Page, reader: Personal, layout: str) -> None:
    without_pictures(page)
    page.set_content(_mail(reader, layout))
    for width in (375, 600):
        page.set_viewport_size({"width": width, "height": 800})
        for picture in page.locator("img").all():
            box = picture.bounding_box()
            assert box is not None
            assert 14 <= box["height"] <= 80


@pytest.mark.browser
@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_only_outlook_reads_makes_a_whole_page_of_600_pixels(page: Page, reader: Personal, layout: str) -> None:
    """Outlook's comments brought to life, and what Word does not know taken away."""
    html = _mail(reader, layout)
    assert html.count("<!--[if mso]>") == html.count("<![endif]-->")
    html = _STYLES.sub("", html).replace("<!--[if mso]>", "").replace("<![endif]-->", "")
    html = re.sub(r"max-width:\d+px;?|display:inline-block;?", "", html)
    assert html.count("<table") == html.count("</table>")
    assert html.count("<td") == html.count("</td>")
    page.set_content(html)
    page.set_viewport_size({"width": 1000, "height": 800})
    for column in page.locator(".column").all():
        box = column.bounding_box()
        assert box is not None
        assert (box["x"], box["width"]) == (200, 600)
    if layout != "briefing":
        assert abs(_top(page, ".thumb" if layout == "classic" else ".who") - _top(page, ".beside")) < 10


_COMPUTED = """[...document.body.querySelectorAll("*")].map(element => {
  const style = getComputedStyle(element);
  return element.tagName + " " + element.className + " " + [...style].map(name => style.getPropertyValue(name)).join("|");
})"""


def _computed(page: Page, html: str) -> list[list[str]]:
    page.set_content(html)
    seen = []
    views: list[tuple[int, Literal["light", "dark"]]] = [(600, "light"), (375, "light"), (600, "dark")]
    for width, scheme in views:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        seen.append(page.evaluate(_COMPUTED))
    return seen


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_inlining_changes_nothing_that_a_reader_sees(
    page: Page, layout: str, language: str, reader: Personal, monkeypatch: pytest.MonkeyPatch
) -> None:
    inlined = _computed(page, _mail(reader, layout, language))
    assert len(inlined[0]) > 100
    monkeypatch.setattr("digest.render.html.inline", lambda html, template: html)
    assert inlined == _computed(page, _mail(reader, layout, language).lstrip())


@pytest.mark.browser
def test_an_inliner_that_drops_what_is_important_would_be_noticed(page: Page, reader: Personal) -> None:
    """As premailer does when left to itself: phones and dark mode would get what stands in the attributes."""
    right = _computed(page, _mail(reader, "classic"))
    wrong = _computed(page, _mail(reader, "classic").replace(" !important", ""))
    assert [one == other for one, other in zip(right, wrong, strict=True)] == [False, False, False]


_COLOURS = """[...document.body.querySelectorAll("*:not(.preheader)")].map(element => {
  const style = getComputedStyle(element);
  const says = [...element.childNodes].some(node => node.nodeType == Node.TEXT_NODE && node.textContent.trim());
  const line = side => parseFloat(style[`border${side}Width`]) ? style[`border${side}Color`] : "";
  return [element.className, says ? style.color : "", style.backgroundColor, line("Top"), line("Bottom")];
})"""


@pytest.mark.browser
@pytest.mark.parametrize("layout", LAYOUTS)
def test_outlooks_own_marks_give_the_colours_of_the_dark_scheme(page: Page, reader: Personal, layout: str) -> None:
    """Outlook.com reads no media query: it marks what it would turn around, and a mail that knows the marks goes first."""
    html = _mail(reader, layout)
    page.emulate_media(color_scheme="dark")
    page.set_content(html)
    dark = page.evaluate(_COLOURS)
    page.emulate_media(color_scheme="light")
    page.set_content(html.replace("<html ", "<html data-ogsc data-ogsb ").replace("color-scheme: light dark", ""))
    marked = page.evaluate(_COLOURS)
    assert marked == dark
    assert len({tuple(each[1:]) for each in dark}) > 5
