"""The `digest` command, as a process and in this one, on a site that `digest init` has made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from digest.cli import app
from tests.daemon.conftest import make_site, web

__all__ = ["make_site", "web"]

SITE = """
[site]
name = "Defence Notes"
url = "http://127.0.0.1:8000"
address = "1 Sample Street, London"
[smtp]
host = "127.0.0.1"
port = 9
security = "none"
[gather]
private_hosts = ["127.0.0.1"]
[sources.wire]
kind = "feed"
url = "{url}/feed.xml"
[sources.papers]
kind = "feed"
url = "{url}/missing.xml"
[newsletters.notes]
title = "Defence Notes"
from = "Defence Notes <news@example.org>"
sources = ["wire"]
lists = ["readers"]
"""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output; anything else there is an error."""
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one line on standard error, said to a person; anything else there, or on standard output, fails."""
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("digest: ")
        return line.removeprefix("digest: ")


Digest = Callable[..., Ran]


@pytest.fixture(scope="session")
def digest() -> Digest:
    """Runs `digest` with these arguments."""

    def run(
        *arguments: str | Path, site: Path | None = None, environ: Mapping[str, str] | None = None,
        cwd: Path | None = None, stdin: str = "",
    ) -> Ran:  # fmt: skip
        environment = {key: value for key, value in os.environ.items() if not key.startswith("DIGEST_")}
        command = [sys.executable, "-m", "digest", *(["--site", str(site)] if site else []), *map(str, arguments)]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=60, cwd=cwd, check=False,
            env=environment | dict(environ or {}),
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Digest]:
    """Runs `digest` with these arguments in this process: the same command, without the time a new process takes."""
    for key in [key for key in os.environ if key.startswith("DIGEST_")]:
        monkeypatch.delenv(key)

    def run(*arguments: str | Path, site: Path | None = None, environ: Mapping[str, str] | None = None) -> Ran:
        command = [*(["--site", str(site)] if site else []), *map(str, arguments)]
        done = CliRunner().invoke(app, command, env=environ)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception  # what a person would see as a traceback
        return Ran(done.exit_code, done.stdout, done.stderr)

    yield run
    structlog.reset_defaults()


def write_site(folder: Path, url: str = "http://127.0.0.1:9") -> Path:
    """A site with two readers and two sources at `url` (nobody listens at the default one)."""
    (folder / "subscribers").mkdir(parents=True)
    (folder / "settings.toml").write_text(SITE.format(url=url))
    (folder / "subscribers/readers.csv").write_text(
        "email,name\nanna@example.org,Anna\nben@example.org,=Ben\nbroken,\n"
    )
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "site")


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that the tests of a module share; none of them may change it."""
    return write_site(tmp_path_factory.mktemp("lasting") / "site")
