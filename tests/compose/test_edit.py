"""What an editor's moves make of an issue."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.compose.edit import apply, replay
from digest.errors import UsageError
from digest.model.edit import Act, Move
from digest.model.issue import Issue, IssueState, IssueStory

DAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def story(number: int, position: int, **more: Any) -> IssueStory:
    link = f"https://news.example.com/{number}"
    place = f"rank {position + 1}" if position else "the lead"
    values: dict[str, Any] = {"why": f"in: {place}; score 0.50", "teaser": f"What {number} tells."}
    return IssueStory(number, position, "wire", link, link, None, f"Story {number}", "", published=DAY, **values | more)


def issue(*numbers: int, **more: Any) -> Issue:
    stories = tuple(story(number, place, **more.get(f"s{number}", {})) for place, number in enumerate(numbers))
    return Issue(7, "notes", "regular", DAY, IssueState.REVIEW, stories=stories)


def ids(made: Issue) -> list[int]:
    assert [each.position for each in made.stories] == list(range(len(made.stories)))
    return [each.story_id for each in made.stories]


def sections(made: Issue) -> list[tuple[int, str]]:
    return [(each.story_id, each.section) for each in made.stories]


def test_a_dropped_story_is_gone_and_the_others_move_up() -> None:
    made = apply(issue(1, 2, 3), Move(Act.DROP, 1))
    assert ids(made) == [2, 3]
    assert [each.why for each in made.stories] == ["in: the lead; score 0.50", "in: rank 2; score 0.50"]


def test_a_restored_or_added_story_stands_where_it_is_wanted() -> None:
    for act in (Act.RESTORE, Act.ADD):
        assert ids(apply(issue(1, 2, 3), Move(act, 9, story=story(9, 1)))) == [1, 9, 2, 3]
        assert ids(apply(issue(1, 2, 3), Move(act, 9, story=story(9, 99)))) == [1, 2, 3, 9]


def test_the_named_stories_come_first_and_the_others_follow() -> None:
    assert ids(apply(issue(1, 2, 3, 4), Move(Act.ORDER, order=(3, 1)))) == [3, 1, 2, 4]


def test_a_pinned_story_keeps_its_place_whatever_comes_and_goes() -> None:
    pinned = apply(issue(1, 2, 3, 4), Move(Act.PIN, 3))
    assert ids(apply(pinned, Move(Act.DROP, 1))) == [2, 4, 3]
    assert ids(apply(pinned, Move(Act.ADD, 9, story=story(9, 0)))) == [9, 1, 3, 2, 4]
    assert pinned.stories[2].why == "in: rank 3, pinned by an editor; score 0.50"
    assert apply(pinned, Move(Act.UNPIN, 3)) == issue(1, 2, 3, 4)


def test_a_pinned_story_moves_when_the_editor_orders_it_to() -> None:
    moved = apply(apply(issue(1, 2, 3, 4), Move(Act.PIN, 3)), Move(Act.ORDER, order=(3,)))
    assert ids(apply(moved, Move(Act.DROP, 4))) == [3, 1, 2]


def test_words_are_changed_in_this_issue_and_made_one_line() -> None:
    made = apply(issue(1, 2), Move(Act.TITLE, 2, "  New\n words "))
    made = apply(made, Move(Act.TEASER, 2, "Another\tteaser."))
    made = apply(apply(made, Move(Act.INTRO, text="Good morning.\n\nIt rains. ")), Move(Act.SUBJECT, text=" Rain\n "))
    assert (made.stories[1].title, made.stories[1].teaser) == ("New words", "Another teaser.")
    assert (made.intro, made.subject) == ("Good morning.\n\nIt rains.", "Rain")
    assert apply(made, Move(Act.SUBJECT, text=" ")).subject is None


def test_what_belongs_to_a_section_stands_together_behind_the_lead() -> None:
    ships, tanks = {"section": "Ships"}, {"section": "Tanks"}
    made = issue(1, 2, 3, 4, 5, s1=tanks, s2=ships, s3=ships, s4=tanks)
    assert sections(apply(made, Move(Act.ORDER, order=(5, 2, 4)))) == [
        (5, ""), (2, "Ships"), (3, "Ships"), (4, "Tanks"), (1, "Tanks"),
    ]  # fmt: skip


def test_a_paid_story_never_leads() -> None:
    made = issue(1, 2, 3, s2={"topics": ("Sponsored",)})
    assert ids(apply(made, Move(Act.ORDER, order=(2, 3, 1)))) == [3, 2, 1]
    assert ids(apply(made, Move(Act.DROP, 1))) == [3, 2]


@pytest.mark.parametrize(
    ("move", "said"),
    [
        (Move(Act.DROP, 9), "issue 7 does not have this story"),
        (Move(Act.PIN, 9), "issue 7 does not have this story"),
        (Move(Act.PIN, 2), "“Story 2” is pinned already"),
        (Move(Act.UNPIN, 1), "“Story 1” is not pinned"),
        (Move(Act.TITLE, 1, " \n"), "a headline cannot be empty"),
        (Move(Act.TITLE, 1, "x" * 501), "a headline can have 500 characters, not 501"),
        (Move(Act.TEASER, 1, "x" * 10_001), "a teaser can have 10000 characters, not 10001"),
        (Move(Act.ORDER, order=(9,)), "none of the stories to order is in the issue"),
        (Move(Act.ADD, 1, story=story(1, 0)), "“Story 1” is in the issue already"),
        (Move(Act.ADD, 1), "no story was named"),
    ],
)
def test_what_makes_no_sense_is_said_in_the_editors_words(move: Move, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        apply(issue(1, 2, s2={"pinned": True}), move)
    assert str(refused.value) == said


def test_the_only_story_cannot_be_dropped() -> None:
    with pytest.raises(UsageError, match="this is the only story"):
        apply(issue(1), Move(Act.DROP, 1))


def test_moves_are_made_on_another_choice_and_those_whose_story_has_gone_are_passed_over() -> None:
    first = issue(1, 2, 3, 4)
    moves = [
        Move(Act.DROP, 2),
        Move(Act.TITLE, 3, "Mine"),
        Move(Act.PIN, 3, story=replace(first.stories[2], position=1)),
        Move(Act.TEASER, 4, "Gone."),
    ]
    other = replay(issue(8, 2, 9, 3), moves)
    assert (ids(other), other.stories[1].title) == ([8, 3, 9], "Mine")
    without = replay(issue(8, 9), moves)  # what is pinned comes back
    assert (ids(without), without.stories[1].pinned) == ([8, 3, 9], True)


@st.composite
def _moves(draw: st.DrawFn) -> Move:
    act = draw(st.sampled_from(list(Act)))
    number = draw(st.integers(0, 7))
    text = draw(st.sampled_from(["", "Words", "Two\nlines"]))
    order = tuple(draw(st.lists(st.integers(0, 7), max_size=4)))
    wanted = story(number, draw(st.integers(0, 9))) if draw(st.booleans()) else None
    return Move(act, number, text, order, wanted)


@settings(deadline=None)
@given(st.lists(_moves(), max_size=12))
def test_whatever_is_done_positions_count_up_and_no_story_stands_twice(moves: list[Move]) -> None:
    made = replay(issue(1, 2, 3, 4, 5), moves)
    assert len(set(ids(made))) == len(made.stories) >= 1
    assert replay(issue(1, 2, 3, 4, 5), moves) == made
