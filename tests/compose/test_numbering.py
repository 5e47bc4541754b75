"""What counts in a title: alike titles that differ in it are instalments, scores, days."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.compose.numbering import numbering


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Defence Notes, week 32", "Defence Notes, week 33"),
        ("Rovers beat United 3-1", "Rovers beat United 2-1"),
        ("The long war, part I I: the yard", "The long war, part III: the yard"),
        ("The yard, part one", "The yard, part two"),
        ("Plan B for the yard", "Plan C for the yard"),
        ("Order book in May", "Order book in June"),
        ("Talks on Monday", "Talks on Tuesday"),
        ("Die Werft, Teil II", "Die Werft, Teil III"),
        ("Die Werft, erster Teil", "Die Werft, zweiter Teil"),
        ("Lage am Montag", "Lage am Dienstag"),
        ("Le chantier naval, première partie", "Le chantier naval, deuxième partie"),
        ("Le point du lundi", "Le point du mardi"),
        ("El astillero, primera parte", "El astillero, segunda parte"),
        ("El astillero en enero", "El astillero en febrero"),
        ("الحرب في المضيق: اليوم ٤١", "الحرب في المضيق: اليوم ٤٢"),
        ("السفن: الجزء الأول", "السفن: الجزء الثاني"),
        ("ملخص يوم الاثنين", "ملخص يوم الثلاثاء"),
        ("護衛艦を読む（上）", "護衛艦を読む（下）"),
        ("造船の講座 第三回", "造船の講座 第四回"),
        ("火曜日の会議", "水曜日の会議"),
        ("開戦41日目", "開戦42日目"),
        ("조선소 소식 월요일", "조선소 소식 화요일"),
    ],
)
def test_instalments_days_scores_and_parts_count_differently(one: str, other: str) -> None:
    assert numbering(one) != numbering(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Navy orders four ships", "Four ships ordered by the navy"),
        ("Navy orders 4 ships", "Navy orders four ships"),
        ("21,700 jobs", "21.700 Jobs"),
        ("RM21.70bn for ships", "RM21.7bn for ships"),
        ("اليوم ٤١", "اليوم 41"),
        ("The yard may close", "A yard closes"),
        ("The navy’s new ship", "The navy's new ship"),
    ],
)
def test_the_same_count_in_other_words_is_the_same(one: str, other: str) -> None:
    assert numbering(one) == numbering(other)


@given(st.text(max_size=60))
def test_any_title_has_a_numbering(title: str) -> None:
    assert numbering(title) == numbering(title)
