"""How much a story is worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from digest.compose.rank import score
from tests.compose.pool import NOW, story

DAY = timedelta(hours=24)


@pytest.mark.parametrize(("hours", "worth"), [(0, 1.0), (24, 0.5), (48, 0.25), (72, 0.125), (12, 0.7071)])
def test_a_story_counts_half_as_much_after_each_half_life(hours: float, worth: float) -> None:
    found = score(story(1, hours=hours), {"wire": 1.0}, NOW, DAY)
    assert found.value == pytest.approx(worth, abs=1e-4)


def test_a_source_of_twice_the_weight_makes_up_for_one_half_life() -> None:
    weights = {"wire": 2.0, "notes": 1.0}
    old = score(story(1, hours=24), weights, NOW, DAY)
    new = score(replace(story(2), source="notes"), weights, NOW, DAY)
    assert old.value == new.value


def test_a_story_of_several_sources_counts_with_the_heaviest_that_the_newsletter_has() -> None:
    carried = replace(story(1), also=("notes", "elsewhere"))
    assert score(carried, {"wire": 1.0, "notes": 3.0}, NOW, DAY).weight == 3.0
    assert score(carried, {"notes": 0.5}, NOW, DAY).weight == 0.5
    assert score(carried, {}, NOW, DAY).weight == 1.0


def test_a_story_dated_in_the_future_is_as_fresh_as_one_of_now_and_no_fresher() -> None:
    assert score(story(1, hours=-48), {}, NOW, DAY).freshness == 1.0


def test_a_story_older_than_any_half_life_is_worth_nothing_but_breaks_nothing() -> None:
    assert score(story(1, hours=24 * 3650), {}, NOW, timedelta(seconds=1)).value == 0.0


def test_a_score_tells_an_editor_what_it_is_made_of() -> None:
    assert str(score(story(1, hours=24), {"wire": 1.5}, NOW, DAY)) == "score 0.75 = weight 1.5 × freshness 0.50"
