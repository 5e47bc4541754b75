"""A folder of notices as editors meet it: gather, look, correct, take away; on both databases."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from digest.flow import gathering, produce, source_health
from digest.flow.check import Finding, check
from digest.flow.gathering import SourceReport
from digest.flow.newsroom import Newsroom
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
    said = "b.md: `date` in its front matter is 'soon'; write 2026-11-23, 2026-11-23 07:00 or 2026-11-23T07:00+01:00"
    for _ in range(2):
        report = await gathered(room)
        assert (report.status, report.found, report.error) == ("ok", 1, said)
    health = {each["name"]: each for each in await source_health.health(room)}
    assert (health["notices"]["status"], health["notices"]["error"]) == ("ok", said)
    folder = str(room.settings.root / "notices")
    assert Finding("warning", "sources.notices", folder, said) in await check(room)
    write(room, bad.name, "New opening hours")
    assert (await gathered(room)).error is None


async def test_of_many_faults_the_first_are_told(room: Newsroom) -> None:
    for number in range(7):
        write(room, f"{number}.md", "Open day", "draft: []")
    error = (await gathered(room)).error
    assert error == "; ".join(
        [
            *(f"{n}.md: `draft` in its front matter must be one text" for n in range(5)),
            "and 2 more: `digest sources try notices` shows all",
        ]
    )


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
