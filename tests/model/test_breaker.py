from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.model.breaker import REFUSED, TAKEN, WINDOW, Window, cohort, count

results = st.lists(st.sampled_from([TAKEN, REFUSED]), max_size=700)


@given(results=results, sizes=st.lists(st.integers(1, 90), min_size=1), most=st.integers(1, 60))
def test_it_trips_exactly_when_any_window_holds_too_much_however_results_come_in(
    results: list[str], sizes: list[int], most: int
) -> None:
    seen, at, turn = Window(), 0, 0
    while at < len(results):
        size = sizes[turn % len(sizes)]
        seen = count(seen, results[at : at + size], most)
        at, turn = at + size, turn + 1
    worst = max((results[i : i + WINDOW].count(REFUSED) for i in range(max(1, len(results) - WINDOW + 1))), default=0)
    assert (seen.tripped is not None) == (worst > most)
    assert seen.recent == "".join(results[-WINDOW:])


def test_the_first_cohort_is_two_hundred_or_a_hundredth() -> None:
    assert [cohort(number) for number in (0, 150, 20_000, 20_001, 1_000_000)] == [200, 200, 200, 201, 10_000]
