"""Preflight on how a mail is built: links, pictures, headings, sections, theme, sizes."""

from __future__ import annotations

import pytest

from digest.render.length import TARGET
from digest.render.preflight import Level
from digest.render.preflight.size import CLIP
from tests.render.preflight.conftest import Check, page


@pytest.mark.parametrize("name", ["links", "pictures", "headings", "sections", "theme", "clip", "styles", "tables"])
def test_the_shipped_mail_is_well_built(check: Check, name: str) -> None:
    assert check(name) == []


@pytest.mark.parametrize(
    ("html", "level", "said"),
    [
        ('<a href="javascript:alert(1)">x</a>', Level.ERROR, "javascript: link"),
        ('<img alt="" src="data:image/png;base64,AA">', Level.ERROR, "data: link"),
        ('<a href="/stories/1">x</a>', Level.ERROR, "not absolute"),
        ('<a href="https:///x">x</a>', Level.ERROR, "no host"),
        ('<a href="http://[">x</a>', Level.ERROR, "no address"),
        ('<a href="http://news.example.com/">x</a>', Level.WARNING, "unencrypted (http://): 1 link"),
        ('<a href="https://192.0.2.7/">x</a>', Level.WARNING, "bare address"),
        ('<a href="https://evil.example.com/">www.bank.test</a>', Level.WARNING, "names bank.test"),
        ('<a href="https://e.test/1">Read more</a><a href="https://e.test/2">read more</a>', Level.ADVICE, "2 links"),
    ],
)
def test_a_faulty_link_is_found(check: Check, html: str, level: Level, said: str) -> None:
    (found,) = check("links", html)
    assert (found.level, said in found.message) == (level, True)


@pytest.mark.parametrize("html", [
    '<a href="https://news.example.com/">www.example.com</a>', '<a href="mailto:desk@example.com">desk</a>',
    '<a href="#top">up</a>', '<a name="top">here</a>', '<a href="http://127.0.0.1:8000/view/x">x</a>',
])  # fmt: skip
def test_a_good_link_is_none_of_our_business(check: Check, html: str) -> None:
    assert check("links", html) == []


def test_pictures_need_words(check: Check) -> None:
    html = (
        '<img src="https://e.test/1.png"><img alt="" src="https://e.test/rule.png">'
        '<a href="https://e.test/"><img alt=" " src="https://e.test/2.png"></a>'
        '<a href="https://e.test/"><img alt="" src="https://e.test/2.png"> Words</a>'
    )
    assert [each.message for each in check("pictures", html)] == [
        "a picture has no alt text",
        "a link holds nothing but a picture without words: nobody knows where it leads",
    ]


@pytest.mark.parametrize(
    ("html", "level", "said"),
    [
        ("<p>x</p>", Level.WARNING, "no heading"),
        ("<h1>a</h1><h3>b</h3>", Level.WARNING, "h3 follows h1"),
        ("<h2>a</h2><h2>b</h2>", Level.WARNING, "0 first headings"),
        ("<h1>a</h1><h1>b</h1>", Level.ADVICE, "2 first headings"),
    ],
)
def test_headings_are_in_order(check: Check, html: str, level: Level, said: str) -> None:
    (found,) = check("headings", html)
    assert (found.level, said in found.message) == (level, True)


def test_going_back_up_leaves_no_rank_out(check: Check) -> None:
    assert check("headings", "<h1>a</h1><h2>b</h2><h3>c</h3><h2>d</h2>") == []


@pytest.mark.parametrize(
    ("html", "empty"),
    [
        ("<h1>a</h1><p>x</p><h2>Navy</h2><h2>Army</h2><p>y</p>", ["Navy"]),
        ("<h1>a</h1><p>x</p><h2>Navy</h2>", ["Navy"]),
        ("<h1>a</h1><p>x</p><h2>Navy</h2><div style='display:none'>hidden</div><h2>Army</h2><p>y</p>", ["Navy"]),
        ("<h1>a</h1><h2>Navy</h2><h3><a href='https://e.test/'>Story</a></h3>", []),
        ("<h1>a</h1><h2><a href='https://e.test/'>Story</a></h2><h2><a href='https://e.test/2'>Other</a></h2>", []),
        # A section and its stories have headings of one rank in the shipped layouts.
        ("<h1>a</h1><h2>Navy</h2><h2><a href='https://e.test/'>Story</a></h2>", []),
        ("<h1>a</h1><h2>Navy</h2><a href='https://e.test/'><h2>Story</h2></a>", []),
        ("<h1>a</h1><h2>Navy</h2><h2>Army</h2><h2><a href='https://e.test/'>Story</a></h2>", ["Navy"]),
        ("<h1>a</h1><h2>Navy</h2>text<h2>Army</h2><img alt='x' src='https://e.test/x.png'>", []),
    ],
)
def test_an_empty_section_is_found(check: Check, html: str, empty: list[str]) -> None:
    assert [each.message for each in check("sections", html)] == [
        f"nothing stands under the heading {title!r}" for title in empty
    ]


def test_a_newsletter_without_a_theme_is_told_so(check: Check) -> None:
    assert [each.level for each in check("theme", themed=False)] == [Level.ADVICE]


@pytest.mark.parametrize(
    ("size", "levels"),
    [(TARGET, []), (TARGET + 1, [Level.ADVICE]), (CLIP, [Level.ADVICE]), (CLIP + 1, [Level.WARNING])],
)
def test_the_size_is_held_against_gmails_clip(check: Check, size: int, levels: list[Level]) -> None:
    assert [each.level for each in check("clip", bytes_html=size)] == levels


@pytest.mark.parametrize(
    ("head", "level", "said"),
    [
        (f"<style>{'.a{color:red}' * 700}</style>", Level.ADVICE, "9100 bytes"),
        (f"<style>{'.a{color:red}' * 800}</style>" * 2, Level.WARNING, "20800 bytes"),
        ("<style>@media screen{\n@media print{.a{color:red}}}</style>", Level.WARNING, "inside another"),
        ("<style>.a{color:red}}\n.b{color:red}</style>", Level.WARNING, "cannot be read"),
    ],
)
def test_style_blocks_that_gmail_drops_are_found(check: Check, head: str, level: Level, said: str) -> None:
    (found, *_) = check("styles", page("<p>x</p>", head))
    assert (found.level, said in found.message) == (level, True)


def test_a_style_block_in_the_body_is_found(check: Check) -> None:
    assert [each.where for each in check("styles", "<div>\n<style>.a{color:red}</style></div>")] == [
        "issue.html, line 4"
    ]


def test_a_table_that_word_would_cut_is_found(check: Check) -> None:
    story = '<tr><td style="padding-bottom:20px"><h2>A headline</h2><p>' + "word " * 60 + "</p></td></tr>"
    (found,) = check("tables", f"<table>{story}</table><table>{story * 15}</table>")
    assert (found.level, found.check) == (Level.WARNING, "tallest table")
    assert check("tables", f"<table>{story}</table>" * 15) == []


def test_tall_pictures_count_and_columns_stand_side_by_side(check: Check) -> None:
    cell = '<td><img src="https://e.test/a.png" width="300" height="900"></td>'
    assert check("tables", f"<table><tr>{cell * 3}</tr></table>") == []
    assert len(check("tables", f"<table>{f'<tr>{cell}</tr>' * 2}</table>")) == 1
