"""What a process loads: who only sends has no parsers in memory, and a command does not wait for what it will not use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SETTINGS = """
[site]
name = "Harbour Town"
url = "http://127.0.0.1:8000"
[smtp]
host = "127.0.0.1"
security = "none"
[sources.wire]
kind = "feed"
url = "https://news.example.com/feed.xml"
[newsletters.town]
title = "Harbour Town"
from = "Harbour Town <news@example.org>"
sources = ["wire"]
lists = ["readers"]
"""

READS = {"httpx2", "feedparser", "trafilatura", "lxml", "nh3", "yaml", "markdown_it", "protego", "publicsuffixlist"}
DRAWS = {"premailer", "cssutils", "jinja2"}
NEVER = {
    "rich", "pygments", "requests", "urllib3", "chardet", "alembic", "sqlalchemy.orm", "sqlalchemy.dialects.postgresql",
}  # fmt: skip
"""On a site with SQLite whose schema is current, and without a terminal."""

SEND = """
import asyncio, json, sys
from pathlib import Path
import digest.daemon.worker
from digest.app import open_newsroom
from digest.flow.send import Sender

async def send():
    async with open_newsroom(Path(sys.argv[1]), actor="worker") as room:
        sender = Sender(room)
        await sender.run(asyncio.Event())
        await sender.close()

asyncio.run(send())
print(json.dumps(sorted(sys.modules)))
"""


def _loaded(code: str, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return set(json.loads(done.stdout))


def test_who_only_sends_has_loaded_nothing_that_reads_composes_or_draws(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    _loaded(SEND, str(tmp_path))  # the first one makes the schema
    loaded = _loaded(SEND, str(tmp_path))
    assert "digest.flow.worker" in loaded
    assert loaded & (READS | DRAWS | NEVER | {"snowballstemmer"}) == set()
    assert {name for name in loaded if name.startswith(("digest.gather.", "digest.compose."))} == set()


def test_a_send_loads_nothing_that_it_cannot_use() -> None:
    loaded = _loaded("import digest.cli.sending, json, sys; print(json.dumps(sorted(sys.modules)))")
    assert {"httpx2", "premailer"} <= loaded
    assert loaded & (NEVER | {"yaml", "markdown_it", "feedparser", "trafilatura"}) == set()


def test_help_loads_neither_the_database_nor_the_settings() -> None:
    loaded = _loaded("import digest.cli, json, sys; print(json.dumps(sorted(sys.modules)))")
    assert loaded & {"sqlalchemy", "pydantic", "jinja2", "structlog", "httpx2"} == set()


def test_what_was_left_out_is_there_for_whoever_wants_it() -> None:
    code = """
import json
import digest.log, digest.render.inline, digest.store.engine
from rich.console import Console
from requests import Session
from sqlalchemy.ext.asyncio.session import AsyncSession
print(json.dumps([each.__name__ for each in (Console, Session, AsyncSession)]))
"""
    assert _loaded(code) == {"Console", "Session", "AsyncSession"}
