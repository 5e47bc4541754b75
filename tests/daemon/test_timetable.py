"""What each slot asks for, done when it asks: a day in the life of a newsletter, on a clock that jumps."""

from __future__ import annotations

import asyncio
import email
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from digest.errors import Conflict, IllegalMove
from digest.flow import gathering, produce, publish, report
from digest.flow.putting_back import hold_everything, hold_if_put_back
from digest.flow.slots import let_go, look_at
from digest.model.delivery import DeliveryState
from digest.model.issue import IssueState
from digest.settings import Settings
from digest.store import issues
from tests.daemon.conftest import OpenSite
from tests.daemon.desk import DAILY, NOTES, Site, hours, minutes

EVENING = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
SLOT = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
CUTOFF = SLOT - minutes(45)
NEXT = SLOT + hours(24)
INSTANT = timedelta(microseconds=1)


async def begun(make_site: OpenSite, newsletter: str = DAILY, tables: str = "") -> Site:
    """A site whose daemon runs since the evening before."""
    site = await make_site(newsletter, tables, at=EVENING)
    assert await site.look(EVENING) == []
    return site


# -- the usual day -----------------------------------------------------------------------------------------------------


async def test_it_is_built_at_the_cutoff_and_leaves_at_the_slot(make_site: OpenSite) -> None:
    site = await begun(make_site)
    assert await site.look(CUTOFF - INSTANT) == []
    assert await site.look(CUTOFF) == ["review"]
    issue = await site.issue()
    assert (issue.slot, issue.built_at, len(issue.stories)) == (SLOT, CUTOFF, 4)
    assert await site.look(SLOT - INSTANT) == ["review"]
    assert await site.deliveries(issue.id) == []
    assert await site.look(SLOT) == ["sending"]
    assert await site.deliveries(issue.id) == ["pending", "pending"]
    assert await site.happened(issue.id) == [
        ("issue.created", ""), ("issue.review", ""), ("issue.approved", ""), ("issue.sending", ""),
    ]  # fmt: skip


