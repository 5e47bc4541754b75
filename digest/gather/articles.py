"""What a page says of the article that it is itself (pure).

What is not here: lists of other articles on it (pages), and the whole text of an article.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from digest.gather.document import base_of, markup_of, text_of
from digest.gather.entry import Entry
from digest.gather.identity import absolute_link, link_key

_TYPES = frozenset({
    "article", "newsarticle", "reportagenewsarticle", "analysisnewsarticle", "backgroundnewsarticle", "opinionnewsarticle",
    "reviewnewsarticle", "liveblogposting", "blogposting", "report", "techarticle", "scholarlyarticle",
})  # fmt: skip
_PARAGRAPH_MIN = 60  # shorter ones are bylines, dates and captions
_DEPTH_MAX = 6


def article_of(tree: HtmlElement, url: str) -> Entry | None:
    """The page's own article; None when it does not call itself one: no og:type, no JSON-LD, no single <article>."""
    meta, data, element = _meta(tree), _linked_data(tree), _article_element(tree)
    if meta.get("og:type", "").lower() != "article" and not data and element is None:
        return None
    base = base_of(tree, url)
    body = element if element is not None else next(tree.iter("main"), tree)
    heading = next((text_of(h1) for h1 in (*body.iter("h1"), *tree.iter("h1")) if text_of(h1)), "")
    document_title = next((text_of(found) for found in tree.iter("title")), "")
    titles = (meta.get("og:title"), _string(data.get("headline")), heading, document_title)
    return Entry(
        base=base,
        title=next(filter(None, titles), ""),
        texts=tuple(filter(None, (meta.get("og:description"), meta.get("description"), _first_paragraph(body)))),
        links=(_own_link(tree, base, url), url),
        published=tuple(_dates(meta, data, body)),
        images=tuple(filter(None, (meta.get("og:image"), _image(data.get("image"))))),
        language=language_of(tree),
    )


def site_name(tree: HtmlElement) -> str:
    """What the site calls itself; "" when it does not."""
    return _meta(tree).get("og:site_name", "")


def language_of(tree: HtmlElement) -> str | None:
    """The page's language tag."""
    language = next(tree.iter("html"), tree).get("lang", "").strip()
    return language if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", language) else None


def _meta(tree: HtmlElement) -> dict[str, str]:
    """The page's meta values by lower-case name; the first of a name counts."""
    found: dict[str, str] = {}
    for element in tree.iter("meta"):
        name = (element.get("property") or element.get("name") or element.get("itemprop") or "").lower().strip()
        if name and element.get("content", "").strip():
            found.setdefault(name, element.get("content", "").strip())
    return found


def _article_element(tree: HtmlElement) -> HtmlElement | None:
    """The <article> that is the page's subject: the one with the h1, or the only one. Cards of a list are none."""
    articles = list(tree.iter("article"))
    with_title = [article for article in articles if next(article.iter("h1"), None) is not None]
    if len(with_title) == 1:
        return with_title[0]
    return articles[0] if len(articles) == 1 else None


def _first_paragraph(body: HtmlElement) -> str | None:
    return next((markup_of(p) for p in body.iter("p") if len(text_of(p)) >= _PARAGRAPH_MIN), None)


def _own_link(tree: HtmlElement, base: str, url: str) -> str:
    """The canonical link if it is on the same site; a canonical link to the home page is a mistake, and not followed."""
    for link in tree.iter("link"):
        canonical = absolute_link(link.get("href", ""), base) if "canonical" in link.get("rel", "").lower() else None
        if canonical and _site(canonical) == _site(url) and (urlsplit(canonical).path.strip("/") or _is_home(url)):
            return canonical
    return url


def _site(url: str) -> str:
    return urlsplit(link_key(url)).netloc


def _is_home(url: str) -> bool:
    return not urlsplit(url).path.strip("/")


def _dates(meta: dict[str, str], data: dict[str, object], body: HtmlElement) -> Iterator[str]:
    yield meta.get("article:published_time", "")
    yield _string(data.get("datePublished"))
    yield meta.get("datepublished", "")
    for time in body.iter("time"):
        yield time.get("datetime") or text_of(time)
        break  # later ones belong to comments and related stories


# -- JSON-LD -----------------------------------------------------------------------------------------------------------


def _linked_data(tree: HtmlElement) -> dict[str, object]:
    """The first JSON-LD object that is an article; {} when there is none."""
    for script in tree.iter("script"):
        if "ld+json" in script.get("type", "").lower():
            found = next(_articles_in(_loaded(script.text or ""), _DEPTH_MAX), None)
            if found:
                return found
    return {}


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


def _image(value: object) -> str:
    if isinstance(value, list):
        return _image(value[0]) if value and not isinstance(value[0], list) else ""
    return _string(value.get("url")) if isinstance(value, dict) else _string(value)


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
