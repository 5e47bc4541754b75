"""Rules of the HTML that can be read off the finished mail: what must not be in it, and how its styles are written."""

from __future__ import annotations

import re
from collections import defaultdict
from zoneinfo import ZoneInfo

import pytest

from digest.render.preflight.cascade import one_way
from digest.render.preflight.page import Page, declarations
from digest.render.trial.mails import Drawn, Subject, draw
from digest.render.trial.specimens import specimens
from tests.render.sample_issue import SITE, Renderer, a_newsletter

SPECIMENS = {each.name: each for each in specimens()}
CASES = [(layout, name) for layout in ("classic", "compact", "briefing") for name in ("sections, en", "sections, ar")]


@pytest.fixture(scope="module", params=CASES, ids=" ".join)
def mail(request: pytest.FixtureRequest) -> Drawn:
    layout, name = request.param
    newsletter = a_newsletter(theme={"layout": layout, "logo": "https://images.example.org/logo.png"}, preheader="Soon")
    return draw(
        Renderer().environment(), Subject("sample", newsletter, SITE, ZoneInfo("Europe/London")), SPECIMENS[name]
    )


def sheets(mail: Drawn) -> list[str]:
    return re.findall(r"(?s)<style[^>]*>(.*?)</style>", mail.look.html)


def test_sheets_are_written_as_every_client_reads_them(mail: Drawn) -> None:
    for sheet in sheets(mail):
        assert "/*" not in sheet
        assert not re.search(r"\S!important", sheet)
        assert not re.search(r"[{;]\s*[a-z-]*[A-Z][\w-]*\s*:", sheet)
        assert not re.search(r"\[class[~|^$*]?=", sheet)
        assert not re.search(r"@import|@font-face|@supports|@keyframes", sheet)
    features = {feature for sheet in sheets(mail) for feature in re.findall(r"\(([a-z-]+)\s*:", sheet)}
    assert features == {"max-width", "prefers-color-scheme"}


def test_nothing_stands_in_it_that_clients_take_out(mail: Drawn) -> None:
    page = Page(mail.look.html)
    forbidden = {"script", "form", "input", "iframe", "object", "embed", "video", "audio", "svg", "link", "base"}
    assert {element.tag for element in page.elements()} & forbidden == set()
    for element in page.elements():
        assert not [name for name in element.attrib if name.startswith("on")]
        for each in declarations(element.get("style")):
            assert each.name not in {"position", "float"}
            assert not (each.name.startswith("margin") and re.search(r"(?<!\d)-\d|auto", each.value))


def test_word_finds_its_padding_on_cells_and_no_colour_that_is_stale(mail: Drawn) -> None:
    padded = set()
    for element in Page(mail.look.html).elements():
        for each in declarations(element.get("style")):
            if each.name.startswith("padding") and each.value.strip("0px ") and element.tag != "td":
                padded.add((element.tag, element.get("class")))
            assert each.name != "background"
            if each.name == "background-color" and (attribute := element.get("bgcolor")):
                assert one_way(attribute) == one_way(each.value)
    # A button is padded for everybody else, and for Word by mso-padding-alt of its cell; a dead picture's words by the
    # picture, which Word does not pad.
    assert padded <= {("a", "button-link")}


def test_a_link_says_where_it_leads(mail: Drawn) -> None:
    leads: dict[str, set[str]] = defaultdict(set)
    for link in Page(mail.look.html).elements("a"):
        words = " ".join(link.text_content().split()) or "".join(each.get("alt", "") for each in link.iter("img"))
        leads[words].add(link.get("href", ""))
    assert "" not in leads
    assert {words: urls for words, urls in leads.items() if len(urls) > 1} == {}


def test_the_preheader_is_the_first_text_and_is_not_seen(mail: Drawn) -> None:
    body = next(Page(mail.look.html).elements("body"))
    first = next(element for element in body.iter() if (element.text or "").strip() and isinstance(element.tag, str))
    style = {each.name: each.value for each in declarations(first.get("style"))}
    assert (first.text or "").startswith("Soon")
    assert (style["display"], style["max-height"], style["mso-hide"]) == ("none", "0", "all")
    assert (first.text or "").count("\u034f") <= 30
