"""Web pages -> stories, by the rules of `sources.NAME.select`, and the page's own article (pure).

What is not here: fetching pages, feeds, and finding out rules for a page (a later `sources suggest`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from lxml.html import HtmlElement

from digest.errors import GatherError
from digest.gather.articles import article_of, language_of, site_name
from digest.gather.document import base_of, find, heading_rank, markup_of, parse, picture_of, text_of
from digest.gather.entry import Entry, story_of
from digest.gather.identity import reader_link
from digest.model.story import RawStory
from digest.settings import Select, Source

# Content of one of these does not belong to a heading in another.
_SECTIONS = frozenset({"section", "article", "aside", "nav", "main"})
_APART = frozenset({"footer", "nav"})


@dataclass(frozen=True, slots=True)
class PageRead:
    """What a page gave. state: `missing` = a rule matched nothing where there must be something (the page has changed),
    `empty` = the list is there, without stories, `items` = there are stories.

    missing: the rule that matched nothing, as in settings.toml; None unless the state is `missing`.
    """

    stories: tuple[RawStory, ...]
    state: Literal["missing", "empty", "items"]
    missing: str | None = None


class _Missing(Exception):
    """`rule` matched nothing."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def parse_page(
    body: bytes, content_type: str | None, url: str, source_name: str, source: Source, now: datetime
) -> PageRead:
    """The stories of a page in its order, its own article first (with `include_article`); each link once.

    Raises GatherError for a page that is empty or a rule that is no CSS selector.
    """
    tree = parse(body, content_type)
    article = article_of(tree, url) if source.include_article else None
    missing = None
    listed: list[Entry] = []
    try:
        listed = list(_listed(tree, url, source.select)) if source.select else []
    except _Missing as error:
        missing = error.rule
    entries = ([article] if article else []) + listed
    found = (story_of(entry, source_name, source, now, (site_name(tree),)) for entry in entries)
    once: dict[str, RawStory] = {}
    for story in filter(None, found):
        once.setdefault(story.link_key, story)
    stories = tuple(once.values())
    state: Literal["missing", "empty", "items"] = "missing" if missing else "items" if stories else "empty"
    return PageRead(stories, state, missing)


# -- the list ----------------------------------------------------------------------------------------------------------


def _listed(tree: HtmlElement, url: str, select: Select) -> Iterator[Entry]:
    """The items of the list, at most `limit`. Raises _Missing."""
    items = _items(tree, select)
    base, language = base_of(tree, url), language_of(tree)
    entries = [replace(_entry(item, base, select), language=language) for item in items]
    for rule, value in (("link", select.link), ("title", select.title)):
        if entries and not any(entry.links if rule == "link" else entry.title for entry in entries):
            raise _Missing(f"{rule} = {value!r}" if value else f"item = {select.item!r} (a {rule} in it)")
    whole = (entry for entry in entries if entry.links and entry.title)
    wanted = (entry for entry in whole if _is_wanted(reader_link(entry.links[0], base) or "", select))
    for _, entry in zip(range(select.limit), wanted, strict=False):
        yield entry


def _items(tree: HtmlElement, select: Select) -> list[HtmlElement]:
    """The elements that `item` matches inside what `within` names; without `within` there must be some on the page."""
    found = find(tree, select.item)
    if not select.within:
        if not found:
            raise _Missing(f"item = {select.item!r}")
        return found
    headings = [h for h in tree.iter() if heading_rank(h) and _fold(text_of(h)) == _fold(select.within)]
    areas = [_below(tree, heading) for heading in headings] or _selected(tree, select.within)
    if not areas:
        raise _Missing(f"within = {select.within!r}")
    # Several headings may have this text (one for phones): the first with items is meant.
    chosen = [[item for item in found if item in area] for area in areas]
    if headings:
        return next(filter(None, chosen), [])
    everywhere = set().union(*areas)
    return [item for item in found if item in everywhere]


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _selected(tree: HtmlElement, selector: str) -> list[set[HtmlElement]]:
    """What is inside each element that `selector` matches. A heading's text that is no selector matches nothing."""
    try:
        return [set(container.iter()) for container in find(tree, selector)]
    except GatherError:
        return []


def _below(tree: HtmlElement, heading: HtmlElement) -> set[HtmlElement]:
    """What belongs to `heading`: what follows it in its section, up to the next heading of its rank or higher."""
    section = next((e for e in heading.iterancestors() if e.tag in _SECTIONS), tree)
    own = set(heading.iter())
    apart = {e for e in section.iter(*_APART) if e is not section and not _encloses(e, heading)}
    below: set[HtmlElement] = set()
    started = False
    for element in section.iter():
        if element is heading:
            started = True
        elif started and element not in own:
            if (heading_rank(element) or 7) <= (heading_rank(heading) or 6):
                break
            below.add(element)
    return {element for element in below if not any(parent in apart for parent in (element, *element.iterancestors()))}


def _encloses(outer: HtmlElement, inner: HtmlElement) -> bool:
    return any(parent is outer for parent in inner.iterancestors())


def _is_wanted(link: str, select: Select) -> bool:
    """By `url_include` and `url_exclude`: each is looked for in the absolute link, as it stands, else as a regex."""
    if select.url_include and not _in_url(select.url_include, link):
        return False
    return not (select.url_exclude and _in_url(select.url_exclude, link))


def _in_url(rule: str, link: str) -> bool:
    if rule in link:
        return True
    try:
        return re.search(rule, link) is not None
    except re.error:
        return False


# -- one item ----------------------------------------------------------------------------------------------------------


def _entry(item: HtmlElement, base: str, select: Select) -> Entry:
    link = _link(item, select.link)
    title = _first(item, select.title) if select.title else _default_title(item)
    teaser = _first(item, select.teaser or "p")
    date = _first(item, select.date or "time")
    image = _first(item, select.image or "img")
    return Entry(
        base=base,
        title=_marked(title),
        texts=(markup_of(teaser),) if teaser is not None else (),
        links=(link,) if link else (),
        published=tuple(_dates(date)) if date is not None else (),
        images=tuple(filter(None, (picture_of(image),))) if image is not None else (),
    )


def _first(item: HtmlElement, selector: str) -> HtmlElement | None:
    return next(iter(find(item, selector)), None)


def _marked(element: HtmlElement | None) -> str:
    """The title's HTML; that of a picture with a text for those who do not see it, where there is no other."""
    if element is None:
        return ""
    if text_of(element):
        return markup_of(element)
    return next((image.get("alt", "") for image in element.iter("img") if image.get("alt")), "")


def _default_title(item: HtmlElement) -> HtmlElement | None:
    headings = [element for element in item.iter() if heading_rank(element) and text_of(element)]
    links = [link for link in item.iter("a") if link.get("href") and text_of(link)]
    return next(iter(headings + links), None)


def _link(item: HtmlElement, selector: str | None) -> str | None:
    """The address in what `selector` matches, in it or around it; without a selector also in a link around the item."""
    start = _first(item, selector) if selector else item
    if start is None:
        return None
    around = (e for e in start.iterancestors("a") if selector is None or _encloses(item, e) or e is item)
    return next((str(a.get("href")).strip() for a in (*start.iter("a"), *around) if a.get("href", "").strip()), None)


def _dates(element: HtmlElement) -> Iterator[str]:
    for name in ("datetime", "content", "title"):
        if element.get(name):
            yield str(element.get(name))
    yield text_of(element)
