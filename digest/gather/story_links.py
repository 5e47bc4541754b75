"""Which links of a page lead to stories, and how likely each does (pure).

What is not here: which element around such a link is a card (suggest).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from digest.gather.document import heading_rank, text_of
from digest.gather.identity import link_key, reader_link

_MENUS = frozenset({"nav", "footer", "form", "button", "select"})
_MENU_ROLES = frozenset({"navigation", "contentinfo", "search", "menu", "menubar"})
_BESIDE = -0.4
_LABEL = 3  # a title on so many different links is none
_LISTED = 2
_SHARING = re.compile(
    r"/(?:sharer|share|intent|submit|submitlink|sharing|email-protection|send)\b|[?&=](?:https?:|https?%3a)", re.I
)
_OTHER_PAGES = re.compile(
    r"/(?:tags?|topics?|categor(?:y|ies)|authors?|by|users?|profiles?|people|login|log-in|signin|sign-in|signup|register|"
    r"account|about|contact|privacy|terms|legal|imprint|impressum|cookies?|subscri\w+|newsletters?|search|page|help|faq|jobs|"
    r"careers|advertis\w+|shop|store|cart|podcasts?|videos?|rss|feeds?|sitemap|donate|membership|comments?)(?:/|$)",
    re.IGNORECASE,
)
_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|svg|pdf|zip|mp3|mp4|xml|rss|ics)$", re.IGNORECASE)
_TITLE_CLASS = re.compile(r"title|headline|heading|\bhed\b|titel|titre|titulo", re.IGNORECASE)
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
_TITLE_MAX = 300


@dataclass(frozen=True, slots=True)
class StoryLink:
    """A link that may lead to a story. element: the link. title_element: what holds the title, a heading or the link.

    worth: about 1 for a story of a list, below 0 for what is rather none.
    """

    element: HtmlElement
    title_element: HtmlElement
    title: str
    key: str
    worth: float


def story_links(tree: HtmlElement, base: str, url: str, listed: frozenset[str] = frozenset()) -> list[StoryLink]:
    """The links of the page's own part (no menus, heads, feet, margins), in document order.

    listed: link keys that the page itself calls its list.
    """
    here = link_key(url)
    found = []
    for element, part in _own_part(tree):
        link = reader_link(element.get("href", "").strip(), base) if element.get("href", "").strip() else None
        key = link_key(link) if link else ""
        if not link or not key or key == here or element.get("href", "").strip().startswith("#"):
            continue
        title_element = _title_element(element)
        title = text_of(title_element)
        if title and len(title) <= _TITLE_MAX * 3:
            worth = _worth(title, title_element, element, link, url) + part
            found.append(StoryLink(element, title_element, title, key, worth))
    return _by_own_list(_without_labels(found), listed)


def _without_labels(links: list[StoryLink]) -> list[StoryLink]:
    """The links, of which those lose that say the same of many pages: read more, share, comments."""
    pages = Counter(title for title, _ in {(link.title, link.key) for link in links})
    return [replace(link, worth=link.worth - 1.5) if pages[link.title] >= _LABEL else link for link in links]


def _by_own_list(links: list[StoryLink], listed: frozenset[str]) -> list[StoryLink]:
    """The links, where the page's own list names some of them: these gain, all others lose."""
    if len(listed & {link.key for link in links}) < _LISTED:
        return links
    return [replace(link, worth=link.worth + (1.0 if link.key in listed else -1.5)) for link in links]


def _own_part(tree: HtmlElement) -> Iterator[tuple[HtmlElement, float]]:
    """The links outside the menus and the foot of the page; what those in its head and margins lose by their place."""
    stack = [(next(tree.iter("body"), tree), 0.0)]
    while stack:
        element, part = stack.pop()
        if element.tag == "a":
            yield element, part
        children = [child for child in reversed(element) if isinstance(child.tag, str) and not _is_menu(child)]
        stack += [(child, min(part, _beside(child))) for child in children]


def _is_menu(element: HtmlElement) -> bool:
    return element.tag in _MENUS or element.get("role", "").lower() in _MENU_ROLES


def _beside(element: HtmlElement) -> float:
    if element.tag == "header":  # of the page; a card may have one too
        return 0.0 if any(e.tag in {"article", "li", "main", "section"} for e in element.iterancestors()) else _BESIDE
    return _BESIDE if element.tag == "aside" or element.get("role", "").lower() in {"banner", "complementary"} else 0.0


def _title_element(link: HtmlElement) -> HtmlElement:
    """The heading in the link; in a link around a whole card also what is named a title, or its first part."""
    inner = [element for element in link.iter() if element is not link and isinstance(element.tag, str)]
    named = [e for e in inner if heading_rank(e)]
    named += [e for e in inner if e.get("itemprop") in {"headline", "name"}]
    named += [e for e in inner if _TITLE_CLASS.search(e.get("class", ""))]
    parts = [child for child in link if isinstance(child.tag, str) and text_of(child)]
    bare = (link.text or "") + "".join(child.tail or "" for child in link)
    if len(parts) >= 2 and not bare.strip() and len(text_of(parts[0]).split()) >= 3:
        named.append(parts[0])
    return next((element for element in named if text_of(element)), link)


def _in_heading(element: HtmlElement) -> bool:
    if heading_rank(element):
        return True
    for level, parent in enumerate(element.iterancestors()):
        if level == 3:
            break
        if heading_rank(parent) or _TITLE_CLASS.search(parent.get("class", "")):
            return True
    return bool(_TITLE_CLASS.search(element.get("class", "")))


def _worth(title: str, title_element: HtmlElement, element: HtmlElement, link: str, url: str) -> float:
    worth = _of_words(title) + 0.35 * _in_heading(title_element) + _of_address(link, url)
    if len(title) > _TITLE_MAX:
        worth -= 0.5
    in_text = any(parent.tag in {"p", "blockquote", "figcaption"} for parent in element.iterancestors())
    return worth - 0.5 * (in_text and not _in_heading(title_element))


def _of_address(link: str, url: str) -> float:
    if _SHARING.search(link):
        return -1.5
    parts, host = urlsplit(link), urlsplit(url).hostname or ""
    own, other = link_key(f"https://{host}"), link_key(f"https://{parts.hostname}")
    if own == other:
        return _of_path(parts.path) - (0.0 if parts.path.strip("/") else 0.3)
    return _of_path(parts.path) - (0.15 if _site(own) == _site(other) else 0.45)


def _site(key: str) -> str:
    """Roughly what belongs to one owner: the last two parts of a host, three where the middle one is short (co.uk)."""
    labels = (urlsplit(key).hostname or "").split(".")
    return ".".join(labels[-3:] if len(labels) > 2 and len(labels[-2]) <= 3 else labels[-2:])


def _of_words(title: str) -> float:
    unspaced = len(_UNSPACED.findall(title))
    words = len(title.split()) if unspaced < 4 else unspaced / 2
    return 0.9 if words >= 6 else 0.7 if words >= 4 else 0.35 if words >= 3 else 0.1 if words >= 2 else -0.2


def _of_path(path: str) -> float:
    last = path.rstrip("/").rpartition("/")[2]
    if _FILE.search(last):
        return -0.6
    other = -0.6 if _OTHER_PAGES.search(path) and last.count("-") < 3 else 0.0
    slug = 0.25 if last.count("-") >= 2 or last.count("_") >= 3 or re.search(r"\d{4,}", path) else 0.0
    return other + slug
