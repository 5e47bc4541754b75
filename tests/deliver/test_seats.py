"""The site's connections, shared among processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from digest.daemon.supervision import pause_s
from digest.deliver.seats import Seats, shares

OTHER = """
import sys
from pathlib import Path
from digest.deliver.seats import Seats
print(Seats(Path(sys.argv[1]), 5).take(int(sys.argv[2])), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("connections", "workers", "expected"), [(10, 1, [10]), (10, 3, [4, 3, 3]), (2, 5, [1, 1]), (4, 4, [1, 1, 1, 1])]
)
def test_every_connection_is_given_out_and_no_worker_is_left_without(
    connections: int, workers: int, expected: list[int]
) -> None:
    assert shares(connections, workers) == expected


def test_what_another_process_has_is_not_taken_and_is_free_when_it_dies(tmp_path: Path) -> None:
    file = tmp_path / "connections"
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(file), "3"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "3\n"
    mine = Seats(file, 5)
    assert mine.take(5) == 2
    mine.give_back()
    other.kill()
    other.communicate()
    assert mine.take(5) == 5
    mine.give_back()


def test_who_finds_no_seat_gets_one_connection_all_the_same(tmp_path: Path) -> None:
    mine = Seats(tmp_path / "connections", 5)
    assert mine.take(5) == 5
    ran = subprocess.run(
        [sys.executable, "-c", OTHER, str(tmp_path / "connections"), "4"], capture_output=True, text=True, input=""
    )
    assert ran.stdout == "1\n"
    mine.give_back()


def test_who_dies_at_once_is_started_again_more_and_more_seldom() -> None:
    assert [pause_s(deaths) for deaths in range(5)] == [0, 0, 1, 2, 4]
    assert pause_s(50) == 60
