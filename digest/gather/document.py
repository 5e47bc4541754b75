"""Bytes -> an HTML tree, and how to read headings and text in it (pure).

What is not here: which encoding the bytes are in (encodings), and what the tree says (pages, articles).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

import lxml.html
from lxml import etree
from lxml.cssselect import CSSSelector, SelectorError
from lxml.html import HtmlElement

from digest.errors import GatherError
from digest.gather.encodings import decode
from digest.gather.images import image_address
from digest.gather.references import mended

_HEADING = re.compile(r"h([1-6])")


def parse(body: bytes, content_type: str | None) -> HtmlElement:
    """The page as a tree. Raises GatherError when there is nothing in it."""
    text = re.sub(r"[\x00\ud800-\udfff]", "", mended(decode(body, content_type)))
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=False)
    try:
        return lxml.html.document_fromstring(text.encode("utf-8"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise GatherError("the page is empty") from error


def base_of(tree: HtmlElement, url: str) -> str:
    """From where relative links of the page are seen."""
    href = next((str(base.get("href")) for base in tree.iter("base") if base.get("href")), "")
    try:
        return urljoin(url, href.strip())
    except ValueError:
        return url


def text_of(element: HtmlElement) -> str:
    """The text of `element` with spaces folded; a space where a tag stands, so that neighbours do not run together."""
    return " ".join(" ".join(_strings(element)).split())


def _strings(element: HtmlElement) -> Iterator[str]:
    for node in element.iter():
        if isinstance(node.tag, str) and node.tag not in {"script", "style", "template", "noscript"}:
            yield node.text or ""
        if node is not element:
            yield node.tail or ""


def markup_of(element: HtmlElement) -> str:
    """The element's own HTML."""
    return etree.tostring(element, encoding="unicode", method="html", with_tail=False)


def heading_rank(element: HtmlElement) -> int | None:
    """1 to 6 for a heading, None for anything else."""
    if not isinstance(element.tag, str):
        return None
    match = _HEADING.fullmatch(element.tag)
    if match:
        return int(match[1])
    level = element.get("aria-level", "2")
    return int(level) if element.get("role") == "heading" and level in set("123456") else None


def find(element: HtmlElement, selector: str) -> list[HtmlElement]:
    """What the CSS `selector` matches in `element`, itself included, in document order.

    Raises GatherError (permanent) when it is no CSS selector.
    """
    try:
        return CSSSelector(selector, translator="html")(element)
    except (SelectorError, SyntaxError, etree.XPathError) as error:
        raise GatherError(f"{selector!r} is not a CSS selector: {error}", permanent=True) from error


def picture_of(element: HtmlElement) -> str | None:
    """The address of the picture that `element` is, holds or names."""
    for candidate in element.iter("img", "source", "meta"):
        address = candidate.get("content") if candidate.tag == "meta" else image_address(_attributes(candidate))
        if address:
            return address
    style = re.search(r"url\(\s*['\"]?([^'\")]+)", element.get("style", ""))
    return style[1] if style else None


def _attributes(element: HtmlElement) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in element.attrib.items()}
