"""How the mail is built: ways out, links, pictures, headings, sections, theme.

What is not here: whether a link leads anywhere (flow asks), how it looks (colours), size (size), clients (clients).
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from digest.render.preflight.cascade import Cascade
from digest.render.preflight.findings import Finding, Level, Look, counted
from digest.render.preflight.page import Page, place, tag_of

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_HOST = re.compile(r"(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:/\S*)?", re.IGNORECASE)
_GENERIC = frozenset({"read more", "more", "click here", "here", "link", "continue reading", "weiterlesen", "mehr"})


def ways_out(look: Look, page: Page) -> Iterator[Finding]:
    """A reader can leave, and can look at the mail elsewhere, from both parts; she is told where it comes from."""
    cascade = Cascade(page)
    links = {element.get("href") for element in page.elements("a") if not cascade.is_hidden(element)}
    for name, url in (("unsubscribe", look.unsubscribe_url), ("view in browser", look.view_url)):
        if url not in links:
            yield Finding(
                Level.ERROR, "ways out", f"the mail has no {name} link", f"issue.html: {name.partition(' ')[0]}_url"
            )
        if url not in look.text:
            yield Finding(Level.ERROR, "ways out", f"the text part has no {name} link", "text part")
    said = " ".join(page.root.text_content().split())
    if look.address and " ".join(look.address.split()) not in said:
        yield Finding(
            Level.WARNING,
            "ways out",
            "the postal address (site.address) is not in the mail",
            "issue.html: site.address",
        )
    if not look.address:
        yield Finding(
            Level.WARNING, "ways out", "site.address is empty: many countries want a postal address", "site.address"
        )


def links(look: Look, page: Page) -> Iterator[Finding]:
    """Where links point, by their look alone."""
    plain: list[HtmlElement] = []
    for element in page.elements("a", "img"):
        url = element.get("href") if element.tag == "a" else element.get("src")
        if url is None or url.startswith("#"):
            continue
        if fault := _fault(url):
            yield Finding(Level.ERROR, "links", f"{url[:80]!r} {fault}", place(element))
            continue
        if urlsplit(url).scheme == "http" and not _is_local(url):
            plain.append(element)
        elif _is_bare_ip(url):
            yield Finding(Level.WARNING, "links", f"{url} names a bare address, as phishing does", place(element))
        if element.tag == "a" and (other := _pretended(element, url)):
            message = (
                f"the text of a link names {other}, the link leads to {urlsplit(url).hostname}: filters call it fraud"
            )
            yield Finding(Level.WARNING, "links", message, place(element))
    if plain:
        message = f"unencrypted (http://): {counted(len(plain), 'link')}"
        yield Finding(Level.WARNING, "links", message, place(plain[0]))
    yield from _same_words(page)


def _fault(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "is no address"
    if not parts.scheme:
        return "is not absolute: in a mail it leads nowhere"
    if parts.scheme.lower() not in _SCHEMES:
        return f"is a {parts.scheme.lower()}: link, which mail clients take out"
    return "has no host" if parts.scheme in {"http", "https"} and not parts.hostname else None


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "localhost" or host.startswith("127.")


def _is_bare_ip(url: str) -> bool:
    try:
        return not ipaddress.ip_address(urlsplit(url).hostname or "").is_loopback
    except ValueError:
        return False


def _pretended(element: HtmlElement, url: str) -> str | None:
    """The host that a link's text names, if it leads to another."""
    named = _HOST.fullmatch(" ".join(element.text_content().split()))
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    said = named[1].lower().removeprefix("www.") if named else ""
    related = said == host or host.endswith(f".{said}") or said.endswith(f".{host}")
    return said if said and host and not related else None


def _same_words(page: Page) -> Iterator[Finding]:
    """A screen reader lists links by their words: thirty times "Read more" tells nothing (WCAG 2.4.4)."""
    words = Counter(" ".join(element.text_content().split()).casefold() for element in page.elements("a"))
    for text in sorted(_GENERIC & set(words)):
        if words[text] > 1:
            message = f"{words[text]} links say only {text!r}: name what they lead to, if only for screen readers"
            yield Finding(Level.ADVICE, "links", message, "issue.html")


def pictures(_look: Look, page: Page) -> Iterator[Finding]:
    """Alt texts: half of all readers see pictures late or never."""
    for element in page.elements("img"):
        if element.get("alt") is None:
            yield Finding(Level.WARNING, "alt texts", "a picture has no alt text", place(element))
        elif not element.get("alt", "").strip() and _only_content(element):
            message = "a link holds nothing but a picture without words: nobody knows where it leads"
            yield Finding(Level.WARNING, "alt texts", message, place(element))


def _only_content(image: HtmlElement) -> bool:
    link = next(image.iterancestors("a"), None)
    if link is None or not link.get("href"):
        return False
    named = link.get("aria-label") or link.get("title") or "".join(each.get("alt", "") for each in link.iter("img"))
    return not named.strip() and not link.text_content().strip()


def headings(_look: Look, page: Page) -> Iterator[Finding]:
    """One first heading, and no rank left out: screen readers walk from heading to heading."""
    cascade = Cascade(page)
    found = [element for element in page.elements(*_HEADINGS) if not cascade.is_hidden(element)]
    if not found:
        yield Finding(Level.WARNING, "headings", "the mail has no heading", "issue.html")
        return
    ranks = [int(tag_of(element)[1]) for element in found]
    if (number := ranks.count(1)) != 1:
        message = f"the mail has {counted(number, 'first heading')} (h1); one is right"
        yield Finding(Level.ADVICE if number else Level.WARNING, "headings", message, place(found[0]))
    for before, rank, element in zip(ranks, ranks[1:], found[1:], strict=False):
        if rank > before + 1:
            yield Finding(Level.WARNING, "headings", f"h{rank} follows h{before}: a rank is left out", place(element))
            return


def sections(look: Look, page: Page) -> Iterator[Finding]:
    """A heading under which nothing stands. A heading that is a link is a story's own, and enough."""
    cascade = Cascade(page)
    titles = {" ".join(story.title.split()) for story in look.stories}
    empty: HtmlElement | None = None
    for element in page.elements():
        if cascade.is_hidden(element):
            continue
        inside = _heading_around(element)
        if element.tag in _HEADINGS and _words(element) in titles:  # a story's own too, where it has no link
            empty = None
            continue
        if element.tag in _HEADINGS:
            of_story = element.find(".//a") is not None or next(element.iterancestors("a"), None) is not None
            if empty is not None and not of_story and int(tag_of(element)[1]) <= int(tag_of(empty)[1]):
                yield _empty(empty)
            empty = element if not of_story and element.text_content().strip() else None
        elif inside is None and _says(element):
            empty = None
        if inside is None and (element.tail or "").strip():
            empty = None
    if empty is not None:
        yield _empty(empty)


def _heading_around(element: HtmlElement) -> HtmlElement | None:
    return next((each for each in element.iterancestors(*_HEADINGS)), None)


def _says(element: HtmlElement) -> bool:
    return element.tag in {"img", "a"} or bool((element.text or "").strip())


def _empty(heading: HtmlElement) -> Finding:
    return Finding(Level.WARNING, "sections", f"nothing stands under the heading {_words(heading)!r}", place(heading))


def _words(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


def theme(look: Look, _page: Page) -> Iterator[Finding]:
    """A newsletter that looks like every other."""
    if not look.themed:
        yield Finding(
            Level.ADVICE,
            "theme",
            "the newsletter has no theme: accent and logo are those that every newsletter starts with",
            "newsletters.NAME.theme",
        )
