"""Mails as clients show them: every width, light, dark, turned dark by force, without pictures, without styles, in Word.

A sample here, in which every two values meet that can; the whole matrix in `make proof`.
"""

from __future__ import annotations

from itertools import groupby

import pytest
from playwright.sync_api import Page

from tests.render.looks_issue import LAYOUTS
from tests.render.views import View, all_views, faults_of, html_of, pairwise, resize, show

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

MATRIX = all_views()
SAMPLE = pairwise(all_views(languages=("en", "de", "ar", "ja"), shapes=("full", "one", "bare", "long")))


def by_scheme(forced: bool, views: list[View]) -> list[View]:
    return sorted(view for view in views if (view.scheme == "forced") == forced)


@pytest.mark.parametrize("view", by_scheme(False, SAMPLE), ids=str)
def test_nothing_is_wrong_with_a_view(page: Page, view: View) -> None:
    show(page, view)
    assert faults_of(page, view) == []


@pytest.mark.parametrize("view", by_scheme(True, SAMPLE), ids=str)
def test_nothing_is_wrong_with_a_view_that_is_turned_dark(forced: Page, view: View) -> None:
    show(forced, view)
    assert faults_of(forced, view) == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_paper_takes_it_as_a_window_does(page: Page, layout: str) -> None:
    view = View(layout, "en", "full", "whole", 600, "light")
    show(page, view)
    page.emulate_media(media="print")
    assert faults_of(page, view) == []


FIRST = View("classic", "en", "full", "whole", 375, "light")


@pytest.mark.parametrize(
    ("style", "words"),
    [
        (".title { white-space: nowrap }", "the page scrolls sideways"),
        (".lead { position: relative; top: -90px }", "lies on a picture"),
        (".text { margin-top: -20px !important }", "lies on"),
        (".text { color: #999999 !important }", "contrast 2.8"),
        (
            ".beside { max-width: 190px !important } .thumb { max-width: 140px !important }",
            "columns stand side by side",
        ),
        (".lead { overflow: hidden; width: 200px; display: block; white-space: nowrap }", "lead face: is cut off"),
    ],
)
def test_what_is_wrong_with_a_view_is_found(page: Page, style: str, words: str) -> None:
    page.set_content(html_of(FIRST).replace("</head>", f"<style>{style}</style></head>"))
    resize(page, FIRST)
    assert any(words in fault for fault in faults_of(page, FIRST))


def test_what_does_not_survive_being_turned_dark_is_found(forced: Page) -> None:
    """Words on a picture: the words turn, the picture does not."""
    paper = "<style>.lead { background-image: url(https://images.example.org/works.png) }</style></head>"
    forced.set_content(html_of(FIRST).replace("</head>", paper), wait_until="networkidle")
    resize(forced, FIRST)
    assert any("contrast" in fault for fault in faults_of(forced, FIRST))


def _wholly(page: Page, views: list[View]) -> dict[str, list[str]]:
    """Each mail is loaded once and looked at in all windows."""
    faults = {}
    for _, same in groupby(views, key=lambda view: (view.layout, view.language, view.shape, view.client)):
        members = list(same)
        show(page, members[0])
        for view in members:
            resize(page, view)
            faults[str(view)] = faults_of(page, view)
    return {name: found for name, found in faults.items() if found}


@pytest.mark.proof
def test_nothing_is_wrong_in_the_whole_matrix(page: Page) -> None:
    assert _wholly(page, by_scheme(False, MATRIX)) == {}


@pytest.mark.proof
def test_nothing_is_wrong_in_the_whole_matrix_that_is_turned_dark(forced: Page) -> None:
    assert _wholly(forced, by_scheme(True, MATRIX)) == {}
