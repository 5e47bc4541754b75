"""The timetable at work: what it wakes runs side by side, and ends when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from digest import settings as settings_module
from digest.clock import SystemClock
from digest.daemon.timetable import Timetable
from digest.flow.newsroom import Newsroom
from digest.store.engine import Store
from digest.tokens import Signer
from tests.daemon.desk import SETTINGS
from tests.gather.web import Page, Web

SLOW = """
[sources.slow]
kind = "feed"
url = "{slow}"
[newsletters.slow]
title = "Slow Notes"
from = "Slow Notes <slow@example.org>"
sources = ["slow"]
lists = ["readers"]
schedule = "* * * * *"
cutoff = "59s"
"""


async def _eventually(condition: Callable[[], bool], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - other people's servers tell nobody
            await asyncio.sleep(0.05)  # noqa: TID251 - real time, real jobs


async def test_a_source_that_hangs_keeps_no_other_newsletter_and_not_the_pulse(
    tmp_path: Path, sqlite_template: Path, web: Web
) -> None:
    feed = "".join(
        f"<item><title>Story number {n} of the day</title><link>https://news.example.com/{n}</link></item>"
        for n in range(4)
    )
    web.pages["/feed.xml"] = Page(f'<rss version="2.0"><channel><title>W</title>{feed}</channel></rss>'.encode())
    web.pages["/slow.xml"] = Page(b"", wait_s=25)
    text = SETTINGS.format(
        home="http://127.0.0.1:9",
        feed=web.url("/feed.xml"),
        newsletter='schedule = "* * * * *"\ncutoff = "59s"',
        tables="",
    )
    (tmp_path / "settings.toml").write_text(text + SLOW.format(slow=web.url("/slow.xml")))
    (tmp_path / "subscribers").mkdir()
    store = await Store.open("sqlite:///var/test.db", tmp_path)
    config = settings_module.load(tmp_path, {})
    timetable = Timetable(Newsroom(config, store, Signer([b"k" * 32]), SystemClock(), templates=()), lambda: None)
    try:
        timetable.start()
        await _eventually(lambda: web.paths.count("/slow.xml") >= 2)
        before = timetable.pulse()

        def goes_on() -> bool:
            now = timetable.pulse()
            return before is not None and now is not None and (now - before).total_seconds() > 1.5

        await _eventually(goes_on)
        assert web.now_open > 0, "the slow source is still being waited for"
    finally:
        await timetable.stop()
        await store.close()
