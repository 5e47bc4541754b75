"""Web pages -> stories, by the rules of `sources.NAME.select`, and the page's own article (pure).

What is not here: fetching pages, feeds, and finding out rules for a page (suggest).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from lxml.html import HtmlElement

from digest.errors import GatherError, PageChanged
from digest.gather.articles import article_of, language_of, measured, site_name
from digest.gather.document import base_of, find, heading_rank, markup_of, parse, picture_of, text_of
from digest.gather.entry import Entry, story_of
from digest.gather.identity import reader_link
from digest.gather.language import heard
from digest.gather.walls import needs_script, what_stands_there
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


def stories_of_page(
    body: bytes, content_type: str | None, url: str, source_name: str, source: Source, now: datetime
) -> tuple[RawStory, ...]:
    """The stories of a page; () when its list is there and empty. Raises GatherError when a rule matches nothing."""
    page = parse_page(body, content_type, url, source_name, source, now)
    if page.state == "items":
        return tuple(heard(page.stories))
    tree = parse(body, content_type)
    instead = what_stands_there(tree, url) if page.missing else needs_script(tree)
    if instead:
        raise GatherError(instead)
    if page.missing:
        raise PageChanged(f"the page has changed: the rule {page.missing} matches nothing on it")
    return page.stories


def parse_page(
    body: bytes, content_type: str | None, url: str, source_name: str, source: Source, now: datetime
) -> PageRead:
    """The stories of a page in its order, its own article first (with `include_article`); each link once.

    Raises GatherError for a page that is empty or a rule that is no CSS selector.
    """
    return read_tree(parse(body, content_type), url, source_name, source, now)


def read_tree(tree: HtmlElement, url: str, source_name: str, source: Source, now: datetime) -> PageRead:
    """`parse_page` for a page that is a tree already."""
    article = article_of(tree, url) if source.include_article else None
    missing = None
    listed: list[Entry] = []
    try:
        listed = list(_listed(tree, url, source.select)) if source.select else []
    except _Missing as error:
        missing = error.rule
    entries = ([article] if article else []) + listed
    found = [story_of(entry, source_name, source, now, (site_name(tree),)) for entry in entries]
    if article and found[0]:
        found[0] = measured(found[0], tree)
    stories = _once(filter(None, found))
    state: Literal["missing", "empty", "items"] = "missing" if missing else "items" if stories else "empty"
    return PageRead(stories, state, missing)


def _once(stories: Iterable[RawStory]) -> tuple[RawStory, ...]:
    """Each link once, where it stood first; a second card of it lends what the first had not."""
    once: dict[str, RawStory] = {}
    for story in stories:
        first = once.setdefault(story.link_key, story)
        once[story.link_key] = replace(
            first,
            teaser=first.teaser or story.teaser,
            published=first.published or story.published,
            image=first.image or story.image,
        )
    return tuple(once.values())


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
    if headings:
        return _below_the_first_with_items(headings, tree, set(found))
    areas = _selected(tree, select.within)
    if not areas:
        raise _Missing(f"within = {select.within!r}")
    everywhere = set().union(*areas)
    return [item for item in found if item in everywhere]


def _below_the_first_with_items(
    headings: list[HtmlElement], tree: HtmlElement, found: set[HtmlElement]
) -> list[HtmlElement]:
    """The items below the first of `headings` that has any: several may have the same text (one for phones)."""
    areas = ([element for element in _below(tree, heading) if element in found] for heading in headings)
    return next(filter(None, areas), [])


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _selected(tree: HtmlElement, selector: str) -> list[set[HtmlElement]]:
    """What is inside each element that `selector` matches. A heading's text that is no selector matches nothing."""
    try:
        return [set(container.iter()) for container in find(tree, selector)]
    except GatherError:
        return []


def _below(tree: HtmlElement, heading: HtmlElement) -> Iterator[HtmlElement]:
    """What belongs to `heading`: what follows it in its section, up to the next heading of its rank or higher.

    Only this much is walked through, so that a page of many equal headings is read once and not once for each.
    """
    section = next((e for e in heading.iterancestors() if e.tag in _SECTIONS), tree)
    own_rank = heading_rank(heading) or 6
    element, inside = heading, False
    while (following := _following(element, section, inside=inside)) is not None:
        element = following
        if (heading_rank(element) or 7) <= own_rank:
            return
        inside = element.tag not in _APART
        if inside:
            yield element


def _following(element: HtmlElement, section: HtmlElement, *, inside: bool) -> HtmlElement | None:
    """The next element of `section` in document order; what is in `element` only if `inside`."""
    if inside and len(element):
        return element[0]
    while element is not section:
        sibling = element.getnext()
        if sibling is not None:
            return sibling
        parent = element.getparent()
        if parent is None:
            return None
        element = parent
    return None


def _encloses(outer: HtmlElement, inner: HtmlElement) -> bool:
    return any(parent is outer for parent in inner.iterancestors())


def _is_wanted(link: str, select: Select) -> bool:
    """By `url_include` and `url_exclude`: each is looked for in the absolute link, as it stands, else as a regex."""
    if select.url_include and not _in_url(select.url_include, link):
        return False
    return not (select.url_exclude and _in_url(select.url_exclude, link))


def _in_url(rule: str, link: str) -> bool:
    return rule in link or re.search(rule, link) is not None


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
