"""200 sources from a server on loopback: all of them new, then half of them unchanged. Seconds and CPU of this process."""

from __future__ import annotations

import asyncio
import http.server
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from digest.app import open_newsroom
from digest.flow import gathering
from digest.flow.newsroom import Newsroom

SOURCES = 200
ITEMS = 30

SITE = """
[site]
name = "Bench"
url = "http://127.0.0.1:8000"
[smtp]
host = "127.0.0.1"
port = 9
security = "none"
[gather]
private_hosts = ["127.0.0.1"]
[newsletters.notes]
title = "Notes"
from = "Notes <news@example.org>"
sources = ["source-0"]
lists = ["readers"]
"""
_ITEM = (
    "<item><title>Item {n} of source {source}, edition {edition}</title>"
    "<link>https://s{source}.example.org/{edition}/{n}</link><guid>{source}-{edition}-{n}</guid><pubDate>{date}</pubDate>"
    "<description>&lt;p&gt;{text}&lt;/p&gt;&lt;img src='https://s{source}.example.org/{n}.jpg'&gt;</description></item>"
)
_TEXT = "A sentence that stands where the words of a story stand, with commas, and long enough to be one. " * 6


def serve(started: Connection) -> None:
    """Feeds with an ETag; after GET /next those with an even number have other stories."""
    edition = [1]

    class Feeds(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/next":
                edition[0] += 1
            source = int(self.path.rpartition("/")[2]) if self.path != "/next" else 1
            number = edition[0] if source % 2 == 0 else 1
            unchanged = self.headers["If-None-Match"] == f'"{number}"'
            body = b"" if unchanged else feed(source, number)
            self.send_response(304 if unchanged else 200)
            self.send_header("ETag", f'"{number}"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Feeds) as server:
        started.send(server.server_port)
        server.serve_forever()


def feed(source: int, edition: int) -> bytes:
    date = formatdate()
    items = (_ITEM.format(n=n, source=source, edition=edition, date=date, text=_TEXT) for n in range(ITEMS))
    return f"<rss version='2.0'><channel><title>S{source}</title>{''.join(items)}</channel></rss>".encode()


def main() -> None:
    started, child = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(child,), daemon=True)
    server.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(measure(Path(folder), started.recv()))
    finally:
        server.terminate()
        server.join()


async def measure(folder: Path, port: int) -> None:
    sources = (f'[sources.source-{n}]\nkind = "feed"\nurl = "http://127.0.0.1:{port}/{n}"\n' for n in range(SOURCES))
    (folder / "settings.toml").write_text(SITE + "".join(sources))
    async with open_newsroom(folder) as room:
        await timed(f"gather: {SOURCES} sources, all new, {SOURCES * ITEMS} stories", room, gathering.gather)
        await _fetched(room, f"http://127.0.0.1:{port}/next")
        half = f"gather: {SOURCES} sources, half unchanged, {SOURCES // 2 * ITEMS} new stories"
        await timed(half, room, gathering.gather)
        await timed(f"gather: {SOURCES} sources, all unchanged", room, gathering.gather)


async def _fetched(room: Newsroom, url: str) -> None:
    async with gathering.fetcher(room) as fetcher:
        await fetcher.get(url)


async def timed(what: str, room: Newsroom, work: Callable[[Newsroom], Coroutine[Any, Any, Any]]) -> None:
    begun, cpu = time.perf_counter(), _cpu_s()
    reports = await work(room)
    failed = sum(report.status == "failed" for report in reports)
    seconds, used = time.perf_counter() - begun, _cpu_s() - cpu
    print(f"{what}: {seconds:.2f} s, {used:.2f} s CPU" + (f", {failed} FAILED" if failed else ""))  # noqa: T201


def _cpu_s() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main()
