"""Which features a mail uses, and where: declarations, units, functions, elements, kinds of pictures.

    Page -> Usage: the feature's name in caniemail.com's data, the value, the place

Everything is looked at as Outlook for Windows has it and as the others have it, each may be told other things. What is not
here: who supports a feature (support), and whether it matters (clients).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml.html import HtmlElement

from digest.render.preflight.page import Declaration, Page, declarations, place
from digest.render.preflight.support import knows

_FUNCTIONS = {
    "calc(": "css-unit-calc", "min(": "css-function-min", "max(": "css-function-max", "clamp(": "css-function-clamp",
    "var(": "css-variables", "linear-gradient(": "css-linear-gradient", "radial-gradient(": "css-radial-gradient",
    "conic-gradient(": "css-conic-gradient", "light-dark(": "css-function-light-dark",
}  # fmt: skip
_UNIT = re.compile(r"(?<![\w#.-])-?\d*\.?\d+(rem|vh|vw|vmin|vmax|ch|ex)\b")
_DISPLAYS = {"flex": "css-display-flex", "inline-flex": "css-display-flex", "grid": "css-display-grid",
             "inline-grid": "css-display-grid", "none": "css-display-none"}  # fmt: skip
_PICTURES = {"webp": "image-webp", "avif": "image-avif", "svg": "image-svg", "heic": "image-heif", "tiff": "image-tiff",
             "tif": "image-tiff", "ico": "image-ico", "bmp": "image-bmp", "mp4": "image-mp4"}  # fmt: skip
_TAGS = frozenset({"video", "audio", "form", "svg", "picture", "dialog", "marquee", "meter", "progress"})


@dataclass(frozen=True, slots=True)
class Usage:
    """A feature in use. value: what is declared. element: None for a rule of a style block that holds for many."""

    feature: str
    name: str
    value: str
    where: str
    element: HtmlElement | None


def usages(page: Page, root: HtmlElement) -> Iterator[Usage]:
    """Every feature that the tree uses. root: one of the page's trees."""
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        where = place(element)
        for each in declarations(element.get("style")):
            yield from _of(each, where, element)
        yield from _of_element(element, where)
    for sheet in page.sheets:
        for rule in sheet.rules:
            # What stands under @media is for those who read it; the others have the rest.
            if not rule.media and not any(":" in selector or "[" in selector for selector in rule.selectors):
                where = f"issue.html, line {rule.line}: {', '.join(rule.selectors)}"
                for each in rule.declarations:
                    yield from _of(each, where, None)
        for name, line in sheet.at_rules:
            if knows(feature := f"css-at-{name.removeprefix('@')}"):
                yield Usage(feature, name, "", f"issue.html, line {line}", None)


def _of(each: Declaration, where: str, element: HtmlElement | None) -> Iterator[Usage]:
    if each.name.startswith(("mso-", "-webkit-", "-ms-", "-moz-", "--")):
        return
    value = each.value.lower()
    feature = _DISPLAYS.get(value) if each.name == "display" else property_feature(each.name)
    if feature:
        yield Usage(feature, each.name, value, where, element)
    for function, named in _FUNCTIONS.items():
        if re.search(rf"(?<![\w-]){re.escape(function)}", value):
            yield Usage(named, each.name, value, where, element)
    for unit in set(_UNIT.findall(value)):
        yield Usage(f"css-unit-{unit}", each.name, value, where, element)


def property_feature(name: str) -> str | None:
    """The feature of a property: its own, else that of its shorthand; None when the data knows neither."""
    parts = name.split("-")
    while parts:
        if knows(feature := f"css-{'-'.join(parts)}"):
            return feature
        parts.pop()
    return None


def _of_element(element: HtmlElement, where: str) -> Iterator[Usage]:
    if element.tag in _TAGS and knows(f"html-{element.tag}"):
        yield Usage(f"html-{element.tag}", element.tag, "", where, element)
    if element.get("srcset") is not None:
        yield Usage("html-srcset", "srcset", "", where, element)
    if element.tag == "img":
        path = re.split(r"[?#]", element.get("src", ""))[0]  # a broken address is told of elsewhere
        kind = _PICTURES.get(path.rpartition(".")[2].lower())
        if kind:
            yield Usage(kind, "src", element.get("src", ""), where, element)
        if not element.get("width", "").isdigit():
            yield Usage("html-width", "width", element.get("width", ""), where, element)
