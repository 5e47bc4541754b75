from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model.delivery import DeliveryState, Outcome, Reply
from digest.model.destination import (
    COHORT,
    HORIZON,
    RELAY,
    SETTLE,
    SLOWEST,
    Destination,
    Recent,
    Slowed,
    free,
    puts_off,
    reserve,
    slowed,
    to_blame,
    words,
)  # fmt: skip

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@given(rate=st.floats(0.01, 500), calls=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 40)), max_size=20))
def test_no_two_places_are_nearer_than_the_rate_allows(rate: float, calls: list[tuple[float, int]]) -> None:
    to, now, places = Destination("example.org", rate), NOW, []
    for pause, number in calls:
        now += timedelta(seconds=pause)
        got, due = reserve(to, now, number)
        assert got[0] >= now
        places += got
        to = Destination("example.org", rate, due=due)
    assert all(b - a >= timedelta(seconds=1 / rate, microseconds=-2) for a, b in pairwise(places))


def test_an_idle_destination_saves_nothing_up() -> None:
    to = Destination("example.org", 10, due=after(-3600))
    assert free(to, NOW, 500) == 21
    assert free(Destination("example.org", 0.1, due=after(5)), NOW, 500) == 0


@given(rate=st.floats(SLOWEST, 100), times=st.floats(1.25, 1000))
def test_a_slow_down_creeps_up_to_where_it_came_from_and_ends(rate: float, times: float) -> None:
    slow = Slowed(rate, rate * times, NOW)
    speeds = [slow.rate_at(NOW + timedelta(minutes=minute)) for minute in range(0, 400, 5)]
    assert speeds == sorted(speeds)
    assert speeds[0] == rate
    assert slow.rate_at(slow.until) == pytest.approx(slow.base)
    to = Destination("example.org", slowed=slow)
    assert (to.rate_at(slow.until - timedelta(seconds=1)) > 0, to.rate_at(slow.until)) == (True, 0)
    assert all(place <= slow.until for place in reserve(to, NOW, 50)[0])


@given(tried=st.integers(COHORT, 10_000), more=st.integers(1, 3600))
def test_a_cohort_halves_and_only_the_next_one_halves_again(tried: int, more: int) -> None:
    to = Destination("example.org")
    first = slowed(to, Recent(tried, tried), NOW)
    assert first is not None
    assert first.rate == pytest.approx(max(SLOWEST, tried / 60 / 2))
    to = Destination("example.org", slowed=first)
    assert slowed(to, Recent(tried, tried), NOW + SETTLE - timedelta(seconds=1)) is None
    later = NOW + SETTLE + timedelta(seconds=more)
    second = slowed(to, Recent(tried, tried), later)
    assert second is not None
    assert second.rate <= max(SLOWEST, (to.rate_at(later) or tried / 60) / 2) + 1e-9


def test_a_set_limit_stays_the_highest() -> None:
    to = Destination("example.org", 2.0, Slowed(1.0, 50.0, NOW))
    assert to.rate_at(NOW) == 1.0
    assert to.rate_at(NOW + timedelta(hours=1)) == 2.0


@pytest.mark.parametrize(
    ("code", "text", "state", "expected"),
    [
        (421, "4.7.0 too many messages", "pending", True),
        (450, "4.3.0 later", "deferred", True),
        (451, "4.3.0 later", "deferred", True),
        (454, "4.7.0 slow down", "deferred", True),
        (452, "4.2.2 mailbox full", "deferred", False),
        (450, "4.2.2 mailbox full", "deferred", False),
        (451, "4.7.1 Greylisted, come back", "deferred", False),
        (550, "5.7.1 no", "failed", False),
        (0, "lost", "pending", False),
        (250, "2.0.0 queued", "sent", False),
    ],
)
def test_what_asks_for_fewer_mails(code: int, text: str, state: str, expected: bool) -> None:
    assert puts_off(Outcome(DeliveryState(state), Reply(code, text))) == expected


def test_one_domain_that_asks_for_less_is_slowed_alone_and_many_are_the_relay() -> None:
    fine, bad = Recent(400, 0), Recent(COHORT, COHORT)
    assert to_blame({"gmail.com": bad, "example.org": fine}) == ["gmail.com"]
    assert to_blame({"gmail.com": Recent(COHORT - 1, COHORT - 1), "example.org": fine}) == []
    assert to_blame({"gmail.com": Recent(100, COHORT), "example.org": fine}) == []
    assert to_blame({f"d{number}.example": Recent(1, 1) for number in range(COHORT)}) == [RELAY]


def test_it_is_told_in_words() -> None:
    slow = Slowed(1 / 3, 1.0, NOW)
    assert words("gmail.com", slow, NOW + timedelta(minutes=40)) == "gmail.com slowed to 20/min until 09:40 UTC"
    assert words(RELAY, Slowed(40, 80, NOW), NOW + HORIZON).startswith("the mail server slowed to 40/s until")
