"""The inbox's pages: what is shown of good mails and of hostile ones."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import async_playwright

from digest.clock import SystemClock
from digest.demo.maildir import Maildir
from digest.demo.pages import InboxPages, routes
from digest.demo.reading import read, subject_of
from digest.web.frame import framed
from tests.demo.place import TEMPLATES, Answer, get, served

CHROMIUM = Path("/usr/bin/chromium")
QUIET = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]


@dataclass(frozen=True, slots=True)
class Shown:
    maildir: Maildir
    port: int

    def keep(self, content: bytes) -> str:
        return self.maildir.add(content, "a@example.org", ("reader@example.org",))

    async def get(self, path: str) -> Answer:
        return await get(f"http://127.0.0.1:{self.port}/inbox/{path}")


@pytest.fixture
async def shown(tmp_path: Path) -> AsyncIterator[Shown]:
    maildir = Maildir(tmp_path / "inbox", SystemClock())
    maildir.make()
    async with served(routes(InboxPages(maildir, TEMPLATES, "Defence Notes", ZoneInfo("UTC")))) as port:
        yield Shown(maildir, port)


def a_mail(
    subject: str = "Good news", markup: str = "<!DOCTYPE html><html><head></head><body>Hello</body></html>"
) -> bytes:
    mail = EmailMessage()
    mail["From"] = "Defence Notes <news@example.org>"
    mail["To"] = "reader@example.org"
    mail["Subject"] = subject
    mail["List-Unsubscribe"] = (
        "<http://127.0.0.1:8000/unsubscribe/abc>, <mailto:leave@example.org>, <javascript:alert(1)>"
    )
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content("Hello, http://127.0.0.1:8010/story <b>")
    mail.add_alternative(markup, subtype="html")
    return mail.as_bytes()


async def test_an_empty_inbox_says_so_and_looks_again(shown: Shown) -> None:
    answer = await shown.get("")
    assert answer.status == 200
    assert "No mail yet" in answer.text
    assert 'http-equiv="refresh"' in answer.text


async def test_the_newest_mail_is_shown_with_its_lines_and_views(shown: Shown) -> None:
    shown.keep(a_mail("Older"))
    newest = shown.keep(a_mail("Grüße & more"))
    page = (await shown.get("")).text
    assert "<h1>Grüße &amp; more</h1>" in page
    assert "Older" in page
    assert 'href="http://127.0.0.1:8000/unsubscribe/abc"' in page
    assert "one click" in page
    for view in ("", "phone", "dark", "text", "source"):
        assert f'href="/inbox/{newest}/{view}"' in page


@pytest.mark.parametrize("view", ["", "phone", "dark", "text", "source"])
async def test_every_view_answers(shown: Shown, view: str) -> None:
    mail_id = shown.keep(a_mail())
    answer = await shown.get(f"{mail_id}/{view}")
    assert answer.status == 200
    assert ("sandbox=" in answer.text) == (view in {"", "phone", "dark"})


async def test_text_links_can_be_followed_and_markup_in_text_is_text(shown: Shown) -> None:
    page = (await shown.get(f"{shown.keep(a_mail())}/text")).text
    assert 'href="http://127.0.0.1:8010/story"' in page
    assert "&lt;b&gt;" in page


async def test_the_source_is_what_came(shown: Shown) -> None:
    content = a_mail().replace(b"Hello", b"\xff\x00 <i>")
    mail_id = shown.keep(content)
    assert (await shown.get(f"{mail_id}/mail.eml")).body == content
    assert "\\xff" in html.unescape((await shown.get(f"{mail_id}/source")).text)


async def test_what_is_not_there_is_said_to_be_missing(shown: Shown) -> None:
    mail_id = shown.keep(a_mail())
    for path in ("1795462039593542.P1Q0/", f"{mail_id}/elsewhere", "%2e%2e/", "1795462039593542.P1Q0/mail.html"):
        assert (await shown.get(path)).status == 404
    assert (await shown.get(f"{mail_id}/mail.html?scheme=pink")).status == 422


async def test_a_script_in_a_mail_is_shown_only_where_it_cannot_run(shown: Shown) -> None:
    evil = "</title><script>alert(1)</script>"
    mail_id = shown.keep(a_mail(evil, f"<html><head></head><body>{evil}<img src=x onerror=alert(1)></body></html>"))
    for view in ("", "text", "source"):
        answer = await shown.get(f"{mail_id}/{view}")
        assert "<script>" not in answer.text
        assert "script-src" not in answer.headers["content-security-policy"]
        assert "javascript:" not in answer.text or view == "source"
    frame = await shown.get(f"{mail_id}/mail.html")
    assert "<script>" in frame.text
    policy = frame.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy


BROKEN = {
    "empty": b"",
    "no header": b"\r\nonly a body",
    "no end": b"Subject: cut",
    "boundary lost": b'Content-Type: multipart/alternative; boundary="x"\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<b>',
    "no boundary": b"Subject: s\r\nContent-Type: multipart/alternative\r\n\r\n--x\r\n",
    "strange charset": b"Subject: =?nonsense?Q?a=FF?=\r\nContent-Type: text/html; charset=nonsense\r\n\r\n\xff<p>",
    "bad base64": b"Subject: s\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n",
    "strange headers": b"From: <\r\nTo: ,;<>@\r\nDate: never\r\nSubject: \xff\x00\r\nList-Unsubscribe: <<>\r\n\r\nx",
    "nested": b"Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx",
    "surrogates": b"Subject: =?utf-8?Q?=ED=A0=80?=\r\nContent-Type: text/html; charset=utf-7\r\n\r\n+2AA-",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_mail_is_shown_as_far_as_it_goes(shown: Shown, content: bytes) -> None:
    read(content)
    subject_of(content)
    mail_id = shown.keep(content)
    for view in ("", "phone", "dark", "text", "source"):
        assert (await shown.get(f"{mail_id}/{view}")).status == 200
    assert (await shown.get(f"{mail_id}/mail.html")).status in {200, 404}


def test_a_frame_answers_the_question_for_the_colour_scheme() -> None:
    mail = "<!doctype html><head><style>@media screen and ( prefers-color-scheme:dark ) { p {} }</style></head>"
    assert "screen and (min-width: 0px)" in framed(mail, "dark")
    assert "screen and (max-width: 0px)" in framed(mail, "light")


@pytest.mark.parametrize("mail", ["<p>bare</p>", "<!DOCTYPE html><p>no head</p>", "<!DOCTYPE html><html><head><p>x"])
def test_a_frame_keeps_the_doctype_first(mail: str) -> None:
    assert framed(mail, "light").lower().startswith("<!doctype") == mail.lower().startswith("<!doctype")
    assert (
        framed(mail, "light").replace(
            '<base target="_blank"><style>:root { color-scheme: light !important }</style>', ""
        )
        == mail
    )


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")
async def test_in_a_browser_nothing_of_a_hostile_mail_runs_and_nothing_overflows(shown: Shown) -> None:
    evil = "<script>parent.document.title='taken';top.location='/taken'</script>"
    evil += "<meta http-equiv=refresh content='0;url=/taken'>"
    markup = f"<html><head>{evil}</head><body onload=alert(1)>{evil}<img src=http://192.0.2.1/x.png><p>Hello</p></body></html>"
    mail_id = shown.keep(a_mail("x" * 300, markup))
    asked: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        page = await browser.new_page(viewport={"width": 375, "height": 700})
        page.on("requestfinished", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: asked.append(dialog.message))
        await page.goto(f"http://127.0.0.1:{shown.port}/inbox/{mail_id}/")
        await page.frame_locator("iframe").get_by_text("Hello").wait_for()
        await page.wait_for_timeout(300)
        assert "taken" not in await page.title()
        assert await page.evaluate("document.documentElement.scrollWidth") == 375
        await browser.close()
    assert all(url.startswith(f"http://127.0.0.1:{shown.port}/inbox/") or url == "data:," for url in asked), asked
