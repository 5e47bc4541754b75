"""Do the links of an issue lead anywhere? They are asked, all at once and for a few seconds; what was asked is remembered.

What is not here: how links look (render/preflight), the requests themselves (gather/fetch).
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import urlsplit

from digest.clock import monotonic
from digest.errors import GatherError
from digest.flow.newsroom import Newsroom
from digest.gather.fetch import Fetcher
from digest.render.preflight import Finding, Level

BUDGET_S = 5.0
"""For all links together: an editor waits for them."""
KEPT_S = 600.0
KEPT_MOST = 2000
_PAUSE = timedelta(milliseconds=100)  # between links to one host; they are few, and asked once

_LOGIN = re.compile(
    r"(?:^|[/._-])(?:log-?in|sign-?in|signon|sso|oauth2?|anmelden|connexion|account)(?:[/._?-]|$)", re.IGNORECASE
)
_NOT_FOR_PROGRAMS = re.compile(r"\((?:401|402|403|407|429|451)\)|only browsers|private address")


class Asked:
    """What became of links that were asked: the finding, None for a good one; for some minutes."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[float, Finding | None]] = OrderedDict()

    def fresh(self, url: str) -> bool:
        """Whether the answer is known and not too old."""
        return url in self._known and monotonic() - self._known[url][0] < KEPT_S

    def answer(self, url: str) -> Finding | None:
        """What is known of a link that is `fresh`."""
        return self._known[url][1]

    def keep(self, url: str, finding: Finding | None) -> None:
        """Remember an answer; the oldest are forgotten."""
        self._known[url] = (monotonic(), finding)
        self._known.move_to_end(url)
        while len(self._known) > KEPT_MOST:
            self._known.popitem(last=False)


_ASKED = Asked()
"""Of this process: a daemon, or a desk on which an editor looks at one issue again and again."""


async def check_links(
    room: Newsroom, stories: Iterable[tuple[str, str | None]], own: str, asked: Asked = _ASKED
) -> list[Finding]:
    """Warn of links that are dead or end at a sign-in.

    stories: links to other people's pages, each with the address in whose name it is asked ("" = anybody's, which opens no
    host of ours; None = the operator's). own: a link to a subscriber's page, which only our own server answers.
    """
    namers = {url: named_by for url, named_by in stories if url}
    urls = list(namers)
    missing = [url for url in urls if not asked.fresh(url)]
    config = room.settings.gather
    config = config.model_copy(update={"pause": _PAUSE})
    # Our own pages may well be on a private address: the operator's own choice, unlike a link in a feed.
    home = config.model_copy(update={"private_hosts": (*config.private_hosts, urlsplit(own).hostname or "")})
    async with (
        Fetcher(config, room.clock, total_s=BUDGET_S) as outside,
        Fetcher(home, room.clock, total_s=BUDGET_S) as inside,
    ):
        tasks = {url: asyncio.create_task(_ask(outside, url, namers[url])) for url in missing}
        ours = asyncio.create_task(_ask_own(inside, own, room.settings.site.url))
        everything = [ours, *tasks.values()]
        _, late = await asyncio.wait(everything, timeout=BUDGET_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    for url, task in tasks.items():
        if task not in late:
            asked.keep(url, task.result())
    found = [ours.result()] if ours not in late else [_own_fault(room.settings.site.url, "no answer in time")]
    found += [asked.answer(url) for url in urls if asked.fresh(url)]
    return [finding for finding in found if finding] + _unasked([url for url in urls if not asked.fresh(url)])


async def _ask(fetcher: Fetcher, url: str, named_by: str | None) -> Finding | None:
    try:
        answer = await fetcher.get(url, named_by=named_by)
    except GatherError as error:
        return _refused(url, error)
    return _arrived(url, answer.url)


def learn(url: str, end: str | GatherError, asked: Asked = _ASKED) -> None:
    """Remember what a link came to that was asked for another reason. end: the address of what it led to, or the fault."""
    asked.keep(url, _arrived(url, end) if isinstance(end, str) else _refused(url, end))


def _refused(url: str, error: GatherError) -> Finding:
    # Many publishers admit no programs: that says nothing of what a reader will see.
    level = Level.ADVICE if _NOT_FOR_PROGRAMS.search(str(error)) else Level.WARNING
    what = "cannot be checked from here" if level is Level.ADVICE else "leads nowhere"
    return Finding(level, "dead links", f"a link {what}: {error}", url)


def _arrived(url: str, end: str) -> Finding | None:
    if end != url and _asks_who(end) and not _asks_who(url):
        return Finding(Level.WARNING, "dead links", f"a link ends at a sign-in: {end}", url)
    return None


def _asks_who(url: str) -> bool:
    parts = urlsplit(url)
    return bool(_LOGIN.search(f"{(parts.hostname or '').partition('.')[0]}.{parts.path}"))


async def _ask_own(fetcher: Fetcher, url: str, site: str) -> Finding | None:
    try:
        await fetcher.get(url)
    except GatherError as error:
        return _own_fault(site, str(error))
    return None


def _own_fault(site: str, reason: str) -> Finding:
    message = (
        f"site.url does not answer from here ({reason}): unsubscribe and view links may lead nowhere; is the daemon up?"
    )
    return Finding(Level.WARNING, "site", message, site)


def _unasked(urls: list[str]) -> list[Finding]:
    if not urls:
        return []
    message = f"{len(urls)} of the links did not answer within {BUDGET_S:g} s, and are not checked"
    return [Finding(Level.ADVICE, "dead links", message, urls[0])]
