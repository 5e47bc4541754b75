"""Preflight of an issue: its links are asked, earlier issues looked up, the readers' domains counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from digest.audience.rule import audience_of
from digest.flow import links, publish
from digest.flow.links import Asked, check_links
from digest.flow.newsroom import Newsroom
from digest.flow.preflight import preflight
from digest.model.issue import Issue, IssueState, IssueStory
from digest.render.preflight import Level
from digest.store import issues, precedents
from digest.store.engine import Store
from tests.fakes import FakeClock
from tests.flow.room import open_room
from tests.store.world import subscribe

ANSWERS = {
    "/good": "200 OK",
    "/gone": "410 Gone",
    "/shy": "403 Forbidden",
    "/broken": "500 Oops",
    "/members": "302 Found\r\nLocation: /login?next=members",
    "/moved": "301 Moved\r\nLocation: /good",
    "/login?next=members": "200 OK",
}


class Site:
    """A web site that answers by path and counts; `/slow` never answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        self.asked.append(path)
        if path == "/slow":
            await reader.read()
        else:
            status = ANSWERS.get(path, "404 Not Found")
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    site = Site()
    async with await asyncio.start_server(site.serve, "127.0.0.1", 0) as server:
        site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield site


@pytest.fixture
def room(tmp_path: Path, store: Store, clock: FakeClock) -> Newsroom:
    made = open_room(tmp_path, store, clock)
    gather = made.settings.gather.model_copy(update={"private_hosts": ("127.0.0.1",)})
    return replace(made, settings=made.settings.model_copy(update={"gather": gather}))


def _asked(*urls: str, named_by: str | None = None) -> list[tuple[str, str | None]]:
    return [(url, named_by) for url in urls]


async def test_a_link_of_a_public_feed_opens_no_host_of_ours(room: Newsroom) -> None:
    async with serving() as site:
        named = _asked(f"{site.url}/gone", named_by="https://feed.example.org/")
        (found,) = await check_links(room, named, f"{site.url}/good", Asked())
        assert site.asked == ["/good"]
    assert "not fetched" in found.message


async def test_a_link_that_leads_nowhere_is_a_warning(room: Newsroom) -> None:
    async with serving() as site:
        urls = [f"{site.url}{path}" for path in ("/good", "/moved", "/gone", "/shy", "/broken", "/members", "/missing")]
        found = await check_links(room, _asked(*urls, urls[0], ""), f"{site.url}/good", Asked())
    assert [(each.level, each.where.removeprefix(site.url)) for each in found] == [
        (Level.WARNING, "/gone"),
        (Level.ADVICE, "/shy"),
        (Level.WARNING, "/broken"),
        (Level.WARNING, "/members"),
        (Level.WARNING, "/missing"),
    ]
    assert "ends at a sign-in" in found[3].message
    assert site.asked.count("/good") == 3  # once for our own page, once as a link, once after a redirect


async def test_what_was_asked_is_not_asked_again(room: Newsroom) -> None:
    asked = Asked()
    async with serving() as site:
        for _ in range(2):
            found = await check_links(room, _asked(f"{site.url}/gone"), f"{site.url}/good", asked)
            assert [each.check for each in found] == ["dead links"]
        assert site.asked.count("/gone") == 1


async def test_a_silent_link_delays_nobody_for_long(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "BUDGET_S", 0.5)
    async with serving() as site:
        found = await check_links(room, _asked(f"{site.url}/slow", f"{site.url}/gone"), f"{site.url}/good", Asked())
    assert {each.where.removeprefix(site.url) for each in found} == {"/slow", "/gone"}


async def test_our_own_pages_must_answer(room: Newsroom) -> None:
    async with serving() as site:
        assert await check_links(room, [], f"{site.url}/good", Asked()) == []
        (found,) = await check_links(room, [], f"{site.url}/missing", Asked())
    assert (found.level, found.check, found.where) == (Level.WARNING, "site", "http://127.0.0.1:8000")
    assert "is the daemon up?" in found.message


