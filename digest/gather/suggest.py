"""A page -> how it could be a source: the feed that it names, or rules that find its stories (pure).

Every selector that many cards share could be the rule `item`. The likely ones are completed and run by the page reader, and
judged by the stories that they give. Rules that give none are never handed out.

What is not here: how likely a link is a story (story_links), the page reader (pages), and printing (cli).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml.html import HtmlElement

from digest.errors import GatherError
from digest.gather.document import base_of, find, heading_rank, parse, text_of
from digest.gather.feed_links import feed_links
from digest.gather.identity import link_key
from digest.gather.linked_data import listed_links
from digest.gather.pages import read_tree
from digest.gather.story_links import StoryLink, story_links
from digest.gather.walls import what_stands_there
from digest.model.story import RawStory
from digest.settings import Select, Source

_LEVELS = 7  # how far above its link a card may be looked for
_TRIED = 20  # selectors that are judged by the page reader
_OF_TAGS = 0.9  # a selector of mere tags may match anything that the page comes to hold
_LEAST = 2  # stories that make a list
_NAME = re.compile(r"-?[A-Za-z_][\w-]*")
_TEASER_CLASS = re.compile(
    r"summary|excerpt|teaser|dek\b|description|standfirst|intro|abstract|snippet|lede|lead", re.I
)
_DATE_CLASS = re.compile(r"date|time\b|published|posted", re.I)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """How a page could be a source.

    feed: the first feed that it names. how: what led to the rules, "list" = the page's own ItemList, "cards" = repeated
    cards, "" = no rules found. rules: the table `select`. stories: what the rules give on the page as it is.
    """

    feed: str | None
    how: str
    rules: dict[str, Any]
    stories: tuple[RawStory, ...]


def suggest(body: bytes, content_type: str | None, url: str, now: datetime) -> Suggestion:
    """Look for a feed link, then for rules. Raises GatherError when there is neither."""
    tree = parse(body, content_type)
    feeds = feed_links(tree, url)
    listed = {link_key(link) for link in listed_links(tree)} - {""}
    rules, stories = best_rules(tree, url, now, frozenset(listed))
    if not rules and not feeds:
        raise GatherError(
            what_stands_there(tree, url) or "no list of stories was found on this page, and it names no feed"
        )
    own = sum(story.link_key in listed for story in stories)
    how = ("list" if own >= _LEAST else "cards") if rules else ""
    return Suggestion(feeds[0] if feeds else None, how, rules, stories)


def best_rules(
    tree: HtmlElement, url: str, now: datetime, listed: frozenset[str]
) -> tuple[dict[str, Any], tuple[RawStory, ...]]:
    """The rules that give the best list of stories, and that list; ({}, ()) when none gives any.

    listed: link keys that the page itself calls its list.
    """
    links = story_links(tree, base_of(tree, url), url, listed)
    worth = {link.key: link.worth for link in sorted(links, key=lambda link: link.worth)}
    best: tuple[float, dict[str, Any], tuple[RawStory, ...]] = (0.0, {}, ())
    for selector, cards in _candidates(links):
        for rules in _completed(tree, selector, cards):
            stories = _read(rules, tree, url, now)
            merit = sum(_merit(story, worth) for story in stories) * (1.0 if re.search("[.#]", selector) else _OF_TAGS)
            if len(stories) >= _LEAST and merit > best[0]:
                best = (merit, rules, stories)
    return best[1], best[2]


def _merit(story: RawStory, worth: dict[str, float]) -> float:
    """What a story adds to a list; less than nothing for a link that is no story. Its parts add a little."""
    extras = 0.12 * bool(story.teaser) + 0.06 * (story.published is not None) + 0.04 * (story.image is not None)
    value = worth.get(story.link_key, -0.5)
    return value + (extras if value > 0 else 0)


def _read(rules: dict[str, Any], tree: HtmlElement, url: str, now: datetime) -> tuple[RawStory, ...]:
    source = Source(kind="page", url=url, select=Select(**rules))
    try:
        return read_tree(tree, url, "suggested", source, now).stories
    except GatherError:
        return ()


# -- which element is a card ---------------------------------------------------------------------------------------------


def _candidates(links: Iterable[StoryLink]) -> Iterator[tuple[str, list[tuple[HtmlElement, StoryLink]]]]:
    """Selectors of elements above story links, the most promising first, each with its cards and the best link of each."""
    best: dict[str, dict[HtmlElement, StoryLink]] = defaultdict(dict)
    for link in links:
        for element in _above(link.element):
            for selector in _selectors(element):
                known = best[selector].get(element)
                if known is None or link.worth > known.worth:
                    best[selector][element] = link
    # A class says more of a card than a tag, which other parts of the page may come to use.
    ranked = sorted(best.items(), key=lambda item: (-_promise(item[1].values()), "." not in item[0], len(item[0])))
    seen: set[tuple[tuple[str, ...], int]] = set()
    for selector, cards in ranked:
        # Selectors that find the same links at the same height are one candidate; the shortest is first.
        mark = (tuple(sorted({link.key for link in cards.values()})), _height(cards))
        if len(mark[0]) >= _LEAST and mark not in seen:
            seen.add(mark)
            yield selector, list(cards.items())
        if len(seen) >= _TRIED:
            return


def _promise(links: Iterable[StoryLink]) -> float:
    worth: dict[str, float] = {}
    for link in links:
        worth[link.key] = max(link.worth, worth.get(link.key, -9.0))
    return sum(worth.values())


def _height(cards: dict[HtmlElement, StoryLink]) -> int:
    card, link = next(iter(cards.items()))
    return 0 if card is link.element else 1 + [*link.element.iterancestors()].index(card)


def _above(element: HtmlElement) -> Iterator[HtmlElement]:
    yield element
    for level, parent in enumerate(element.iterancestors()):
        if level >= _LEVELS or parent.tag in {"body", "html", "main"}:
            return
        yield parent


def _selectors(element: HtmlElement) -> Iterator[str]:
    """Selectors under which `element` may stand together with others of its kind."""
    tag = _tag(element)
    classes = _classes(element)
    yield from (f"{tag}.{name}" for name in classes)
    if tag in {"article", "li", "tr", "h2", "h3", "dt"}:
        yield tag
    parent = element.getparent()
    if parent is not None and isinstance(parent.tag, str):
        if not classes and not _classes(parent):
            yield f"{_tag(parent)} > {tag}"
        yield from (f"{_tag(parent)}.{name} > {tag}" for name in _classes(parent))
        if _named(parent):
            yield f"#{parent.get('id')} > {tag}"


def _tag(element: HtmlElement) -> str:
    """The element's name as a selector takes it: `media:title` would be a pseudo-class."""
    return re.sub(r"[^\w-]", r"\\\g<0>", str(element.tag))


