"""Columns that only their rhythm gives away."""

from __future__ import annotations

from datetime import timedelta

from digest.compose.cluster import clusters
from digest.compose.select import Carried, Told, select
from digest.compose.series import is_series
from digest.compose.texts import read
from tests.compose.pool import NOW, rules, story

LETTERS = "Letters from the harbour master"


def rhythm(*days: float) -> bool:
    return is_series(LETTERS, [(NOW + timedelta(days=day), f"What came on day {day}.") for day in days])


def two(*teasers: str, days: float = 7, language: str | None = None) -> bool:
    return is_series(LETTERS, [(NOW + timedelta(days=at * days), told) for at, told in enumerate(teasers)], language)


FOG = "Fog and a lost buoy kept the pilots busy all through the week."
SEAL = "A seal has moved into the lock, and nobody has the heart to ask it out."


def test_two_instalments_are_known_by_teasers_that_have_nothing_in_common() -> None:
    assert two(FOG, SEAL)
    assert two(
        f"{FOG} The harbour master writes.", f"{SEAL} Letters from the harbour."
    )  # the title's words say nothing
    assert two(FOG, SEAL, "Two tugs collided under the old bridge while the town slept, and no one was hurt.", days=9.3)
    assert not two(FOG, SEAL, days=0.5)
    assert not two(FOG, f"{FOG} Now it has lifted.")
    assert not two(FOG, "The fog has lifted, and most of the ships could leave at last on Monday evening.")
    assert not two("Fog at sea.", "A seal came.")
    assert not two(FOG)


def test_a_title_that_comes_in_a_rhythm_with_something_new_each_time_is_a_series() -> None:
    assert rhythm(0, 7, 14)
    assert rhythm(0, 7.1, 21, 28.2)  # one was left out
    assert rhythm(0, 1, 2, 3, 4, 7, 8)  # on workdays
    assert not rhythm(0, 7)
    assert not rhythm(0, 1.5, 9.2)
    assert not rhythm(0, 0.2, 0.4)


def test_a_story_that_is_republished_with_its_teaser_is_none() -> None:
    assert not is_series(LETTERS, [(NOW + timedelta(days=day), "The same words.") for day in (0, 7, 14)])


def test_an_instalment_of_a_series_is_news_though_others_were_sent() -> None:
    title = LETTERS
    told = [
        story(
            1,
            title=title,
            title_key="",
            hours=168,
            teaser="Fog and a lost buoy kept the pilots busy all through the week.",
        )
    ]
    new = story(
        2, title=title, title_key="", teaser="A seal has moved into the lock, and nobody has the heart to ask it out."
    )
    sent = [Told(told[0], Carried(3))]
    assert select([new], {}, rules(), sent).stories == ()
    series = {("wire", title)}
    assert [each.story_id for each in select([new], {}, rules(series=series), sent).stories] == [2]
    earlier = story(3, title=title, title_key="", hours=30)
    assert len(clusters(read([new, earlier], None, series))) == 2
