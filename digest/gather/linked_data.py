"""What a page says of itself in JSON-LD (schema.org): the article that it is, the list that it shows (pure).

What is not here: other descriptions in the page's head (articles).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from lxml.html import HtmlElement

_TYPES = frozenset({
    "article", "newsarticle", "reportagenewsarticle", "analysisnewsarticle", "backgroundnewsarticle", "opinionnewsarticle",
    "reviewnewsarticle", "liveblogposting", "blogposting", "report", "techarticle", "scholarlyarticle",
})  # fmt: skip
_DEPTH_MAX = 6


def article_data(tree: HtmlElement) -> dict[str, object]:
    """The first JSON-LD object that is an article; {} when there is none."""
    articles = (found for block in _blocks(tree) for found in _articles_in(block, _DEPTH_MAX))
    return next(articles, {})


def listed_links(tree: HtmlElement) -> list[str]:
    """The addresses in the page's ItemLists, as written; [] when it has none."""
    return [link for block in _blocks(tree) for link in _listed_in(block, _DEPTH_MAX)]


def _blocks(tree: HtmlElement) -> Iterator[object]:
    for script in tree.iter("script"):
        if "ld+json" in script.get("type", "").lower():
            yield _loaded(script.text or "")


def _loaded(text: str) -> object:
    """The JSON in a script element, also when it is wrapped in comments or ends with a semicolon."""
    bare = re.sub(r"^\s*(?:<!--|//\s*<!\[CDATA\[|/\*.{0,20}?\*/)|(?:-->|//\s*\]\]>|;)\s*$", "", text)
    try:
        found: object = json.loads(bare, strict=False)
    except (ValueError, RecursionError):
        return None
    return found


def _articles_in(found: object, depth: int) -> Iterator[dict[str, object]]:
    if depth == 0:
        return
    if isinstance(found, list):
        for each in found[:100]:
            yield from _articles_in(each, depth - 1)
    elif isinstance(found, dict):
        types = found.get("@type")
        names = types if isinstance(types, list) else [types]
        if any(isinstance(name, str) and name.lower() in _TYPES for name in names):
            yield found
        for key in ("@graph", "mainEntity"):
            yield from _articles_in(found.get(key), depth - 1)


def _listed_in(found: object, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(found, list):
        for each in found[:500]:
            yield from _listed_in(each, depth - 1)
    elif isinstance(found, dict):
        if found.get("@type") == "ListItem":
            item = found.get("item")
            named = item if isinstance(item, dict) else {"url": item}
            yield from filter(None, (string(found.get("url")) or string(named.get("url")) or string(named.get("@id")),))
        for key in ("@graph", "mainEntity"):
            yield from _listed_in(found.get(key), depth - 1)
        if found.get("@type") == "ItemList":
            yield from _listed_in(found.get("itemListElement"), depth - 1)


def string(value: object) -> str:
    """`value` if it is a text, else ""."""
    return value if isinstance(value, str) else ""
