"""Choosing stories for an issue while the world goes on: clocks that jump, others who write."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from digest.compose import select as composing
from digest.flow import gathering, membership, produce, publish
from tests.daemon.conftest import OpenSite
from tests.daemon.desk import NOTES, Site


async def _sent_issue(site: Site) -> None:
    await membership.sync(site.room)
    await gathering.gather(site.room)
    issue = await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)
    await publish.approve(site.room, issue.id, at_once=True)
    await publish.start(site.room, issue.id)


async def test_a_story_kept_while_the_clock_was_put_back_is_in_the_next_issue(make_site: OpenSite) -> None:
    site = await make_site()
    await _sent_issue(site)
    site.clock.pass_(-20)
    site.publish("e", "f", "g")
    await gathering.gather(site.room)
    site.clock.pass_(24 * 3600)
    next_issue = await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)
    assert {story.guid for story in next_issue.stories} == {"e", "f", "g"}


async def test_what_a_machine_has_kept_whose_clock_is_ahead_is_in_the_issue(make_site: OpenSite) -> None:
    site = await make_site()
    await membership.sync(site.room)
    site.clock.pass_(20)
    await gathering.gather(site.room)
    site.clock.pass_(-20)
    issue = await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)
    assert {story.guid for story in issue.stories} == {"a", "b", "c", "d"}


async def test_nobody_waits_to_write_while_an_issue_is_chosen_and_what_comes_then_is_for_the_next(
    make_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await make_site()
    await membership.sync(site.room)
    await gathering.gather(site.room)
    site.publish("e", "f", "g")
    loop, kept = asyncio.get_running_loop(), []
    really = composing.select

    def while_somebody_gathers(*arguments: Any) -> Any:
        kept.append(asyncio.run_coroutine_threadsafe(gathering.gather(site.room), loop).result(20))
        return really(*arguments)

    monkeypatch.setattr(produce, "select", while_somebody_gathers)
    issue = await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)
    monkeypatch.undo()
    assert [report.new for report in kept[0]] == [3]
    assert {story.guid for story in issue.stories} == {"a", "b", "c", "d"}
    await publish.approve(site.room, issue.id, at_once=True)
    await publish.start(site.room, issue.id)
    site.clock.at += timedelta(hours=24)
    later = await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)
    assert {story.guid for story in later.stories} == {"e", "f", "g"}
