"""What a terminal says of how fast an issue leaves."""

from __future__ import annotations

import pytest

from digest.cli.progress import outlook


@pytest.mark.parametrize(
    ("done", "left", "seconds", "words"),
    [
        (900, 5000, 1, ""),
        (0, 5000, 60, ""),
        (900, 5000, 3, "300/s"),
        (20, 5000, 60, "20/min"),
        (3000, 3000, 10, "300/s, 10 s left"),
        (3000, 900_000, 10, "300/s, 50 min left"),
        (60, 9000, 60, "1/s, 2.5 h left"),
        (3000, 0, 10, "300/s"),
    ],
)
def test_rate_and_end_are_shown_once_they_mean_something(done: int, left: int, seconds: float, words: str) -> None:
    assert outlook(done, left, seconds) == words


def test_what_keeps_some_of_it_is_said_and_then_no_end() -> None:
    slow = "gmail.com slowed to 20/min until 09:40 UTC"
    assert outlook(600, 400, 10.0, [slow]) == f"60/s; {slow}"
    assert outlook(0, 400, 0.5, [slow, "quiet hours until 06:00 UTC"]) == f"{slow}; quiet hours until 06:00 UTC"
