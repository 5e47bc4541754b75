"""Stories completed by their own pages (`fetch_article = true`): the new ones that lack something, a few at a time.

What is not here: what is taken from a page (articles), and which stories are known (the caller says so).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime

from digest.errors import GatherError
from digest.gather.articles import TEASER_ENOUGH
from digest.gather.fetch import Fetcher
from digest.gather.identity import is_aggregator
from digest.gather.parsing import Parsers
from digest.model.story import RawStory

AT_MOST = 10
"""Pages that one look at a source may ask for; the other new stories stay as the source gave them."""
_PATIENCE_S = 60.0  # for all of them; a source is not held up longer by its articles

Known = Callable[[Sequence[str]], Awaitable[Collection[str]]]
"""Which of these link keys the pool has already."""


async def with_articles(
    fetcher: Fetcher,
    parsers: Parsers,
    stories: Sequence[RawStory],
    now: datetime,
    named_by: str,
    known: Known | None = None,
) -> tuple[RawStory, ...]:
    """`stories`, of which new ones were completed by their pages: first those that lack a teaser, a date or a picture.

    named_by: the address of the source, which named theirs. known: None = nobody knows, so that all count as new. A page
    that cannot be had changes nothing.
    """
    old = await known([story.link_key for story in stories]) if known else ()
    new = [story for story in stories if story.link_key not in old and not is_aggregator(story.link)]
    # Those that lack words first: how long the article is nobody misses as much.
    wanted = sorted((story for story in new if _lacks(story) or story.minutes is None), key=_lacks, reverse=True)[
        :AT_MOST
    ]
    tasks = {story: asyncio.create_task(_completed(fetcher, parsers, story, now, named_by)) for story in wanted}
    try:
        if tasks:
            await asyncio.wait(tasks.values(), timeout=_PATIENCE_S)
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    done = {story: task.result() for story, task in tasks.items() if not task.cancelled()}
    return tuple(done.get(story, story) for story in stories)


def _lacks(story: RawStory) -> bool:
    return (
        len(story.teaser) < TEASER_ENOUGH or story.published is None or story.image is None or story.title[-1:] == "…"
    )


async def _completed(fetcher: Fetcher, parsers: Parsers, story: RawStory, now: datetime, named_by: str) -> RawStory:
    try:
        response = await fetcher.get(story.link, robots=True, named_by=named_by)
        return await parsers.article(response, story, now)
    except GatherError:
        return story
