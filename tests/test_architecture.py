"""Imports run one way: the contract in pyproject.toml holds, here and in CI."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_is_longer_than_is_good_for_its_readers() -> None:
    """Three hundred lines; those above are named here, and may not grow."""
    allowed: dict[str, int] = {}
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in ROOT.glob("digest/**/*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > allowed.get(name, 300)} == {}
