"""`digest demo`: a newsroom, an inbox and the daemon, started together; the first issue goes out at once.

    start: ports, newsroom, inbox, gather + approve, daemon      stop: daemon (drains), inbox, newsroom

What is not here: each of the things started, where they listen (local), and the words on the terminal (words).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI

from digest import settings
from digest.app import open_newsroom
from digest.daemon.run import running
from digest.daemon.signals import told_to_end
from digest.demo import newsroom, pages, words
from digest.demo.first import open_with_an_issue, outcome
from digest.demo.inbox import receiving
from digest.demo.local import check_inbox_suffices, check_stays_here, listening_places, newsroom_place
from digest.demo.maildir import Maildir
from digest.flow.newsroom import Newsroom
from digest.web.serving import serving

INBOX = Path("var/inbox")
"""Where the mails lie, below the site's folder."""


async def run(root: Path) -> None:
    """Run the demo of a site until SIGTERM or Ctrl-C. Raises UsageError for settings that lead away, or a taken port."""
    told = told_to_end()
    config = settings.load(root)
    check_stays_here(config)  # before anything is opened, the database included
    check_inbox_suffices(config)
    async with open_newsroom(root, actor="demo") as room, _surroundings(room):
        await _until(told, asyncio.create_task(_show(room)))
        _say(words.ENDED)


async def _until(told: asyncio.Event, work: asyncio.Task[None]) -> None:
    """Let `work` go on until told to end; what it raises is raised here."""
    ending = asyncio.create_task(told.wait())
    await asyncio.wait({work, ending}, return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


@contextlib.asynccontextmanager
async def _surroundings(room: Newsroom) -> AsyncIterator[None]:
    """What a newsletter has around it: a newsroom before, an inbox behind. Raises UsageError when a port is taken."""
    maildir = Maildir(room.settings.root / INBOX, room.clock)
    for_newsroom, for_inbox = listening_places(room.settings)
    maildir.make()
    async with serving(_application(room, maildir), for_newsroom), receiving(maildir, for_inbox):
        yield


def _application(room: Newsroom, maildir: Maildir) -> FastAPI:
    site = room.settings.site
    app = FastAPI(title="Digest demo", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(pages.routes(pages.InboxPages(maildir, room.templates, site.name, site.timezone)))
    app.include_router(newsroom.routes(newsroom.SampleNewsroom(room.templates, room.clock.now())))
    return app


async def _show(room: Newsroom) -> None:
    """Send the first issue, say what was done, and go on until cancelled."""
    _say(words.starting(room.settings))
    opening = await open_with_an_issue(room)
    _say(words.gathered(opening.gathered))
    async with running(room):
        for issue in opening.issues:
            _say(words.became(await outcome(room, issue), room.settings))
        _say(words.where_to_look(newsroom_place(room.settings).url + pages.PATH, room.settings, room.clock.now()))
        await asyncio.Event().wait()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the demo tells its story on the terminal
