"""How much of an issue its mail holds: what is too long for Gmail loses whole stories, which the web version has.

Pure arithmetic on the rendered HTML, once for all subscribers. What is not here: leaving the stories out (merge), telling
of it (preflight).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from digest.model.issue import IssueStory
from digest.render import quoted
from digest.render.pieces import Piece, cut
from digest.render.slots import NUMBER, URLS

TARGET = 90 * 1024
"""Bytes of HTML as it travels: Gmail clips at 102 KB, and what a reader's provider adds on the way is not ours to know."""

_TOKEN, _WORDS, _NUMBER = 90, 48, 2
"""Letters of a subscriber's link behind the site's address, of a name or the words for more, and of a number."""


def beyond(
    html: str,
    text: str,
    nonce: str,
    stories: Sequence[IssueStory],
    headings: Sequence[Sequence[int]],
    site_url: str,
) -> frozenset[int]:
    """The numbers of the stories that the mail leaves to the web version; none where it is short enough.

    From the end, each whole; the lead, pinned stories and what is paid for stay. Templates without a `more` block in both
    parts leave nothing out: readers would not learn of it. headings: the numbers of the stories below each.
    """
    more = len(stories) + len(headings)
    if len(quoted.encode(html)) <= TARGET - len(site_url) * 4 - 1024:
        return frozenset()
    pieces = cut(html, nonce, True, "")
    sizes = _sizes(pieces, len(site_url))
    if more not in sizes or all(piece.story != more for piece in cut(text, nonce, False, "")):
        return frozenset()
    below = {len(stories) + place: frozenset(numbers) for place, numbers in enumerate(headings)}
    return _from_the_end(sizes, stories, below, more)


def _sizes(pieces: Sequence[Piece], site: int) -> Counter[int | None]:
    """The bytes of each block, by its number, and under None what stands in every mail."""
    sizes: Counter[int | None] = Counter()
    for piece in pieces:
        sizes[piece.story] += len(quoted.encode(piece.text or "x" * _letters(piece.kind, site)))
    return sizes


def _letters(kind: str | None, site: int) -> int:
    if kind in URLS:
        return site + _TOKEN
    return _NUMBER if kind == NUMBER else _WORDS


def _from_the_end(
    sizes: Counter[int | None], stories: Sequence[IssueStory], headings: Mapping[int, frozenset[int]], more: int
) -> frozenset[int]:
    left: set[int] = set()
    total = sizes.total() - sizes[more]
    for number in range(len(stories) - 1, 0, -1):
        if total + (sizes[more] if left else 0) <= TARGET:
            break
        if stories[number].pinned or stories[number].sponsored:
            continue
        left.add(number)
        emptied = [heading for heading, below in headings.items() if number in below and below <= left]
        total -= sizes[number] + sum(sizes[heading] for heading in emptied)
    return frozenset(left)
