"""Marks that news desks set before and behind a headline."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.compose.marks import for_readers, without_marks
from digest.compose.select import select
from tests.compose.pool import rules, story

SHIPS = "Navy orders four ships"


@pytest.mark.parametrize(
    "title",
    [f"UPDATE 1-{SHIPS}", f"RPT-UPDATE 2-{SHIPS}", f"WRAPUP 3-{SHIPS}", f"Update: {SHIPS}", f"(Updated) {SHIPS}",
     f"{SHIPS} [updated]", f"Aktualisiert: {SHIPS}", f"【更新】{SHIPS}"],
)  # fmt: skip
def test_readers_are_spared_what_only_says_that_a_story_was_told_before(title: str) -> None:
    assert for_readers(title) == without_marks(title) == SHIPS


@pytest.mark.parametrize(
    "title",
    [SHIPS, f"CORRECTED-{SHIPS}", f"Video: {SHIPS}", f"LIVE: {SHIPS}", "Update-Server der Marine fällt aus",
     "Update/upgrade: how the navy does it", "Navy ships - update", "UPDATE 1", "Update:"],
)  # fmt: skip
def test_what_says_something_of_the_story_stays(title: str) -> None:
    assert for_readers(title) == title


def test_the_pool_keeps_the_mark_that_the_issue_leaves_out() -> None:
    told = story(1, title=f"UPDATE 1-{SHIPS}", title_key="update 1 navy orders four ships")
    (chosen,) = select([told], {}, rules()).stories
    assert (chosen.title, chosen.title_key, told.title) == (SHIPS, told.title_key, f"UPDATE 1-{SHIPS}")


@given(st.text(alphabet="update 12-:[]()live", max_size=40) | st.text())
def test_taking_marks_off_twice_is_taking_them_off_once(title: str) -> None:
    for off in (without_marks, for_readers):
        assert off(off(title)) == off(title)
        assert bool(off(title)) is bool(title)
