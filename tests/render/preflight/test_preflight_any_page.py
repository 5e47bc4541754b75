"""Preflight on pages that nobody meant: whatever a template makes, it is checked and never the checking that fails."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from digest.render.preflight import Look, check_mail

PIECES = [
    "<table>",
    "</table>",
    "<td style='padding:9px'>",
    "<div style='max-width:600px;display:flex'>",
    "</div>",
    "<h1>",
    "</h1>",
    "<h4>x</h4>",
    "<a href='http://['>",
    "<a href='/x'>y</a>",
    "<img src='http://['>",
    "<img src='a.webp' width='x'>",
    "text",
    "<style>",
    "</style>",
    ".a{color:red}",
    "@media (prefers-color-scheme: dark){",
    "}",
    "a[href^=https]:hover{",
    "[x{",
    "u + #b a{",
    "<!--",
    "-->",
    "<!--[if mso]>",
    "<![endif]-->",
    "<!--[if !mso]><!-->",
    "<!--<![endif]-->",
    "<body>",
    "<p style='color:#1;background:url('>",
    "<p style='font-size:.px;margin:-;width:calc(;opacity:0'>",
    "\x00",
    "\ud800",
    "{{",
    "None",
    "<svg>",
    "<script>",
    "&#0;",
    "\n",
    "<p style='color:rgba(0,0,0,2);background:currentColor'>",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.booleans())
@example([], False)
@example(["<!--"], False)
@example(["<style>", "@media x{", "@media y{", "}", "</style>"], True)
def test_any_page_is_checked(pieces: list[str], whole: bool) -> None:
    html = "".join(pieces)
    page = f"<!DOCTYPE html><html><head></head><body>{html}</body></html>" if whole else html
    found = check_mail(Look("s", "p", page, html, len(page), "https://e.test/u", "https://e.test/v"))
    assert {"the mail has no unsubscribe link", "the text part has no view in browser link"} <= {
        each.message for each in found
    }
