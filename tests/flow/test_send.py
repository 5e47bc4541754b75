"""A sender, a real database, a real mail server: what becomes of deliveries and issues when something goes wrong."""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from digest import settings as settings_module
from digest.app import template_folders
from digest.clock import SystemClock
from digest.deliver import journal as journals
from digest.deliver.journal import Journal, Journals, inherited, survey
from digest.errors import RelayRefused, StoreError
from digest.flow import publish
from digest.flow.newsroom import Newsroom
from digest.flow.send import Sender, recover
from digest.model.delivery import DeliveryState, Outcome, Reply
from digest.model.issue import Issue, IssueState
from digest.store import deliveries, events, issues
from digest.store.engine import Store
from digest.store.tables import deliveries as ledger
from digest.store.tables import messages, snapshots, subscribers
from digest.tokens import Signer
from tests.deliver.server import GREETING, MAIL, RCPT, Server
from tests.store.world import AUDIENCE, issue_story, subscribe

_D = DeliveryState
_S = IssueState

SETTINGS = """
[site]
name = "Defence Notes"
url = "http://127.0.0.1:8000"
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
connections = 1
[sources.wire]
kind = "feed"
url = "http://127.0.0.1:9/feed"
[newsletters.defence-notes]
title = "Defence Notes"
from = "Defence Notes <news@example.org>"
sources = ["wire"]
lists = ["notes"]
"""


@dataclass
class Post:
    """An open site with readers, and the mail server it sends to."""

    room: Newsroom
    server: Server

    async def begun(self, name: str = "1", *, scheduled: bool = False) -> Issue:
        """A new issue to all readers, about to leave."""
        now = self.room.clock.now()
        stories = [issue_story(f"{name}-{number}", number, published=now) for number in range(3)]
        async with self.room.store.write() as conn:
            number = await issues.create(conn, "defence-notes", now, now, scheduled=scheduled)
            assert number is not None
            await issues.put_stories(conn, number, stories)
            await issues.move(conn, await issues.get(conn, number), _S.REVIEW, built_at=now)
        await publish.approve(self.room, number, at_once=True)
        return await publish.start(self.room, number)

    async def send(self, *, late: timedelta = timedelta()) -> None:
        """One run of a sender. late: how much later it is than it is."""
        sender = Sender(self.later(late))
        try:
            await sender.run(asyncio.Event())
        finally:
            await sender.close()

    def later(self, late: timedelta) -> Newsroom:
        return replace(self.room, clock=_Hurried(late))

    async def states(self, issue: Issue) -> list[str]:
        async with self.room.store.read() as conn:
            query = select(ledger.c.state).where(ledger.c.issue_id == issue.id).order_by(ledger.c.subscriber_id)
            return list((await conn.execute(query)).scalars())

    async def rows(self, issue: Issue) -> list[dict[str, Any]]:
        async with self.room.store.read() as conn:
            query = select(ledger).where(ledger.c.issue_id == issue.id).order_by(ledger.c.subscriber_id)
            return [dict(row) for row in (await conn.execute(query)).mappings()]

    async def now(self, issue: Issue) -> Issue:
        return await publish.get(self.room, issue.id)

    async def notes(self) -> list[str]:
        """What waits for the editors, and what they have."""
        async with self.room.store.read() as conn:
            return [each.decode() for each in (await conn.execute(select(messages.c.content))).scalars()]

    async def run_sql(self, statement: Any) -> None:
        async with self.room.store.write() as conn:
            await conn.execute(text(statement) if isinstance(statement, str) else statement)


