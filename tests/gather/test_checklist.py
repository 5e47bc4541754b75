"""The lists in docs/ name tests: they exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("file", ["docs/gathering-parsing.md"])
def test_every_test_that_a_checklist_names_exists(file: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / file).read_text()))
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert named - set(re.findall(r"def (test_\w+)\(", tests)) == set()
    assert len(named) > 40
