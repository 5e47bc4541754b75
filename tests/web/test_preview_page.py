"""`preview --watch`: the page follows every change, says what is wrong and where, and ends on request."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import async_playwright

from digest.flow import membership, preview, produce, publish
from digest.web.preview import watching
from tests.daemon.desk import NOTES, Site, open_site
from tests.fakes import FakeClock
from tests.gather.web import Web

CHROMIUM = Path("/usr/bin/chromium")


@dataclass
class Watched:
    site: Site
    client: httpx2.AsyncClient
    url: str

    def template(self, name: str, source: str) -> None:
        """Save a template of the site."""
        file = self.site.room.settings.root / "templates/mail" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")

    def settings(self, more: str) -> None:
        """Add to settings.toml."""
        file = self.site.room.settings.root / "settings.toml"
        file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")

    async def now(self) -> dict[str, object]:
        found: dict[str, object] = (await self.client.get("now")).json()
        return found


@pytest.fixture
async def watched(tmp_path: Path, sqlite_template: Path, clock: FakeClock) -> AsyncIterator[Watched]:
    web = Web()
    source = await asyncio.start_server(web.serve, "127.0.0.1", 0)
    web.port = source.sockets[0].getsockname()[1]
    async with open_site(tmp_path, sqlite_template, web, clock, newsletter="") as site:
        site.write_list("anna@example.org")
        site.publish("a", "b", "c")
        await preview.gather(site.room, NOTES)
        async with watching(site.room, NOTES) as url, httpx2.AsyncClient(base_url=url, timeout=20) as client:
            yield Watched(site, client, url)
    source.close()
    await source.wait_closed()


async def test_right_after_a_sending_the_page_shows_the_last_issues_stories_and_says_so(watched: Watched) -> None:
    room = watched.site.room
    issue = await produce.draft(room, NOTES, watched.site.clock.now(), scheduled=False)
    await membership.sync(room)
    await publish.approve(room, issue.id, at_once=True)
    await publish.start(room, issue.id)
    watched.template("digest.html.j2", "{{ lead.title }}")
    now = await watched.now()
    assert (now["version"], now["fault"], now["stories"]) == (2, None, 3)
    assert now["reason"] == "no new stories: shown with those of issue 1"


async def test_the_mail_is_there_in_every_form(watched: Watched) -> None:
    now = await watched.now()
    assert (now["version"], now["fault"], now["stories"]) == (1, None, 3)
    assert now["subject"] == "Story number a of the day"
    light = await watched.client.get("mail.html", params={"scheme": "light"})
    dark = await watched.client.get("mail.html", params={"scheme": "dark"})
    assert "Story number b of the day" in light.text
    assert light.text != dark.text
    assert "img-src http: https: data:" in light.headers["Content-Security-Policy"]
    bare = await watched.client.get("mail.html", params={"pictures": "off"})
    assert "img-src 'none'" in bare.headers["Content-Security-Policy"]
    assert (await watched.client.get("mail.eml")).text.startswith("From: Defence Notes <news@example.org>\r\n")


async def test_a_changed_template_and_a_changed_setting_are_seen(watched: Watched) -> None:
    watched.template("digest.txt.j2", "Ours: {{ lead.title }}")
    now = await watched.now()
    assert (now["version"], now["text"]) == (2, "Ours: Story number a of the day\n")
    watched.settings('theme = { layout = "briefing" }\n')
    assert (await watched.now())["version"] == 3
    assert 'class="rule number' in (await watched.client.get("mail.html")).text
    assert (await watched.now())["version"] == 3


async def test_a_fault_is_told_with_file_and_line_and_the_last_good_mail_stays(watched: Watched) -> None:
    good = (await watched.client.get("mail.html")).text
    watched.template("parts/footer.html.j2", "<tr>\n{{ sight.name }}\n")
    fault = str((await watched.now())["fault"])
    assert "templates/mail/parts/footer.html.j2, line 2: 'sight' is undefined; did you mean 'site'?" in fault
    assert (await watched.client.get("mail.html")).text == good
    watched.template("parts/footer.html.j2", "")
    assert (await watched.now())["fault"] is None
    watched.settings('theme = { layout = "fancy" }\n')
    assert "newsletters.notes.theme.layout" in str((await watched.now())["fault"])


async def test_it_answers_under_its_own_name_only(watched: Watched) -> None:
    assert (await watched.client.get("", headers={"Host": "evil.example.com"})).status_code == 400


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")
async def test_the_open_page_follows_a_change(watched: Watched) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = await browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(watched.url)
        assert await page.locator("#subject").inner_text() == "Story number a of the day"
        await page.frame_locator("iframe").nth(1).locator("h2", has_text="number c").wait_for()
        await page.locator("#source", has_text="List-Unsubscribe").wait_for()
        watched.template(
            "parts/footer.html.j2", '{% include "mail/parts/open.html.j2" %}<tr><td>A new foot</td></tr></table>'
        )
        await page.frame_locator("iframe").nth(2).get_by_text("A new foot").wait_for()
        watched.template("digest.txt.j2", "\n{{ oops }}")
        await page.locator("#fault", has_text="line 2").wait_for()
        assert problems == []
        await browser.close()


def test_the_command_says_where_the_page_is_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "subscribers").mkdir()
    (tmp_path / "subscribers/readers.csv").write_text("email\n")
    (tmp_path / "settings.toml").write_text(
        '[site]\nname = "N"\nurl = "http://127.0.0.1:8000"\n[smtp]\nhost = "127.0.0.1"\nsecurity = "none"\n'
        '[gather]\nprivate_hosts = ["127.0.0.1"]\n[sources.wire]\nkind = "feed"\nurl = "http://127.0.0.1:9/feed.xml"\n'
        '[newsletters.notes]\ntitle = "N"\nfrom = "N <n@example.org>"\nsources = ["wire"]\nlists = ["readers"]\n'
    )
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("DIGEST_", "PYTHONUNBUFFERED"))}
    command = [sys.executable, "-m", "digest", "--site", str(tmp_path), "preview", "notes", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[1] == ""
    assert process.returncode == 0