def _classes(element: HtmlElement) -> list[str]:
    """Classes that can stand in a selector as they are, without those of state and place in the list."""
    names = element.get("class", "").split()
    return [n for n in names if _NAME.fullmatch(n) and not re.search(r"\d{3,}|^(?:first|last|odd|even|active)$", n)][:6]


def _named(element: HtmlElement) -> bool:
    return bool(_NAME.fullmatch(element.get("id", ""))) and not re.search(r"\d{3,}", element.get("id", ""))


# -- the other rules -----------------------------------------------------------------------------------------------------


def _completed(
    tree: HtmlElement, selector: str, cards: list[tuple[HtmlElement, StoryLink]]
) -> Iterator[dict[str, Any]]:
    """`item` with the other rules that its cards need: the list as found, then narrowed to the place of the good cards."""
    good = [(card, link) for card, link in cards if link.worth > 0] or cards
    rules: dict[str, Any] = {"item": selector}
    rules |= _link_and_title(good)
    rules |= _part("teaser", good, "p", _TEASER_CLASS, 30)
    rules |= _part("date", good, "time", _DATE_CLASS, 4)
    yield rules
    within = _place(tree, [card for card, _ in good])
    if within:
        yield {"within": within} | rules


def _link_and_title(cards: list[tuple[HtmlElement, StoryLink]]) -> dict[str, str]:
    """The rules `link` and `title`, where what the page reader takes without them is not the story's link or title."""
    rules: dict[str, str] = {}
    if _share(cards, lambda card, link: _first_link(card) is link.element) < 0.9:
        found = _best_selector(cards, lambda link: link.element, link_only=True)
        rules |= {"link": found} if found else {}
    if _share(cards, lambda card, link: _default_title(card) == link.title) < 0.9:
        found = _best_selector(cards, lambda link: link.title_element, link_only=False)
        rules |= {"title": found} if found else {}
    return rules