async def test_looking_again_and_again_changes_nothing(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(CUTOFF)
    asked = len(site.web.paths)
    for second in range(5):
        assert await site.look(CUTOFF + timedelta(seconds=second)) == ["review"]
    assert len(site.web.paths) == asked
    await site.look(SLOT)
    for second in range(5):
        assert await site.look(SLOT + timedelta(seconds=second)) == ["sending"]
    assert len(await site.happened((await site.issue()).id)) == 4


async def test_stories_that_come_after_the_cutoff_wait_for_the_next_issue(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(CUTOFF)
    site.publish("e", "f", "g", "a", "b", "c", "d")
    await site.look(SLOT)
    assert {story.guid for story in (await site.issue()).stories} == {"a", "b", "c", "d"}
    assert await site.look(NEXT - minutes(45)) == ["sending", "review"]
    assert {story.guid for story in (await site.issues())[1].stories} == {"e", "f", "g"}


async def test_a_newsletter_without_a_schedule_is_left_alone(make_site: OpenSite) -> None:
    site = await make_site("")
    assert await site.look(SLOT) == []
    assert site.web.paths == []


async def test_a_failing_source_does_not_keep_the_issue_from_its_slot(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await gathering.gather(site.room)
    site.break_source()
    assert await site.look(SLOT) == ["sending"]


async def test_an_issue_says_which_source_failed_when_it_was_built(make_site: OpenSite) -> None:
    site = await begun(make_site, tables='[desk]\nnotify = ["desk@example.org"]')
    await gathering.gather(site.room)
    site.break_source()
    await site.look(CUTOFF)
    (built,) = [event for event in await report.history(site.room, 1) if event["action"] == "issue.review"]
    assert list(built["broken"]) == ["wire"]
    text = email.message_from_string((await site.notes())[0]).get_payload(decode=True)
    assert b"The source wire failed: 127.0.0.1 has no such page (404)" in text


async def test_editors_are_told_of_the_review_and_of_the_end(make_site: OpenSite) -> None:
    site = await begun(make_site, tables='[desk]\nnotify = ["editor@example.org"]')
    await site.look(CUTOFF)
    await publish.hold(site.room, 1, "the lead is wrong")
    mails = await site.notes()
    assert ["issue 1 is ready for review" in mails[0], "issue 1 is held" in mails[1]] == [True, True]
    assert "the lead is wrong" in mails[1]


# -- editors -----------------------------------------------------------------------------------------------------------


async def test_without_the_approval_it_needs_it_is_held_at_the_slot(make_site: OpenSite) -> None:
    site = await begun(make_site, f'{DAILY}\nreview = "required"')
    assert await site.look(SLOT - INSTANT) == ["review"]
    assert await site.look(SLOT) == ["held"]
    assert (await site.issue()).reason == "nobody has approved it"
    assert await site.look(SLOT + hours(1)) == ["held"]
    await publish.approve(site.room, 1)
    assert await site.look(SLOT + hours(1)) == ["sending"]


async def test_where_two_must_approve_one_who_does_so_twice_is_not_enough(make_site: OpenSite) -> None:
    site = await begun(make_site, f'{DAILY}\nreview = "second"')
    assert await site.look(SLOT - INSTANT) == ["review"]
    one, two = replace(site.room, actor="one"), replace(site.room, actor="two")
    for _ in range(2):
        assert (await publish.approve(one, 1)).state == "review"
    assert await site.look(SLOT) == ["held"]
    assert (await site.issue()).reason == "two editors have not approved it"
    assert (await publish.approve(two, 1)).state == "approved"
    assert await site.look(SLOT + hours(1)) == ["sending"]


async def test_a_first_approval_does_not_outlive_a_change(make_site: OpenSite) -> None:
    site = await begun(make_site, DAILY + '\nreview = "second"')
    await site.look(CUTOFF)
    first, second = (replace(site.room, actor=f"cli:{name}") for name in ("first", "second"))
    assert (await publish.approve(first, 1)).state is IssueState.REVIEW
    async with site.room.store.write() as conn:
        await issues.put_stories(conn, 1, (await site.issue()).stories[:3])
    assert (await publish.approve(second, 1)).state is IssueState.REVIEW
    assert (await publish.approve(first, 1)).state is IssueState.APPROVED


async def test_what_an_editor_has_held_stays_held_at_the_slot(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(CUTOFF)
    await publish.hold(site.room, 1, "wait for the vote")
    assert await site.look(SLOT) == ["held"]
    assert (await site.issue()).reason == "wait for the vote"
    assert await site.look(SLOT + hours(5)) == ["held"]


async def test_what_is_resumed_before_the_slot_leaves_at_the_slot(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(CUTOFF)
    await publish.hold(site.room, 1, "wait")
    await publish.resume(site.room, 1)
    assert await site.look(SLOT - INSTANT) == ["review"]
    assert await site.look(SLOT) == ["sending"]


@pytest.mark.parametrize("review", ["auto", "required"])
async def test_an_early_approval_leaves_exactly_at_its_slot(make_site: OpenSite, review: str) -> None:
    site = await begun(make_site, f'{DAILY}\nreview = "{review}"')
    await site.look(CUTOFF)
    await publish.approve(site.room, 1)
    assert (await site.issue()).not_before == SLOT
    assert await site.look(SLOT - INSTANT) == ["approved"]
    assert await site.look(SLOT) == ["sending"]


async def test_what_is_cancelled_before_the_slot_is_neither_sent_nor_made_anew(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(CUTOFF)
    await publish.cancel(site.room, 1)
    assert await site.look(SLOT) == ["cancelled"]
    assert await site.look(SLOT + hours(1)) == ["cancelled"]


# -- too few, nobody, no date ------------------------------------------------------------------------------------------


async def test_too_few_at_the_cutoff_but_enough_at_the_slot_is_sent(make_site: OpenSite) -> None:
    site = await begun(make_site)
    site.publish("a", "b")
    assert await site.look(CUTOFF) == ["draft"]
    assert (await site.issue()).reason == "only 2 new stories, 3 are needed"
    site.publish("a", "b", "c")
    assert await site.look(SLOT) == ["sending"]
    assert len((await site.issue()).stories) == 3


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("", "no new stories, 3 are needed"),
        ("a", "only 1 new story, 3 are needed"),
        ("ab", "only 2 new stories, 3 are needed"),
    ],
)
async def test_too_few_at_the_slot_is_skipped_with_its_reason(make_site: OpenSite, keys: str, reason: str) -> None:
    site = await begun(make_site)
    site.publish(*keys)
    assert await site.look(CUTOFF) == ["draft"]
    assert await site.look(SLOT) == ["skipped"]
    issue = await site.issue()
    assert issue.reason == reason
    assert (await site.happened(issue.id))[-1] == ("issue.skipped", reason)
    # What was too little today is there for tomorrow.
    site.publish("a", "b", "c", "d")
    assert await site.look(NEXT) == ["skipped", "sending"]


async def test_a_skipped_date_is_skipped_with_its_reason(make_site: OpenSite) -> None:
    site = await begun(make_site, f"{DAILY}\nskip_dates = [{date(2026, 11, 23)}]")
    assert await site.look(CUTOFF) == ["skipped"]
    issue = await site.issue()
    assert (issue.reason, site.web.paths) == ("23 November 2026 is a skipped date", [])
    assert await site.look(SLOT) == ["skipped"]
    assert await site.look(NEXT) == ["skipped", "sending"]


async def test_nobody_on_the_list_is_a_reason_to_skip(make_site: OpenSite) -> None:
    site = await begun(make_site)
    site.write_list()
    assert await site.look(SLOT) == ["skipped"]
    assert ((await site.issue()).reason, await site.remembered()) == ("nobody is on the list readers", set())


async def test_a_list_that_changes_after_the_cutoff_counts_at_the_slot(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(CUTOFF)
    site.write_list("anna@example.org", "ben@example.org", "cleo@example.org")
    await site.look(SLOT)
    assert len(await site.deliveries(1)) == 3


async def test_a_list_that_cannot_be_read_costs_no_issue_and_is_told_once(make_site: OpenSite) -> None:
    site = await begun(make_site, tables='[desk]\nnotify = ["desk@example.org"]')
    await site.look(CUTOFF)
    (site.room.lists_folder / "readers.csv").write_text("nobody\nwho\n")
    assert await site.look(SLOT) == ["sending"]
    assert await site.deliveries(1) == ["pending", "pending"]
    site.publish("e", "f", "g")
    await site.look(NEXT)
    notes = [note for note in await site.notes() if "list readers cannot be read" in note]
    assert len(notes) == 1
    text = email.message_from_string(notes[0]).get_payload(decode=True)
    assert b"the first line must name the columns" in text


# -- missed ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "state", "reason"),
    [
        (hours(0.5), "sending", ""),
        (hours(2), "sending", ""),
        (hours(2) + timedelta(seconds=1), "held", "it was due 2.0 h ago, too late to be sent unasked"),
        (hours(6), "held", "it was due 6.0 h ago, too late to be sent unasked"),
    ],
)
async def test_a_missed_slot_is_sent_within_late_and_held_after_it(
    make_site: OpenSite, late: timedelta, state: str, reason: str
) -> None:
    site = await begun(make_site)
    assert await site.look(SLOT + late) == [state]
    assert (await site.issue()).reason == reason


async def test_an_approved_issue_that_missed_its_departure_is_held_and_undone(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(CUTOFF)
    await publish.approve(site.room, 1)
    assert await site.look(SLOT + hours(3)) == ["held"]
    assert (await site.issue()).reason == "it was due 3.0 h ago, too late to be sent unasked"
    assert (await site.remembered(), await site.deliveries(1)) == (set(), [])


async def test_of_several_missed_slots_the_newest_is_served_and_the_others_are_skipped(make_site: OpenSite) -> None:
    site = await begun(make_site)
    assert await site.look(SLOT + hours(49)) == ["skipped", "skipped", "sending"]
    found = await site.issues()
    assert [each.slot for each in found] == [SLOT, SLOT + hours(24), SLOT + hours(48)]
    missed = "missed: nobody was here to send it, and a later slot has come"
    assert [each.reason for each in found] == [missed, missed, ""]


async def test_after_a_long_absence_the_editors_get_one_note_of_all_that_was_missed(make_site: OpenSite) -> None:
    site = await begun(make_site, 'schedule = "0 * * * *"', '[desk]\nnotify = ["desk@example.org"]')
    site.clock.at = EVENING + hours(14 * 24)
    site.publish("e", "f", "g")
    states = await site.look(site.clock.at)
    assert states.count("skipped") == 14 * 24 - 1
    about_missed = [note for note in await site.notes() if "missed" in note]
    assert len(about_missed) == 1
    assert "335 issues of Defence Notes were skipped" in about_missed[0]


async def test_a_draft_left_behind_is_superseded_by_the_next_slot(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(CUTOFF)
    assert await site.look(NEXT) == ["skipped", "sending"]


async def test_too_late_and_too_few_is_skipped_rather_than_held(make_site: OpenSite) -> None:
    site = await begun(make_site)
    site.publish("a")
    assert await site.look(SLOT + hours(6)) == ["skipped"]
    assert (await site.issue()).reason == "only 1 new story, 3 are needed"


# -- schedules that begin and change -----------------------------------------------------------------------------------


async def test_a_new_schedule_plans_nothing_into_the_past(make_site: OpenSite) -> None:
    site = await make_site()
    assert await site.look(SLOT + minutes(1)) == []
    assert await site.look(NEXT) == ["sending"]
    assert (await site.issue()).slot == NEXT


async def test_a_changed_schedule_plans_nothing_into_the_past(make_site: OpenSite) -> None:
    await begun(make_site)
    site = await make_site('schedule = "0 6 * * *"')
    assert await site.look(SLOT) == []
    assert await site.look(SLOT + hours(23)) == ["sending"]
    assert (await site.issue()).slot == SLOT + hours(23)


async def test_a_changed_zone_is_a_changed_schedule(make_site: OpenSite) -> None:
    await begun(make_site)
    site = await make_site(f'{DAILY}\ntimezone = "Europe/Berlin"')
    assert await site.look(SLOT) == []
    assert await site.look(NEXT) == ["sending"]
    assert (await site.issue()).slot == NEXT - hours(1)


async def test_an_issue_under_review_whose_slot_a_new_schedule_has_not_is_skipped(make_site: OpenSite) -> None:
    await (await begun(make_site)).look(CUTOFF)
    site = await make_site('schedule = "0 9 * * *"')
    assert await site.look(SLOT - minutes(20)) == ["skipped"]
    assert (await site.issue()).reason == "the schedule has changed: this slot is none any more"
    assert await site.look(SLOT + hours(2)) == ["skipped", "sending"]


async def test_an_issue_under_review_whose_slot_a_new_schedule_has_too_goes_on(make_site: OpenSite) -> None:
    await (await begun(make_site)).look(CUTOFF)
    site = await make_site('schedule = "0 7 * * mon-fri"')
    assert await site.look(SLOT - minutes(20)) == ["review"]
    assert await site.look(SLOT) == ["sending"]


async def test_an_approved_issue_leaves_though_the_schedule_has_changed(make_site: OpenSite) -> None:
    before = await begun(make_site)
    await before.look(CUTOFF)
    await publish.approve(before.room, 1)
    site = await make_site('schedule = "0 9 * * *"')
    assert await site.look(SLOT - minutes(20)) == ["approved"]
    assert await site.look(SLOT) == ["sending"]


async def test_an_issue_under_review_that_was_missed_while_the_schedule_changed_is_sent_if_it_is_not_too_late(
    make_site: OpenSite,
) -> None:
    await (await begun(make_site)).look(CUTOFF)
    site = await make_site('schedule = "0 7 * * mon-fri"')
    assert await site.look(SLOT + minutes(10)) == ["sending"]


@pytest.mark.parametrize("moment", [SLOT - minutes(10), SLOT], ids=["approved", "sending"])
async def test_a_newsletter_that_leaves_the_settings_holds_its_issue_and_no_other_newsletter(
    make_site: OpenSite, moment: datetime
) -> None:
    before = await begun(make_site)
    await before.look(CUTOFF)
    await publish.approve(before.room, 1)
    await before.look(moment)
    site = await make_site(DAILY.replace("7", "8"))
    site = replace(site, room=replace(site.room, settings=_renamed(site.room.settings)))
    site.clock.at = SLOT + minutes(1)
    other = await produce.draft(site.room, "others", SLOT, scheduled=False)
    await publish.approve(site.room, other.id)
    await let_go(site.room)
    assert {each.newsletter: (each.state, each.reason) for each in await site.issues()} == {
        NOTES: (IssueState.HELD, "its newsletter is no longer in the settings"),
        "others": (IssueState.SENDING, ""),
    }


def _renamed(settings: Settings) -> Settings:
    return settings.model_copy(update={"newsletters": {"others": settings.newsletters[NOTES]}})


# -- several at once ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", [CUTOFF, SLOT], ids=["cutoff", "slot"])
async def test_two_daemons_at_the_same_moment_make_one_issue(make_site: OpenSite, moment: datetime) -> None:
    one = await begun(make_site)
    two = await make_site()
    one.clock.at = moment
    await asyncio.gather(look_at(one.room, NOTES), look_at(two.room, NOTES), return_exceptions=True)
    await asyncio.gather(let_go(one.room), let_go(two.room))
    states = await one.look(moment)
    assert states == (["review"] if moment == CUTOFF else ["sending"])
    issue = await one.issue()
    assert len(issue.stories) == 4
    actions = [action for action, _ in await one.happened(issue.id)]
    assert sorted(actions) == sorted(dict.fromkeys(actions))
    assert len(await one.deliveries(issue.id)) == (0 if moment == CUTOFF else 2)


async def test_building_an_issue_that_somebody_has_approved_meanwhile_leaves_it_alone(make_site: OpenSite) -> None:
    site = await begun(make_site)
    site.publish("a")
    await site.look(CUTOFF)
    stale = await site.issue()
    site.publish("a", "b", "c")
    await site.look(SLOT)
    before = await site.issue()
    await produce.build(site.room, stale)
    assert await site.issue() == before


async def test_of_two_issues_with_the_same_stories_the_later_is_skipped_when_nothing_else_is_new(
    make_site: OpenSite,
) -> None:
    site = await begun(make_site)
    await site.look(CUTOFF)
    other = await produce.draft(site.room, NOTES, CUTOFF + minutes(1), scheduled=False)
    assert len(other.stories) == 4
    await publish.approve(site.room, other.id, at_once=True)
    assert await site.look(SLOT) == ["sending", "skipped"]
    assert (await site.issues())[1].reason == "no new stories, 3 are needed"


async def test_a_story_taken_at_the_same_instant_leaves_the_later_issue_to_choose_anew(make_site: OpenSite) -> None:
    site = await begun(make_site, f"{DAILY}\nstories = {{ min = 2, max = 4 }}")
    await site.look(CUTOFF)
    other = await produce.draft(site.room, NOTES, CUTOFF + minutes(1), scheduled=False)
    await publish.approve(site.room, other.id, at_once=True)
    site.clock.pass_(60)
    site.publish("e", "f", "g")
    await gathering.gather(site.room)
    with pytest.raises(Conflict, match=r"issue 2 has taken “.*” and 1 more in the meantime"):
        await publish.approve(site.room, 1)
    await site.look(SLOT)
    later = await publish.get(site.room, 1)
    assert (later.state, {story.guid for story in later.stories}) == (IssueState.SENDING, {"e", "f", "g"})
    assert ("issue.rebuilt", "another issue took one of its stories") in await site.happened(1)


# -- what no editor can mend -------------------------------------------------------------------------------------------


async def test_a_broken_template_fails_the_issue_with_file_and_line_and_the_next_is_sent(make_site: OpenSite) -> None:
    site = await begun(make_site)
    broken = site.room.settings.root / "templates/mail/digest.html.j2"
    broken.parent.mkdir(parents=True)
    broken.write_text("<p>\n{% if lead %}\n{{ lead.titel }}\n{% endif %}")
    assert await site.look(SLOT) == ["failed"]
    reason = (await site.issue()).reason
    assert reason.startswith(f"{broken}, line 3: ")
    assert (await site.happened(1))[-1] == ("issue.failed", reason)
    assert (await site.remembered(), await site.deliveries(1)) == (set(), [])
    broken.unlink()
    assert await site.look(NEXT) == ["failed", "sending"]


# -- second thoughts ---------------------------------------------------------------------------------------------------

GRACE = '[delivery]\ngrace = "10m"'


async def test_within_the_grace_period_a_hold_undoes_everything(make_site: OpenSite) -> None:
    site = await begun(make_site, tables=GRACE)
    assert await site.look(SLOT) == ["approved"]
    assert ((await site.issue()).not_before, await site.remembered()) == (SLOT + minutes(10), {1})
    assert await site.look(SLOT + minutes(10) - INSTANT) == ["approved"]
    await publish.hold(site.room, 1, "stop")
    issue = await site.issue()
    assert (issue.state, issue.reason, issue.approved_at, issue.not_before) == (IssueState.HELD, "stop", None, None)
    assert (await site.remembered(), await site.deliveries(1)) == (set(), [])
    assert await site.look(SLOT + minutes(20)) == ["held"]
    assert [action for action, _ in await site.happened(1)][-3:] == ["issue.approved", "issue.undone", "issue.held"]


async def test_after_the_grace_period_it_leaves(make_site: OpenSite) -> None:
    site = await begun(make_site, tables=GRACE)
    await site.look(SLOT)
    assert await site.look(SLOT + minutes(10)) == ["sending"]


async def test_what_was_undone_can_be_approved_again(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(CUTOFF)
    await publish.approve(site.room, 1)
    await publish.hold(site.room, 1, "a comma")
    await publish.resume(site.room, 1)
    await publish.approve(site.room, 1)
    assert await site.look(SLOT) == ["sending"]
    assert (await site.remembered(), await site.deliveries(1)) == ({1}, ["pending", "pending"])


async def test_once_something_has_left_a_hold_stops_but_undoes_nothing(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(SLOT)
    await site.has_left(1)
    await publish.hold(site.room, 1, "stop")
    assert (await site.issue()).approved_at == SLOT
    assert (await site.remembered(), await site.deliveries(1)) == ({1}, ["sent", "pending"])
    assert (await publish.resume(site.room, 1)).state is IssueState.SENDING


async def test_an_approved_issue_of_which_something_has_left_cannot_be_undone(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(CUTOFF)
    await publish.approve(site.room, 1)
    await site.has_left(1, DeliveryState.UNCERTAIN)
    with pytest.raises(IllegalMove, match="leaving already"):
        await publish.hold(site.room, 1, "stop")
    assert ((await site.issue()).state, await site.remembered()) == (IssueState.APPROVED, {1})


async def test_a_hold_in_mid_send_before_anything_has_left_frees_the_stories(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(SLOT)
    await publish.hold(site.room, 1, "stop")
    assert await site.remembered() == set()
    assert (await publish.resume(site.room, 1)).state is IssueState.SENDING
    assert (await site.remembered(), await site.deliveries(1)) == ({1}, ["pending", "pending"])


async def test_an_issue_held_in_mid_send_is_resumed_not_approved_again(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(SLOT)
    await site.has_left(1)
    await publish.hold(site.room, 1, "stop")
    with pytest.raises(IllegalMove):
        await publish.approve(site.room, 1)
    assert (await site.deliveries(1), (await site.issue()).state) == (["sent", "pending"], IssueState.HELD)


@pytest.mark.parametrize("left", [False, True])
async def test_cancelling_skips_what_has_not_left_and_frees_the_stories_of_what_never_did(
    make_site: OpenSite, left: bool
) -> None:
    site = await begun(make_site)
    await site.look(SLOT)
    if left:
        await site.has_left(1)
    assert (await publish.cancel(site.room, 1)).state is IssueState.CANCELLED
    assert await site.deliveries(1) == ["sent" if left else "skipped", "skipped"]
    assert await site.remembered() == ({1} if left else set())


@pytest.mark.parametrize("left", [False, True])
async def test_failing_frees_the_stories_of_what_never_left(make_site: OpenSite, left: bool) -> None:
    site = await begun(make_site)
    await site.look(SLOT)
    if left:
        await site.has_left(1)
    assert (await publish.fail(site.room, 1, "the database")).state is IssueState.FAILED
    assert await site.remembered() == ({1} if left else set())


async def test_freed_stories_are_in_the_next_issue(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(SLOT)
    await publish.cancel(site.room, 1)
    await site.look(NEXT)
    assert {story.guid for story in (await site.issues())[1].stories} == {"a", "b", "c", "d"}


async def test_a_slot_before_a_backup_was_put_back_is_built_and_held(make_site: OpenSite) -> None:
    site = await begun(make_site)
    site.clock.at = SLOT + minutes(10)
    assert not await hold_if_put_back(site.room)
    await hold_everything(site.room, "the database is older than what was sent from this machine")
    assert await site.look(SLOT + minutes(11)) == ["held"]
    issue = await site.issue()
    assert (issue.slot, "a copy of the database was put back" in issue.reason) == (SLOT, True)
    assert await site.look(NEXT - minutes(45)) == ["held", "review"]
    assert await site.look(NEXT) == ["held", "sending"]


@pytest.mark.parametrize(("at", "then"), [(CUTOFF, "review"), (SLOT, "sending")])
async def test_what_could_leave_by_itself_is_held_when_a_backup_was_put_back(
    make_site: OpenSite, at: datetime, then: str
) -> None:
    site = await begun(make_site)
    assert await site.look(at) == [then]
    await hold_if_put_back(site.room)
    stories = await site.remembered()
    await hold_everything(site.room, "the database is a copy")
    assert await site.look(at + minutes(50)) == ["held"]
    assert "issues resume 1" in (await site.issue()).reason
    assert await site.remembered() == stories


async def test_an_approval_for_a_slot_to_come_is_taken_back_with_a_backup(make_site: OpenSite) -> None:
    site = await begun(make_site)
    await site.look(CUTOFF)
    await publish.approve(site.room, 1)
    await hold_if_put_back(site.room)
    await hold_everything(site.room, "the database is a copy")
    issue = await site.issue()
    assert (issue.state, issue.approved_at, await site.deliveries(1)) == (IssueState.HELD, None, [])
