"""A made-up newsroom for benchmarks: a site in a folder, its feed and pages on loopback, its ledger ready to leave.

The site is an ordinary one with everything switched on; what is sent is what `digest send` would send.
What is not here: mail servers and the C client (_mailservers), the measured process (_sending).
"""

from __future__ import annotations

import asyncio
import http.server
import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.utils import format_datetime
from pathlib import Path

from sqlalchemy import text

from digest.app import open_newsroom
from digest.clock import system_clock
from digest.flow import clearance, departure, gathering, membership, produce
from digest.flow.mailing import Mailing
from digest.model.issue import IssueState
from digest.store import issues

NEWSLETTER = "town"
STORIES_50_KB, STORIES_100_KB = 19, 43

SETTINGS = """
[site]
name = "Harbour Town"
url = "http://127.0.0.1:{web}"
address = "1 Sample Street, London"
[smtp]
host = "127.0.0.1"
port = {port}
security = "{security}"
return_path = "bounce@example.org"
{smtp}
{store}
[gather]
private_hosts = ["127.0.0.1"]
[sources.wire]
kind = "feed"
url = "http://127.0.0.1:{web}/{name}/feed.xml"
[newsletters.town]
title = "Harbour Town"
from = "Harbour Town <news@example.org>"
sources = ["wire"]
lists = ["readers"]
stories = {{ min = 1, max = {stories}, per_source = {stories} }}
"""

_SYLLABLES = ["ka", "lo", "mi", "ren", "ta", "vu", "sel", "dor", "an", "pe", "ni", "gar", "hol", "bes", "tri"]


@dataclass(frozen=True)
class Site:
    """A site in a folder."""

    folder: Path
    web: int
    stories: int

    def configure(
        self, port: int = 9, *, security: str = "none", smtp: str = "connections = 10", store: str = ""
    ) -> None:
        """Write the settings. smtp: further lines of [smtp]. store: the database's URL, empty for SQLite in var/."""
        store = f'[store]\nurl = "{store}"' if store else ""
        values = {
            "name": self.folder.name,
            "web": self.web,
            "stories": self.stories,
            "port": port,
            "security": security,
            "smtp": smtp,
            "store": store,
        }
        (self.folder / "settings.toml").write_text(SETTINGS.format(**values))


def make_site(folder: Path, web: int, stories: int, readers: int) -> Site:
    """Write the site's files."""
    (folder / "subscribers").mkdir(parents=True)
    (folder / "feed.xml").write_text(_feed(web, stories))
    rows = (f"{address(number)},Reader {number:07},\n" for number in range(readers))
    (folder / "subscribers" / "readers.csv").write_text("email,name,topics\n" + "".join(rows))
    site = Site(folder, web, stories)
    site.configure()
    return site


def address(number: int) -> str:
    return f"reader{number:07}@list.example.com"


def _feed(web: int, stories: int) -> str:
    """A feed of stories of no meaning, each as long as an editor lets a teaser be."""
    dice = random.Random(214)
    words = ["".join(dice.choices(_SYLLABLES, k=dice.randint(1, 4))) for _ in range(4000)]
    items, published = [], format_datetime(system_clock().now())  # an item without a date would count as old
    for number in range(stories):
        title, teaser = " ".join(dice.choices(words, k=9)).capitalize(), " ".join(dice.choices(words, k=45))[:260]
        link = f"http://127.0.0.1:{web}/{number}"
        items.append(
            f"<item><title>{title}</title><link>{link}</link><description>{teaser}.</description>"
            f"<pubDate>{published}</pubDate></item>"
        )
    return f'<rss version="2.0"><channel><title>Wire</title>{"".join(items)}</channel></rss>'


@contextmanager
def pages(sites: Path) -> Iterator[int]:
    """The web that newsrooms read: their feeds at /NAME/feed.xml, and a page at every other path. Yields the port."""

    class Pages(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            feed = self.path.endswith("/feed.xml")
            body = (sites / self.path[1:]).read_bytes() if feed else b"<!DOCTYPE html><title>A page</title>"
            self.send_response(200)
            self.send_header("Content-Type", "application/rss+xml" if feed else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name is the library's

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(5)


# -- a ledger that is ready to leave -----------------------------------------------------------------------------------


def settled(site: Site) -> None:
    """Read the site's lists and sources, so that a timed `send` finds them unchanged, as beside a daemon."""

    async def sync() -> None:
        async with open_newsroom(site.folder) as room:
            await membership.sync(room)
            await gathering.gather(room, ["wire"])

    asyncio.run(sync())


def ready_to_leave(site: Site) -> int:
    """Gather, build, approve and start an issue, and send nothing of it. Its number."""

    async def prepare() -> int:
        async with open_newsroom(site.folder) as room:
            await membership.sync(room)
            await gathering.gather(room, ["wire"])
            issue = await produce.draft(room, NEWSLETTER, room.clock.now(), scheduled=False)
            assert issue.state is IssueState.REVIEW, issue.reason
            issue = await clearance.approve_or_rebuild(room, issue.id, at_once=True)
            return (await departure.start(room, issue.id)).id

    return asyncio.run(prepare())


def mail_of(site: Site, issue: int) -> bytes:
    """The first reader's mail as it goes on the wire."""

    async def build() -> bytes:
        async with open_newsroom(site.folder) as room:
            async with room.store.read() as conn:
                rendered = await issues.snapshot(conn, issue)
            assert rendered is not None
            mailing = Mailing(room, issue, rendered)
            personal = mailing.personal(1, address(0), f"Reader {0:07}", frozenset())
            return mailing.message(personal, mailing.message_id(1), room.clock.now())

    return asyncio.run(build())


def outcomes(site: Site, issue: int) -> dict[str, int]:
    """How many deliveries of the issue are in each state."""

    async def count() -> dict[str, int]:
        async with open_newsroom(site.folder) as room, room.store.read() as conn:
            query = text("select state, count(*) as number from deliveries where issue_id = :issue group by state")
            return {row.state: row.number for row in (await conn.execute(query, {"issue": issue})).all()}

    return asyncio.run(count())


def keep(site: Site) -> None:
    """Put the site's state aside, to be copied for each run; a copy that knew that it is one would be held."""

    async def forget() -> None:
        async with open_newsroom(site.folder) as room, room.store.write() as conn:
            await conn.execute(text("delete from lineage"))

    asyncio.run(forget())
    (site.folder / "var").rename(site.folder / "kept")


def crowd(site: Site, issue: int, number: int) -> None:
    """Put so many more readers on the list and into the issue, by the shortest way there is. SQLite only."""
    with closing(sqlite3.connect(site.folder / "var" / "digest.db")) as database, database:
        (last,) = database.execute("select max(id) from subscribers").fetchone()
        numbers = range(last + 1, last + 1 + number)
        database.executemany(
            "insert into subscribers (id, email, email_key, name, created_at) "
            "select ?1, ?2, ?2, '', created_at from subscribers where id = 1",
            ((each, address(each)) for each in numbers),
        )
        database.execute(
            "insert into subscriptions select s.list, p.id, s.state, s.topics, s.since from subscriptions s "
            "join subscribers p on p.id > ? where s.subscriber_id = 1",
            (last,),
        )
        columns = [row[1] for row in database.execute("pragma table_info(deliveries)") if row[1] != "subscriber_id"]
        like_the_first = ", ".join(f"d.{column}" for column in columns)
        database.execute(
            f"insert into deliveries (subscriber_id, {', '.join(columns)}) select p.id, {like_the_first} "
            "from deliveries d join subscribers p on p.id > ? where d.issue_id = ? and d.subscriber_id = 1",
            (last, issue),
        )
