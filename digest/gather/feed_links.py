"""The feeds that a page names in its head (pure).

What is not here: reading feeds (feeds).
"""

from __future__ import annotations

from lxml.html import HtmlElement

from digest.gather.document import base_of
from digest.gather.identity import absolute_link

_TYPES = frozenset({
    "application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml", "application/json",
    "application/xml", "text/xml",
})  # fmt: skip
_OTHER_JSON = ("/wp-json/", "oembed", "/comments/")  # named in the same way, and no feeds of stories


def feed_links(tree: HtmlElement, url: str) -> list[str]:
    """The absolute addresses of the page's feeds, as named; feeds of comments come last."""
    base = base_of(tree, url)
    found: dict[str, bool] = {}
    for link in tree.iter("link"):
        kind = link.get("type", "").partition(";")[0].strip().lower()
        relations = link.get("rel", "").lower().split()
        address = absolute_link(link.get("href", ""), base) if link.get("href") else None
        if address and kind in _TYPES and ("alternate" in relations or "feed" in relations):
            about = f"{link.get('title', '')} {address}".lower()
            if not (kind == "application/json" and any(part in about for part in _OTHER_JSON)):
                found.setdefault(address, "comment" in about)
    return sorted(found, key=lambda address: found[address])