def _share(cards: list[tuple[HtmlElement, StoryLink]], test: Any) -> float:
    return sum(bool(test(card, link)) for card, link in cards) / len(cards)


def _first_link(card: HtmlElement) -> HtmlElement | None:
    around = [link for link in card.iterancestors("a") if link.get("href", "").strip()]
    return next((link for link in card.iter("a") if link.get("href", "").strip()), around[0] if around else None)


def _default_title(card: HtmlElement) -> str:
    headings = (text_of(element) for element in card.iter() if heading_rank(element) and text_of(element))
    links = (text_of(link) for link in card.iter("a") if link.get("href") and text_of(link))
    return next(headings, None) or next(links, "")


def _best_selector(cards: list[tuple[HtmlElement, StoryLink]], part: Any, *, link_only: bool) -> str | None:
    """The selector whose first match is the wanted part in most cards; None when none is right in half of them."""
    tried: dict[str, int] = {}
    for card, link in cards[:10]:
        if (element := part(link)) is not card:
            for selector in _inner_selectors(element, card):
                tried.setdefault(selector, 0)
    for selector in tried:
        for card, link in cards:
            tried[selector] += next(iter(find(card, selector)), None) is part(link)
    best = max(tried, key=lambda selector: (tried[selector], -len(selector)), default=None)
    return best if best and tried[best] * 2 >= len(cards) else None


def _inner_selectors(element: HtmlElement, card: HtmlElement) -> Iterator[str]:
    tag = _tag(element)
    if _NAME.fullmatch(element.get("itemprop", "")):
        yield f"[itemprop={element.get('itemprop')}]"
    yield tag
    yield from (f"{tag}.{name}" for name in _classes(element))
    parent = element.getparent()
    if parent is not None and parent is not card and isinstance(parent.tag, str):
        yield f"{_tag(parent)} {tag}"
        yield from (f"{_tag(parent)}.{name} {tag}" for name in _classes(parent))


def _part(
    rule: str, cards: list[tuple[HtmlElement, StoryLink]], default: str, named: re.Pattern[str], least: int
) -> dict[str, str]:
    """The rule for a part that has a default, where the default finds nothing and an element's class names it."""
    if _share(cards, lambda card, _: next(card.iter(default), None) is not None) >= 0.5:
        return {}
    votes: dict[str, int] = defaultdict(int)
    for card, link in cards:
        title = {*link.title_element.iterancestors(), *link.title_element.iter()}
        parts = (e for e in card.iter() if isinstance(e.tag, str) and e not in title and len(text_of(e)) >= least)
        for name in {f".{name}" for element in parts for name in _classes(element) if named.search(name)}:
            votes[name] += 1
    best = max(votes, key=lambda name: (votes[name], -len(name)), default=None)
    return {rule: best} if best and votes[best] * 2 >= len(cards) else {}


def _place(tree: HtmlElement, cards: list[HtmlElement]) -> str | None:
    """A selector of the smallest element with a name of its own that holds all `cards`; None when only the page does."""
    shared = [ancestor for ancestor in cards[0].iterancestors() if isinstance(ancestor.tag, str)]
    for card in cards[1:]:
        own = set(card.iterancestors())
        shared = [ancestor for ancestor in shared if ancestor in own]
    for ancestor in shared:
        if ancestor.tag in {"body", "html"}:
            return None
        for selector in _alone(ancestor):
            if len(find(tree, selector)) == 1:
                return selector
    return None


def _alone(element: HtmlElement) -> Iterator[str]:
    if _named(element):
        yield f"#{element.get('id')}"
    yield from (f"{_tag(element)}.{name}" for name in _classes(element))
    if element.tag in {"main", "article", "section"}:
        yield str(element.tag)
