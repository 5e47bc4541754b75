"""Preflight on colours and clients: contrast in light and dark, and what a client would not show."""

from __future__ import annotations

import pytest

from digest.render.preflight import Level
from digest.render.preflight.clients import RULES
from digest.render.preflight.colours import ratio
from digest.render.preflight.page import for_word
from digest.render.preflight.support import FAMILIES, OUTLOOK, date, family_of, knows, lacking, shares
from tests.render.preflight.conftest import Check, page


@pytest.mark.parametrize("name", ["contrast", "dark_twins", "support", "forbidden"])
def test_the_shipped_mail_holds_in_every_client(check: Check, name: str) -> None:
    assert check(name) == []


GHOST = "<!--[if mso]><table%s><tr><td><![endif]-->%s<!--[if mso]></td></tr></table><![endif]-->"

# -- contrast ----------------------------------------------------------------------------------------------------------


def test_contrast_is_computed_as_wcag_does() -> None:
    assert ratio((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    grey = (0x76 / 255,) * 3
    assert ratio((grey[0], grey[1], grey[2]), (1, 1, 1)) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ('<p style="color:#999">x</p>', "in light, #999999 on #ffffff"),
        ('<div style="background-color:#222"><p>x</p></div>', "in light, #000000 on #222222"),
        ('<table bgcolor="#333333"><tr><td>x</td></tr></table>', "on #333333"),
        ('<div style="background:#336 none"><p style="color:rgba(255,255,255,.3)">x</p></div>', "on #333366"),
        ('<div style="background-color:#000"><a href="https://e.test/">x</a></div>', "#0000ee on #000000"),
        ('<p style="color:#888;font-size:20px">x</p>', "#888888"),
    ],
)
def test_faint_text_is_found(check: Check, html: str, said: str) -> None:
    (found,) = check("contrast", html)
    assert (found.level, said in found.message) == (Level.WARNING, True)
    assert found.where.startswith("issue.html, line 3: <")


@pytest.mark.parametrize("html", [
    '<p style="color:#888;font-size:24px">large</p>', '<p style="color:#888;font-size:19px"><b>bold</b></p>',
    '<p style="color:#fff;display:none">hidden</p>', '<div style="color:#fff;background:url(x.png)">picture</div>',
    '<div style="background-color:#000"><span style="color:#fff">x</span></div>',
])  # fmt: skip
def test_what_can_be_read_or_is_not_seen_is_no_fault(check: Check, html: str) -> None:
    assert check("contrast", html) == []


def test_each_pair_of_colours_is_told_once(check: Check) -> None:
    (found,) = check("contrast", '<p style="color:#aaa">x</p>' * 3)
    assert found.message.endswith("3 places")


DARK = "<style>@media (prefers-color-scheme: dark) { .page { background-color: #111 !important; } %s }</style>"


def test_the_dark_is_looked_at_with_its_own_rules(check: Check) -> None:
    body = '<div class="page" style="background-color:#fff"><p class="ink" style="color:#222">x</p></div>'
    (found,) = check("contrast", page(body, DARK % ""))
    assert found.message.startswith("in dark, #222222 on #111111")
    assert check("contrast", page(body, DARK % ".ink { color: #eee !important; }")) == []
    # Without !important an inline colour stands.
    assert len(check("contrast", page(body, DARK % ".ink { color: #eee; }"))) == 1


def test_a_more_specific_rule_wins(check: Check) -> None:
    head = "<style>div .a { color: #222 } .a { color: #ddd }</style>"
    assert check("contrast", page('<div><p class="a">x</p></div>', head)) == []
    assert len(check("contrast", page('<div><p class="a">x</p></div>', head.replace("div .a", "div")))) == 1


def test_the_dark_of_outlooks_apps_is_asked_for(check: Check) -> None:
    dark = "<style>@media (prefers-color-scheme:dark){.a{color:#fff !important}}</style>"
    assert [each.level for each in check("dark_twins", page("<p>x</p>", dark))] == [Level.ADVICE]
    assert check("dark_twins", page("<p>x</p>", dark + "<style>[data-ogsc] .a{color:#fff}</style>")) == []


# -- clients -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "level", "feature", "client"),
    [
        ('<div style="display:flex">x</div>', Level.ERROR, "css-display-flex", OUTLOOK),
        ('<div style="display:inline-grid">x</div>', Level.ERROR, "css-display-grid", OUTLOOK),
        ('<div style="position:absolute">x</div>', Level.ERROR, "css-position", "Gmail"),
        ('<div style="max-width:600px;margin:0 auto">x</div>', Level.ERROR, "css-max-width", OUTLOOK),
        ('<div style="padding:0 24px">x</div>', Level.WARNING, "css-padding", OUTLOOK),
        ('<p style="padding-left:20px">x</p>', Level.WARNING, "css-padding", OUTLOOK),
        ('<td style="float:left">x</td>', Level.WARNING, "css-float", OUTLOOK),
        ('<p style="margin-top:-20px">x</p>', Level.WARNING, "css-margin", "Gmail"),
        ('<p style="font-size:1.2rem">x</p>', Level.WARNING, "css-unit-rem", "Yahoo and AOL"),
        ('<p style="color:var(--ink)">x</p>', Level.WARNING, "css-variables", OUTLOOK),
        ('<p style="width:calc(100% - 20px)">x</p>', Level.WARNING, "css-unit-calc", OUTLOOK),
        ('<div style="background-image:url(https://e.test/a.png)">x</div>', Level.WARNING, "css-background-image", OUTLOOK),
        ('<img alt="" width="300" src="https://e.test/a.webp?x=1">', Level.WARNING, "image-webp", OUTLOOK),
        ('<img alt="" src="https://e.test/a.png" style="width:100%">', Level.WARNING, "html-width", OUTLOOK),
        ('<video src="https://e.test/a.mp4"></video>', Level.WARNING, "html-video", OUTLOOK),
        ('<form action="https://e.test/"></form>', Level.WARNING, "html-form", OUTLOOK),
    ],
)  # fmt: skip
def test_a_real_fault_is_found_with_client_feature_and_line(
    check: Check, html: str, level: Level, feature: str, client: str
) -> None:
    (found,) = check("support", f"<p>first</p>\n{html}")
    assert (found.level, found.check) == (level, "client support")
    assert f"({feature})" in found.message
    assert client in found.message
    assert found.where.startswith("issue.html, line 4: <")


