"""/healthz: what machines that watch us are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from digest.flow import gathering, publish
from tests.gather.web import Page
from tests.web.conftest import OTHER, Served
from tests.web.test_web_pages import break_database

WELL: dict[str, Any] = {
    "status": "ok", "database": "ok", "timetable": "ok", "sources_failed": [], "issues_held": [], "workers": [],
}  # fmt: skip


async def health(served: Served, query: str = "") -> tuple[int, Any]:
    answer = await served.client.get(f"/healthz{query}")
    assert "Set-Cookie" not in answer.headers
    return answer.status_code, answer.json()


@pytest.mark.parametrize("query", ["", "?ready", "?ready=1"])
async def test_all_is_well(served: Served, query: str) -> None:
    assert await health(served, query) == (200, WELL)
    head = await served.client.head(f"/healthz{query}")
    assert (head.status_code, head.content) == (200, b"")


async def test_a_held_issue_is_told_and_keeps_us_from_being_ready(served: Served) -> None:
    issue = await served.issue(OTHER, leaves=False)
    await publish.hold(served.site.room, issue, "the lead is wrong")
    told = WELL | {
        "status": "ailing",
        "issues_held": [{"issue": issue, "newsletter": OTHER, "reason": "the lead is wrong"}],
    }
    assert await health(served) == (200, told)
    assert await health(served, "?ready") == (503, told)


async def test_a_failed_source_is_told_and_keeps_us_from_being_ready(served: Served) -> None:
    served.site.break_source()
    (report,) = await gathering.gather(served.site.room)
    told = WELL | {"status": "ailing", "sources_failed": [{"name": "wire", "error": report.error}]}
    assert report.error
    assert await health(served) == (200, told)
    assert await health(served, "?ready") == (503, told)


async def test_a_source_that_is_gone_is_told_like_one_that_fails(served: Served) -> None:
    served.site.web.pages["/feed.xml"] = Page(status=410)
    (report,) = await gathering.gather(served.site.room)
    assert (await health(served))[1]["sources_failed"] == [{"name": "wire", "error": report.error}]


@pytest.mark.parametrize("query", ["", "?ready"])
async def test_without_its_database_it_is_down(served: Served, query: str) -> None:
    await break_database(served)
    status, told = await health(served, query)
    assert (status, told["status"], told["timetable"]) == (503, "down", "ok")
    assert told["database"].startswith("the database cannot be written")


@pytest.mark.parametrize("query", ["", "?ready"])
async def test_a_timetable_that_stands_still_is_down_after_a_minute(served: Served, query: str) -> None:
    served.site.clock.pass_(59)
    assert (await health(served, query))[0] == 200
    served.site.clock.pass_(1)
    assert await health(served, query) == (503, WELL | {"status": "down", "timetable": "not running"})
    served.pulse.append(served.site.clock.now() - timedelta(seconds=1))
    assert (await health(served, query))[0] == 200


async def test_before_the_timetable_has_looked_it_is_down(served: Served) -> None:
    served.pulse.clear()
    assert (await health(served))[0] == 503
