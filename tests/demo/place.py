"""A site of its own for each test of the demo, on ports of its own, and the demo as a process. Not here: assertions."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, FastAPI

from digest.clock import SystemClock, monotonic
from digest.web.serving import bound, serving

ROOT = Path(__file__).parents[2]
TEMPLATES = (ROOT / "templates",)
WAIT_S = 40.0


@dataclass(frozen=True, slots=True)
class Site:
    """A copy of the sample site."""

    root: Path
    newsroom: int
    smtp: int
    web: int

    @property
    def mails(self) -> list[Path]:
        """What lies in the inbox."""
        folder = self.root / "var/inbox/new"
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def url(self, path: str) -> str:
        """An address of the newsroom and the inbox."""
        return f"http://127.0.0.1:{self.newsroom}{path}"


def free_ports(number: int) -> list[int]:
    """Ports that nobody uses just now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [int(each.getsockname()[1]) for each in sockets]


def make_site(folder: Path) -> Site:
    """Copy the sample site to a folder and give it free ports."""
    newsroom, smtp, web = free_ports(3)
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "subscribers", folder / "subscribers")
    text = (ROOT / "settings.toml").read_text(encoding="utf-8")
    for old, new in ((":8010", f":{newsroom}"), ("1025", str(smtp)), (":8000", f":{web}")):
        assert old in text
        text = text.replace(old, new)
    (folder / "settings.toml").write_text(f"{text}\n[web]\nport = {web}\n", encoding="utf-8")
    return Site(folder, newsroom, smtp, web)


@contextlib.contextmanager
def demo(site: Site) -> Iterator[subprocess.Popen[str]]:
    """`digest demo` as a process of its own; killed if it has not ended with the block."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("DIGEST_")}
    command = [sys.executable, "-m", "digest", "--site", str(site.root), "demo"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


async def until(found: object, what: str) -> None:
    """Wait until `found()` is true."""
    assert callable(found)
    end = monotonic() + WAIT_S
    while not found():
        assert monotonic() < end, f"waited in vain for {what}"
        await SystemClock().sleep(0.1)


@contextlib.asynccontextmanager
async def served(router: APIRouter) -> AsyncIterator[int]:
    """The routes on a port of their own."""
    app = FastAPI()
    app.include_router(router)
    listening = bound("127.0.0.1", 0, "test")
    async with serving(app, listening):
        yield int(listening.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")


async def get(url: str) -> Answer:
    """Ask for a page."""
    return await asyncio.to_thread(_get, url)


def _get(url: str) -> Answer:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return Answer(answer.status, answer.read(), {k.lower(): v for k, v in answer.headers.items()})
    except urllib.error.HTTPError as refusal:
        with refusal:
            return Answer(refusal.code, refusal.read(), {k.lower(): v for k, v in refusal.headers.items()})
