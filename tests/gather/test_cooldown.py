"""Who has asked us to wait, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digest.gather.cooldown import Cooldown, Cooldowns, asks_to_wait, domain_of, wait

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("told", "span"),
    [
        ("120", timedelta(seconds=120)), (" 3600 ", timedelta(hours=1)), ("90.5", timedelta(seconds=90)),
        ("0", MINUTE), ("-5", MINUTE), ("5", MINUTE), ("86401", DAY), ("9" * 400, DAY), ("-" + "9" * 400, MINUTE),
        ("Mon, 23 Nov 2026 07:10:00 GMT", timedelta(minutes=10)), ("Mon, 23 Nov 2026 06:00:00 GMT", MINUTE),
        ("Mon, 23 Nov 2026 08:10:00 +0100", timedelta(minutes=10)), ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
        (None, timedelta(minutes=5)), ("", timedelta(minutes=5)), ("soon", timedelta(minutes=5)),
        ("12 minutes", timedelta(minutes=5)), ("Mon, 99 Nov 2026 25:00:00 GMT", timedelta(minutes=5)),
    ],
)  # fmt: skip
def test_every_form_of_retry_after_is_a_wait_of_a_minute_to_a_day(told: str | None, span: timedelta) -> None:
    assert wait(told, 1, NOW) == span


def test_a_server_that_says_no_number_is_left_alone_twice_as_long_each_time() -> None:
    waits = [wait(None, strikes, NOW) for strikes in (1, 2, 3, 4, 9, 10, 99)]
    assert waits == [timedelta(minutes=n) for n in (5, 10, 20, 40, 1280, 1440, 1440)]


@pytest.mark.parametrize(
    ("status", "told", "waits"),
    [(429, None, True), (429, "60", True), (503, "60", True), (500, "60", True), (403, "60", True),
     (503, None, False), (500, None, False), (403, None, False), (404, "60", False), (200, "60", False)],
)  # fmt: skip
def test_one_page_in_trouble_does_not_speak_for_its_house(status: int, told: str | None, waits: bool) -> None:
    assert asks_to_wait(status, told) is waits


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://feeds.news.example.org/rss", "example.org"), ("http://EXAMPLE.org.:80/", "example.org"),
        ("https://a.b.co.uk/", "b.co.uk"), ("https://me.github.io/", "me.github.io"),
        ("https://you.tumblr.com/rss", "tumblr.com"), ("https://github.io/", "github.io"),
        ("https://www.bücher.example/", "xn--bcher-kva.example"), ("http://127.0.0.1:8010/x", "127.0.0.1:8010"),
        ("http://localhost:1/", "localhost:1"), ("http://[::1]:8/", "::1:8"), ("http://192.168.1.1/", "192.168.1.1"),
    ],
)  # fmt: skip
def test_a_limit_is_that_of_the_registrable_domain(url: str, domain: str) -> None:
    assert domain_of(url) == domain


def test_a_domain_that_asks_us_to_wait_is_left_alone_until_then_with_all_its_hosts() -> None:
    known = Cooldowns()
    told = known.ask_later("https://feeds.example.org/rss", "600", NOW)
    assert told == Cooldown("example.org", NOW + timedelta(minutes=10), 1)
    assert known.of("http://www.example.org/", NOW + timedelta(minutes=9)) == told
    assert known.of("http://www.example.org/", NOW + timedelta(minutes=10)) is None
    assert known.of("http://www.example.com/", NOW) is None


def test_an_answer_ends_the_count() -> None:
    known, now = Cooldowns(), NOW
    spans = []
    for answered in (False, False, False, True):
        if answered:
            known.answered("https://www.example.org/")
        until = known.ask_later("https://example.org/", None, now).until
        spans.append(until - now)
        now = until
    assert spans == [timedelta(minutes=n) for n in (5, 10, 20, 5)]


def test_those_who_were_on_their_way_together_are_told_one_thing() -> None:
    known = Cooldowns()
    told = [known.ask_later(f"https://blog{n}.example.org/", None, NOW) for n in range(12)]
    assert set(told) == {Cooldown("example.org", NOW + timedelta(minutes=5), 1)}
    longer = known.ask_later("https://example.org/", "3600", NOW)
    assert longer == Cooldown("example.org", NOW + timedelta(hours=1), 1)
    assert known.ask_later("https://example.org/", None, NOW) == longer
    later = longer.until + DAY
    assert known.ask_later("https://example.org/", None, later) == Cooldown(
        "example.org", later + timedelta(minutes=10), 2
    )


def test_what_changed_is_handed_out_until_it_is_kept_and_outlives_what_is_learned() -> None:
    known = Cooldowns()
    old = Cooldown("example.com", NOW + MINUTE, 1)
    known.learn([old])
    new = known.ask_later("https://example.org/", "60", NOW)
    known.answered("https://example.com/")
    known.learn([old])
    assert known.of("https://example.com/", NOW) is None
    changes = known.changes()
    assert changes == known.changes() == {"example.org": new, "example.com": None}
    newer = known.ask_later("https://example.org/", "120", NOW)
    known.kept(changes)
    assert known.changes() == {"example.org": newer}
    known.kept(known.changes())
    assert known.changes() == {}
    known.learn([new])
    assert known.of("https://example.org/", NOW) == new


def test_a_clock_that_was_put_back_keeps_nobody_waiting_for_days() -> None:
    known = Cooldowns()
    known.ask_later("https://example.org/", "600", NOW)
    assert known.of("https://example.org/", NOW - timedelta(days=3)) is None
