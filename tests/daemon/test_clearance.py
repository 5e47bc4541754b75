"""Nobody is asked at the slot: errors hold the issue, warnings are told, and a fault of ours stops nothing."""

from __future__ import annotations

import email
from pathlib import Path

import pytest

from digest.errors import Conflict
from digest.flow import clearance, editing, preflight, publish
from digest.model.edit import Act, Move
from digest.model.issue import IssueState
from digest.render.preflight import Look, Page, words
from tests.daemon.conftest import OpenSite
from tests.daemon.desk import DAILY, Site, hours, minutes
from tests.daemon.test_timetable import CUTOFF, SLOT, begun
from tests.gather.web import Page as Answer

DESK = '[desk]\nnotify = ["editor@example.org"]'

NO_WAY_OUT = """<!DOCTYPE html><html lang="en" dir="ltr"><head><title>Notes</title></head><body><h1>Notes</h1>
{% for story in stories %}{% story story %}<h2><a href="{{ story.link }}">{{ story.title }}</a></h2>{% endstory %}
{% endfor %}<a href="{{ view_url }}">{{ words.view }}</a> {{ site.address }}</body></html>
"""


@pytest.fixture
async def site(make_site: OpenSite) -> Site:
    return await begun(make_site, DAILY, DESK)


def spoil_template(site: Site) -> Path:
    file = site.room.settings.root / "templates" / "mail" / "digest.html.j2"
    file.parent.mkdir(parents=True)
    file.write_text(NO_WAY_OUT)
    return file


async def said(site: Site) -> list[str]:
    """Subject and text of each note, oldest first."""
    notes = [email.message_from_string(note) for note in await site.notes()]
    return [f"{note['Subject']}\n{bytes(note.get_payload(decode=True)).decode()}" for note in notes]


async def test_an_issue_with_errors_is_held_at_its_slot_and_its_editors_know_since_the_cutoff(site: Site) -> None:
    spoil_template(site)
    assert await site.look(CUTOFF) == ["review"]
    review, early = await said(site)
    assert "is ready for review" in review
    assert "issue 1 is not fit to be sent" in early
    assert "- Error: ways out: the mail has no unsubscribe link" in early
    assert "It is not sent before the errors are mended." in early
    assert await site.look(SLOT) == ["held"]
    held = (await said(site))[2:]
    reason = "preflight found 1 error: ways out: the mail has no unsubscribe link"
    assert (await site.issue()).reason == reason
    assert [reason in " ".join(note.split()) for note in held] == [True]
    assert await site.look(SLOT + minutes(1)) == ["held"]
    assert len(await said(site)) == 3
    assert await site.remembered() == set()


async def test_what_is_held_for_errors_is_looked_at_anew_when_it_is_resumed(site: Site) -> None:
    file = spoil_template(site)
    await site.look(SLOT)
    issue, findings = await clearance.resume(site.room, 1)
    assert (issue.state, findings[0].check) == (IssueState.HELD, "ways out")
    file.unlink()
    issue, findings = await clearance.resume(site.room, 1)
    assert issue.state is IssueState.REVIEW
    assert [each for each in findings if each.level == "error"] == []
    assert await site.look(SLOT + minutes(1)) == ["sending"]


async def test_warnings_are_told_once_and_stop_nothing(site: Site) -> None:
    site.web.pages["/b"] = Answer(status=410)
    assert await site.look(CUTOFF) == ["review"]
    assert await site.look(SLOT) == ["sending"]
    _review, warned = await said(site)
    assert "issue 1 should be looked at" in warned
    assert "Warning: dead links" in warned
    assert "It goes out all the same." in warned


async def test_what_has_come_up_since_the_cutoff_is_told_at_the_slot(site: Site) -> None:
    assert await site.look(CUTOFF) == ["review"]
    await editing.apply(site.room, 1, [Move(Act.SUBJECT, text="EVERYTHING IN LOUD CAPITALS TODAY")])
    assert await site.look(SLOT) == ["sending"]
    assert ["Warning: subject" in note for note in await said(site)] == [False, True]
    assert [action for action, _ in await site.happened(1)][-3:] == [
        "issue.approved", "issue.preflight", "issue.sending",
    ]  # fmt: skip


@pytest.mark.parametrize("part", ["a check", "everything", "the links"])
async def test_a_fault_of_preflight_is_told_and_the_issue_is_sent(
    site: Site, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise LookupError("no such shelf")

    if part == "a check":
        monkeypatch.setattr("digest.render.preflight.CHECKS", (fails, words.subject))
    else:
        monkeypatch.setattr(preflight, "check_mail" if part == "everything" else "check_links", fails)
    assert await site.look(SLOT) == ["sending"]
    (told,) = [note for note in await said(site) if "by a fault of Digest itself" in " ".join(note.split())]
    assert "no such shelf (LookupError)" in " ".join(told.split())


def test_one_check_that_fails_leaves_the_others_their_say(monkeypatch: pytest.MonkeyPatch) -> None:
    from digest.render.preflight import check_mail

    def fails(_look: Look, _page: Page) -> None:
        raise LookupError("no such shelf")

    monkeypatch.setattr("digest.render.preflight.CHECKS", (fails, words.subject))
    found = check_mail(Look("", "", "<html></html>", "", 0, "https://a.test/u", "https://a.test/v"))
    assert {each.check for each in found} == {"preflight", "subject"}


async def test_what_was_changed_since_it_was_checked_is_not_approved(site: Site) -> None:
    await site.look(CUTOFF)
    seen = await site.issue()
    await editing.apply(site.room, 1, [Move(Act.INTRO, text="Good morning.")])
    with pytest.raises(Conflict, match="has been changed"):
        await publish.approve(site.room, 1, seen=seen)
    assert (await publish.approve(site.room, 1, seen=await site.issue())).state is IssueState.APPROVED


async def test_a_choice_made_anew_is_checked_anew(site: Site) -> None:
    """What an editor said yes to is not what would leave now."""
    await site.look(CUTOFF)
    seen = await site.issue()
    spoil_template(site)
    await editing.apply(site.room, 1, [Move(Act.INTRO, text="Good morning.")])
    assert (await clearance.approve_or_rebuild(site.room, 1, at_once=True, seen=seen)).state is IssueState.HELD
    assert await site.look(SLOT + hours(1)) == ["held"]
