"""Contrast of text and ground, in light and in dark (WCAG 2.2 §1.4.3), and whether the dark is told to every client.

What is not here: which styles hold for an element (cascade).
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml.html import HtmlElement
from tinycss2.color3 import RGBA, parse_color

from digest.render.preflight.cascade import Cascade, is_dark, upwards
from digest.render.preflight.findings import Finding, Level, Look, counted
from digest.render.preflight.page import Page, place

ENOUGH, ENOUGH_LARGE = 4.5, 3.0
_LARGE_PX, _LARGE_BOLD_PX = 24.0, 18.66
_WHITE, _BLACK, _LINK = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.933)

Colour = tuple[float, float, float]


def contrast(_look: Look, page: Page) -> Iterator[Finding]:
    """Text that is hard to read on its ground; each pair of colours once."""
    yield from _faint(page, Cascade(page), "in light")
    if any(is_dark(rule) for sheet in page.sheets for rule in sheet.rules):
        yield from _faint(page, Cascade(page, dark=True), "in dark")


def _faint(page: Page, cascade: Cascade, scheme: str) -> Iterator[Finding]:
    found: dict[tuple[Colour, Colour], list[HtmlElement]] = {}
    for element in _with_text(page):
        if cascade.is_hidden(element) or (ground := _ground(cascade, element)) is None:
            continue
        colour = _over(_colour(cascade, element), ground)
        if ratio(colour, ground) < _wanted(cascade, element):
            found.setdefault((colour, ground), []).append(element)
    for (colour, ground), elements in found.items():
        yield Finding(
            Level.WARNING,
            "contrast",
            f"{scheme}, {_hex(colour)} on {_hex(ground)} has a contrast of {ratio(colour, ground):.1f}; text wants "
            f"{ENOUGH} ({ENOUGH_LARGE:g} if large): {counted(len(elements), 'place')}",
            place(elements[0]),
        )


def _with_text(page: Page) -> Iterator[HtmlElement]:
    """Elements in which a text stands itself, and not only in what they hold."""
    for element in page.elements():
        own = [element.text, *(child.tail for child in element)]
        if any(text and text.strip("\u034f\u200c\u00a0 \n\t\r·|") for text in own):
            yield element


def _wanted(cascade: Cascade, element: HtmlElement) -> float:
    size = cascade.font_px(element)
    large = size >= _LARGE_PX or (size >= _LARGE_BOLD_PX and cascade.is_bold(element))
    return ENOUGH_LARGE if large else ENOUGH


def _colour(cascade: Cascade, element: HtmlElement) -> RGBA:
    for each in upwards(element):
        if (found := _read(cascade.own(each, "color"))) is not None:
            return found
        if each.tag == "a" and each.get("href"):
            return RGBA(*_LINK, 1.0)  # what a browser gives to a link that has no colour
    return RGBA(*_BLACK, 1.0)


def _ground(cascade: Cascade, element: HtmlElement) -> Colour | None:
    """The colour behind an element's text; None when it is a picture."""
    layers: list[RGBA] = []
    for each in upwards(element):
        image = f"{cascade.own(each, 'background-image') or ''} {cascade.own(each, 'background') or ''}"
        if "url(" in image or "gradient(" in image or each.get("background"):
            return None
        painted = _read(cascade.own(each, "background-color")) or _shorthand(cascade.own(each, "background"))
        painted = painted or _read(each.get("bgcolor"))
        if painted is not None and painted.alpha > 0:
            layers.append(painted)
            if painted.alpha >= 1:
                break
    ground: Colour = _WHITE
    for layer in reversed(layers):
        ground = _over(layer, ground)
    return ground


def _shorthand(value: str | None) -> RGBA | None:
    return next((found for word in (value or "").split() if (found := _read(word)) is not None), None)


def _read(value: str | None) -> RGBA | None:
    found = parse_color(value) if value else None
    return found if isinstance(found, RGBA) else None  # the other kind is "currentColor"


def _over(colour: RGBA, ground: Colour) -> Colour:
    alpha = colour.alpha
    red, green, blue = (alpha * own + (1 - alpha) * under for own, under in zip(colour[:3], ground, strict=True))
    return red, green, blue


def ratio(one: Colour, other: Colour) -> float:
    """1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour)


def dark_twins(_look: Look, page: Page) -> Iterator[Finding]:
    """Outlook on the web and on phones ignores `prefers-color-scheme`; it knows [data-ogsc] and [data-ogsb] instead."""
    rules = [rule for sheet in page.sheets for rule in sheet.rules]
    dark = {selector for rule in rules if is_dark(rule) if _paints(rule.declarations) for selector in rule.selectors}
    named = " ".join(selector for rule in rules for selector in rule.selectors if "[data-ogs" in selector)
    if dark and not named:
        yield Finding(
            Level.ADVICE,
            "dark twins",
            "the dark colours stand under prefers-color-scheme only; Outlook.com and Outlook's apps want the same rules "
            "under [data-ogsc] (colours) and [data-ogsb] (grounds)",
            "issue.html",
        )


def _paints(declared: tuple[object, ...]) -> bool:
    return any(getattr(each, "name", "") in {"color", "background-color", "background"} for each in declared)
