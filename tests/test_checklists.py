"""The lists in docs/ name the tests that hold each line: these tests exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

NAMED = re.compile(r"`(?:[\w/]+\.py: )?((?:test_)?[a-z0-9]+(?:_[a-z0-9]+){2,}…?)`")
"""A test by its name, or by the beginning of it, with or without its file."""


@pytest.mark.parametrize(
    ("file", "at_least"), [("docs/gathering.md", 90), ("docs/composing.md", 20), ("docs/mail.md", 35)]
)
def test_every_test_that_a_checklist_names_exists(file: str, at_least: int) -> None:
    named = {name.removeprefix("test_") for name in NAMED.findall((ROOT / file).read_text())}
    source = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    tests = set(re.findall(r"def test_(\w+)\(", source)) | {path.stem[5:] for path in ROOT.glob("tests/**/test_*.py")}
    begun = {name for name in named if name.endswith("…")}
    assert named - begun - tests == set()
    assert {name for name in begun if not any(test.startswith(name[:-1]) for test in tests)} == set()
    assert len(named) >= at_least


@pytest.mark.parametrize(("checklist", "lines"), [("A", 40), ("B", 37)])
def test_every_line_of_a_mails_checklists_is_answered_once(checklist: str, lines: int) -> None:
    rows = re.findall(rf"(?m)^\| {checklist}(\d+) (\|.*)$", (ROOT / "docs/mail.md").read_text())
    assert [int(number) for number, _ in rows] == list(range(1, lines + 1))
    assert all(all(cell.strip() for cell in row.split("|")[2:-1]) for _, row in rows)
