"""Editing an issue by hand: kept, told in the event log, undone one by one, and alive when the choice changes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digest.errors import IllegalMove, NotFound, StoryTaken, UsageError
from digest.flow import clearance, editing, gathering, membership, produce, publish
from digest.model.edit import Act, Move
from digest.model.issue import Issue, IssueState
from tests.daemon.conftest import OpenSite
from tests.daemon.desk import NOTES, Site


async def under_review(make_site: OpenSite, *keys: str) -> tuple[Site, Issue]:
    """A site whose issue waits for its editor, with stories a, b, c, d."""
    site = await make_site("stories = { min = 2 }")
    if keys:
        site.publish(*keys)
    await membership.sync(site.room)
    await gathering.gather(site.room)
    return site, await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)


def titles(issue: Issue) -> list[str]:
    return [story.title.removeprefix("Story number ").removesuffix(" of the day") for story in issue.stories]


def at(issue: Issue, place: int) -> int:
    return issue.stories[place].story_id


async def test_an_edit_changes_this_issue_and_neither_its_window_nor_the_pool(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    moves = [Move(Act.DROP, at(issue, 1)), Move(Act.TITLE, at(issue, 0), "Mine"), Move(Act.INTRO, text="Good morning.")]
    edited = await editing.apply(site.room, issue.id, moves)
    assert (titles(edited), edited.intro) == (["Mine", *titles(issue)[2:]], "Good morning.")
    assert (edited.built_at, edited.state) == (issue.built_at, IssueState.REVIEW)
    pool, _ = await produce.explain(site.room, NOTES)
    assert "Mine" not in {story.title for story in pool}


async def test_edits_are_undone_one_by_one_the_last_first(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    await editing.apply(site.room, issue.id, [Move(Act.DROP, at(issue, 0)), Move(Act.SUBJECT, text="Mine")])
    dropped = await editing.undo(site.room, issue.id)
    assert (titles(dropped), dropped.subject) == (titles(issue)[1:], None)
    assert [story.story_id for story in await editing.dropped(site.room, issue.id)] == [at(issue, 0)]
    assert await editing.undo(site.room, issue.id) == issue
    with pytest.raises(UsageError, match="issue 1 has no edit that could be undone"):
        await editing.undo(site.room, issue.id)
    assert [action for action, _ in await site.happened(issue.id)][2:] == [
        "issue.edited.drop", "issue.edited.subject", "issue.edit_undone", "issue.edit_undone",
    ]  # fmt: skip


async def test_of_several_moves_all_are_made_or_none(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    with pytest.raises(UsageError):
        await editing.apply(site.room, issue.id, [Move(Act.DROP, at(issue, 0)), Move(Act.DROP, at(issue, 0))])
    assert await publish.get(site.room, issue.id) == issue


async def test_what_an_editor_did_is_done_to_the_next_choice_too(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    first, second, third, fourth = (story.story_id for story in issue.stories)
    await editing.apply(
        site.room, issue.id, [Move(Act.PIN, third), Move(Act.DROP, second), Move(Act.TITLE, fourth, "Mine")]
    )
    site.clock.pass_(3600)
    site.publish("e", "f")
    await gathering.gather(site.room)
    again = await produce.rebuild(site.room, issue)
    ids = [story.story_id for story in again.stories]
    assert second not in ids
    assert {first, third, fourth} < set(ids)
    assert (ids.index(third), again.stories[2].pinned) == (2, True)
    assert next(story.title for story in again.stories if story.story_id == fourth) == "Mine"


async def test_an_editors_subject_and_words_are_what_is_approved(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    moves = [Move(Act.SUBJECT, text="A subject of mine"), Move(Act.TEASER, at(issue, 0), "Another teaser.")]
    await editing.apply(site.room, issue.id, moves)
    approved = await publish.approve(site.room, issue.id)
    assert (approved.subject, approved.stories[0].teaser) == ("A subject of mine", "Another teaser.")
    with pytest.raises(IllegalMove, match="issue 1 is approved and cannot be edited"):
        await editing.apply(site.room, issue.id, moves)
    with pytest.raises(IllegalMove):
        await editing.undo(site.room, issue.id)


async def test_an_editors_subject_is_there_still_when_the_approval_is_taken_back(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    await editing.apply(site.room, issue.id, [Move(Act.SUBJECT, text="A subject of mine")])
    await publish.approve(site.room, issue.id)
    assert (await publish.hold(site.room, issue.id, "wait")).subject == "A subject of mine"


async def test_a_held_issue_may_be_edited_until_something_has_left(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    await publish.hold(site.room, issue.id, "wait")
    await editing.apply(site.room, issue.id, [Move(Act.INTRO, text="Late.")])
    await publish.resume(site.room, issue.id)
    await publish.approve(site.room, issue.id, at_once=True)
    await publish.start(site.room, issue.id)
    await site.has_left(issue.id)
    await publish.hold(site.room, issue.id, "stop")
    with pytest.raises(IllegalMove):
        await editing.apply(site.room, issue.id, [Move(Act.INTRO, text="Later.")])


async def test_a_story_of_the_pool_can_be_added_unless_an_issue_carried_it(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    await publish.approve(site.room, issue.id)
    site.clock.pass_(86_400)
    site.publish("e", "f", "g")
    await gathering.gather(site.room)
    second = await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)
    pool, why = await produce.explain(site.room, NOTES)
    await editing.apply(site.room, second.id, [Move(Act.DROP, at(second, 2))])
    added = await editing.apply(site.room, second.id, [await editing.from_pool(site.room, second.id, at(second, 2), 0)])
    assert titles(added) == [titles(second)[2], *titles(second)[:2]]
    assert added.stories[0].why == "in: the lead; added by an editor"
    with pytest.raises(UsageError, match="out: issue 1 carried it"):
        await editing.from_pool(site.room, second.id, at(issue, 0), 0)
    with pytest.raises(NotFound, match="has no story 999"):
        await editing.from_pool(site.room, second.id, 999, 0)
    assert [story.id for story in pool][:3] == [story.story_id for story in second.stories]
    assert why[at(issue, 0)] == "out: issue 1 carried it (about to be sent)"


async def test_a_story_sent_is_out_and_the_day_is_told(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    await publish.approve(site.room, issue.id, at_once=True)
    await publish.start(site.room, issue.id)
    site.clock.at += timedelta(days=1)
    _, why = await produce.explain(site.room, NOTES)
    assert set(why.values()) == {"out: issue 1 carried it (sent on 23 November 2026)"}


async def test_a_pinned_or_added_story_that_another_issue_took_stays_out_and_the_issue_goes(
    make_site: OpenSite,
) -> None:
    site, first = await under_review(make_site)
    second = await produce.draft(site.room, NOTES, site.clock.now() + timedelta(minutes=1), scheduled=False)
    pinned, added = second.stories[1], second.stories[2]
    moves = [
        Move(Act.PIN, pinned.story_id), Move(Act.TITLE, pinned.story_id, "Mine"), Move(Act.DROP, added.story_id),
        Move(Act.ADD, added.story_id, story=added), Move(Act.INTRO, text="Good morning."),
    ]  # fmt: skip
    await editing.apply(site.room, second.id, moves)
    await publish.approve(site.room, first.id)
    site.clock.pass_(60)
    site.publish("e", "f", "g")
    await gathering.gather(site.room)
    with pytest.raises(StoryTaken) as raised:
        await publish.approve(site.room, second.id)
    assert {"Mine", added.title} <= set(raised.value.titles)
    gone = await clearance.approve_or_rebuild(site.room, second.id)
    assert (gone.state, sorted(titles(gone)), gone.intro) == (IssueState.APPROVED, ["e", "f", "g"], "Good morning.")
    told = [action for action, _ in await site.happened(second.id)]
    assert told.count("issue.story_taken") == 2


async def test_words_of_a_reason_keep_no_story_from_an_editor(make_site: OpenSite) -> None:
    site, issue = await under_review(make_site)
    site.publish("e", prefix="What the ship carried home is")
    await gathering.gather(site.room)
    town = site.room.settings.newsletter(NOTES)
    site.room.settings.newsletters[NOTES] = town.model_copy(
        update={"rank": town.rank.model_copy(update={"exclude": ["ship carried home"]})}
    )
    pool, why = await produce.explain(site.room, NOTES)
    (excluded,) = (story.id for story in pool if " carried " in why[story.id])
    added = await editing.apply(site.room, issue.id, [await editing.from_pool(site.room, issue.id, excluded, 0)])
    assert at(added, 0) == excluded
