"""Which stories are put together, and which one speaks for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.compose.cluster import MOST, Cluster, clusters
from digest.compose.representative import representative
from digest.compose.texts import read
from digest.model.story import Story
from tests.compose.pool import story

SHIPS = "Navy orders four patrol ships from Northern Yard"
ORDERED = "Four patrol ships ordered by the navy at Northern Yard"
TEASER = "The contract with the shipbuilder in the north covers hulls, engines and ten years of maintenance."
OTHER_TEASER = "Engines, hulls and a decade of maintenance are part of the contract with the shipbuilder."


def told(number: int, title: str, source: str, teaser: str = TEASER, **more: Any) -> Story:
    return story(number, title=title, title_key=title.casefold(), teaser=teaser, source=source, **more)


def together(*stories: Story) -> list[list[int]]:
    return sorted(sorted(each.id for each in found.members) for found in clusters(read(stories)))


def test_one_event_in_two_sources_is_one_cluster_and_another_event_is_its_own() -> None:
    other = told(3, "Minister rejects the radar budget", "post", "He wants a cheaper plan for the coast by spring.")
    assert together(told(1, SHIPS, "wire"), told(2, ORDERED, "papers", OTHER_TEASER), other) == [[1, 2], [3]]


def test_one_source_tells_two_stories_unless_title_or_link_are_the_same() -> None:
    strike = "Northern Yard strikes over patrol ships for the navy"
    assert together(told(1, SHIPS, "wire"), told(2, strike, "wire")) == [[1], [2]]
    assert together(told(1, SHIPS, "wire"), told(2, SHIPS, "wire", OTHER_TEASER)) == [[1, 2]]
    twice = {"link_key": "https://news.example.com/same"}
    assert together(told(1, SHIPS, "wire", **twice), told(2, "Quite other words", "wire", "", **twice)) == [[1, 2]]


def test_two_clusters_that_later_reports_show_to_be_of_one_event_are_one() -> None:
    first = told(
        1, "Update: navy orders patrol ships", "wire", "The navy ordered ships on Monday. They cost a lot.", hours=9
    )
    short = told(2, "Yard to build navy ships", "post", "Patrol ships will come from Northern Yard.", hours=8)
    full = told(3, ORDERED, "papers", OTHER_TEASER, hours=6)
    last = told(4, SHIPS, "gazette", hours=5)
    assert together(first, short, full, last) == [[1, 2, 3, 4]]


def test_two_clusters_whose_titles_contradict_stay_two() -> None:
    def result(number: int, quarter: str, source: str) -> Story:
        return told(number, f"Northern Yard publishes its {quarter} results for the year", source)

    assert together(
        result(1, "Q2", "wire"), result(2, "Q3", "post"), result(3, "Q2", "papers"), result(4, "Q3", "gazette")
    ) == [[1, 3], [2, 4]]


def test_five_days_later_it_is_another_story() -> None:
    late, later = told(1, SHIPS, "wire", hours=120), told(1, SHIPS, "wire", hours=120.1)
    new = told(2, ORDERED, "papers", OTHER_TEASER)
    assert (together(late, new), together(later, new)) == ([[1, 2]], [[1], [2]])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Northern Yard publishes its Q2 results", "Northern Yard publishes its Q3 results"),
        ("War in the northern strait: day 41", "War in the northern strait: day 42"),
        ("Northern Yard talks resume on Monday", "Northern Yard talks resume on Friday"),
        ("Weekly roundup", "Weekly roundup"),
        ("Morning briefing for Monday", "Morning briefing for Monday"),
        ("Northern Yard shares fall 3 percent", "Northern Yard shares fall 8 percent"),
    ],
)
def test_columns_and_stories_whose_numbers_differ_are_never_one(one: str, other: str) -> None:
    for same in (TEASER, ""):
        assert together(told(1, one, "wire", same), told(2, other, "papers", same)) == [[1], [2]]


def test_one_headline_on_two_events_is_two_stories() -> None:
    title = "Man dies in house fire"
    here = told(
        1, title, "wire", "Firefighters in Harbour Street found a pensioner on the second floor on Sunday evening."
    )
    there = told(
        2, title, "papers", "A farm near Oakwell burned down overnight; neighbours tried to reach the owner, 54."
    )
    assert together(here, there) == [[1], [2]]
    assert together(here, told(2, title, "papers", "")) == [[1, 2]]


def test_a_short_headline_alone_puts_nothing_together() -> None:
    assert together(told(1, "Fire", "wire", ""), told(2, "Fire", "papers", "")) == [[1, 2]]  # the same, word by word
    assert together(told(1, "Big fire", "wire", ""), told(2, "Fire big", "papers", "")) == [[1], [2]]


def test_a_report_that_many_print_is_one_story_however_many() -> None:
    many = [told(number, SHIPS, f"s{number}", hours=number / 10) for number in range(40)]
    assert sorted(map(len, together(*many))) == [40]


def test_a_cluster_of_what_is_merely_alike_has_ten_members_at_most() -> None:
    many = [told(number, f"{SHIPS} {'again ' * number}", f"s{number}", hours=number / 10) for number in range(14)]
    assert sorted(map(len, together(*many))) == [4, MOST]


def test_a_chain_of_likeness_does_not_make_one_story_of_many() -> None:
    chain = [
        told(1, "Navy orders patrol ships from Northern Yard", "a", ""),
        told(2, "Northern Yard workers strike over ships delay", "b", ""),
        told(3, "Workers strike over pay at railway depots", "c", ""),
        told(4, "Railway depots close for pay talks in spring", "d", ""),
    ]
    assert all(len(found) <= 2 for found in together(*chain))


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        (
            "de",
            "Bundeswehr bestellt zwölf neue Hubschrauber in Bayern",
            "Zwölf neue Hubschrauber bestellt die Bundeswehr",
        ),
        ("ar", "الجيش يعلن شراء طائرات جديدة من السويد", "شراء الجيش طائرات جديدة من السويد"),
        ("he", "חיל הים הזמין ארבע ספינות חדשות", "ארבע ספינות חדשות הזמין חיל הים"),
        ("ja", "防衛省が新型護衛艦を四隻発注", "新型護衛艦四隻を防衛省が発注へ"),
        ("zh", "海军订购四艘新型护卫舰", "四艘新型护卫舰获海军订购"),
        ("ko", "해군 신형 호위함 네 척 발주", "신형 호위함 네 척 해군이 발주"),
    ],
)
def test_it_works_in_every_script(language: str, one: str, other: str) -> None:
    first = told(1, one, "wire", "", language=language)
    assert together(first, told(2, other, "papers", "", language=language)) == [[1, 2]]


WORDS = ["navy", "ships", "yard", "radar", "minister", "budget", "strike", "drone", "4", "monday", "weekly", "roundup"]


@st.composite
def _pools(draw: st.DrawFn) -> list[Story]:
    titles = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
    sources, hours = st.sampled_from(["wire", "papers", "post"]), st.integers(0, 200)
    return [
        told(number, draw(titles), draw(sources), draw(st.sampled_from(["", TEASER])), hours=draw(hours))
        for number in range(draw(st.integers(0, 20)))
    ]


@settings(deadline=None)
@given(_pools(), st.randoms(use_true_random=False))
def test_every_story_is_in_one_cluster_whatever_their_order(pool: list[Story], dice: Any) -> None:
    shuffled = list(pool)
    dice.shuffle(shuffled)
    assert together(*pool) == together(*shuffled)
    assert sorted(number for found in together(*pool) for number in found) == [each.id for each in pool]


def test_every_source_that_has_a_story_is_a_source_of_its_cluster() -> None:
    found = Cluster((told(1, SHIPS, "wire", also=("post",)), told(2, SHIPS, "papers")))
    assert found.sources == {"wire", "post", "papers"}


def test_one_kind_of_event_in_two_countries_is_two_stories() -> None:
    tokyo, sydney = "Stocks open lower in Tokyo as banks fall", "Stocks open lower in Sydney as banks fall"
    assert together(told(1, tokyo, "wire", ""), told(2, sydney, "papers", "")) == [[1], [2]]
    assert together(told(1, tokyo, "wire", ""), told(2, "Japan: stocks open lower, banks fall", "papers", "")) == [
        [1, 2]
    ]


def test_what_one_source_brings_again_is_one_story_with_what_the_others_tell() -> None:
    again = told(3, f"UPDATE 1-{SHIPS}", "wire", hours=-1)
    assert together(told(1, SHIPS, "wire"), told(2, ORDERED, "papers", OTHER_TEASER), again) == [[1, 2, 3]]


def test_of_what_a_source_brings_again_the_newest_speaks_unless_it_is_much_shorter() -> None:
    first = told(1, SHIPS, "wire", hours=3)
    assert speaker(first, told(2, f"UPDATE 1-{SHIPS}", "wire", hours=1)) == 2
    assert speaker(first, told(2, f"UPDATE 1-{SHIPS}", "wire", "More to come.", hours=1)) == 1
    assert speaker(first, told(2, SHIPS, "wire", hours=1), told(3, SHIPS, "papers", TEASER * 3)) == 3


def speaker(*stories: Story, **weights: float) -> int:
    return representative(stories, weights).id


def test_the_heavier_source_speaks_then_the_fuller_teaser_then_the_earlier() -> None:
    wire, papers = told(1, SHIPS, "wire"), told(2, SHIPS, "papers")
    assert speaker(wire, papers, wire=1.0, papers=2.0) == 2
    assert speaker(told(1, SHIPS, "wire", ""), papers, wire=1.0, papers=1.0) == 2
    assert speaker(told(1, SHIPS, "wire", "Short."), papers, wire=1.0, papers=1.0) == 2
    assert speaker(wire, told(2, SHIPS, "papers", hours=3), wire=1.0, papers=1.0) == 2


def test_one_that_can_be_read_speaks_before_a_stub() -> None:
    stub = told(1, SHIPS, "wire", walled=True)
    assert speaker(stub, told(2, SHIPS, "papers", ""), wire=9.0, papers=1.0) == 2
    assert speaker(stub, wire=9.0) == 1


def test_an_aggregator_speaks_only_where_nobody_else_does() -> None:
    passed_on = told(1, SHIPS, "google", link="https://news.google.com/rss/articles/x")
    assert speaker(passed_on, told(2, SHIPS, "wire", ""), google=9.0, wire=1.0) == 2
    assert speaker(passed_on, google=9.0) == 1


def test_those_who_tell_it_within_the_window_are_put_together_in_any_order_of_arrival() -> None:
    early, late = told(1, SHIPS, "wire", hours=9), told(2, ORDERED, "papers", OTHER_TEASER, hours=1)
    late_but_first_seen = told(3, SHIPS, "post", hours=5, first_seen=early.first_seen - timedelta(days=1))
    assert together(late, late_but_first_seen, early) == [[1, 2, 3]]


def test_stories_that_name_no_language_are_read_in_the_newsletters() -> None:
    (text,) = read([told(1, "Neue Fregatten", "wire", "")], "de").values()
    assert text.title == ("neu", "fregatt")
