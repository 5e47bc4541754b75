"""What a source brings again after an issue has carried it: known by its words, at whatever address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from digest.flow import gathering, membership, produce, publish
from digest.model.issue import IssueState
from tests.daemon.conftest import OpenSite
from tests.daemon.desk import NOTES

OLD = "Story number seven of the day"
AGAIN = f"UPDATE 1-{OLD}"


async def test_a_story_with_a_new_id_address_and_mark_is_no_news_a_month_later(make_site: OpenSite) -> None:
    site = await make_site("stories = { min = 1 }")
    await membership.sync(site.room)
    site.publish("seven")
    await gathering.gather(site.room)
    issue = await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)
    await publish.approve(site.room, issue.id)

    site.clock.at += timedelta(days=30)
    site.publish("seven", "eight")
    await gathering.gather(site.room)
    # A content system's way: another id, another address, a mark in front.
    site.publish("seven-2", "nine")
    page = site.web.pages["/feed.xml"]
    assert not isinstance(page, list)
    site.web.pages["/feed.xml"] = replace(
        page, body=page.body.replace(b"Story number seven-2 of the day", AGAIN.encode())
    )
    await gathering.gather(site.room)

    pool, why = await produce.explain(site.room, NOTES)
    reasons = {each.title: why[each.id] for each in pool}
    assert reasons[AGAIN] == f"out: duplicate of “{OLD}” (about to be sent, issue 1)"
    assert sorted(title for title, reason in reasons.items() if reason.startswith("in: ")) == [
        "Story number eight of the day", "Story number nine of the day"
    ]  # fmt: skip

    # The editor has the last word.
    mine = await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)
    number = next(each.id for each in pool if each.title == AGAIN)
    async with site.room.store.read() as conn:
        chosen = await produce.from_pool(conn, site.room, mine, number)
    assert (chosen.story_id, chosen.title) == (number, OLD)
    assert mine.state is IssueState.REVIEW


TOLD = ("Fog and a lost buoy kept the pilots busy all through the week.",
        "A seal has moved into the lock, and nobody has the heart to ask it out.",
        "Two tugs collided under the old bridge while the town slept; no one was hurt.",
        "The museum ship is to be painted red again, as it was eighty years ago.",
        "Cranes will stand still on Friday, because those who work them want more pay.")  # fmt: skip


@pytest.mark.parametrize(
    ("teasers", "counts"),
    [(TOLD, [1, 1, 1, 1, 1]), ([f"What happened in week {week} at sea." for week in range(5)], [1, 0, 1, 1, 1])],
)
async def test_a_weekly_column_that_no_word_gives_away_is_sent_again_as_soon_as_its_teasers_or_rhythm_tell(
    make_site: OpenSite, teasers: Sequence[str], counts: list[int]
) -> None:
    site = await make_site("stories = { min = 1 }")
    await membership.sync(site.room)
    sent = []
    for week in range(5):
        site.publish(f"letter-{week}")
        page = site.web.pages["/feed.xml"]
        assert not isinstance(page, list)
        body = page.body.replace(f"Story number letter-{week} of the day".encode(), b"Letters from the harbour master")
        body = body.replace(b"What is told of it in a sentence.", teasers[week].encode())
        site.web.pages["/feed.xml"] = replace(page, body=body)
        await gathering.gather(site.room)
        issue = await produce.draft(site.room, NOTES, site.clock.now(), scheduled=False)
        sent.append(len(issue.stories))
        if issue.stories:
            await publish.approve(site.room, issue.id)
        else:
            await produce.give_up(site.room, issue)
        site.clock.at += timedelta(days=7)
    assert sent == counts