class _Hurried(SystemClock):
    """Nobody waits for a pause between two tries."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(min(seconds, 0.01))


MakePost = Callable[..., Awaitable[Post]]


@pytest.fixture
async def make_post(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[MakePost]:
    """Opens the site with so many readers; further words are for the mail server."""
    async with AsyncExitStack() as stack:

        async def make(readers: int = 3, **script: Any) -> Post:
            server = await stack.enter_async_context(Server(**script))
            (tmp_path / "settings.toml").write_text(SETTINGS.format(port=server.port))
            (tmp_path / "var").mkdir()
            shutil.copy(sqlite_template, tmp_path / "var/digest.db")
            config = settings_module.load(tmp_path, {})
            store = await Store.open(config.store.url, tmp_path)
            stack.push_async_callback(store.close)
            room = Newsroom(config, store, Signer([b"k" * 32]), SystemClock(), template_folders(tmp_path))
            await subscribe(store, *(f"reader{number}@example.org" for number in range(readers)))
            return Post(room, server)

        yield make


# -- what a dead sender leaves behind ----------------------------------------------------------------------------------


async def test_claims_that_could_not_be_given_back_are_pending_again_and_not_in_doubt(make_post: MakePost) -> None:
    post = await make_post(readers=15)
    issue = await post.begun()
    # The database takes results and refuses what is given back.
    await post.run_sql(
        "CREATE TRIGGER broken BEFORE UPDATE ON deliveries WHEN NEW.state = 'pending'"
        " BEGIN SELECT RAISE(ABORT, 'no room'); END"
    )
    stop = asyncio.Event()
    sender = Sender(post.room, watch=lambda _issue, _state: stop.set())
    with pytest.raises(StoreError, match="no room"):
        await sender.run(stop)
    await sender.close()
    assert {"sent", "claimed"} <= set(await post.states(issue))
    await post.run_sql("DROP TRIGGER broken")
    await recover(post.later(timedelta(minutes=10)))
    assert set(await post.states(issue)) == {"sent", "pending"}
    assert list(post.room.journals.iterdir()) == []
    await post.send()
    assert await post.states(issue) == ["sent"] * 15
    assert len({taken.rcpt for taken in post.server.taken}) == len(post.server.taken) == 15


async def test_thousands_who_left_since_the_approval_are_skipped(make_post: MakePost) -> None:
    post = await make_post(readers=0)
    async with post.room.store.write() as conn:
        for start in range(0, 21_000, 1000):
            people = [f"('r{n}@example.org', 'r{n}@example.org', '', '2026-01-01')" for n in range(start, start + 1000)]
            await conn.execute(
                text(f"INSERT INTO subscribers (email, email_key, name, created_at) VALUES {','.join(people)}")
            )
        await conn.execute(
            text(
                "INSERT INTO subscriptions (list, subscriber_id, state, topics, since)"
                " SELECT 'notes', id, 'confirmed', '[]', '2026-01-01' FROM subscribers"
            )
        )
    issue = await post.begun()
    await post.run_sql("UPDATE subscriptions SET state = 'left'")
    await post.send()
    assert ((await post.now(issue)).state, set(await post.states(issue))) == (_S.SENT, {"skipped"})


async def test_a_journal_that_nobody_can_open_leaves_its_claims_to_their_leases(make_post: MakePost) -> None:
    post = await make_post()
    issue = await post.begun()
    await _claimed(post, issue, "stranger")
    path = post.room.journals / "stranger.journal"
    path.parent.mkdir()
    path.symlink_to(path)
    await recover(post.room)
    assert await post.states(issue) == ["claimed"] * 3
    await recover(post.later(timedelta(seconds=31)))
    assert await post.states(issue) == ["uncertain"] * 3


async def test_while_a_journal_is_being_settled_its_claims_do_not_expire(make_post: MakePost) -> None:
    post = await make_post()
    issue = await post.begun()
    await _claimed(post, issue, "w1")
    journal = Journal.open(post.room.journals, "w1")
    await recover(post.later(timedelta(hours=1)))
    assert await post.states(issue) == ["claimed"] * 3
    journal.close(keep=True)
    await recover(post.later(timedelta(hours=1)))
    assert await post.states(issue) == ["pending"] * 3
    assert survey(post.room.journals).dead == ()


async def test_what_somebody_else_is_about_to_settle_does_not_expire(
    make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = await make_post()
    issue = await post.begun()
    await _claimed(post, issue, "w1")
    journal = Journal.open(post.room.journals, "w1")
    journal.close(keep=True)
    with ExitStack() as somebody:

        def looked(folder: Path) -> Journals:
            """Between our look and our hand on it, another process takes the journal."""
            found = survey(folder)
            assert somebody.enter_context(inherited(journal.path))
            return found

        monkeypatch.setattr(journals, "survey", looked)
        await recover(post.later(timedelta(hours=1)))
        assert await post.states(issue) == ["claimed"] * 3
    monkeypatch.undo()
    await recover(post.later(timedelta(hours=1)))
    assert await post.states(issue) == ["pending"] * 3


async def test_what_a_dead_sender_deferred_is_not_hurried(make_post: MakePost) -> None:
    post = await make_post()
    issue = await post.begun()
    first, second, third = [row["subscriber_id"] for row in await post.rows(issue)]
    await post.run_sql(update(ledger).where(ledger.c.subscriber_id == second).values(attempts=2))
    await _claimed(post, issue, "w1")
    journal = Journal.open(post.room.journals, "w1")
    for number in (first, second):
        journal.done(issue.id, number, Outcome(_D.DEFERRED, Reply(451, "4.2.0 greylisted")))
    journal.done(issue.id, third, Outcome(_D.SENT, Reply(250, "ok")))
    journal.close()
    before = post.room.clock.now()
    await recover(post.room)
    one, two, three = await post.rows(issue)
    assert [row["state"] for row in (one, two, three)] == ["deferred", "deferred", "sent"]
    assert [row["attempts"] for row in (one, two, three)] == [1, 3, 1]
    assert timedelta(minutes=5) <= one["not_before"] - before < timedelta(minutes=6)
    assert timedelta(minutes=20) <= two["not_before"] - before < timedelta(minutes=23)


async def test_what_a_dead_sender_had_of_a_cancelled_issue_is_skipped(make_post: MakePost) -> None:
    post = await make_post()
    issue = await post.begun()
    await _claimed(post, issue, "w1")
    Journal.open(post.room.journals, "w1").close(keep=True)
    await publish.cancel(post.room, issue.id)
    await recover(post.room)
    assert await post.states(issue) == ["skipped"] * 3


async def test_a_late_refusal_opens_a_sent_issue_again_and_says_so(make_post: MakePost) -> None:
    post = await make_post()
    issue = await post.begun()
    await _claimed(post, issue, "w1")
    journal = Journal.open(post.room.journals, "w1")  # of a machine that cannot reach the database
    for row in await post.rows(issue):
        journal.done(issue.id, row["subscriber_id"], Outcome(_D.DEFERRED, Reply(451, "later")))
    await post.run_sql(update(ledger).values(state="uncertain"))
    await post.send()
    assert (await post.now(issue)).state is _S.SENT
    journal.close()
    await recover(post.room)
    assert (await post.now(issue)).state is _S.SENDING
    assert await post.states(issue) == ["deferred"] * 3
    async with post.room.store.read() as conn:
        assert [each.action for each in await events.of_issue(conn, issue.id)][-2:] == ["issue.sent", "issue.reopened"]
    await post.send(late=timedelta(minutes=10))
    assert ((await post.now(issue)).state, len(post.server.taken)) == (_S.SENT, 3)


async def _claimed(post: Post, issue: Issue, worker: str) -> None:
    now = post.room.clock.now()
    async with post.room.store.write() as conn:
        taken = await deliveries.claim(conn, issue.id, AUDIENCE, worker, 500, now, now + timedelta(seconds=30))
    assert len(taken.mails) == 3


# -- faults of ours ----------------------------------------------------------------------------------------------------


async def test_a_mail_that_cannot_be_built_fails_and_the_others_are_sent(make_post: MakePost) -> None:
    post = await make_post()
    issue = await post.begun()
    second = (await post.rows(issue))[1]["subscriber_id"]
    await post.run_sql(update(subscribers).where(subscribers.c.id == second).values(email="no address at all"))
    await post.send()
    assert await post.states(issue) == ["sent", "failed", "sent"]
    assert (await post.now(issue)).state is _S.SENT
    assert "not built" in (await post.rows(issue))[1]["reply"]


async def test_an_issue_without_its_snapshot_is_held_and_the_next_one_leaves(make_post: MakePost) -> None:
    post = await make_post()
    spoilt, sound = await post.begun("1"), await post.begun("2")
    await post.run_sql(delete(snapshots).where(snapshots.c.issue_id == spoilt.id))
    await post.send()
    held = await post.now(spoilt)
    assert (held.state, held.reason) == (
        _S.HELD,
        f"it cannot be sent: issue {spoilt.id} is being sent but was never frozen",
    )
    assert await post.states(spoilt) == ["pending"] * 3
    assert ((await post.now(sound)).state, len(post.server.taken)) == (_S.SENT, 3)


async def test_a_fault_of_ours_in_mid_issue_holds_it_and_loses_nobody(
    make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = await make_post()
    issue = await post.begun()

    def broken(_issue: int, _state: DeliveryState) -> None:
        raise ZeroDivisionError("by us")

    sender = Sender(post.room, broken)
    with pytest.raises(ZeroDivisionError):
        await sender.run(asyncio.Event())
    await sender.close()
    held = await post.now(issue)
    assert (held.state, held.reason) == (_S.HELD, "it cannot be sent: ZeroDivisionError: by us")
    assert sorted(await post.states(issue)) == ["pending", "pending", "sent"]
    await publish.resume(post.room, issue.id)
    await post.send()
    assert len({taken.rcpt for taken in post.server.taken}) == len(post.server.taken) == 3


# -- held or later -----------------------------------------------------------------------------------------------------

BUSY = "421 4.3.2 busy"
GIVE_UP = timedelta(hours=12)


async def _refused(post: Post, late: timedelta = timedelta()) -> RelayRefused:
    with pytest.raises(RelayRefused) as caught:
        await post.send(late=late)
    return caught.value


async def test_a_server_that_is_busy_keeps_the_issue_sending_until_it_has_been_so_for_too_long(
    make_post: MakePost,
) -> None:
    post = await make_post(always={GREETING: BUSY})
    issue = await post.begun()
    assert (await _refused(post)).temporary
    assert (await _refused(post, late=GIVE_UP - timedelta(minutes=1))).temporary
    assert (await post.now(issue)).state is _S.SENDING
    await _refused(post, late=GIVE_UP + timedelta(minutes=1))
    held = await post.now(issue)
    assert (held.state, BUSY in held.reason) == (_S.HELD, True)
    assert await post.states(issue) == ["pending"] * 3


async def test_a_server_that_took_something_in_the_meantime_has_its_patience_anew(make_post: MakePost) -> None:
    post = await make_post(script={MAIL: ["250 ok"]}, always={MAIL: "421 4.7.0 slow down"})
    issue = await post.begun()
    await _refused(post, late=GIVE_UP - timedelta(hours=1))
    assert sorted(await post.states(issue)) == ["pending", "pending", "sent"]
    await _refused(post, late=GIVE_UP + timedelta(hours=10))
    assert (await post.now(issue)).state is _S.SENDING
    await _refused(post, late=GIVE_UP + timedelta(hours=12))
    assert (await post.now(issue)).state is _S.HELD


async def test_an_editor_who_resumes_has_the_issue_tried_anew(make_post: MakePost) -> None:
    post = await make_post(always={GREETING: BUSY})
    issue = await post.begun()
    await _refused(post, late=GIVE_UP)
    assert (await post.now(issue)).state is _S.HELD
    await publish.resume(post.later(GIVE_UP), issue.id)
    await _refused(post, late=GIVE_UP + timedelta(hours=1))
    assert (await post.now(issue)).state is _S.SENDING


async def test_a_refusal_for_good_and_a_server_that_is_not_there_hold_at_once(make_post: MakePost) -> None:
    post = await make_post(always={GREETING: "554 5.7.1 not you"})
    issue = await post.begun()
    assert not (await _refused(post)).temporary
    assert (await post.now(issue)).state is _S.HELD
    await publish.resume(post.room, issue.id)
    await post.server.__aexit__()
    assert not (await _refused(post)).temporary
    held = await post.now(issue)
    assert (held.state, held.reason) == (_S.HELD, f"127.0.0.1:{post.server.port} refuses the connection")


# -- notes -------------------------------------------------------------------------------------------------------------


async def test_editors_of_one_domain_get_notes_with_ids_of_their_own(make_post: MakePost) -> None:
    post = await make_post()
    editors = tuple(f"editor{number}@example.org" for number in range(5))
    desk = post.room.settings.desk.model_copy(update={"notify": editors})
    room = replace(post.room, settings=post.room.settings.model_copy(update={"desk": desk}))
    issue = await post.begun()
    await publish.hold(room, issue.id, "wrong lead")
    async with room.store.read() as conn:
        notes = list((await conn.execute(select(messages.c.content))).scalars())
    ids = {re.findall(rb"(?m)^Message-ID: (.*)$", note)[0].split(b"@")[0] for note in notes}
    assert len(ids) == len(notes) == 5


async def test_when_an_issue_has_left_the_editors_are_told_how_many_got_it(make_post: MakePost) -> None:
    post = await make_post(script={RCPT: ["550 5.1.1 no such user", "452 4.2.2 full"]})
    desk = post.room.settings.desk.model_copy(update={"notify": ("editor@example.org",)})
    post.room = replace(post.room, settings=post.room.settings.model_copy(update={"desk": desk}))
    issue = await post.begun(scheduled=True)
    await post.send()
    assert await post.notes() == []  # one is still to be tried
    await post.send(late=timedelta(minutes=10))
    (note,) = await post.notes()
    assert f"Subject: Defence Notes: issue {issue.id} is sent\r\n" in note
    assert re.search(r"\r\n2 of 3 sent, 1 failed, in [\d,]+\.\d s\r\n", note)


# -- the clock ---------------------------------------------------------------------------------------------------------


class _Jumping(_Hurried):
    """Somebody puts the clock, forth and back, whenever it is told to jump."""

    def __init__(self, *steps: timedelta) -> None:
        super().__init__()
        self._steps = itertools.cycle(steps)

    def jump(self) -> None:
        self._offset = next(self._steps)


@pytest.mark.parametrize("hours", [(26,), (-26,), (1, -1, 0), (-3, 26)])
async def test_a_clock_that_jumps_in_mid_send_loses_and_doubles_nothing(make_post: MakePost, hours: Any) -> None:
    post = await make_post(readers=60, script={RCPT: ["450 4.2.0 greylisted"] * 5})
    issue = await post.begun()
    clock = _Jumping(*(timedelta(hours=each) for each in hours))
    room = replace(post.room, clock=clock)
    sender = Sender(room, watch=lambda _issue, _state: clock.jump())
    for _ in range(3):
        sending = asyncio.create_task(sender.run(asyncio.Event()))
        while not sending.done():
            await recover(room)  # a daemon beside it: a claim looks as if its lease were over, and its sender lives
            assert "uncertain" not in await post.states(issue)
        await sending
    await sender.close()
    await post.send(late=timedelta(days=2))
    assert await post.states(issue) == ["sent"] * 60
    assert len({taken.rcpt for taken in post.server.taken}) == len(post.server.taken) == 60


# -- later -------------------------------------------------------------------------------------------------------------


async def test_what_was_deferred_together_does_not_come_back_together(make_post: MakePost) -> None:
    post = await make_post(readers=20, always={RCPT: "450 4.2.0 greylisted"})
    issue = await post.begun()
    before = post.room.clock.now()
    await post.send()
    assert await post.states(issue) == ["deferred"] * 20
    due = [row["not_before"] - row["changed_at"] for row in await post.rows(issue)]
    assert len(set(due)) > 1
    assert all(timedelta(minutes=5) <= each <= timedelta(minutes=5.5) for each in due)
    assert (await post.rows(issue))[0]["changed_at"] >= before
