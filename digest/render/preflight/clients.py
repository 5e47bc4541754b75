"""Whether the mail holds in each client: support data, and rules that know where a lack is harmless or provided for.

A plain list of what is unsupported is noise: square corners hurt nobody. So a lack counts only if a rule below says what a
reader would lose; each rule looks for the usual provision (a ghost table for max-width, a colour below a picture) first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml.html import HtmlElement

from digest.render.preflight.cascade import px
from digest.render.preflight.findings import Finding, Level, Look, counted
from digest.render.preflight.page import Page, place, style_of, tag_of
from digest.render.preflight.support import OUTLOOK, Lack, date, lacking, title
from digest.render.preflight.usage import Usage, usages

_CELLS = frozenset({"td", "th"})
_CONTAINER_PX = 320
"""A box that may be wider than this holds the mail, or a column of it, together."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a lack means. loses: what the reader sees. holds: whether this use, in this family, is hurt by it."""

    level: Level
    loses: str
    holds: Callable[[Usage, Lack], bool]


def support(look: Look, page: Page) -> Iterator[Finding]:
    """What clients would not show as it is meant; each feature once, with its clients and readers."""
    found: dict[tuple[str, str], list[Usage]] = {}
    families: dict[tuple[str, str], list[str]] = {}
    for root in (page.root, page.outlook):
        word = root is page.outlook
        for usage in usages(page, root):
            for lack in lacking(usage.feature):
                rule = RULES.get(usage.feature)
                if rule is None or (lack.family == OUTLOOK) != word or not rule.holds(usage, lack):
                    continue
                key = (usage.feature, rule.loses)
                found.setdefault(key, []).append(usage)
                if lack.family not in families.setdefault(key, []):
                    families[key].append(lack.family)
    for (feature, loses), used in found.items():
        yield _finding(look, feature, loses, used, families[feature, loses])


def _finding(look: Look, feature: str, loses: str, used: list[Usage], families: list[str]) -> Finding:
    places = list(dict.fromkeys(usage.where for usage in used))
    message = (
        f"{title(feature)} ({feature}) is not supported by {_named(families, look)}: {loses}; "
        f"{counted(len(places), 'place')} (caniemail.com, {date()})"
    )
    return Finding(RULES[feature].level, "client support", message, places[0])


def _named(families: list[str], look: Look) -> str:
    """The families, each with the readers it has as far as their addresses tell."""
    told = []
    for family in families:
        share = look.shares.get(family)
        told.append(f"{family} ({share:.0%} of the recipients)" if share and share >= 0.005 else family)
    return ", ".join(told)


# -- when a lack hurts -------------------------------------------------------------------------------------------------


def _fully(_usage: Usage, lack: Lack) -> bool:
    """Where nothing of the feature is supported."""
    return not lack.partly


def _lays_out(usage: Usage, lack: Lack) -> bool:
    # Gmail lacks flex for other people's accounts only, in its apps; those have no style blocks either.
    return not lack.partly and usage.element is not None


def _positions(usage: Usage, lack: Lack) -> bool:
    return usage.value in {"absolute", "fixed", "sticky"}


def _pads_no_cell(usage: Usage, lack: Lack) -> bool:
    """Padding that Word ignores: on anything but a cell. A link in a coloured cell is a button whose cell is seen."""
    element = usage.element
    if lack.family != OUTLOOK or element is None or element.tag in _CELLS or not _is_something(usage.value):
        return False
    if element.tag in {"body", "html", "table"} or style_of(element).get("display") == "none":
        return False
    cell = next(element.iterancestors(*_CELLS), None)
    return not (element.tag == "a" and cell is not None and _is_coloured(cell))


def _is_something(value: str) -> bool:
    return any(digit in value for digit in "123456789")


def _is_coloured(cell: HtmlElement) -> bool:
    return bool(cell.get("bgcolor")) or any(name.startswith("background") for name in style_of(cell))


def _has_no_ghost(usage: Usage, lack: Lack) -> bool:
    """A maximal width that Word ignores, with no table of a fixed width around it in Word's own comments."""
    element, most = usage.element, px(usage.value)
    if lack.family != OUTLOOK or element is None or most is None or most < _CONTAINER_PX:
        return False
    if element.tag == "img" or _has_width(element):
        return False
    return not any(_has_width(each) for each in element.iterancestors("table", "td", "th"))


def _has_width(element: HtmlElement) -> bool:
    return element.get("width", "").isdigit() or px(style_of(element).get("width")) is not None


def _has_no_colour_below(usage: Usage, lack: Lack) -> bool:
    element = usage.element
    if lack.partly or element is None or usage.value == "none":
        return False
    style = style_of(element)
    below = element.get("bgcolor") or style.get("background-color")
    return not below