@pytest.mark.parametrize("html", [
    # A ghost table, for Word alone, holds the width.
    GHOST % (' width="600"', '<div style="max-width:600px">x</div>'),
    '<table width="600" style="max-width:600px"><tr><td>x</td></tr></table>',
    '<img alt="" width="552" src="https://e.test/a.png" style="max-width:552px;width:100%">',
    # Word never sees what is not for it.
    '<!--[if !mso]><!--><div style="padding:9px;max-width:600px">x</div><!--<![endif]-->',
    # A button: the cell is what is seen in Word.
    '<table><tr><td bgcolor="#222222" style="padding:12px"><a style="padding:12px" href="#">Go</a></td></tr></table>',
    '<div style="padding:0">x</div>', '<td style="padding:10px 20px">x</td>', '<p style="margin:0 auto 12px">x</p>',
    # Square corners and the like hurt nobody.
    '<div style="border-radius:8px;box-shadow:0 1px 2px #000;opacity:.9;overflow:hidden;transition:all 1s">x</div>',
    '<div style="background-image:url(https://e.test/a.png);background-color:#222222">x</div>',
    '<p style="font-size:18px;font-size:1.2rem">x</p>', '<div style="position:relative">x</div>',
    '<div style="display:none;max-height:0;max-width:0">preheader</div>',
])  # fmt: skip
def test_what_is_provided_for_or_harmless_is_no_finding(check: Check, html: str) -> None:
    assert check("support", html) == []


def test_a_ghost_table_must_have_a_width(check: Check) -> None:
    box = '<div style="max-width:600px">x</div>'
    assert check("support", GHOST % (' width="600"', box)) == []
    assert len(check("support", GHOST % (' width="100%"', box))) == 1


def test_a_rule_of_a_style_block_is_found_too(check: Check) -> None:
    (found,) = check("support", page("<p>x</p>", "\n<style>\n.row { font-size: 16px; float: left }\n</style>"))
    assert found.where == "issue.html, line 4: .row"
    assert check("support", page("<p>x</p>", "<style>@media (min-width:600px){.row{float:left}}</style>")) == []


def test_each_feature_is_told_once_with_its_readers(check: Check) -> None:
    html = '<div style="position:absolute">x</div>' * 3
    (found,) = check("support", html, shares={"Gmail": 0.421, "Apple Mail": 0.001})
    assert "Gmail (42% of the recipients)" in found.message
    assert "Apple Mail" not in found.message or "Apple Mail (" not in found.message
    assert "1 place " in found.message  # all three look the same and stand in one line


@pytest.mark.parametrize("tag", ["script", "iframe", "object", "embed"])
def test_what_no_client_runs_is_an_error(check: Check, tag: str) -> None:
    (found,) = check("forbidden", f"<div><{tag}></{tag}></div>")
    assert (found.level, f"<{tag}>" in found.message) == (Level.ERROR, True)


def test_word_reads_what_is_for_it_and_nothing_else() -> None:
    html = "a<!--[if mso]><b>\n<![endif]-->c<!--[if !mso]><!-->\nd<!--<![endif]-->e<!-- f -->"
    html += "<!--[if (gte mso 9)|(IE)]>g<![endif]-->"
    assert for_word(html) == "a<b>\nc\ne<!-- f -->g"


# -- the data ----------------------------------------------------------------------------------------------------------


def test_the_data_has_its_date_and_every_rule_its_feature() -> None:
    assert date() >= "2026-05-13"
    assert [feature for feature in RULES if not knows(feature)] == []
    known = {lack.family for feature in RULES for lack in lacking(feature)}
    assert known <= set(FAMILIES)
    assert {"Outlook for Windows", "Gmail", "Yahoo and AOL"} <= known


@pytest.mark.parametrize(
    ("domain", "family"),
    [
        ("gmail.com", "Gmail"), ("hotmail.co.uk", "Outlook.com and Outlook apps"), ("yahoo.fr", "Yahoo and AOL"),
        ("icloud.com", "Apple Mail"), ("gmx.net", "GMX and WEB.DE"), ("example.org", None), ("mygmail.com", None),
        ("gmail.com.example.org", None),
    ],
)  # fmt: skip
def test_a_domain_tells_the_client_or_does_not(domain: str, family: str | None) -> None:
    assert family_of(domain) == family


def test_shares_are_of_all_recipients() -> None:
    assert shares([("gmail.com", 3), ("GMAIL.com", 1), ("yahoo.de", 1), ("example.org", 5)]) == {
        "Gmail": 0.4, "Yahoo and AOL": 0.1,
    }  # fmt: skip
    assert shares([]) == {}
