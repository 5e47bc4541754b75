"""What a newsletter's theme changes: layout, colours that can be read on any ground, font, logo."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.render.colours import contrast, ink_on, readable_on
from digest.render.merge import Merge, Personal
from tests.render.sample_issue import Renderer, a_newsletter, an_issue, six_stories

LAYOUTS = ["classic", "compact", "briefing"]
COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def tokens(accent: str = "#8c1d18", language: str = "en", **theme: str) -> Any:
    """The design tokens, as templates see them."""
    values = {"theme": a_newsletter(theme={"accent": accent} | theme).theme, "language": language}
    return Renderer().environment().get_template("mail/parts/tokens.html.j2").make_module(values)


@given(COLOURS)
def test_any_accent_can_be_read_on_both_grounds(accent: str) -> None:
    assert contrast(readable_on(accent, "#ffffff"), "#ffffff") >= 4.5
    assert contrast(readable_on(accent, "#1b1c1e"), "#1b1c1e") >= 4.5


def test_an_accent_that_can_be_read_stays_as_it_is_and_another_keeps_its_hue() -> None:
    assert readable_on("#8c1d18", "#ffffff") == "#8c1d18"
    assert readable_on("#ffcc00", "#ffffff") == "#8f7200"


@pytest.mark.parametrize("accent", ["#8c1d18", "#ffcc00", "#000000", "#ffffff", "#7f7f7f", "#0057b8"])
def test_every_text_has_enough_contrast_in_both_schemes(accent: str) -> None:
    made = tokens(accent)
    for scheme, of_button in ((made.light, made.on_accent["light"]), (made.dark, made.on_accent["dark"])):
        for paper in ("ground", "sheet"):
            assert min(contrast(scheme[paper], scheme[ink]) for ink in ("ink", "soft")) >= 4.5
        assert contrast(scheme["sheet"], scheme["accent"]) >= 4.5
        assert contrast(scheme["plate"], scheme["soft"]) >= 4.5
        assert contrast(scheme["accent"], of_button) >= 4.5


def test_the_ink_of_a_button_is_the_one_that_is_read_best() -> None:
    assert ink_on("#ffcc00", "#ffffff", "#1b1a18") == "#1b1a18"
    assert ink_on("#8c1d18", "#ffffff", "#1b1a18") == "#ffffff"


def test_the_accent_of_the_settings_reaches_both_schemes() -> None:
    html = Renderer()(theme={"accent": "#0057b8"}).html
    assert 'class="accent" style="color:#0057b8"' in html
    dark = tokens("#0057b8").dark["accent"]
    assert dark != "#0057b8"
    assert html.count(dark) >= 4  # in the media query, and in its twins for Outlook


def test_a_font_is_a_list_without_quotes_and_scripts_have_their_own() -> None:
    assert "Charter, Bitstream Charter" in Renderer()(theme={"font": "charter"}).html
    assert "Hiragino" in tokens(language="ja", font="charter").face
    assert tokens(language="ar").tight == "0"
    assert tokens(language="en").tight != "0"
    for font in ("georgia", "charter", "palatino", "times", "helvetica", "system", "verdana"):
        assert re.fullmatch(r"[A-Za-z ,-]+(serif|sans-serif)", tokens(font=font).face)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_logo_takes_the_place_of_the_name_and_says_it(layout: str) -> None:
    theme = {"layout": layout, "logo": "https://example.org/logo.png"}
    html = Renderer()(theme=theme).html
    assert '<img class="logo" src="https://example.org/logo.png" height="44" alt="Defence Notes"' in html
    assert "logo-dark" not in re.sub(r"(?s)<style.*?</style>", "", html)
    html = Renderer()(theme=theme | {"logo_dark": "https://example.org/dark.png"}).html
    assert (
        '<!--[if !mso]><!--><img class="logo logo-dark" src="https://example.org/dark.png" height="44" alt="Defence Notes"'
        in html
    )
    assert "mso-hide:all" in html


def test_the_layouts_differ_in_what_they_tell(reader: Personal) -> None:
    found = {layout: Merge(Renderer()(theme={"layout": layout})).fill(reader) for layout in LAYOUTS}
    teaser = "Two bidders remain."
    assert [teaser in found[layout][0] for layout in LAYOUTS] == [True, False, True]
    assert [teaser in " ".join(found[layout][1].split()) for layout in LAYOUTS] == [True, False, True]
    assert [found[layout][0].count("<img") for layout in LAYOUTS] == [3, 0, 1]
    assert "\n6. Patrol vessels" in found["briefing"][1]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_every_story_with_its_link_in_both_parts_and_in_one_order(
    layout: str, reader: Personal
) -> None:
    html, text = Merge(Renderer()(theme={"layout": layout})).fill(reader)
    links = [story.link for story in six_stories()]
    assert re.findall(r'class="headline" href="([^"]*)"', html) == [link.replace("&", "&amp;") for link in links]
    assert [line for line in text.splitlines() if line.startswith("https://news.example.com/notes")] == links


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_dark_rule_has_its_twin_for_outlook(layout: str) -> None:
    html = Renderer()(
        theme={"layout": layout, "logo": "https://example.org/l.png", "logo_dark": "https://example.org/d.png"}
    ).html
    dark, twins = re.findall(r"(?s)<style>(.*?)</style>", html)[-2:]
    rules = re.findall(r"([.][^{}]*) \{ ([^}]*) \}", dark)
    assert len(rules) > 8
    for names, declarations in rules:
        if names == ".preheader":  # hidden in every client
            continue
        mark = "[data-ogsb]" if "background-color" in declarations else "[data-ogsc]"
        for name in names.split(", "):
            assert re.search(
                rf"{re.escape(mark)} {re.escape(name)}\b[^{{}}]*\{{ {re.escape(declarations)} \}}", twins
            ), name


@pytest.mark.parametrize("layout", LAYOUTS)
def test_style_blocks_stay_below_the_oldest_limit(layout: str) -> None:
    blocks = re.findall(r"(?s)<style[^>]*>(.*?)</style>", Renderer()(theme={"layout": layout}).html)
    assert sum(len(block.encode()) for block in blocks) <= 8192
    assert not any(re.search(r"@[^{]*\{[^}]*@", block) for block in blocks)


def test_a_reader_of_some_topics_has_her_own_numbers(reader: Personal) -> None:
    merge = Merge(Renderer()(theme={"layout": "briefing"}))
    html, text = merge.fill(replace(reader, topics=frozenset({"navy"})))
    assert re.findall(r"(?m)^(\d+)\. (\w+)", text) == [("1", "Malaysia"), ("2", "Canada"), ("3", "Patrol")]
    assert re.findall(r'class="rule number[^>]*>(\d+)<', html) == ["1", "2", "3"]


def test_an_issue_of_one_story_is_whole_in_every_layout(reader: Personal) -> None:
    for layout in LAYOUTS:
        html, text = Merge(Renderer()(an_issue(six_stories()[:1]), theme={"layout": layout})).fill(reader)
        assert "Malaysia sets aside" in html
        assert "Malaysia sets aside" in text
