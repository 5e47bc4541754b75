"""A real folder: which files count, when it is unchanged, and that one bad file costs nothing but itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from digest.errors import GatherError
from digest.gather.fetch import Fetcher
from digest.gather.folder import FolderRead, read_folder
from digest.gather.parsing import Parsers
from digest.gather.sources import Validators, read_source
from digest.settings import Source

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "notices").mkdir()
    return tmp_path / "notices"


def write(file: Path, *lines: str, title: str = "Open day at the harbour") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        "\n".join(["---", f"link: https://harbour.example.org/{file.stem}", f"title: {title}", *lines, "---", ""])
    )
    return file


def look(folder: Path, etag: str | None = None, now: datetime = NOW) -> FolderRead:
    return read_folder("notices", Source(kind="folder", path=folder), etag, now)


def names(read: FolderRead) -> list[str | None]:
    return [story.guid for story in read.stories]


# -- which files -------------------------------------------------------------------------------------------------------


def test_files_of_the_folder_and_of_the_folders_in_it_are_stories(folder: Path) -> None:
    for name in ("b.md", "a.markdown", "C.HTML", "2026/d.md", "2026/deep/e.md", ".hidden.md", "_index.md", "_drafts/f.md",
                 ".git/g.md", "notes.txt", "h.md~", "2026/.i.md", "2026/_j.md"):  # fmt: skip
        write(folder / name)
    (folder / "a folder.md").mkdir()
    read = look(folder)
    assert names(read) == ["2026/d.md", "C.HTML", "a.markdown", "b.md"]
    assert (read.warnings, read.present) == ((), frozenset({"2026/d.md", "C.HTML", "a.markdown", "b.md"}))


def test_an_empty_folder_is_well(folder: Path) -> None:
    read = look(folder)
    assert (read.stories, read.warnings, read.present, read.etag is None) == ((), (), frozenset(), False)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("missing", "the folder {} does not exist"),
        ("file", "{} is not a folder"),
        ("loop", "the folder {} cannot be read: "),
    ],
)
def test_a_folder_that_is_none_is_told(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(GatherError) as caught:
        look(tmp_path / path)
    assert str(caught.value).startswith(said.format(tmp_path / path))


def test_links_may_lead_about_inside_but_never_out(folder: Path, tmp_path: Path) -> None:
    outside = write(tmp_path / "secret.md")
    write(tmp_path / "elsewhere/d.md")
    write(folder / "a.md")
    (folder / "b.md").symlink_to("a.md")
    (folder / "c.md").symlink_to(outside)
    (folder / "d").symlink_to(tmp_path / "elsewhere")
    (folder / "e.md").symlink_to("nowhere.md")
    (folder / "f.md").symlink_to("f.md")
    os.mkfifo(folder / "g.md")
    read = look(folder)
    assert names(read) == ["a.md", "b.md"]
    assert [warning.partition(": ")[0::2] for warning in read.warnings][:3] == [
        ("c.md", "it is a link that leads out of the folder: copy here what it leads to"),
        ("d", "it is a link that leads out of the folder: copy here what it leads to"),
        ("e.md", "it is not a file, or a link that leads nowhere: take it away, or put a file in its place"),
    ]
    assert [warning.partition(": ")[0] for warning in read.warnings] == ["c.md", "d", "e.md", "f.md", "g.md"]


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    write(folder / "a.md")
    (tmp_path / "link").symlink_to(folder)
    assert names(look(tmp_path / "link")) == ["a.md"]


# -- faults ------------------------------------------------------------------------------------------------------------


def test_a_faulty_file_is_named_and_the_others_are_read(folder: Path) -> None:
    write(folder / "a.md")
    (folder / "b.md").write_text("no front matter")
    read = look(folder)
    assert names(read) == ["a.md"]
    assert read.warnings == (
        "b.md: line 1: it has no front matter: a block between two lines of --- (YAML) or +++ (TOML) at its top",
    )
    assert (read.present, read.etag) == (frozenset({"a.md", "b.md"}), None)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_may_not_be_read_is_told_and_withdraws_nothing() -> None:
    with TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        write(folder / "a.md").chmod(0)
        write(folder / "shut/b.md").parent.chmod(0)
        with as_nobody():
            read = look(folder)
        (folder / "shut").chmod(0o700)
    shut = "it cannot be read (Permission denied): whoever runs Digest must be allowed to"
    assert read.warnings == (f"a.md: {shut}", f"shut: {shut}")
    assert read.present is None


def test_a_name_that_is_no_unicode_is_no_crash(folder: Path) -> None:
    write(folder / "a.md").rename(os.fsdecode(os.fsencode(folder) + b"/t\xfcr.md"))
    read = look(folder)
    assert (names(read), read.present) == (["t\\xfcr.md"], frozenset({"t\\xfcr.md"}))
    assert look(folder, read.etag).unchanged


def test_of_a_long_file_the_beginning_is_read(folder: Path) -> None:
    long = "Über die Brücke führt jetzt wieder ein Weg für alle. " * 100_000
    with write(folder / "a.md").open("a", encoding="utf-8") as file:
        file.write(f"\nDie Brücke ist wieder offen für alle, die zu Fuß gehen.\n\n{long}")
    assert (folder / "a.md").stat().st_size > 5_000_000
    assert look(folder).stories[0].teaser == "Die Brücke ist wieder offen für alle, die zu Fuß gehen."


# -- unchanged ---------------------------------------------------------------------------------------------------------


def test_a_folder_is_unchanged_until_a_file_is_added_changed_renamed_or_taken_away(folder: Path) -> None:
    changes: list[Callable[[], object]] = [
        lambda: write(folder / "a.md"),
        lambda: write(folder / "a.md", title="Open day is put off"),
        lambda: os.utime(folder / "a.md", (1, 1)),
        lambda: (folder / "a.md").rename(folder / "b.md"),
        lambda: (folder / "b.md").unlink(),
    ]
    etag = look(folder).etag
    for change in changes:
        assert look(folder, etag) == FolderRead((), None, etag, unchanged=True)
        change()
        read = look(folder, etag)
        assert (read.unchanged, read.etag == etag) == (False, False)
        etag = read.etag


@pytest.mark.parametrize("line", ["date: 2026-11-24", "expires: 2026-11-24"])
def test_a_folder_that_waits_for_a_date_is_read_each_time(folder: Path, line: str) -> None:
    write(folder / "a.md", line)
    assert look(folder).etag is None


def test_an_embargo_ends_at_its_instant_without_a_change_to_the_file(folder: Path) -> None:
    write(folder / "a.md", "date: 2026-11-23T09:00Z")
    before, after = look(folder), look(folder, now=NOW + timedelta(hours=2))
    assert (names(before), before.present) == ([], frozenset())
    assert (names(after), after.etag is None) == (["a.md"], False)


# -- as a source -------------------------------------------------------------------------------------------------------


async def test_a_folder_is_read_as_any_source_is(folder: Path, fetcher: Fetcher, parsers: Parsers) -> None:
    write(folder / "a.md", title="Minister to open the day")
    write(folder / "b.md", title="Sponsored open day")
    (folder / "c.md").touch()
    source = Source(kind="folder", path=folder, exclude=("sponsored",))
    read = await read_source(fetcher, "notices", source, Validators(), NOW, parsers=parsers)
    assert (read.status, read.found, [story.title for story in read.stories]) == ("ok", 2, ["Minister to open the day"])
    assert (read.present, len(read.warnings)) == (frozenset({"a.md", "c.md"}), 1)
    (folder / "c.md").unlink()
    settled = await read_source(fetcher, "notices", source, read.validators, NOW, parsers=parsers)
    again = await read_source(fetcher, "notices", source, settled.validators, NOW, parsers=parsers)
    assert (settled.status, again.status, again.stories, again.validators) == (
        "ok",
        "unchanged",
        (),
        settled.validators,
    )


async def test_a_push_source_is_never_fetched(fetcher: Fetcher, parsers: Parsers) -> None:
    known = Validators("e", "l", "b")
    read = await read_source(fetcher, "cms", Source(kind="push"), known, NOW, parsers=parsers)
    assert (read.status, read.stories, read.validators, read.present) == ("unchanged", (), known, None)
