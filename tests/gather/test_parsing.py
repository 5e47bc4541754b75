"""The process that reads foreign bytes: it may be held or broken, and nobody else notices."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.errors import GatherError
from digest.gather import child
from digest.gather.fetch import Response
from digest.gather.parsing import Parsers
from digest.gather.wire import from_story, to_story
from digest.model.story import RawStory
from digest.settings import Select, Source

URL = "https://coast.example.org/feed"
SOURCE = Source(kind="feed", url=URL, topics=("harbour",))
GOOD = b"<rss version='2.0'><channel><item><title>Two tugs came in</title><link>/1</link></item></channel></rss>"
SLOW = b"<rss version='2.0'><channel><item>" + b"<x>" * 400_000
NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)


async def titles(parsers: Parsers, body: bytes, source: Source = SOURCE) -> list[str]:
    found = await parsers.stories(Response(200, URL, body), "coast", source, NOW)
    return [story.title for story in found]


def processes() -> set[int]:
    """The processes that read for us and are alive."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except (OSError, IndexError, ValueError):
            continue
        if parent == os.getpid() and b"digest.gather.child" in command:
            found.add(int(folder.name))
    return found


def environment(process: int) -> bytes:
    return Path(f"/proc/{process}/environ").read_bytes()


@pytest.fixture
async def impatient() -> AsyncIterator[Parsers]:
    async with aclosing(Parsers(limit_s=1.0, at_once=1)) as parsers:
        yield parsers


async def test_a_story_survives_the_pipes_unchanged(parsers: Parsers) -> None:
    story = RawStory("coast", None, "https://a.test/ü", "k", "“T” \U0001f600", "", "x", NOW, None, "en", ("a", "b"))
    assert to_story(from_story(story)) == story
    assert await titles(parsers, GOOD) == ["Two tugs came in"]


async def test_one_process_reads_one_source_after_another(parsers: Parsers) -> None:
    await titles(parsers, GOOD)
    first = processes()
    for _ in range(3):
        await titles(parsers, GOOD)
    assert processes() == first
    assert len(first) == 1


async def test_what_is_no_feed_is_a_fault_of_its_source_and_the_process_goes_on(parsers: Parsers) -> None:
    await titles(parsers, GOOD)
    first = processes()
    with pytest.raises(GatherError, match="an OPML list of feeds"):
        await titles(parsers, b"<opml version='2.0'/>")
    assert await titles(parsers, GOOD) == ["Two tugs came in"]
    assert processes() == first


async def test_a_feed_that_takes_too_long_is_given_up_and_hurts_no_other(impatient: Parsers) -> None:
    held, good = await asyncio.gather(titles(impatient, SLOW), titles(impatient, GOOD), return_exceptions=True)
    assert isinstance(held, GatherError)
    assert "it takes longer than 1 seconds to read" in str(held)
    assert good == ["Two tugs came in"]
    assert len(processes()) == 1


async def test_a_process_that_dies_in_mid_reading_is_a_fault_of_that_source_alone() -> None:
    async with aclosing(Parsers(at_once=1)) as parsers:
        await titles(parsers, GOOD)
        [victim] = processes()
        reading = asyncio.create_task(titles(parsers, SLOW))
        await asyncio.wait([reading], timeout=0.2)
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(GatherError, match="it breaks the program that reads it"):
            await reading
        assert await titles(parsers, GOOD) == ["Two tugs came in"]


async def test_a_process_that_died_while_it_was_idle_is_replaced_unnoticed(parsers: Parsers) -> None:
    await titles(parsers, GOOD)
    [victim] = processes()
    os.kill(victim, signal.SIGKILL)
    assert await titles(parsers, GOOD) == ["Two tugs came in"]


async def test_a_reading_that_nobody_waits_for_any_more_ends_its_process(parsers: Parsers) -> None:
    reading = asyncio.create_task(titles(parsers, SLOW))
    while not processes():
        await asyncio.wait([reading], timeout=0.05)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert processes() == set()


async def test_a_large_parent_does_not_wear_its_processes_out(parsers: Parsers) -> None:
    ballast = bytearray(600_000_000)  # more than a process may grow to before it is replaced
    ballast[::4096] = b"x" * len(ballast[::4096])
    await titles(parsers, GOOD)
    first = processes()
    await titles(parsers, GOOD)
    assert len(ballast) > 0
    assert processes() == first != set()


async def test_no_process_is_left_when_the_parsers_are_closed() -> None:
    parsers = Parsers()
    await asyncio.gather(titles(parsers, GOOD), titles(parsers, GOOD))
    assert processes() != set()
    await parsers.aclose()
    assert processes() == set()


async def test_the_process_ends_when_its_input_does_and_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_SMTP__PASSWORD", "harbour")
    async with aclosing(Parsers()) as parsers:
        await titles(parsers, GOOD)
        [child] = processes()
        assert b"harbour" not in environment(child)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "digest.gather.child", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    await process.communicate()
    assert process.returncode == 0


async def test_pages_are_read_there_too(parsers: Parsers) -> None:
    page = Source(kind="page", url=URL, select=Select(item="li"))
    assert await titles(parsers, b"<ul><li><a href=/1>One boat came in</a></ul>", page) == ["One boat came in"]
    with pytest.raises(GatherError, match="the rule item = 'li' matches nothing"):
        await titles(parsers, b"<p>Nothing.</p>", page)


def test_what_reads_folders_and_takes_in_what_is_pushed_never_loads_the_heavy_libraries() -> None:
    code = (
        "import sys\nfrom digest.gather.notice import *\nfrom digest.gather.entry import Entry, story_of\n"
        "from digest.settings import Source\nfrom datetime import datetime, UTC\nimport digest.app, digest.flow.gathering\n"
        "entry = Entry('https://a.test/', 'Two tugs came into the old harbour', ('',), ('https://a.test/1',))\n"
        "assert story_of(entry, 'a', Source(kind='push'), datetime(2026, 11, 23, tzinfo=UTC))\n"
        "print(*({'numpy', 'py3langid', 'feedparser', 'fastfeedparser', 'trafilatura'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("", "")


async def test_a_machine_that_has_no_room_for_a_process_is_told_of_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_room(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    async with aclosing(Parsers(at_once=1)) as parsers:
        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "create_subprocess_exec", no_room)
            with pytest.raises(GatherError, match="cannot be started: Resource temporarily unavailable"):
                await titles(parsers, GOOD)
        assert await titles(parsers, GOOD) == ["Two tugs came in"]


def test_a_reader_that_breaks_is_told_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise UnicodeError

    monkeypatch.setattr(child, "_limit", lambda *_: None)  # the limits are for a process of its own
    monkeypatch.setitem(child._TASKS, "stories", broken)
    answer = child._answer({"task": "stories", "limit_s": 10}, b"")
    assert answer["error"] == "it is broken: something in it cannot be read"
