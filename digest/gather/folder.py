"""A folder of Markdown and HTML files with front matter -> stories: editors' own notices.

The folder is the truth: a file that changes changes its story, one that is taken away withdraws it. A faulty file costs
nothing but itself. What is not here: what a file says (notice), and what becomes of a story that is gone (store/revisions).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from digest.errors import GatherError, one_line
from digest.gather.notice import File, read_notice
from digest.model.story import RawStory
from digest.settings import Source

ENDINGS = (".md", ".markdown", ".html")

_NO_FILE = "it is not a file, or a link that leads nowhere: take it away, or put a file in its place"
_LEADS_OUT = "it is a link that leads out of the folder: copy here what it leads to"

HEAD_BYTES = 262_144
"""So much of a file is read: front matter and the first paragraphs; the rest of a long one says nothing to a teaser."""


@dataclass(frozen=True, slots=True)
class FolderRead:
    """What a look at a folder gave. stories: those that are due now, by file name.

    present: names of the files that are stories now, or might be if they were not faulty; a story of any other file was
    taken away, or is not to be sent now. None when a part of the folder could not be looked into.
    etag: fingerprint by which the folder is known as unchanged; None when it must be read again: a file is faulty, or
    waits for its date. unchanged: it is as the given etag says, and was not read. warnings: "FILE: line N: what is wrong".
    """

    stories: tuple[RawStory, ...]
    present: frozenset[str] | None
    etag: str | None
    unchanged: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """A file in the folder. name: its path inside, with slashes. fault: why it is not read; None when it may be.

    hides: it is a folder whose files nobody can see.
    """

    name: str
    path: Path
    modified_ns: int = 0
    size_bytes: int = 0
    fault: str | None = None
    hides: bool = False


def read_folder(name: str, source: Source, etag: str | None, now: datetime) -> FolderRead:
    """The stories in the folder `source.path`, unless it is unchanged by `etag` (None: read it).

    Raises GatherError when there is no such folder or it cannot be listed.
    """
    folder = source.path or Path()
    found = sorted(_files(folder), key=lambda each: each.name)
    fingerprint = _fingerprint(found)
    if etag == fingerprint:
        return FolderRead((), None, etag, unchanged=True)
    stories: list[RawStory] = []
    present: set[str] = set()
    warnings: list[str] = []
    settled = True
    for each in found:
        try:
            notice = read_notice(_read(each), name, source, now)
        except GatherError as error:
            warnings.append(f"{one_line(each.name)}: {error}")
            present.add(each.name)  # a file that is being written must not withdraw the story that it was
            continue
        settled = settled and notice.settled
        if notice.story:
            stories.append(notice.story)
            present.add(each.name)
    lasting = fingerprint if settled and not warnings else None
    whole = None if any(each.hides for each in found) else frozenset(present)
    return FolderRead(tuple(stories), whole, lasting, warnings=tuple(warnings))


def _files(folder: Path) -> Iterator[_Found]:
    """The files that are meant, of the folder and of the folders in it; names that begin with . or _ are not."""
    try:
        home = folder.resolve(strict=True)
        entries = _entries(home)
    except FileNotFoundError:
        raise GatherError(f"the folder {folder} does not exist") from None
    except NotADirectoryError:
        raise GatherError(f"{folder} is not a folder") from None
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links that lead in a circle
        raise GatherError(f"the folder {folder} cannot be read: {_reason(error)}") from None
    for entry in entries:
        if entry.suffix.lower() in ENDINGS and not entry.is_dir():
            yield _looked_at(entry, home)
        elif entry.is_dir():
            yield from _inside(entry, home)


def _inside(folder: Path, home: Path) -> Iterator[_Found]:
    """The files of a folder in the folder."""
    name = _name(folder, home)
    try:
        if not folder.resolve().is_relative_to(home):
            yield _Found(name, folder, fault=_LEADS_OUT)
            return
        entries = _entries(folder)
    except (OSError, RuntimeError) as error:
        yield _Found(name, folder, fault=_unreadable(error), hides=True)
        return
    for entry in entries:
        if entry.suffix.lower() in ENDINGS and not entry.is_dir():
            yield _looked_at(entry, home)


def _entries(folder: Path) -> list[Path]:
    return [entry for entry in folder.iterdir() if not entry.name.startswith((".", "_"))]


def _looked_at(file: Path, home: Path) -> _Found:
    name = _name(file, home)
    try:
        if not file.resolve().is_relative_to(home):
            return _Found(name, file, fault=_LEADS_OUT)
        if not file.is_file():
            return _Found(
                name,
                file,
                fault=_NO_FILE,
            )
        state = file.stat()
    except (OSError, RuntimeError) as error:
        return _Found(name, file, fault=_unreadable(error))
    return _Found(name, file, state.st_mtime_ns, state.st_size)


def _name(path: Path, home: Path) -> str:
    """The path inside the folder; bytes that are no UTF-8 are shown as such, for the database takes only text."""
    return os.fsencode(path.relative_to(home).as_posix()).decode("utf-8", "backslashreplace")


def _read(found: _Found) -> File:
    if found.fault:
        raise GatherError(found.fault)
    try:
        with found.path.open("rb") as file:
            content = file.read(HEAD_BYTES)
    except OSError as error:
        raise GatherError(_unreadable(error)) from None
    whole = len(content) < HEAD_BYTES
    if not whole:
        content = content[: content.rfind(b"\n") + 1] or content  # not in the middle of a character
    return File(found.name, content, datetime.fromtimestamp(found.modified_ns / 1e9, UTC), whole)


def _fingerprint(found: list[_Found]) -> str:
    """Changes with any file's name, time, size or fault."""
    state = repr([(each.name, each.modified_ns, each.size_bytes, each.fault) for each in found])
    return sha256(state.encode("utf-8", "backslashreplace")).hexdigest()


def _unreadable(error: Exception) -> str:
    return f"it cannot be read ({_reason(error)}): whoever runs Digest must be allowed to"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