def story(number: int, title: str, room: Newsroom) -> IssueStory:
    return IssueStory(
        story_id=number, position=number, source="blog", link=f"http://127.0.0.1:9/{number}", link_key=f"key{number}",
        guid=None, title=title, title_key=title.lower(), teaser="What happened, in a sentence.",
        published=room.clock.now() - timedelta(hours=3),
    )  # fmt: skip


def an_issue(room: Newsroom, *titles: str) -> Issue:
    told = tuple(story(number, title, room) for number, title in enumerate(titles))
    return Issue(0, "town", "regular", room.clock.now(), IssueState.DRAFT, scheduled=False, stories=told)


async def test_a_good_issue_has_no_errors_and_says_what_it_could_not_reach(room: Newsroom) -> None:
    issue = an_issue(room, "The harbour opens its new quay today", "Council votes on the tram")
    found = await preflight(room, issue, publish.render(room, issue))
    assert [each for each in found if each.level is Level.ERROR] == []
    assert {each.check for each in found if each.level is Level.WARNING} <= {"site", "dead links"}
    assert [each.level for each in found] == sorted(
        (each.level for each in found), key=[Level.ERROR, Level.WARNING, Level.ADVICE].index
    )


async def test_a_stale_lead_is_a_warning(room: Newsroom) -> None:
    issue = an_issue(room, "The harbour opens its new quay today")
    old = replace(issue.stories[0], published=room.clock.now() - timedelta(days=5))
    issue = replace(issue, stories=(old,))
    found = await preflight(room, issue, publish.render(room, issue))
    assert [each.message for each in found if each.check == "lead"] == [
        "the lead is 5 days old: 'The harbour opens its new quay today'"
    ]


async def test_two_leads_whose_titles_identify_nothing_are_not_the_same(room: Newsroom) -> None:
    issue = an_issue(room, "Letters to us", "The harbour opens its new quay today")
    before = replace(issue.stories[0], link_key="harbour.example.org/letters-before", title="Notes", title_key="")
    now = room.clock.now()
    async with room.store.write() as conn:
        earlier = await issues.create(conn, "town", now - timedelta(days=1), now, scheduled=False)
        assert earlier is not None
        await issues.put_stories(conn, earlier, [before])
        draft = await issues.get(conn, earlier)
        await issues.move(conn, draft, IssueState.REVIEW)
        await issues.move(conn, replace(draft, state=IssueState.REVIEW), IssueState.APPROVED, subject="Another")
    lead = replace(issue.stories[0], title_key="")
    issue = replace(issue, stories=(lead, *issue.stories[1:]))
    found = await preflight(room, issue, publish.render(room, issue))
    assert [each.message for each in found if each.check == "lead"] == []


async def test_a_lead_or_subject_of_an_earlier_issue_is_a_warning(room: Newsroom) -> None:
    issue = an_issue(room, "The harbour opens its new quay today")
    rendered = publish.render(room, issue)
    now = room.clock.now()
    async with room.store.write() as conn:
        earlier = await issues.create(conn, "town", now - timedelta(days=1), now, scheduled=False)
        assert earlier is not None
        await issues.put_stories(conn, earlier, issue.stories)
        draft = await issues.get(conn, earlier)
        await issues.move(conn, draft, IssueState.REVIEW)
        await issues.move(conn, replace(draft, state=IssueState.REVIEW), IssueState.APPROVED, subject=rendered.subject)
    found = await preflight(room, issue, rendered)
    assert [each.message for each in found if each.check == "lead"] == [
        f"issue {earlier} had the same lead: 'The harbour opens its new quay today'"
    ]
    assert [each.level for each in found if each.check == "subject" and "same subject" in each.message] == [
        Level.WARNING
    ]
    async with room.store.read() as conn:
        assert await precedents.latest(conn, "town", but=earlier) == []


async def test_readers_are_counted_by_domain(room: Newsroom) -> None:
    await subscribe(room.store, "a@gmail.com", "b@gmail.com", "c@example.org", to="readers")
    async with room.store.read() as conn:
        audience = audience_of("town", room.settings.newsletter("town"))
        assert await precedents.domains(conn, audience) == [("gmail.com", 2), ("example.org", 1)]
