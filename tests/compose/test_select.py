"""Which stories an issue carries, in which order, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.compose.choice import Section
from digest.compose.select import Carried, Rules, Selection, Told, in_order, next_best, select, with_carriers
from digest.model.issue import AlsoIn
from digest.model.story import UNDATED_AGE, Story
from tests.compose.pool import NOW, rules, story


def chosen(selection: Selection) -> list[int]:
    return [each.story_id for each in selection.stories]


def only(one: Story, wanted: Rules, carried: dict[int, Carried] | None = None) -> str:
    """What becomes of one story: the reason for its being in or out."""
    return select([one], carried or {}, wanted).why[one.id]


# -- any pool ----------------------------------------------------------------------------------------------------------


@st.composite
def pools(draw: st.DrawFn) -> tuple[list[Story], dict[int, Carried], Rules]:
    """A pool of any size, its memory, and rules that may leave nothing."""
    sources = draw(st.lists(st.sampled_from(["wire", "notes", "papers"]), min_size=1, max_size=3, unique=True))
    hours = st.integers(-5, 120)
    teasers, titles = st.sampled_from(["", "A teaser about a frigate."]), st.sampled_from(["Radar", "Drone"])
    stories = [
        story(
            number,
            hours=draw(hours),
            source=draw(st.sampled_from(sources)),
            first_seen=NOW - timedelta(hours=draw(hours)),
            teaser=draw(teasers),
            title=draw(titles),
        )
        for number in range(draw(st.integers(0, 25)))
    ]
    most = draw(st.integers(1, 8))
    wanted: dict[str, Any] = {
        "min": draw(st.integers(1, most)),
        "max": most,
        "per_source": draw(st.integers(1, 5)),
        "since": draw(st.none() | st.just(NOW - timedelta(hours=24))),
        "exclude": draw(st.sampled_from([(), ("drone",)])),
        "include": draw(st.sampled_from([(), ("frigate",)])),
    }
    carried = {each.id: Carried(7) for each in stories if draw(st.booleans())}
    return stories, carried, rules(sources, **wanted)


@settings(deadline=None)
@given(pools(), st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_changes_nothing(
    pool: tuple[list[Story], dict[int, Carried], Rules], dice: Any
) -> None:
    stories, carried, wanted = pool
    shuffled = list(stories)
    dice.shuffle(shuffled)
    once, again = select(stories, carried, wanted), select(shuffled, carried, wanted)
    assert (once.stories, dict(once.why)) == (again.stories, dict(again.why))


@settings(deadline=None)
@given(pools())
def test_every_candidate_has_a_reason_and_the_chosen_ones_keep_the_rules(
    pool: tuple[list[Story], dict[int, Carried], Rules],
) -> None:
    stories, carried, wanted = pool
    selection = select(stories, carried, wanted)
    ids = chosen(selection)
    assert set(selection.why) == {each.id for each in stories}
    assert {number for number, reason in selection.why.items() if reason.startswith("in: ")} == set(ids)
    assert all(reason.startswith(("in: ", "out: ")) for reason in selection.why.values())
    assert len(ids) == len(set(ids)) <= wanted.max
    assert not set(ids) & set(carried)
    assert [each.position for each in selection.stories] == list(range(len(ids)))
    most = max(Counter(each.source for each in selection.stories).values(), default=0)
    assert len(wanted.weights) == 1 or most <= wanted.per_source or len(ids) <= wanted.min


@settings(deadline=None)
@given(pools())
def test_no_story_is_left_out_that_would_save_the_issue(pool: tuple[list[Story], dict[int, Carried], Rules]) -> None:
    stories, carried, wanted = pool
    selection = select(stories, carried, wanted)
    left = ("stories of", "is full", "too like")
    spare = [number for number, reason in selection.why.items() if any(each in reason for each in left)]
    assert len(selection.stories) >= wanted.min or spare == []


# -- order -------------------------------------------------------------------------------------------------------------


def test_the_freshest_lead_and_the_rest_follows_by_score() -> None:
    weights = {"wire": 1.0, "notes": 4.0}
    stories = [story(1, hours=1), story(2, hours=0), story(3, hours=20, source="notes"), story(4, hours=30)]
    selection = select(stories, {}, rules(weights=weights))
    assert chosen(selection) == [3, 2, 1, 4]
    assert [selection.why[number].partition(";")[0] for number in (3, 2, 1, 4)] == [
        "in: the lead", "in: rank 2", "in: rank 3", "in: rank 4",
    ]  # fmt: skip


def test_stories_of_the_same_score_are_ordered_by_age_and_then_as_their_source_has_them() -> None:
    ahead = NOW + timedelta(hours=1)  # dated in the future: all as fresh as can be
    stories = [
        story(4, source="wire"), story(3, source="wire"), story(5, source="notes"), story(9, published=ahead),
    ]  # fmt: skip
    assert chosen(select(stories, {}, rules(["wire", "notes"]))) == [9, 5, 3, 4]


def test_the_lead_has_a_teaser_if_any_story_has_and_the_others_keep_their_order() -> None:
    stories = [story(1, hours=0, teaser=""), story(2, hours=1, teaser=""), story(3, hours=2), story(4, hours=3)]
    selection = select(stories, {}, rules())
    assert chosen(selection) == [3, 1, 2, 4]
    assert selection.why[3].startswith(
        "in: the lead, before 2 with a higher score but too short a teaser to lead; score "
    )
    bare = [story(1, hours=0, teaser=""), story(2, hours=1, teaser="")]
    assert chosen(select(bare, {}, rules())) == [1, 2]


def test_the_reason_of_a_chosen_story_names_its_score_and_who_else_has_it() -> None:
    reason = only(story(1, hours=18, also=("notes", "papers")), rules())
    score = "score 0.90 = weight 1 × freshness 0.50 × corroboration 1.79"
    assert reason == f"in: the lead; {score}; also covered by notes, papers"


def test_what_an_issue_keeps_of_a_story_is_all_of_it() -> None:
    told = story(
        1, guid="g1", image="https://images.example.org/1.png", language="en-GB", topics=("naval",), also=("notes",)
    )
    kept = select([told], {}, rules()).stories[0]
    names = ("source", "link", "link_key", "guid", "title", "title_key", "teaser", "published", "image", "language")
    assert [getattr(kept, name) for name in names] == [getattr(told, name) for name in names]
    assert (kept.story_id, kept.topics, kept.pinned, kept.score) == (1, ("naval",), False, 1.5)
    assert kept.also == (AlsoIn("notes", told.link, told.link_key),)
    assert dict(kept.factors) == {"weight": 1, "freshness": 1, "corroboration": 1.5, "boost": 1, "rarity": 1}


# -- kept out ----------------------------------------------------------------------------------------------------------


def test_a_story_that_an_issue_carried_is_out_and_names_the_issue() -> None:
    sent, waiting = Carried(41, "22 November 2026"), Carried(42)
    assert only(story(1), rules(), {1: sent}) == "out: issue 41 carried it (sent on 22 November 2026)"
    assert only(story(1), rules(), {1: waiting}) == "out: issue 42 carried it (about to be sent)"


@pytest.mark.parametrize(
    ("word", "title", "teaser", "hit"),
    [
        ("AI", "AI at sea", "", True),
        ("AI", "The minister said so", "It rained.", False),
        ("ai", "On board: AI.", "", True),
        ("frigate", "FRIGATE schedule", "", True),
        ("frigate", "Frigates", "", False),
        ("frigate", "A ship", "The frigate sails.", True),
        ("counter drone", "A counter drone", "", True),
        ("counter  drone", "A Counter drone", "", True),
        ("straße", "Neue STRASSE", "", True),
        ("防衛", "新防衛計画", "", True),
        ("C++", "C++ on board", "", True),
        ("a", "", "", False),
        ("Radar Drone", "Radar", "Drone", False),
    ],
)
def test_words_are_looked_for_whole_in_title_and_teaser_in_any_case(
    word: str, title: str, teaser: str, hit: bool
) -> None:
    told = story(1, title=title, teaser=teaser)
    out = only(told, rules(exclude=[word]))
    assert (out == f"out: excluded by the word {word!r}", out.startswith("in:")) == (hit, not hit)
    wanted = only(told, rules(include=["zeppelin", word]))
    assert (wanted.startswith("in:"), wanted) == (
        (True, wanted) if hit else (False, "out: has none of the words that this newsletter asks for")
    )


def test_an_excluded_word_weighs_more_than_an_included_one() -> None:
    told = story(1, title="Radar and drone")
    assert only(told, rules(include=["radar"], exclude=["drone"])) == "out: excluded by the word 'drone'"


@pytest.mark.parametrize(
    ("hours", "reason"),
    [
        (72, None),
        (72.5, "out: published 72 h ago, older than 72 h"),
        (80, "out: published 80 h ago, older than 72 h"),
        (240, "out: published 10 days ago, older than 72 h"),
    ],
)
def test_a_story_older_than_the_limit_is_out_and_at_the_limit_is_in(hours: float, reason: str | None) -> None:
    assert (only(story(1, hours=hours), rules()) if reason else None) == reason
    assert (reason is None) == (chosen(select([story(1, hours=hours)], {}, rules())) == [1])


def test_the_window_begins_where_the_last_issue_was_built() -> None:
    last = NOW - timedelta(hours=24)
    there = "out: it was there for the last issue and not chosen"
    assert only(story(1, first_seen=last), rules(since=last)) == there
    assert only(story(1, first_seen=last + timedelta(microseconds=1)), rules(since=last)).startswith("in:")
    # Published before the window, found in it: news to us.
    assert only(story(1, hours=30, first_seen=NOW), rules(since=last)).startswith("in:")


def test_the_first_issue_has_no_window() -> None:
    assert only(story(1, hours=71), rules(since=None)).startswith("in:")


# -- how many ----------------------------------------------------------------------------------------------------------


def test_a_full_issue_leaves_the_rest_out() -> None:
    selection = select([story(number, hours=number) for number in range(6)], {}, rules(max=4))
    assert chosen(selection) == [0, 1, 2, 3]
    assert (selection.why[4], selection.why[5]) == ("out: the issue is full (4 stories)",) * 2


def test_one_source_alone_has_no_cap() -> None:
    selection = select([story(number, hours=number) for number in range(12)], {}, rules(per_source=2))
    assert len(selection.stories) == 12


def test_a_source_has_no_more_than_its_share_while_others_have_something_to_say() -> None:
    wire = [story(number, hours=number) for number in range(5)]
    notes = [story(number, hours=number, source="notes") for number in range(10, 13)]
    selection = select(wire + notes, {}, rules(["wire", "notes"], per_source=2))
    assert chosen(selection) == [0, 1, 10, 11]
    assert (selection.why[2], selection.why[12]) == (
        "out: there are 2 stories of wire already",
        "out: there are 2 stories of notes already",
    )


def test_the_share_gives_way_where_the_issue_would_be_too_small_and_no_further() -> None:
    wire = [story(number, hours=number) for number in range(6)]
    notes = [story(10, hours=3.5, source="notes")]
    selection = select(wire + notes, {}, rules(["wire", "notes"], per_source=2, min=5))
    assert chosen(selection) == [0, 1, 2, 3, 10]  # in the order of their scores, not of their choice
    assert selection.why[2].startswith("in: rank 3;")
    assert (selection.why[4], selection.why[5]) == ("out: there are 2 stories of wire already",) * 2


def test_a_source_that_has_nothing_to_say_counts_as_a_source_all_the_same() -> None:
    selection = select([story(number, hours=number) for number in range(6)], {}, rules(["wire", "notes"], per_source=4))
    assert chosen(selection) == [0, 1, 2, 3]


def test_an_empty_pool_gives_an_empty_selection() -> None:
    selection = select([], {}, rules())
    assert (selection.stories, dict(selection.why)) == ((), {})


# -- told by several ---------------------------------------------------------------------------------------------------


SHIPS = "Navy orders four patrol ships from Northern Yard"
TEASER = "The contract with the shipbuilder in the north covers hulls, engines and ten years of maintenance."


def reports(**more: Any) -> list[Story]:
    """One event, told by two sources."""
    return [
        story(1, title=SHIPS, teaser=TEASER, **more),
        story(
            2, title="Four patrol ships ordered by the navy at Northern Yard", teaser=TEASER[:60], source="notes", hours=1
        ),
    ]  # fmt: skip


def test_one_of_several_reports_is_in_and_names_the_others_and_they_say_whose_duplicate_they_are() -> None:
    selection = select(reports(), {}, rules(["wire", "notes"]))
    (told,) = selection.stories
    assert (told.story_id, told.also[0].source, told.also[0].link) == (1, "notes", "https://news.example.com/2")
    assert dict(told.factors)["corroboration"] == 1.5
    assert selection.why[2] == f"out: duplicate of “{SHIPS}” (wire)"


def test_the_pool_names_all_who_tell_a_story() -> None:
    page = story(9, title="Minister rejects radar", also=("post", "agency"))
    pool = [page, *(replace(each, id=each.id + 10) for each in reports())]
    selection = select(pool, {}, rules(["wire", "notes", "post"]))
    assert {each.id: each.also for each in with_carriers(pool, selection)} == {
        9: ("agency", "post"), 11: ("notes",), 12: (),
    }  # fmt: skip
    assert "; also covered by notes" in selection.why[11]


def test_where_one_report_was_sent_the_others_are_out_with_it() -> None:
    selection = select(reports(), {2: Carried(4, "22 November 2026")}, rules(["wire", "notes"]))
    assert selection.stories == ()
    assert selection.why[1] == "out: issue 4 carried the same story from notes (sent on 22 November 2026)"


def test_what_its_source_only_tells_again_is_out_months_after_an_issue_carried_it() -> None:
    sent = Told(story(1, title=SHIPS, teaser=TEASER, hours=24 * 60), Carried(4, "24 September 2026"))
    again = story(2, title=f"UPDATE 1-{SHIPS}", teaser=TEASER)
    papers = story(3, title=f"UPDATE 1-{SHIPS}", teaser=TEASER, source="papers")
    selection = select([again, papers], {}, rules(["wire", "papers"]), [sent])
    assert selection.stories == ()
    assert selection.why == {
        2: f"out: duplicate of “{SHIPS}” (sent on 24 September 2026, issue 4)",
        3: "out: issue 4 carried the same story from wire (sent on 24 September 2026)",
    }
    assert selection.carried == frozenset()  # an editor may have it all the same
    news = story(
        4, title=f"{SHIPS} as court lifts ban", teaser="Judges found no fault with the price that unions doubt."
    )
    assert chosen(select([news], {}, rules(), [sent])) == [4]
    assert only(story(5, title=SHIPS, teaser=TEASER, source="papers"), rules(["papers"])).startswith("in: the lead")


def test_of_what_one_source_tells_twice_the_newest_is_in() -> None:
    first, again = story(1, hours=9, title=SHIPS, teaser=TEASER), story(2, title=f"{SHIPS}: live", teaser=TEASER)
    selection = select([first, again], {}, rules())
    assert chosen(selection) == [2]
    assert selection.stories[0].also == ()
    assert selection.why[1] == f"out: duplicate of “{SHIPS}: live” (wire)"
    carried = select([first, again], {1: Carried(4)}, rules())
    assert carried.why[2] == f"out: duplicate of “{SHIPS}” (about to be sent, issue 4)"


def test_a_report_that_is_kept_out_does_not_keep_the_others_out() -> None:
    excluded = [*reports(), story(3, title=SHIPS, title_key=SHIPS, teaser=f"{TEASER} Zeppelin!", source="post")]
    selection = select(excluded, {}, rules(["wire", "notes", "post"], exclude=["zeppelin"]))
    assert chosen(selection) == [1]
    assert selection.why[3] == "out: excluded by the word 'zeppelin'"


# -- variety -----------------------------------------------------------------------------------------------------------


def test_where_room_is_short_a_story_unlike_the_others_goes_before_a_better_one_that_is_like_them() -> None:
    lead = story(1, title="Navy orders patrol ships", teaser=TEASER)
    alike = story(
        2, hours=1, title="Navy orders more patrol ships again", teaser=f"{TEASER} Radar and sonar come later."
    )
    other = story(
        3, hours=4, title="Museum of railways opens in spring", teaser="A hall of engines and a café for children."
    )
    selection = select([lead, alike, other], {}, rules(max=2, min=1))
    assert chosen(selection) == [1, 3]
    assert selection.why[2].startswith("out: too like “Navy orders patrol ships” (0.")
    assert chosen(select([lead, alike, other], {}, rules(max=3))) == [1, 2, 3]


def test_one_story_that_is_boosted_far_above_all_does_not_leave_the_others_to_variety_alone() -> None:
    lead = story(
        1,
        title="Zeppelin lands in the harbour",
        teaser="Crowds came to see it, and the mayor made a speech on the quay before it left again.",
    )
    first = story(2, title="Navy orders patrol ships", teaser=TEASER)
    near = story(
        3, hours=4, title="Navy museum shows how ships were built", teaser="Hulls of wood and iron in one hall."
    )
    stale = story(4, hours=8, title="Orchard sold", teaser="Apples and pears.")
    boosted = rules(max=3, min=1, boost={"zeppelin": 2.0})
    assert chosen(select([lead, first, near, stale], {}, boosted)) == [1, 2, 3]


def test_a_report_of_the_same_with_another_number_gives_way_to_other_news() -> None:
    first = story(1, title="12 hurt as crane falls at Northern Yard", teaser=TEASER)
    other_count = story(2, hours=1, title="14 hurt as crane falls at Northern Yard", teaser=TEASER, source="papers")
    other = story(3, hours=8, title="Museum of railways opens", teaser="A hall of engines and a café for children.")
    assert chosen(select([first, other_count, other], {}, rules(["wire", "papers"], max=2, min=1))) == [1, 3]


# -- the lead ----------------------------------------------------------------------------------------------------------


def test_a_real_teaser_leads_before_a_short_one_among_those_that_have_a_place() -> None:
    real = story(2, hours=2, teaser="x" * 80)
    assert chosen(select([story(1), real, story(3, hours=1, teaser="x" * 79)], {}, rules())) == [2, 1, 3]
    far = story(9, hours=30, teaser="x" * 200)
    assert chosen(select([story(1), story(3, hours=1), far], {}, rules(max=2, min=1))) == [1, 3]


# -- sponsored ---------------------------------------------------------------------------------------------------------


def test_a_sponsored_story_never_leads_and_is_the_only_one() -> None:
    paid: dict[str, Any] = {"topics": ("Sponsored",), "teaser": "x" * 99}
    stories = [story(1, **paid), story(2, hours=1), story(3, hours=2, **paid), story(4, hours=3)]
    selection = select(stories, {}, rules(min=4))
    assert (chosen(selection), [each.sponsored for each in selection.stories]) == ([2, 1, 4], [False, True, False])
    assert selection.why[3] == "out: one sponsored story is enough"
    alone = select([story(1, **paid)], {}, rules(min=1))
    assert (alone.stories, alone.why[1]) == ((), "out: a sponsored story needs others beside it")


# -- sections ----------------------------------------------------------------------------------------------------------

SECTIONS = (Section("Ships", ("naval", "Ports"), 2), Section("Money", ("budget",), 5))


def test_behind_the_lead_sections_stand_in_their_order_and_what_has_none_comes_last() -> None:
    stories = [
        story(1, hours=0, topics=("naval",)), story(2, hours=1), story(3, hours=2, topics=("Budget", "x")),
        story(4, hours=3, topics=("ports",)), story(5, hours=4, topics=("budget", "naval")),
    ]  # fmt: skip
    selection = select(stories, {}, rules(sections=SECTIONS))
    assert [(each.story_id, each.section) for each in selection.stories] == [
        (1, "Ships"), (4, "Ships"), (5, "Ships"), (3, "Money"), (2, ""),
    ]  # fmt: skip


def test_a_full_section_takes_no_more_unless_the_issue_would_be_too_small() -> None:
    stories = [story(number, hours=number, topics=("naval",)) for number in range(5)]
    full = "out: the section “Ships” is full (2)"
    selection = select(stories, {}, rules(sections=SECTIONS, min=3))
    assert (chosen(selection), selection.why[3], selection.why[4]) == (
        [0, 1, 2],
        full,
        full,
    )  # the lead stands above it
    assert chosen(select(stories, {}, rules(sections=SECTIONS, min=4))) == [0, 1, 2, 3]


# -- for editors -------------------------------------------------------------------------------------------------------


def test_the_pool_is_told_in_the_order_of_the_issue_then_by_worth_then_by_age() -> None:
    stories = [story(number, hours=number) for number in range(5)]
    stories += [story(8, hours=90), story(9, hours=80), story(10, hours=2.5, topics=("naval",))]
    selection = select(stories, {}, rules(max=3, sections=SECTIONS))
    assert [each.id for each in in_order(stories, selection)] == [0, 1, 2, 10, 3, 4, 9, 8]


def test_the_next_best_is_the_best_that_is_not_in_the_issue() -> None:
    stories = [story(number, hours=number) for number in range(5)]
    selection = select(stories, {}, rules(max=3))
    best = [next_best(selection, set(range(number))) for number in range(6)]
    assert [each and each.story_id for each in best] == [0, 1, 2, 3, 4, None]


def test_no_issue_has_one_headline_twice_but_columns_may_share_theirs() -> None:
    teasers = ("Firefighters in Harbour Street found a pensioner on the second floor on Sunday evening.",
               "A farm near Oakwell burned down overnight; neighbours tried to reach the owner, 54.")  # fmt: skip
    names = ("wire", "papers")

    def pair(title: str) -> list[Story]:
        return [
            story(number, title=title, title_key=title.casefold(), teaser=teaser, source=source)
            for number, (source, teaser) in enumerate(zip(names, teasers, strict=True), 1)
        ]

    found = select(pair("Man dies in house fire"), {}, rules(names))  # two events: the clusters keep them apart
    assert len(found.stories) == 1
    assert "out: the issue has a story with its title or its link" in found.why.values()
    assert len(select(pair("Weekly roundup"), {}, rules(names)).stories) == 2


def test_what_was_carried_is_known_by_number_another_sources_report_of_it_too() -> None:
    same: dict[str, Any] = {"title": "Navy orders four patrol ships", "title_key": "navy orders four patrol ships"}
    pool = [story(1, **same), story(2, source="papers", **same), story(3, title="What the ship carried home")]
    assert select(pool, {1: Carried(7)}, rules(("wire", "papers"))).carried == {1, 2}


def test_a_story_that_had_no_date_at_the_first_look_is_out_for_that_and_for_no_age() -> None:
    seen = NOW - timedelta(hours=1)
    undated = story(1, published=seen - UNDATED_AGE, first_seen=seen)
    dated = story(1, published=seen - UNDATED_AGE - timedelta(seconds=1), first_seen=seen)
    assert only(undated, rules()) == "out: no date; it stood there before we first looked"
    assert only(dated, rules()) == "out: published 365 days ago, older than 72 h"
