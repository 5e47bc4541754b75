"""How large the mail is: Gmail's clip, style blocks, and tables that Word would cut.

Heights are estimated from the text, its size and the pictures' attributes; a browser would know better, but is not at hand
when a mail is to be sent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from lxml.html import HtmlElement

from digest.render.length import TARGET
from digest.render.preflight.cascade import px
from digest.render.preflight.findings import Finding, Level, Look, counted
from digest.render.preflight.page import Page, line_of, place, style_of

CLIP = 102 * 1024
"""Bytes of HTML after which Gmail shows "[Message clipped]"; as it travels or decoded is disputed: the larger counts."""
STYLES, STYLES_MOST = 8192, 16384
"""Bytes of all style blocks: what Gmail was long known to take, and what it takes at most (html-style, note 6)."""
TALLEST = 1700
"""Pixels; Word cuts a table at 23.7 inches, about 1,790 px."""

_COLUMN = 600.0
_LETTER_EM = 0.5  # the mean width of a Latin letter
_HEADING_PX = {"h1": 32.0, "h2": 24.0, "h3": 19.0}


def clip(look: Look, _page: Page) -> Iterator[Finding]:
    """A mail that Gmail would clip: the foot, with the unsubscribe link, is gone. And what was left out lest it would."""
    if look.left_out:
        message = (
            f"{counted(look.left_out, 'story')} would make the mail longer than {TARGET // 1024} KB, and stand on the web "
            "version only"
        )
        yield Finding(Level.ADVICE, "size", message, "issue.html")
    if look.bytes_html > CLIP:
        message = (
            f"the HTML has {look.bytes_html / 1024:.0f} KB as it travels; Gmail clips at {CLIP // 1024} KB, and hides the "
            "unsubscribe link: take stories out, or give the template a {% more %} block, which leaves the last "
            "ones to the web"
        )
        yield Finding(Level.WARNING, "size", message, "issue.html")
    elif look.bytes_html > TARGET:
        message = (
            f"the HTML has {look.bytes_html / 1024:.0f} KB as it travels; up to {TARGET // 1024} KB is safe from "
            f"Gmail, which clips at {CLIP // 1024}"
        )
        yield Finding(Level.ADVICE, "size", message, "issue.html")


def styles(_look: Look, page: Page) -> Iterator[Finding]:
    """Style blocks that Gmail would drop, whole or in part."""
    total = sum(sheet.size for sheet in page.sheets)
    if total > STYLES_MOST:
        message = f"the style blocks have {total} bytes; Gmail drops what goes beyond {STYLES_MOST}"
        yield Finding(Level.WARNING, "style blocks", message, "issue.html")
    elif total > STYLES:
        message = f"the style blocks have {total} bytes; older limits of Gmail are at {STYLES}"
        yield Finding(Level.ADVICE, "style blocks", message, "issue.html")
    for sheet in page.sheets:
        for line in sheet.nested:
            message = "an @-rule stands inside another: Gmail drops the whole block"
            yield Finding(Level.WARNING, "style blocks", message, f"issue.html, line {line}")
        for fault, line in sheet.faults:
            message = f"a rule cannot be read ({fault}): clients drop it, or the block"
            yield Finding(Level.WARNING, "style blocks", message, f"issue.html, line {line}")
    for element in page.root.iter("style"):
        if next(element.iterancestors("body"), None) is not None:
            message = "a style block stands in the body, where Gmail drops it"
            yield Finding(Level.WARNING, "style blocks", message, f"issue.html, line {line_of(element)}")


def tables(_look: Look, page: Page) -> Iterator[Finding]:
    """The tallest table, as Outlook for Windows has it."""
    found: list[tuple[float, HtmlElement]] = []
    for table in page.outlook.iter("table"):
        if next(table.iterancestors("table"), None) is None:
            found.append((_height(table, _COLUMN, 16.0), table))
    height, tallest = max(found, key=lambda each: each[0], default=(0.0, None))
    if tallest is not None and height > TALLEST:
        message = (
            f"a table is about {height:.0f} px tall; Outlook for Windows cuts tables at 1,790 px: give each story a table "
            "of its own"
        )
        yield Finding(Level.WARNING, "tallest table", message, place(tallest))


def _height(element: HtmlElement, width: float, size: float) -> float:
    style = style_of(element)
    if style.get("display") == "none" or element.tag in {"style", "head"}:
        return 0.0
    if element.tag == "img":
        return (
            _number(element.get("height")) or px(style.get("height")) or (_number(element.get("width")) or width) * 0.6
        )
    size = px(style.get("font-size")) or _HEADING_PX.get(str(element.tag), size)
    width = _number(element.get("width")) or width
    inner = [_height(child, width, size) for child in element if isinstance(child.tag, str)]
    # Cells of a row stand side by side.
    below = max(inner, default=0.0) if element.tag == "tr" else sum(inner)
    own = "".join([element.text or "", *(child.tail or "" for child in element)])
    return below + _lines(" ".join(own.split()), width, size) * _line_px(style, size) + _around(style)


def _lines(text: str, width: float, size: float) -> int:
    return math.ceil(len(text) * size * _LETTER_EM / max(width, size)) if text else 0


def _line_px(style: dict[str, str], size: float) -> float:
    return px(style.get("line-height")) or size * 1.4


def _around(style: dict[str, str]) -> float:
    """Padding and margin above and below."""
    total = sum(px(style.get(f"{kind}-{side}")) or 0.0 for kind in ("padding", "margin") for side in ("top", "bottom"))
    for kind in ("padding", "margin"):
        parts = style.get(kind, "").split()
        if parts:
            total += (px(parts[0]) or 0.0) + (px(parts[2] if len(parts) > 2 else parts[0]) or 0.0)
    return total


def _number(value: str | None) -> float | None:
    return float(value) if value and value.isdigit() else None
