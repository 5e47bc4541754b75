"""A feed that gives its stories new ids and new links brings no news."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.gather.renamed import Twin, renamed
from digest.model.story import RawStory

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def story(number: int) -> RawStory:
    link = f"https://new.example.org/{number}"
    return RawStory("coast", link, link, link, f"Story {number}", f"story {number}", "", NOW - timedelta(hours=number))


def twin(number: int) -> Twin:
    return Twin(100 + number, f"story {number}", NOW - timedelta(hours=number))


FOUND = [story(number) for number in range(6)]
TWINS = [twin(number) for number in range(6)]


def test_a_feed_whose_items_all_have_new_names_is_the_old_one() -> None:
    assert renamed(FOUND, {}, TWINS) == {number: 100 + number for number in range(6)}


@pytest.mark.parametrize(("known_titles", "is_renamed"), [(3, False), (4, True)])
def test_more_than_half_of_the_titles_must_be_known(known_titles: int, is_renamed: bool) -> None:
    assert set(renamed(FOUND, {}, TWINS[:known_titles])) == (set(range(known_titles)) if is_renamed else set())


def test_what_is_new_beside_the_renamed_stays_new() -> None:
    assert 5 not in renamed(FOUND, {}, TWINS[:5])


def test_two_items_do_not_make_a_rule() -> None:
    assert renamed(FOUND[:2], {}, TWINS) == {}
    assert len(renamed(FOUND[:3], {}, TWINS)) == 3


def test_an_item_that_stands_beside_its_namesake_is_another_story() -> None:
    known = {0: 100, 1: 101, 2: 102}
    again = [replace(story(number), title_key=f"story {number - 3}") for number in (3, 4, 5, 6)]
    assert renamed([*FOUND[:3], *again], known, TWINS[:3]) == {}


def test_columns_that_bear_their_titles_again_a_week_later_are_new() -> None:
    last_week = [replace(each, published=each.published - timedelta(days=7)) for each in TWINS]
    assert renamed(FOUND, {}, last_week) == {}


def test_items_without_dates_prove_nothing() -> None:
    """A page of daily columns has the same titles each day, over new stories."""
    dateless = [replace(each, published=None) for each in FOUND]
    assert renamed(dateless, {}, TWINS) == {}
    assert set(renamed([*FOUND[:4], *dateless[4:]], {}, TWINS)) == {0, 1, 2, 3}


def test_one_title_for_all_names_nothing() -> None:
    same = [replace(each, title_key="the news of the day") for each in FOUND]
    assert renamed(same, {}, [replace(each, title_key="the news of the day") for each in TWINS]) == {}
    assert renamed(FOUND, {}, [*TWINS, *TWINS]) == {}
    assert renamed([replace(each, title_key="") for each in FOUND], {}, [Twin(1, "", NOW)]) == {}
