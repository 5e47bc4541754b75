"""What each element looks like: inline styles, the plain rules of style blocks, and in the dark those for the dark.

A small cascade, enough for colours, sizes and what is hidden: rules are ordered by importance, specificity and place (CSS
Cascade 4 §6). No pseudo-classes, and of a browser's own sheet only the colour of links and the size of headings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cssselect import HTMLTranslator, SelectorError
from lxml import etree
from lxml.html import HtmlElement

from digest.render.preflight.page import Page, Rule, declarations, tag_of

_PX = re.compile(r"(-?[\d.]+)px")
_NOTHING = re.compile(r"0+(px)?")
_HEADING_EM = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h5": 0.83, "h6": 0.67}
_DARK = "prefers-color-scheme"

Weight = tuple[bool, bool, tuple[int, int, int], int]
"""Important, inline, specificity, place: the greater one wins."""


class Cascade:
    """The styles of a page. dark: for a reader whose client is dark and honours `prefers-color-scheme`."""

    def __init__(self, page: Page, *, dark: bool = False) -> None:
        self._styles: dict[HtmlElement, dict[str, tuple[Weight, str]]] = {}
        order = 0
        for sheet in page.sheets:
            for rule in sheet.rules:
                order += 1
                if not rule.media or (dark and is_dark(rule)):
                    self._apply(page, rule, order)
        for element in page.elements():
            for each in declarations(element.get("style")):
                self._set(element, each.name, each.value, (each.important, True, (0, 0, 0), 0))

    def _apply(self, page: Page, rule: Rule, order: int) -> None:
        for selector in rule.selectors:
            for element in matching(page.root, selector):
                for each in rule.declarations:
                    self._set(element, each.name, each.value, (each.important, False, specificity(selector), order))

    def _set(self, element: HtmlElement, name: str, value: str, weight: Weight) -> None:
        style = self._styles.setdefault(element, {})
        if name not in style or style[name][0] <= weight:
            style[name] = (weight, value)

    def own(self, element: HtmlElement, name: str) -> str | None:
        """The value that is set on the element itself, in lower case."""
        found = self._styles.get(element, {}).get(name)
        return found[1].lower() if found else None

    def declared(self, element: HtmlElement) -> dict[str, str]:
        """Everything that is set on the element itself, written in one way, so that two pages can be compared."""
        return {name: one_way(value) for name, (_, value) in self._styles.get(element, {}).items()}

    def inherited(self, element: HtmlElement, name: str) -> str | None:
        """The value of an inherited property: the nearest that is set."""
        for each in upwards(element):
            value = self.own(each, name)
            if value is not None and value != "inherit":
                return value
        return None

    def is_hidden(self, element: HtmlElement) -> bool:
        """Whether nobody sees the element, such as the preheader."""
        return any(self._hides(each) for each in upwards(element))

    def _hides(self, element: HtmlElement) -> bool:
        if not isinstance(element.tag, str) or element.tag in {"head", "style", "script", "title"}:
            return True
        return self.own(element, "display") == "none" or any(
            _NOTHING.fullmatch(self.own(element, name) or "") for name in ("max-height", "opacity")
        )

    def font_px(self, element: HtmlElement) -> float:
        """The size of an element's text, in CSS pixels."""
        if size := px(self.inherited(element, "font-size")):
            return size
        return 16 * _HEADING_EM.get(tag_of(element), 1.0)

    def is_bold(self, element: HtmlElement) -> bool:
        """Whether an element's text is bold."""
        for each in upwards(element):
            weight = self.own(each, "font-weight")
            if weight:
                return weight in {"bold", "bolder"} or (weight.isdigit() and int(weight) >= 700)
            if each.tag in {"h1", "h2", "h3", "h4", "h5", "h6", "b", "strong"}:
                return True
        return False


def upwards(element: HtmlElement) -> Iterator[HtmlElement]:
    """The element and what it stands in, innermost first."""
    yield element
    yield from element.iterancestors()


def is_dark(rule: Rule) -> bool:
    """Whether a rule is for the dark."""
    return _DARK in rule.media and "dark" in rule.media.partition(_DARK)[2]


def one_way(value: str) -> str:
    """A value without what means nothing: case, blanks around commas, a zero's unit, a colour's doubled digits."""
    text = re.sub(r"\s*([,()])\s*", r"\1", " ".join(value.lower().split()))
    text = re.sub(r"#([0-9a-f])\1([0-9a-f])\2([0-9a-f])\3(?![0-9a-f])", r"#\1\2\3", text)
    return re.sub(r"(?<![\d.])0(?:px|em|%)", "0", text)


def px(value: str | None) -> float | None:
    """Pixels; None for anything else."""
    found = _PX.fullmatch(value.strip()) if value else None
    try:
        return float(found[1]) if found else None
    except ValueError:
        return None


def matching(root: HtmlElement, selector: str) -> list[HtmlElement]:
    """The elements that a selector chooses; none for one that holds for a moment only (:hover) or cannot be read."""
    if ":" in selector.replace(":root", ""):
        return []
    try:
        path = HTMLTranslator().css_to_xpath(selector.replace(":root", "html"))
        return [each for each in root.xpath(path) if isinstance(each, HtmlElement)]
    except (SelectorError, etree.XPathError):
        return []


def specificity(selector: str) -> tuple[int, int, int]:
    """Ids, classes, tags (Selectors 4 §17)."""
    bare = re.sub(r"\[[^\]]*\]", ".x", selector)
    ids, classes = bare.count("#"), bare.count(".")
    return ids, classes, len(re.findall(r"(?:^|[\s>+~])[a-zA-Z]", bare))
