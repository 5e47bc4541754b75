"""A newsletter whose templates greet by name: previewed, approved, sent and shown on the web as its editor has seen it."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from digest.app import template_folders
from digest.clock import SystemClock
from digest.flow import gathering, mailing, membership, preflight, preview, produce, publish
from digest.flow.newsroom import Newsroom
from digest.flow.send import Sender
from digest.model.issue import Issue
from digest.render.preflight import Finding, Level
from digest.store import issues
from digest.tokens import Purpose
from tests.daemon.conftest import OpenSite
from tests.daemon.desk import NOTES
from tests.deliver.server import Server, Taken

_SHIPPED = Path(__file__).parents[2] / "templates/mail"
_GREETING = "{% if subscriber.name %}Good morning, {{ subscriber.name }}.{% else %}Good morning.{% endif %}"
ANNA, BEN = "anna@example.org", "ben@example.org"
NAMED = "Good morning, Anna & <Co>."


@dataclass
class Greeting:
    """A site with an issue under review and a mail server. Anna has a name, Ben has none."""

    room: Newsroom
    issue: Issue
    server: Server
    templates: Path

    async def send(self) -> dict[str, str]:
        """Let what was approved leave; the text parts by recipient."""
        await publish.start(self.room, self.issue.id)
        sender = Sender(self.room)
        try:
            await sender.run(asyncio.Event())
        finally:
            await sender.close()
        return dict(map(_text_part, self.server.taken))

    def change_templates(self) -> None:
        for file in self.templates.iterdir():
            file.write_text("<!DOCTYPE html><html><body>other words</body></html>")


def _text_part(taken: Taken) -> tuple[str, str]:
    message = email.message_from_bytes(taken.raw, policy=email.policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    return taken.rcpt.decode().split("<")[1].split(">")[0], body.get_content().replace("\r\n", "\n")


@pytest.fixture
async def greeting(make_site: OpenSite, tmp_path: Path) -> AsyncIterator[Greeting]:
    templates = tmp_path / "templates/mail"
    templates.mkdir(parents=True)
    html, text = (_SHIPPED / "digest.html.j2").read_text(), (_SHIPPED / "digest.txt.j2").read_text()
    html, count = re.subn(r"(\{% if intro \| paragraphs %\})", rf"<p>{_GREETING}</p>\1", html, count=1)
    assert count
    (templates / "digest.html.j2").write_text(html)
    (templates / "digest.txt.j2").write_text(f"{_GREETING}\n\n{text}")
    site = await make_site("stories = { min = 2 }")
    await membership.add(site.room, "readers", ANNA, "Anna & <Co>")
    await membership.add(site.room, "readers", BEN)
    await gathering.gather(site.room)
    issue = await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)
    async with Server() as server:
        smtp = site.room.settings.smtp.model_copy(update={"port": server.port})
        config = site.room.settings.model_copy(update={"smtp": smtp})
        room = replace(site.room, settings=config, clock=SystemClock(), templates=template_folders(tmp_path))
        yield Greeting(room, issue, server, templates)


async def test_everybody_is_greeted_by_name_and_the_web_shows_the_same(greeting: Greeting) -> None:
    await publish.approve(greeting.room, greeting.issue.id, at_once=True)
    sent = await greeting.send()
    assert {who: text.splitlines()[0] for who, text in sent.items()} == {ANNA: NAMED, BEN: "Good morning."}
    assert (await publish.get(greeting.room, greeting.issue.id)).state.value == "sent"
    for who, shown in ((ANNA, "<p>Good morning, Anna &amp; &lt;Co&gt;.</p>"), (BEN, "<p>Good morning.</p>")):
        person = (await membership.show(greeting.room, who)).subscriber
        token = greeting.room.signer.sign(Purpose.VIEW, greeting.issue.id, person.id)
        assert shown in (await mailing.in_browser(greeting.room, token) or "")


async def test_what_is_changed_after_the_approval_changes_nothing(greeting: Greeting) -> None:
    await publish.approve(greeting.room, greeting.issue.id, at_once=True)
    async with greeting.room.store.read() as conn:
        rendered = await issues.snapshot(conn, greeting.issue.id)
    assert rendered is not None
    before = mailing.sample(greeting.room, greeting.issue, rendered, ANNA, "Anna & <Co>").text
    greeting.change_templates()
    async with greeting.room.store.write() as conn:
        await issues.put_stories(conn, greeting.issue.id, greeting.issue.stories[:1])
    sent = await greeting.send()
    assert sent[ANNA].splitlines()[0] == NAMED
    without_links = [re.sub(r"/(unsubscribe|view)/\S+", "", text) for text in (sent[ANNA], before)]
    assert without_links[0] == without_links[1]


async def test_a_preview_is_what_she_gets(greeting: Greeting, tmp_path: Path) -> None:
    for who, words in ((ANNA, NAMED), (BEN, "Good morning."), (None, "Good morning.")):
        await preview.write(greeting.room, NOTES, tmp_path / "out", email=who)
        assert (tmp_path / "out/issue.txt").read_text().splitlines()[0] == words


async def _preflight(greeting: Greeting) -> list[Finding]:
    return await preflight.preflight(greeting.room, greeting.issue, publish.render(greeting.room, greeting.issue))


async def test_preflight_looks_at_it_as_at_any_other(greeting: Greeting) -> None:
    assert [each for each in await _preflight(greeting) if each.level is Level.ERROR or each.check == "speed"] == []


async def test_preflight_says_when_no_two_mails_are_alike(greeting: Greeting) -> None:
    file = greeting.templates / "digest.txt.j2"
    file.write_text(file.read_text().replace(_GREETING, "Good morning{{ ', ' ~ subscriber.name if subscriber.name }}."))
    (found,) = [each for each in await _preflight(greeting) if each.check == "speed"]
    assert found.level is Level.ADVICE
