"""When two headlines tell the same, in any language, and when their facts contradict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.compose.facts import contradict, facts_of
from digest.compose.likeness import DUPLICATE, SAME_STORY, Vocabulary, cosine, similarity, vector
from digest.compose.words import terms
from tests import corpus_dedup

needs_pairs = pytest.mark.skipif(not corpus_dedup.PAIRS.is_file(), reason="the corpus is not at hand")


@needs_pairs
def test_pairs_of_headlines_are_judged_as_people_judge_them() -> None:
    duplicates, same = corpus_dedup.scores()
    assert (duplicates >= 0.66, same >= 0.75) == (True, True)


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("The Navy's new frigates don't sail", "en", ["navi", "frigat", "don", "sail"]),
        ("U.S. orders 21,700 drones", None, ["order", "21700", "drone"]),
        ("RM21.70 billion", "en", ["rm", "21.70", "billion"]),
        ("Die Bundeswehr kauft neue Fregatten", "de", ["bundeswehr", "kauft", "neu", "fregatt"]),
        ("Navy orders four ships", "en", ["navi", "order", "4", "ship"]),
        ("Marine bestellt zwölf Schiffe", "de", ["marin", "bestellt", "12", "schiff"]),
        ("Sei Schiffe", "it", ["6", "schiff"]),
        ("Sei still", "de", ["sei", "still"]),
        ("新防衛計画", "ja", ["新防", "防衛", "衛計", "計画"]),
        ("海军护卫舰", "zh-Hans", ["海军", "军护", "护卫", "卫舰"]),
        ("새 잠수함을", "ko", ["새", "잠수", "수함", "함을"]),
        ("الطَّائِرَات", "ar", ["طاير"]),
        ("עסקת מטוסים", "he", ["עסקת", "מטוסים"]),
        ("नौसेना के जहाज", "mr", ["नौसेना", "के", "जहाज"]),
        ("", "en", []),
        ("— … !", None, []),
    ],
)
def test_terms_are_words_without_endings_or_pairs_of_characters(
    text: str, language: str | None, found: list[str]
) -> None:
    assert terms(text, language) == found


@given(st.text(max_size=80), st.sampled_from([None, "en", "de", "ar", "ja", "xx", "zh-Hant", ""]))
def test_any_text_has_terms(text: str, language: str | None) -> None:
    assert all(terms(text, language))
    assert terms(text, language) == terms(text, language)


# -- likeness ----------------------------------------------------------------------------------------------------------

SAME = [
    (
        "en",
        "Navy orders four patrol ships from Northern Yard",
        "Four patrol ships ordered by the navy at Northern Yard",
    ),
    ("en", "Nigerian army frees dozens of hostages", "Dozens of hostages freed by Nigeria's army"),
    ("de", "Bundeswehr bestellt zwölf neue Hubschrauber", "Zwölf neue Hubschrauber für die Bundeswehr bestellt"),
    ("ar", "الجيش يعلن شراء طائرات جديدة من السويد", "شراء الجيش طائرات جديدة من السويد"),
    ("he", "חיל הים הזמין ארבע ספינות חדשות", "ארבע ספינות חדשות הוזמנו על ידי חיל הים"),
    ("ja", "防衛省が新型護衛艦を四隻発注", "新型護衛艦四隻を防衛省が発注へ"),
    ("zh", "海军订购四艘新型护卫舰", "四艘新型护卫舰获海军订购"),
    ("ko", "해군 신형 호위함 네 척 발주", "신형 호위함 네 척 해군이 발주"),
]


@pytest.mark.parametrize(("language", "one", "other"), SAME)
def test_the_same_news_in_other_words_is_the_same_story(language: str, one: str, other: str) -> None:
    assert similarity(one, other, language=language) >= SAME_STORY


@pytest.mark.parametrize("language", sorted({each[0] for each in SAME}))
def test_other_news_of_the_same_language_is_another_story(language: str) -> None:
    first = next(one for tag, one, _ in SAME if tag == language)
    others = {
        "en": "Minister rejects budget for radar stations", "de": "Minister lehnt Haushalt für Radaranlagen ab",
        "ar": "الوزير يرفض ميزانية محطات الرادار", "he": "השר דחה את תקציב תחנות המכ״ם",
        "ja": "財務大臣がレーダー予算を拒否", "zh": "部长否决雷达站预算", "ko": "장관 레이더 예산 거부",
    }  # fmt: skip
    assert similarity(first, others[language], language=language) < 0.2


def test_a_title_is_like_itself_and_unlike_nothing() -> None:
    assert similarity("Navy orders ships", "NAVY orders Ships!") == pytest.approx(1.0)
    assert similarity("Navy orders ships", "") == 0.0
    assert similarity("The of and", "The of and") == 0.0


@given(st.text(max_size=60), st.text(max_size=60))
def test_likeness_is_the_same_both_ways(one: str, other: str) -> None:
    assert similarity(one, other) == pytest.approx(similarity(other, one))
    assert similarity(one, other) <= 1.0 + 1e-9


def test_another_number_takes_away() -> None:
    told = "Shares of the yard rise 4 percent"
    assert similarity(told, "Shares of the yard rise 9 percent") < similarity(told, "Shares of the yard rise")
    assert similarity(told, "Shares of the yard rise 9 percent") < DUPLICATE + 0.2


def test_rare_words_count_more_than_common_ones_from_the_first_issue_on() -> None:
    unknown = Vocabulary()
    assert unknown.weight("zumwalt") > unknown.weight("minist")
    busy = Vocabulary.of([["frigat", "yard"], ["frigat"], ["frigat"]] * 200)
    assert busy.weight("frigat") < busy.weight("yard") < busy.weight("zumwalt")


def test_a_vector_has_length_one_and_an_empty_text_none() -> None:
    made = vector(["navi", "ship"], ["ship", "order"], Vocabulary())
    assert cosine(made, made) == pytest.approx(1.0)
    assert vector([], [], Vocabulary()) == {}
    assert cosine({}, made) == 0.0


# -- facts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Northern Yard Q2 results", "Northern Yard Q3 results"),
        ("Northern Yard Q2 results", "Northern Yard third quarter results"),
        ("Yard posts second quarter loss", "Yard posts third-quarter loss"),
        ("War in the strait: day 41", "War in the strait: Day 42"),
        ("Talks resume on Monday", "Talks resume on Tuesday"),
        ("June order book", "July order book"),
        ("Shares rise 3%", "Shares rise 4 percent"),
        ("12 killed in blast", "14 killed in blast"),
        ("$5m for radar", "$7 million for radar"),
        ("Haushalt 2026", "Haushalt 2027"),
        ("Teil 1: Die Werft", "Teil 2: Die Werft"),
        ("開戦41日目", "開戦42日目"),
        ("Episode 7", "Ep. 8"),
    ],
)
def test_other_numbers_of_one_kind_other_days_and_quarters_contradict(one: str, other: str) -> None:
    assert (contradict(one, other), contradict(other, one)) == (True, True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("RM21.70 billion for defence", "RM21.7bn set aside for defence"),
        ("22 billion for defence", "21.7 billion for defence"),
        ("Four ships ordered", "Navy orders 4 ships"),
        ("12 ships for 3 billion", "12 ships to be built"),
        ("1,200 jobs go", "1200 jobs go"),
        ("Talks on Monday", "Talks resume"),
        ("Q2 results", "Second quarter results"),
        ("The yard may close", "The yard closes in June"),
        ("", "12 killed"),
    ],
)
def test_the_same_number_however_written_does_not(one: str, other: str) -> None:
    assert (contradict(one, other), contradict(other, one)) == (False, False)


@given(st.text(max_size=60))
def test_no_title_contradicts_itself(title: str) -> None:
    assert not contradict(title, title)
    assert facts_of(title) == facts_of(title)
