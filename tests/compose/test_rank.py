"""How much a story is worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from digest.compose.rank import Scale, score
from tests.compose.pool import NOW, story

DAY = timedelta(hours=24)


def scale(**more: Any) -> Scale:
    values: dict[str, Any] = {
        "now": NOW, "half_life": DAY, "weights": {"wire": 1.0}, "boost": {}, "per_month": {},
    }  # fmt: skip
    return Scale(**values | more)


@pytest.mark.parametrize(("hours", "worth"), [(0, 1.0), (24, 0.5), (48, 0.25), (72, 0.125), (12, 0.7071)])
def test_a_story_counts_half_as_much_after_each_half_life(hours: float, worth: float) -> None:
    found = score(story(1, hours=hours), scale())
    assert found.value == pytest.approx(worth, abs=1e-4)


def test_a_source_of_twice_the_weight_makes_up_for_one_half_life() -> None:
    weights = {"wire": 2.0, "notes": 1.0}
    old = score(story(1, hours=24), scale(weights=weights))
    new = score(replace(story(2), source="notes"), scale(weights=weights))
    assert old.value == new.value


def test_a_story_of_several_sources_counts_with_the_heaviest_that_the_newsletter_has() -> None:
    carried = replace(story(1), also=("notes", "elsewhere"))
    assert score(carried, scale(weights={"wire": 1.0, "notes": 3.0})).weight == 3.0
    assert score(carried, scale(weights={"notes": 0.5})).weight == 0.5
    assert score(carried, scale(weights={})).weight == 1.0


def test_a_story_dated_in_the_future_is_as_fresh_as_one_of_now_and_no_fresher() -> None:
    assert score(story(1, hours=-48), scale()).freshness == 1.0


def test_a_story_older_than_any_half_life_is_worth_nothing_but_breaks_nothing() -> None:
    assert score(story(1, hours=24 * 3650), scale(half_life=timedelta(seconds=1))).value == 0.0


@pytest.mark.parametrize(("others", "worth"), [((), 1.0), (("notes",), 1.5), (("notes", "papers", "post"), 2.0)])
def test_each_doubling_of_its_sources_lifts_a_story_by_half(others: tuple[str, ...], worth: float) -> None:
    assert score(replace(story(1), also=others), scale()).corroboration == pytest.approx(worth)
    assert score(story(1), scale(), ["wire", *others]).corroboration == pytest.approx(worth)


@pytest.mark.parametrize(
    ("boost", "worth"),
    [
        ({"frigate": 1.5}, 1.5),  # in the teaser
        ({"radar": 1.5}, 2.25),  # in the title
        ({"Naval": 1.5}, 1.5),  # a topic
        ({"frigate": 1.5, "naval": 0.5}, 0.75),
        ({"radar": 3.0}, 4.0),
        ({"radar": 0.1}, 0.25),
        ({"zeppelin": 9.0}, 1.0),
        ({"rad": 9.0}, 1.0),
    ],
)
def test_words_and_topics_lift_a_story_within_bounds(boost: dict[str, float], worth: float) -> None:
    told = story(1, title="A new radar", teaser="It goes to the frigate.", topics=("naval",))
    assert score(told, scale(boost=boost)).boost == pytest.approx(worth)


@pytest.mark.parametrize(("number", "worth"), [(0.0, 2.0), (15.0, 1.5), (30.0, 1.0), (300.0, 1.0)])
def test_a_source_that_hardly_ever_writes_is_lifted(number: float, worth: float) -> None:
    assert score(story(1), scale(per_month={"wire": number})).rarity == pytest.approx(worth)


def test_the_value_is_the_product_of_the_factors() -> None:
    told = replace(story(1, hours=24, title="A new radar"), also=("notes",))
    found = score(told, scale(weights={"wire": 2.0}, boost={"radar": 1.2}, per_month={"wire": 15.0}))
    assert dict(found.factors) == {"weight": 2.0, "freshness": 0.5, "corroboration": 1.5, "boost": 1.44, "rarity": 1.5}
    assert found.value == pytest.approx(2.0 * 0.5 * 1.5 * 1.44 * 1.5)


def test_a_score_tells_an_editor_what_it_is_made_of() -> None:
    weights = {"wire": 1.5}
    told = story(1, hours=24, title="A new radar", teaser="")
    assert str(score(told, scale(weights=weights))) == "score 0.75 = weight 1.5 × freshness 0.50"
    assert str(score(told, scale(weights=weights, boost={"radar": 2.0, "tug": 3.0}), ["notes"])) == (
        "score 4.50 = weight 1.5 × freshness 0.50 × corroboration 1.50 × boost 4.00 (radar)"
    )
