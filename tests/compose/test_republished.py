"""When a source only tells again what it has told, and when it has news."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.compose.likeness import GENERAL
from digest.compose.republished import Archive, republished, told
from digest.compose.words import terms
from digest.model.story import Story
from tests.compose.pool import story

SHIPS = "Navy orders four ships from Northern Yard"
TEASER = "The contract with the shipbuilder in the north covers hulls, engines and ten years of maintenance."
NEWS = "Unions and the opposition want auditors to look into the price, which rose twice since last spring."


def again(one: Story, other: Story, language: str | None = None) -> bool:
    first, second = told(one, language), told(other, language)
    found = republished(first, second, GENERAL)
    assert republished(second, first, GENERAL) is found
    return found


def named(number: int, title: str, teaser: str = TEASER, **more: Any) -> Story:
    return story(number, title=title, teaser=teaser, **more)


@pytest.mark.parametrize(
    ("language", "title", "later"),
    [
        ("en", SHIPS, f"UPDATE 1-{SHIPS}"),
        ("en", f"UPDATE 1-{SHIPS}", f"UPDATE 2-{SHIPS}"),
        ("en", SHIPS, f"{SHIPS}: live"),
        ("en", SHIPS, f"BREAKING: {SHIPS} (updated)"),
        ("en", "Goverment orders ships from Northern Yard", "Government orders ships from Northern Yard"),
        ("de", "Werft baut neue Fregatten", "Eilmeldung: Werft baut neue Fregatten"),
        ("de", "Werft baut neue Fregaten für die Marine", "Werft baut neue Fregatten für die Marine"),
        ("fr", "Le chantier construit des frégates", "Le chantier construit des frégates [mise à jour]"),
        ("es", "El astillero construye fragatas nuevas", "Última hora: El astillero construye fragatas nuevas"),
        ("ar", "الجيش يعلن شراء طائرات جديدة", "عاجل: الجيش يعلن شراء طائرات جديدة"),
        ("ja", "防衛省が新型護衛艦を発注", "【速報】防衛省が新型護衛艦を発注"),
        ("zh", "海军订购新型护卫舰", "快讯：海军订购新型护卫舰"),
    ],
)
def test_a_mark_or_a_slip_of_the_pen_makes_no_news_even_without_a_teaser(language: str, title: str, later: str) -> None:
    assert again(named(1, title, ""), named(2, later, ""), language)


@pytest.mark.parametrize(
    ("title", "later"),
    [
        (SHIPS, "Navy buys four ships from Northern Yard"),
        (SHIPS, f"{SHIPS}, minister says"),
        ("Werft verliert Auftrag der Marine", "Werft verliert den großen Auftrag der Marine"),
    ],
)
def test_where_words_differ_the_teaser_says_whether_it_is_news(title: str, later: str) -> None:
    assert again(named(1, title), named(2, later))
    assert again(named(1, title), named(2, later, f"{TEASER} Work begins in spring."))
    assert not again(named(1, title), named(2, later, NEWS))
    assert not again(named(1, title, ""), named(2, later, ""))


def test_an_address_that_was_kept_tells_it_too_where_there_are_no_teasers() -> None:
    first = named(1, SHIPS, "", link_key="https://news.example.com/2026/11/20/navy-orders-four-ships-4711")
    later = named(2, "Navy buys four ships from Northern Yard", "",
                  link_key="https://news.example.com/2026/11/22/navy-orders-four-ships-4801.html")  # fmt: skip
    assert again(first, later)


@pytest.mark.parametrize(
    ("language", "title", "later"),
    [
        ("en", "Defence Notes from the north, week 32", "Defence Notes from the north, week 33"),
        ("en", "Northern Yard publishes Q2 results", "Northern Yard publishes Q3 results"),
        ("en", "Rovers beat United 3-1 at home", "Rovers beat United 2-1 at home"),
        ("en", "War in the strait live: day 41", "War in the strait live: day 42"),
        ("en", "War in the northern strait: live", "War in the northern strait live: day 2"),
        ("en", "The long war, part I: the yard", "The long war, part II: the yard"),
        ("en", "12 killed in blast at the yard", "14 killed in blast at the yard"),
        ("en", "Weekly news roundup", "Weekly news roundup"),
        ("de", "Lagebericht von der Küste am Montag", "Lagebericht von der Küste am Dienstag"),
        ("fr", "Le chantier naval, première partie", "Le chantier naval, deuxième partie"),
        ("es", "Historia del astillero, primera parte", "Historia del astillero, segunda parte"),
        ("ar", "الحرب في المضيق: اليوم ٤١", "الحرب في المضيق: اليوم ٤٢"),
        ("ja", "護衛艦の建造計画を読む（上）", "護衛艦の建造計画を読む（下）"),
        ("ja", "週間ニュースまとめ", "週間ニュースまとめ"),
    ],
)
def test_a_series_a_score_and_another_day_are_never_told_again(language: str, title: str, later: str) -> None:
    for teaser in (TEASER, ""):
        assert not again(named(1, title, teaser), named(2, later, teaser), language)


def test_two_cases_that_are_told_by_one_pattern_are_two_stories() -> None:
    pattern = "The ministry in the capital has awarded a contract worth millions for ten years of work to {}."
    titles = "Ministry awards contract for patrol ships to {}"
    yards = [named(number, titles.format(yard), pattern.format(yard)) for number, yard in ((1, "Alpha"), (2, "Beta"))]
    assert not again(yards[0], yards[1])
    assert not again(
        named(1, "Earthquake shakes towns in Austria", ""), named(2, "Earthquake shakes towns in Australia", "")
    )


@pytest.mark.parametrize(
    "later", ["Navy orders no ships from Northern Yard", "Navy orders more ships from Northern Yard"]
)
def test_a_small_word_may_turn_the_sense_round(later: str) -> None:
    assert not again(named(1, "Navy orders ships from Northern Yard"), named(2, later))


def test_two_sources_are_not_judged_here() -> None:
    assert not again(named(1, SHIPS), named(2, SHIPS, source="papers"))


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(["", TEASER]))
def test_it_is_the_same_both_ways(title: str, later: str, teaser: str) -> None:
    again(named(1, title, teaser), named(2, later, teaser))


def test_an_archive_finds_the_latest_that_is_told_again() -> None:
    old, newer = named(1, SHIPS, hours=300), named(2, f"UPDATE 1-{SHIPS}", hours=200)
    strike = named(3, "Northern Yard workers strike for a week", NEWS, hours=250)
    archive = Archive([old, newer, strike], GENERAL)

    def found(new: Story) -> Story | None:
        return archive.find(new, terms(new.title))

    assert found(named(9, f"CORRECTED-{SHIPS}")) == newer
    assert found(named(9, SHIPS, source="papers")) is None
    assert found(named(9, "Navy sells four ships from Northern Yard", NEWS)) is None
    assert found(strike) is None
