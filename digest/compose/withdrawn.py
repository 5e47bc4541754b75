"""Whether a story still stands: its page has gone, or tells something else than its headline did.

Pure. What is not here: asking the pages (flow/withdrawal).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from digest.compose.facts import contradict
from digest.compose.likeness import SAME_STORY, similarity
from digest.compose.words import terms


@dataclass(frozen=True, slots=True)
class Page:
    """What a link leads to now. gone: the server says that there is no such page. url: after redirects.

    titles: what the page calls itself, in its several places; none when it could not be read.
    """

    url: str
    gone: bool = False
    titles: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a story. gone: it cannot be read any more; else its publisher has changed it."""

    gone: bool
    reason: str


def fault_of(title: str, link: str, language: str | None, page: Page) -> Fault | None:
    """What has become of a story since it was gathered; None if it stands.

    Feeds and pages word their headlines differently as a rule, so only another event or another number counts as a
    change.
    """
    if page.gone:
        return Fault(True, "its page has gone")
    if urlsplit(link).path.strip("/") and not urlsplit(page.url).path.strip("/") and not urlsplit(page.url).query:
        return Fault(True, "its link leads to the home page now")
    found = [each for each in page.titles if each.strip()]
    if not found or any(_same(title, each, language) for each in found):
        return None
    return Fault(False, f"its page is headed “{found[0]}” now")


def _same(told: str, now: str, language: str | None) -> bool:
    """Whether the page's title tells what ours did; it may have the name of the site or a label besides."""
    if contradict(told, now):
        return False
    ours, theirs = set(terms(told, language)), set(terms(now, language))
    shortest = min(len(ours), len(theirs))
    contained = shortest > 0 and len(ours & theirs) >= 0.75 * shortest
    return contained or similarity(told, now, language=language) >= SAME_STORY
