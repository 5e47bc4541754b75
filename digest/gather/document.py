"""Bytes -> an HTML tree: which encoding, and how to read headings and text in it (pure).

What is not here: what the tree says (pages, articles).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from urllib.parse import urljoin

import lxml.html
from lxml import etree
from lxml.cssselect import CSSSelector
from lxml.html import HtmlElement

from digest.errors import GatherError
from digest.gather.images import image_address

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
# Python knows encodings, such as base64 and unicode_escape, that no page is written in.
_PAGE_ENCODING = re.compile(
    r"ascii|utf-8|utf-16(-[lb]e)?|iso8859-\d+|cp\d+|koi8-[rtu]|mac-\w+|tis-620|gb2312|gbk|gb18030|hz|big5\w*|euc_\w+|"
    r"shift_jis\w*|iso2022_jp\w*|johab"
)
_HEADING = re.compile(r"h([1-6])")


def decode(body: bytes, content_type: str | None) -> str:
    """`body` as text: byte order mark, HTTP charset, meta within 1,024 bytes, UTF-8 if valid, else windows-1252."""
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    meta = _charset(body[:1024].decode("latin-1"))
    # A meta that could be read as ASCII cannot be right in calling the page UTF-16; browsers take it as UTF-8.
    meta = "utf-8" if meta and meta.startswith("utf-16") else meta
    declared = _charset(content_type or "") or meta
    if declared:
        return body.decode(declared, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("windows-1252", "replace")


def _charset(text: str) -> str | None:
    """The encoding named in `text`, as browsers take it; None when none is, or one that is not for pages."""
    match = _CHARSET.search(text)
    try:
        name = codecs.lookup(match[1]).name if match else ""
    except (LookupError, ValueError):
        return None
    if not _PAGE_ENCODING.fullmatch(name):
        return None
    # Browsers read Latin-1 and ASCII as windows-1252, and pages are written for browsers.
    return "windows-1252" if name in {"iso8859-1", "ascii"} else name


def parse(body: bytes, content_type: str | None) -> HtmlElement:
    """The page as a tree. Raises GatherError when there is nothing in it."""
    text = re.sub(r"[\x00\ud800-\udfff]", "", decode(body, content_type))
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
    except (SyntaxError, etree.XPathError) as error:  # cssselect's errors are SyntaxErrors
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
