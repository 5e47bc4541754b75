"""Columns are known by their words."""

from __future__ import annotations

import pytest

from digest.model.titles import is_column


@pytest.mark.parametrize(
    ("title", "column"),
    [
        ("Weekly roundup", True),
        ("Weekly news roundup and market calendar", True),
        ("weekly news roundup and markets calendar", True),
        ("Morning briefing, 23 November 2026", True),
        ("The week in review", True),
        ("Today’s weather forecast for the weekend", True),
        ("Presseschau", True),
        ("Navy weekly", False),
        ("Shipyard opens", False),
        ("Market hall opens on Sunday in Harbour Street", False),
        ("今日のニュース", False),
    ],
)
def test_a_column_is_known_by_its_words(title: str, column: bool) -> None:
    assert is_column(title) is column
