"""A whole site in a folder, its sources on a local HTTP server, and the `digest` command run on it as a process."""

from __future__ import annotations

import functools
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEASERS = [
    ("Kuala Lumpur sets out what its forces will buy", "RM21.70 billion is set aside for defence in the coming year."),
    ("American auditors ask for better commercial data", "Two reports look at readiness and at who owns the data."),
    ("Ottawa explains how it will spend faster", "The department wants new equipment and a modern inventory."),
    ("Palantir and Boeing join up on factory data", "Software will bring order to what twelve plants report."),
    ("DroneShield doubles its footprint in the US", "More people, more machines, and suppliers close to the customer."),
]

PAGE = """<!DOCTYPE html><html lang="en"><head><title>Notes</title></head><body><main>
<h2>More from Defence Notes</h2><ul>{items}</ul></main><footer><ul><li><a href="/about">About</a></li></ul></footer>
</body></html>"""

SETTINGS = """
[site]
name = "Defence Notes"
url = "http://127.0.0.1:{web}"
address = "1 Sample Street, London"
[smtp]
host = "127.0.0.1"
port = {smtp}
security = "none"
return_path = "bounce@example.org"
connections = {connections}
[web]
port = {web}
[gather]
private_hosts = ["127.0.0.1"]
[sources.notes]
kind = "page"
url = "http://127.0.0.1:{http}/notes/"
select = {{ within = "More from Defence Notes", item = "li", title = "h3", link = "a", teaser = "p" }}
[newsletters.notes]
title = "Défense Notes"
from = "Défense, Notes <news@example.org>"
schedule = "0 7 * * *"
sources = ["notes"]
lists = ["readers"]
{more}
"""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class SiteFolder:
    """settings: further lines of [newsletters.notes]; store: the database's URL, None for the default."""

    def __init__(
        self,
        folder: Path,
        smtp: int,
        readers: int = 3,
        settings: str = "",
        store: str | None = None,
        connections: int = 4,
    ) -> None:
        self.folder = folder
        self.web = free_port()
        self.pages = folder / "www"
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("DIGEST_")}
        if store:
            self.environment["DIGEST_STORE__URL"] = store
        (self.pages / "notes").mkdir(parents=True)
        (folder / "subscribers").mkdir()
        self.publish(TEASERS)
        self.readers = [f"reader-{number}@example.org" for number in range(readers)]
        (folder / "subscribers" / "readers.csv").write_text("email\n" + "\n".join(self.readers) + "\n")
        self._values = {"smtp": smtp, "web": self.web, "connections": connections, "more": settings}

    def serve(self, http_port: int) -> None:
        """Write the settings, now that the sources have a port."""
        (self.folder / "settings.toml").write_text(SETTINGS.format(http=http_port, **self._values))

    def publish(self, teasers: list[tuple[str, str]]) -> None:
        """What the newsroom's page shows."""
        items = "".join(
            f'<li><a href="/notes/{title.lower().replace(" ", "-")}/"><h3>{title}</h3></a><p>{teaser}</p></li>'
            for title, teaser in teasers
        )
        (self.pages / "notes" / "index.html").write_text(PAGE.format(items=items))

    def start(self, *arguments: str, now: str | None = None) -> subprocess.Popen[str]:
        """Start `digest` with these arguments; it is ended by whoever started it."""
        environment = self.environment | ({"DIGEST_NOW": now} if now else {})
        return subprocess.Popen(
            [sys.executable, "-m", "digest", "--site", str(self.folder), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def run(self, *arguments: str, now: str | None = None, timeout: float = 60) -> Ran:
        """Run `digest` with these arguments to its end."""
        process = self.start(*arguments, now=now)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return Ran(process.returncode, out, err)

    @contextmanager
    def daemon(self, now: str | None = None) -> Iterator[subprocess.Popen[str]]:
        """A running daemon; at the end it is asked to go, and must go well within ten seconds."""
        process = self.start("daemon", now=now)
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=12)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


@contextmanager
def http_server(pages: Path) -> Iterator[int]:
    """Serve a folder on a free port of loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(pages))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until `condition` holds; fail after so many seconds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.02)  # noqa: TID251 - another process is being waited for
