"""An issue that is too long for its mail: told by preflight, whole on the web, and remembered as a whole."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from digest.flow import clearance, gathering, mailing, membership, produce, publish
from digest.model.issue import Issue
from digest.render import length
from digest.store.tables import memory
from digest.tokens import Purpose
from tests.daemon.conftest import OpenSite
from tests.daemon.desk import NOTES, Site

KEYS = tuple("abcdefghijkl")
TITLES = [f"Story number {key} of the day" for key in KEYS]


@pytest.fixture
async def long(make_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> tuple[Site, Issue]:
    """An issue of twelve stories, of which about half are too many."""
    monkeypatch.setattr(length, "TARGET", 24 * 1024)
    site = await make_site("stories = { min = 2 }")
    site.publish(*KEYS)
    await membership.sync(site.room)
    await gathering.gather(site.room)
    return site, await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)


async def test_preflight_says_how_many_are_on_the_web_only(long: tuple[Site, Issue]) -> None:
    site, issue = long
    beyond = len(publish.render(site.room, issue).beyond)
    assert 0 < beyond < len(KEYS) - 1
    findings = await clearance.check(site.room, issue)
    assert [each.message for each in findings if each.check == "size"] == [
        f"{beyond} stories would make the mail longer than 90 KB, and stand on the web version only"
    ]
    assert [each.check for each in findings if each.level != "advice"] == []


async def test_the_web_version_and_the_memory_have_what_the_mail_has_not(long: tuple[Site, Issue]) -> None:
    site, issue = long
    await publish.approve(site.room, issue.id)
    rendered = publish.render(site.room, issue)
    web = await mailing.in_browser(site.room, site.room.signer.sign(Purpose.VIEW, issue.id, 1))
    assert web is not None
    assert [title for title in TITLES if title not in web] == []
    mail = mailing.sample(site.room, issue, rendered, "anna@example.org")
    told = [title in mail.text for title in TITLES]
    assert told.count(False) == len(rendered.beyond)
    async with site.room.store.read() as conn:
        links = select(func.count()).select_from(memory).where(memory.c.kind == "link")
        assert (await conn.execute(links)).scalar() == len(KEYS)
