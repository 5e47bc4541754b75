"""A folder of notices as editors meet it: gather, look, correct, take away; on both databases."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from digest.flow import gathering, produce, source_health, withdrawal
from digest.flow.check import Finding, check
from digest.flow.gathering import SourceReport
from digest.flow.newsroom import Newsroom
from digest.model.issue import Issue
from digest.model.story import RawStory
from digest.store import stories
from digest.store.engine import Store
from tests.fakes import FakeClock
from tests.flow.room import open_room


@pytest.fixture
def room(tmp_path: Path, store: Store, clock: FakeClock) -> Newsroom:
    return open_room(tmp_path, store, clock)


def write(room: Newsroom, name: str, title: str, *lines: str) -> Path:
    file = room.settings.root / "notices" / name
    head = "\n".join(["---", f"title: {title}", f"link: https://harbour.example.org/{name}", *lines, "---"])
    file.write_text(f"{head}\n\nThe gates are open from nine to five, whatever the weather.\n")
    return file


async def gathered(room: Newsroom) -> SourceReport:
    (report,) = await gathering.gather(room, ["notices"])
    return report


async def titles(room: Newsroom) -> list[str]:
    pool, _ = await produce.explain(room, None)
    return sorted(story.title for story in pool)


async def test_notices_are_gathered_corrected_and_taken_away(room: Newsroom) -> None:
    file = write(room, "a.md", "Open dya at the harbour")
    write(room, "b.md", "New opening hours")
    report = await gathered(room)
    assert (report.status, report.found, report.new, report.error) == ("ok", 2, 2, None)
    assert (await gathered(room)).status == "unchanged"
    write(room, "a.md", "Open day at the old harbour")
    report = await gathered(room)
    assert (report.status, report.found, report.new) == ("ok", 2, 0)
    assert await titles(room) == ["New opening hours", "Open day at the old harbour"]
    file.unlink()
    assert (await gathered(room)).found == 1
    assert await titles(room) == ["New opening hours"]


async def test_an_embargo_holds_and_an_expired_notice_goes(room: Newsroom, clock: FakeClock) -> None:
    today = clock.now().date().isoformat()
    write(room, "a.md", "The harbour was sold", f"date: {today} 23:00")
    write(room, "b.md", "Meeting tonight in the hall", f"expires: {today} 23:00")
    await gathered(room)
    assert await titles(room) == ["Meeting tonight in the hall"]
    clock.at = clock.now().replace(hour=23)
    assert (await gathered(room)).status == "ok"
    assert await titles(room) == ["The harbour was sold"]


async def test_a_faulty_file_is_told_wherever_editors_look_until_it_is_mended(room: Newsroom) -> None:
    write(room, "a.md", "Open day at the harbour")
    bad = write(room, "b.md", "New opening hours", "date: soon")
    dates = "2026-11-23, 2026-11-23 07:00 or 2026-11-23T07:00+01:00"
    said = f"b.md: line 4: `date` in its front matter is 'soon'; write {dates}"
    for _ in range(2):
        report = await gathered(room)
        assert (report.status, report.found, report.error) == ("ok", 1, said)
    health = {each["name"]: each for each in await source_health.health(room)}
    assert (health["notices"]["status"], health["notices"]["error"]) == ("ok", said)
    folder = str(room.settings.root / "notices")
    assert Finding("warning", "sources.notices", folder, said) in await check(room)
    write(room, bad.name, "New opening hours")
    assert (await gathered(room)).error is None


async def test_of_many_faults_the_first_are_told_in_full_and_every_file_is_named(room: Newsroom) -> None:
    for number in range(7):
        write(room, f"{number}.md", "Open day", "draft: []")
    error = (await gathered(room)).error
    told = [f"{n}.md: line 4: `draft` in its front matter must be one text, and no list: `draft: …`" for n in range(7)]
    more = "and 2 more (5.md, 6.md): `digest sources try notices` says what is wrong with each"
    assert error == "; ".join([*told[:5], more])
    assert (await gathering.try_source(room, "notices")).warnings == tuple(told)


async def test_a_folder_full_of_faulty_files_is_told_of_in_a_bounded_line(room: Newsroom) -> None:
    for number in range(60):
        write(room, f"{number:02}.md", "Open day", "draft: []")
    error = (await gathered(room)).error or ""
    assert "; and 55 more (05.md, 06.md, " in error
    assert error.endswith(", 54.md, …): `digest sources try notices` says what is wrong with each")


async def test_a_file_that_breaks_keeps_the_story_that_it_was(room: Newsroom) -> None:
    file = write(room, "a.md", "Open day at the harbour")
    await gathered(room)
    file.write_text("---\ntitle: Open da")
    await gathered(room)
    assert await titles(room) == ["Open day at the harbour"]


async def test_a_missing_folder_fails_in_plain_words_and_withdraws_nothing(room: Newsroom) -> None:
    write(room, "a.md", "Open day at the harbour")
    await gathered(room)
    folder = room.settings.root / "notices"
    shutil.rmtree(folder)
    report = await gathered(room)
    assert (report.status, report.error) == ("failed", f"the folder {folder} does not exist")
    assert await titles(room) == ["Open day at the harbour"]
    assert Finding("error", "sources.notices", str(folder), f"the folder {folder} does not exist") in await check(room)


# -- taken away while an issue is under review -------------------------------------------------------------------------


async def under_review(room: Newsroom) -> Issue:
    for name, title in (("a.md", "Open day at the old harbour"), ("b.md", "New opening hours for the library")):
        write(room, name, title)
    await gathered(room)
    return await produce.draft(room, "town", room.clock.now(), scheduled=False)


async def withdrawn(room: Newsroom, issue: Issue) -> list[tuple[str, str]]:
    return [(story.guid or "", reason) for story, reason in await withdrawal.withdrawn(room, issue)]


TAKEN_AWAY = "its notice was taken out of the folder, or has expired"


@pytest.mark.parametrize("gathered_since", [True, False])
async def test_a_notice_that_is_taken_away_is_told_of_before_its_issue_is_approved(
    room: Newsroom, gathered_since: bool
) -> None:
    issue = await under_review(room)
    assert await withdrawn(room, issue) == []
    (room.settings.root / "notices/a.md").unlink()
    if gathered_since:
        await gathered(room)
    assert await withdrawn(room, issue) == [("a.md", TAKEN_AWAY)]
    _, warnings = await withdrawal.look_again(room, issue)
    assert warnings == [f"“Open day at the old harbour” (notices): {TAKEN_AWAY}"]
    write(room, "a.md", "Open day at the old harbour")
    assert await withdrawn(room, issue) == []


async def test_a_notice_that_expires_under_review_is_told_of_and_a_faulty_one_stands(
    room: Newsroom, clock: FakeClock
) -> None:
    issue = await under_review(room)
    write(room, "a.md", "Open day at the old harbour", f"expires: {clock.now().isoformat()}")
    write(room, "b.md", "New opening hours", "date: soon")
    assert await withdrawn(room, issue) == [("a.md", TAKEN_AWAY)]
    shutil.rmtree(room.settings.root / "notices")
    assert await withdrawn(room, issue) == []


async def test_when_the_last_notice_was_taken_away_all_are_told_of(room: Newsroom) -> None:
    issue = await under_review(room)
    for name in ("a.md", "b.md"):
        (room.settings.root / "notices" / name).unlink()
    assert sorted(await withdrawn(room, issue)) == [("a.md", TAKEN_AWAY), ("b.md", TAKEN_AWAY)]


async def test_a_notice_that_another_source_tells_too_stands(room: Newsroom) -> None:
    issue = await under_review(room)
    async with room.store.write() as conn:
        story = next(story for story in issue.stories if story.guid == "a.md")
        told = RawStory("blog", None, story.link, story.link_key, story.title, story.title_key, "")
        assert not await stories.add(conn, told, room.clock.now())
    (room.settings.root / "notices/a.md").unlink()
    assert await withdrawn(room, issue) == []


async def test_a_notice_that_was_taken_away_is_dropped_if_so_wished(room: Newsroom) -> None:
    config = room.settings.newsletters["town"].model_copy(update={"withdrawn": "drop"})
    room.settings.newsletters["town"] = config
    issue = await under_review(room)
    (room.settings.root / "notices/a.md").unlink()
    changed, warnings = await withdrawal.look_again(room, issue)
    assert [story.guid for story in changed.stories] == ["b.md"]
    assert warnings == [f"“Open day at the old harbour” (notices): {TAKEN_AWAY}; it was dropped"]
