"""A daemon at work, seen from outside: how soon its senders know of an issue, and how soon a page answers while they send.

What is not here: how fast mails leave (_sending).
"""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

from digest.app import open_newsroom
from digest.flow import produce, publish
from digest.flow.mailing import Mailing
from digest.store import events, issues
from tests.bench._newsroom import NEWSLETTER, Site

BETWEEN_S = 0.02  # from one page to the next
_NEVER_S = 60.0


@contextmanager
def daemon(site: Site, workers: int) -> Iterator[int]:
    """A running daemon whose pages answer; yields their port."""
    port = _free_port()
    environment = os.environ | {"DIGEST_WEB__PORT": str(port), "DIGEST_DELIVERY__WORKERS": str(workers)}
    command = [sys.executable, "-m", "digest", "--site", str(site.folder), "daemon"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _NEVER_S
        while not _answers(port):
            assert time.monotonic() < until, "the daemon does not answer"
            time.sleep(0.02)  # noqa: TID251
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def hand_out_ms(site: Site) -> float:
    """From the moment at which an approved issue departs to a sender's knock at the mail server."""
    knocked: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        site.configure(server.getsockname()[1], smtp="connections = 2")
        listener = threading.Thread(target=_refuse, args=(server, knocked), daemon=True)
        listener.start()
        with daemon(site, 2):
            time.sleep(2)  # noqa: TID251 - the workers have looked and wait
            departed = asyncio.run(_approved(site))
            listener.join(_NEVER_S)
            return (knocked[0] - asyncio.run(_moment(site, departed))) * 1000


def pages_ms(site: Site, issue: int) -> tuple[list[float], int]:
    """How long a subscriber's page takes, again and again while the issue leaves; and how many had left at the first."""
    path = asyncio.run(_page(site, issue))
    found: list[float] = []
    with daemon(site, 1) as port:
        first = _left(site)
        while _left(site):
            for _ in range(10):
                begun = time.monotonic()
                assert _get(port, path) == 200, path
                found.append((time.monotonic() - begun) * 1000)
                time.sleep(BETWEEN_S)  # noqa: TID251
    return found, first


async def _approved(site: Site) -> int:
    async with open_newsroom(site.folder) as room:
        issue = await produce.draft(room, NEWSLETTER, room.clock.now(), scheduled=False)
        return (await publish.approve(room, issue.id, at_once=True, grace=timedelta(seconds=1.5))).id


async def _moment(site: Site, issue: int) -> float:
    async with open_newsroom(site.folder) as room, room.store.read() as conn:
        return next(e.at.timestamp() for e in await events.of_issue(conn, issue) if e.action == "issue.sending")


async def _page(site: Site, issue: int) -> str:
    async with open_newsroom(site.folder) as room:
        async with room.store.read() as conn:
            rendered = await issues.snapshot(conn, issue)
        assert rendered is not None
        return urlsplit(Mailing(room, issue, rendered).personal(1, "", "", frozenset()).unsubscribe_url).path


def _refuse(server: socket.socket, knocked: list[float]) -> None:
    while not knocked:
        connection, _ = server.accept()
        knocked.append(time.time())  # noqa: TID251 - the event log has the wall clock's time
        connection.sendall(b"421 4.3.2 not now\r\n")
        connection.close()


def _left(site: Site) -> int:
    with closing(sqlite3.connect(site.folder / "var/digest.db", timeout=30)) as database:
        query = "select count(*) from deliveries where state in ('pending', 'claimed')"
        return int(database.execute(query).fetchone()[0])


def _get(port: int, path: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def _answers(port: int) -> bool:
    try:
        return _get(port, "/healthz") == 200
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