def _is_negative(usage: Usage, lack: Lack) -> bool:
    return "-" in usage.value and any((px(part) or 0) < -1 for part in usage.value.split())


def _sizes_by_file(usage: Usage, lack: Lack) -> bool:
    """Word takes a picture's own pixels where no width in pixels is given: a retina picture is twice too wide."""
    return lack.family == OUTLOOK and usage.element is not None and usage.element.tag == "img"


def _has_no_fallback(usage: Usage, lack: Lack) -> bool:
    """A value that a client drops, without a plainer one of the same property before it."""
    if lack.partly or usage.element is None:
        return False
    written = (usage.element.get("style") or "").lower()
    return written.count(f"{usage.name}:") + written.count(f"{usage.name} :") < 2


RULES: dict[str, Rule] = {
    "css-display-flex": Rule(Level.ERROR, "what should stand side by side falls apart", _lays_out),
    "css-display-grid": Rule(Level.ERROR, "what should stand side by side falls apart", _lays_out),
    "css-position": Rule(Level.ERROR, "what was moved lies elsewhere, or over the text", _positions),
    "css-max-width": Rule(
        Level.ERROR,
        "the mail is as wide as the window; put a table of that width around it (in <!--[if mso]>)",
        _has_no_ghost,
    ),
    "css-float": Rule(Level.WARNING, "what should stand beside the text stands above it", _fully),
    "css-padding": Rule(Level.WARNING, "text touches the edge; put the padding on a table cell", _pads_no_cell),
    "css-margin": Rule(Level.WARNING, "a negative margin is ignored", _is_negative),
    "css-background-image": Rule(
        Level.WARNING,
        "the ground is missing, and text on it may not be readable; give a colour too",
        _has_no_colour_below,
    ),
    "css-background": Rule(Level.WARNING, "the ground is missing; give a background-color too", _has_no_colour_below),
    "css-linear-gradient": Rule(Level.WARNING, "the ground is missing; give a colour too", _has_no_colour_below),
    "css-radial-gradient": Rule(Level.WARNING, "the ground is missing; give a colour too", _has_no_colour_below),
    "html-width": Rule(Level.WARNING, "the picture has the size of its file; give a width in pixels", _sizes_by_file),
    "image-webp": Rule(Level.WARNING, "the picture is not shown", _fully),
    "image-avif": Rule(Level.WARNING, "the picture is not shown", _fully),
    "image-svg": Rule(Level.WARNING, "the picture is not shown", _fully),
    "image-heif": Rule(Level.WARNING, "the picture is not shown", _fully),
    "html-svg": Rule(Level.WARNING, "the drawing is taken out", _fully),
    "html-video": Rule(Level.WARNING, "the film is not shown; link a picture to it", _fully),
    "html-audio": Rule(Level.WARNING, "the sound is not played; link to it", _fully),
    "html-form": Rule(Level.WARNING, "the form does nothing; link to a page", _fully),
    "css-variables": Rule(Level.WARNING, "the value is dropped", _has_no_fallback),
    "css-unit-calc": Rule(Level.WARNING, "the value is dropped", _has_no_fallback),
    "css-function-min": Rule(Level.WARNING, "the value is dropped", _has_no_fallback),
    "css-function-max": Rule(Level.WARNING, "the value is dropped", _has_no_fallback),
    "css-function-clamp": Rule(Level.WARNING, "the value is dropped", _has_no_fallback),
    "css-unit-rem": Rule(Level.WARNING, "the size is dropped", _has_no_fallback),
    "css-unit-vw": Rule(Level.WARNING, "the size is dropped", _has_no_fallback),
    "css-unit-vh": Rule(Level.WARNING, "the size is dropped", _has_no_fallback),
    "css-at-import": Rule(Level.WARNING, "the styles are not loaded", lambda _usage, _lack: True),
    "css-direction": Rule(
        Level.ADVICE, "text runs the wrong way; set the attribute dir", lambda _usage, lack: not lack.partly
    ),
}
"""Whatever is not here may be unsupported and is harmless: corners are square, shadows and hover effects are missing, a
font is the next of its stack, a picture is not cropped. @media and the dark are for those who read them."""

_FORBIDDEN = ("script", "iframe", "object", "embed", "applet", "frame", "frameset", "base")


def forbidden(_look: Look, page: Page) -> Iterator[Finding]:
    """Elements that no client runs and that filters hold against a mail."""
    for element in page.elements(*_FORBIDDEN):
        message = f"<{tag_of(element)}> has no place in a mail: clients take it out, filters distrust it"
        yield Finding(Level.ERROR, "client support", message, place(element))
