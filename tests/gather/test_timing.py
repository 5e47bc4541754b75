"""When a source is asked next."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digest.gather.timing import feed_wish, fresh_for, next_check

EVERY = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("wish", "span"),
    [(None, 15), (timedelta(minutes=5), 15), (timedelta(minutes=60), 60), (timedelta(days=90), 24 * 60)],
)
def test_a_source_is_left_alone_as_long_as_it_wishes_up_to_a_day(wish: timedelta | None, span: float) -> None:
    assert next_check(EVERY, wish, 0, 0.0) == timedelta(minutes=span)


def test_a_failing_source_is_asked_less_and_less_often_down_to_four_times_a_day() -> None:
    spans = [next_check(EVERY, timedelta(days=1), failures, 0.0) for failures in (1, 2, 3, 4, 5, 6, 7, 1000)]
    assert spans == [timedelta(minutes=n) for n in (15, 30, 60, 120, 240, 360, 360, 360)]


def test_never_more_often_than_the_settings_say() -> None:
    two_days = timedelta(days=2)
    assert [next_check(two_days, timedelta(days=1), failures, 0.0) for failures in (0, 1, 9)] == [two_days] * 3


@pytest.mark.parametrize(("every", "most"), [(15, 1.5), (600, 5)])
def test_the_jitter_is_a_tenth_and_five_minutes_at_most(every: float, most: float) -> None:
    span = timedelta(minutes=every)
    assert next_check(span, None, 0, 1.0) - span == timedelta(minutes=most)
    assert next_check(span, None, 0, 0.5) - span == timedelta(minutes=most / 2)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("max-age=600", 600), ("public, MAX-AGE = 600", 600), ('max-age="600"', 600), ("s-maxage=600", None),
        ("max-age=600, no-cache", None), ("no-store", None), ("max-age=soon", None), ("max-age=-1", None),
        ("max-age=99999999999999", 999_999_999), ("", None), (None, None),
    ],
)  # fmt: skip
def test_cache_control_says_how_long_an_answer_is_good(header: str | None, seconds: int | None) -> None:
    assert fresh_for(header) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("body", "minutes"),
    [
        (b"<rss><channel><ttl>60</ttl><item/>", 60), (b"<ttl> 30\n</ttl>", 30), (b"<ttl></ttl>", None),
        (b"<sy:updatePeriod> hourly </sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", 30),
        (b"<sy:updatePeriod>daily</sy:updatePeriod>", 24 * 60),
        (b"<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", 24 * 60),
        (b"<sy:updatePeriod>never</sy:updatePeriod>", None), (b"", None), (b"x" * 30_000 + b"<ttl>60</ttl>", None),
    ],
)  # fmt: skip
def test_a_feed_says_how_often_it_changes(body: bytes, minutes: int | None) -> None:
    assert feed_wish(body) == (None if minutes is None else timedelta(minutes=minutes))
