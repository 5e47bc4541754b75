"""The inbox keeps what it is given, byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from digest.clock import SystemClock
from digest.demo.inbox import receiving
from digest.demo.maildir import Maildir
from digest.web.serving import bound


@dataclass(frozen=True, slots=True)
class Inbox:
    port: int
    maildir: Maildir
    folder: Path


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    maildir = Maildir(tmp_path / "inbox", SystemClock())
    maildir.make()
    listening = bound("127.0.0.1", 0, "smtp.port")
    async with receiving(maildir, listening):
        yield Inbox(listening.getsockname()[1], maildir, tmp_path / "inbox")


class Talk:
    """A conversation in SMTP, word by word."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, line: bytes) -> str:
        self._writer.write(line + b"\r\n")
        return await self.answer()

    async def answer(self) -> str:
        lines = [await asyncio.wait_for(self._reader.readline(), 10)]
        while lines[-1][3:4] == b"-":
            lines.append(await asyncio.wait_for(self._reader.readline(), 10))
        return b"".join(lines).decode()

    async def send(self, content: bytes, recipient: str = "reader@example.org") -> str:
        assert (await self.say(b"MAIL FROM:<bounce@example.org> SMTPUTF8")).startswith("250")
        assert (await self.say(f"RCPT TO:<{recipient}>".encode())).startswith("250")
        assert (await self.say(b"DATA")).startswith("354")
        stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in content.split(b"\r\n"))
        return await self.say(stuffed + b".")

    def hang_up(self) -> None:
        self._writer.close()


async def greeted(port: int) -> tuple[Talk, str]:
    talk = Talk(*await asyncio.open_connection("127.0.0.1", port))
    assert (await talk.answer()).startswith("220")
    return talk, await talk.say(b"EHLO test")


HEAD = b"From: a@example.org\r\nTo: reader@example.org\r\nSubject: x\r\n\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"plain\r\n",
        b".\r\n..\r\n. a dot\r\n.\r\n",
        b"x" * 998 + b"\r\n." + b"y" * 997 + b"\r\n",
        "Grüße, 新聞\r\n".encode(),
        b"\xff\xfe\x00 raw \x80\r\n",
        b"bare\nnewline and bare\rreturn\r\n",
        b"\r\n\r\n\r\n",
        b"long\r\n" * 20_000,
    ],
    ids=["plain", "dots", "longest lines", "utf-8", "no text", "bare ends", "empty lines", "large"],
)
async def test_bytes_are_kept_as_they_came(inbox: Inbox, body: bytes) -> None:
    talk, _ = await greeted(inbox.port)
    assert (await talk.send(HEAD + body)).startswith("250")
    talk.hang_up()
    (kept,) = (inbox.folder / "new").iterdir()
    assert kept.read_bytes() == HEAD + body
    assert not list((inbox.folder / "tmp").iterdir())


async def test_it_offers_smtputf8_and_keeps_recipients_apart_from_the_bytes(inbox: Inbox) -> None:
    talk, offered = await greeted(inbox.port)
    assert "SMTPUTF8" in offered
    await talk.send(HEAD, "jörg@bücher.example")
    talk.hang_up()
    (stored,) = inbox.maildir.newest()
    assert stored.envelope.recipients == ("jörg@bücher.example",)
    assert stored.envelope.sender == "bounce@example.org"
    assert "jörg" not in stored.path.read_text(encoding="utf-8")


async def test_a_line_longer_than_the_standard_allows_is_refused(inbox: Inbox) -> None:
    talk, _ = await greeted(inbox.port)
    assert (await talk.send(HEAD + b"x" * 1200 + b"\r\n")).startswith("500")
    talk.hang_up()
    assert inbox.maildir.newest() == []


async def test_the_newest_mail_comes_first_also_when_a_mail_program_has_read_it(inbox: Inbox) -> None:
    ids = [inbox.maildir.add(HEAD, "a@example.org", (f"r{number}@example.org",)) for number in range(3)]
    (inbox.folder / "new" / ids[2]).rename(inbox.folder / "cur" / f"{ids[2]}:2,S")
    assert [stored.id for stored in inbox.maildir.newest()] == ids[::-1]
    found = inbox.maildir.find(ids[2])
    assert found is not None
    assert found.envelope.recipients == ("r2@example.org",)


@pytest.mark.parametrize(
    "name", ["../settings.toml", "", ".", "1795462039593542.P1Q*", "new", "1795462039593542.P1Q000001"]
)
def test_a_name_that_is_no_mail_finds_nothing(tmp_path: Path, name: str) -> None:
    maildir = Maildir(tmp_path, SystemClock())
    maildir.make()
    assert maildir.find(name) is None


async def test_it_hangs_up_on_guests_when_it_ends(tmp_path: Path) -> None:
    maildir = Maildir(tmp_path / "inbox", SystemClock())
    maildir.make()
    listening = bound("127.0.0.1", 0, "smtp.port")
    async with receiving(maildir, listening):
        talk, _ = await greeted(listening.getsockname()[1])
    assert await talk.answer() == ""
    talk.hang_up()
