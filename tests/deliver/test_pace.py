from __future__ import annotations

from digest.deliver.pace import Pace, Patience


def test_no_rate_means_no_waiting() -> None:
    pace = Pace(0)
    assert [pace.wait_s(0) for _ in range(1000)] == [0.0] * 1000


def test_many_callers_at_once_are_lined_up_at_the_rate() -> None:
    pace = Pace(2)
    assert [pace.wait_s(100.0) for _ in range(4)] == [0.0, 0.5, 1.0, 1.5]


def test_time_that_passed_unused_is_not_saved_up() -> None:
    pace = Pace(1)
    pace.wait_s(0)
    assert [pace.wait_s(1000), pace.wait_s(1000)] == [0.0, 1.0]


def test_a_high_rate_allows_a_tenth_of_a_second_in_advance_and_no_more_in_the_long_run() -> None:
    pace = Pace(100)
    waits = [pace.wait_s(0.0) for _ in range(1010)]
    assert sum(wait == 0 for wait in waits) == 10
    assert 9.99 < waits[-1] < 10.01


def test_ten_connections_that_break_at_once_are_one_strike() -> None:
    patience = Patience()
    assert all(patience.strike(0, 0.0) for _ in range(10))
    assert patience.strikes == 1


def test_patience_ends_after_the_last_pause_and_success_restores_it() -> None:
    patience = Patience((0.0, 5.0))
    assert patience.strike(patience.round, 10.0)
    assert patience.wait_s(10.0) == 0.0
    assert patience.strike(patience.round, 10.0)
    assert patience.wait_s(11.0) == 4.0
    assert not patience.strike(patience.round, 20.0)
    patience.clear()
    assert patience.strike(patience.round, 20.0)
