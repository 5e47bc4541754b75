"""Many mails through few connections, against real servers that misbehave."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from digest.deliver.hand import Outgoing
from digest.deliver.journal import Journal, replay, survey
from digest.deliver.pool import Pool
from digest.errors import RelayRefused, StoreError, TemplateError
from digest.model.delivery import DeliveryState, Outcome, Reply
from tests.deliver.server import AUTH, CUT, DATA, DOT, GREETING, MAIL, RCPT, SILENCE, Server
from tests.deliver.world import BODY, FakeClock, Ledger, Tls, mail, mails, smtp

S = DeliveryState


def open_pool(server: Server, clock: FakeClock, **settings: object) -> Pool:
    return Pool(smtp(server.port, **settings), clock, elapsed_s=clock.elapsed_s)


@asynccontextmanager
async def pool_for(server: Server, clock: FakeClock, **settings: object) -> AsyncIterator[Pool]:
    """A pool that takes leave of the server at the end."""
    pool = open_pool(server, clock, **settings)
    try:
        yield pool
    finally:
        await pool.close()


def told(journal: Journal) -> dict[int, DeliveryState]:
    return {key[1]: outcome.state for key, outcome in sorted(replay(journal.path).items())}


async def test_every_mail_arrives_once_over_no_more_connections_than_allowed(
    clock: FakeClock, journal: Journal
) -> None:
    ledger = Ledger()
    async with Server() as server, pool_for(server, clock, connections=4) as pool:
        await pool.run(mails(300), journal, ledger.record)
    assert ledger.states() == dict.fromkeys(range(300), S.SENT)
    assert len({taken.rcpt for taken in server.taken}) == len(server.taken) == 300
    assert server.most == 4
    assert server.commands().count("QUIT") == 4
    assert told(journal) == ledger.states()
    assert clock.slept == []


async def test_one_mail_needs_one_connection_and_nothing_needs_none(clock: FakeClock, journal: Journal) -> None:
    ledger = Ledger()
    async with Server() as server, pool_for(server, clock) as pool:
        await pool.run(mails(0), journal, ledger.record)
        assert server.connections == 0
        await pool.run(mails(1), journal, ledger.record)
    assert server.connections == 1


async def test_connections_are_kept_from_run_to_run_and_renewed_when_the_server_left(
    clock: FakeClock, journal: Journal
) -> None:
    ledger = Ledger()
    async with Server() as server, pool_for(server, clock, connections=1) as pool:
        await pool.run(mails(1), journal, ledger.record)
        port, before = server.port, server.connections
        await pool.run(_numbered([1]), journal, ledger.record)
        assert server.connections == before == 1
        await server.__aexit__()
        async with Server(port=port) as reborn:
            await pool.run(_numbered([2]), journal, ledger.record)
            assert reborn.connections == 1
    assert set(ledger.states().values()) == {S.SENT}


async def _numbered(numbers: list[int]) -> AsyncIterator[Outgoing]:
    for number in numbers:
        yield mail(number)


async def test_no_more_than_three_mails_a_connection_are_in_hand(clock: FakeClock, journal: Journal) -> None:
    ledger = Ledger()
    pulled = in_hand = 0

    async def counted() -> AsyncIterator[Outgoing]:
        nonlocal pulled, in_hand
        async for outgoing in mails(200):
            pulled += 1
            in_hand = max(in_hand, pulled - len(ledger.outcomes))
            yield outgoing

    async with Server() as server, pool_for(server, clock, connections=3) as pool:
        await pool.run(counted(), journal, ledger.record)
    assert in_hand <= 3 * 3  # one leaves, the next one's envelope is on its way, one waits


async def test_a_server_that_says_421_after_its_quota_gets_new_connections_silently(
    clock: FakeClock, journal: Journal
) -> None:
    ledger = Ledger()
    script = {MAIL: ["250 ok", "250 ok", "421 4.7.0 too many messages"] * 5}
    async with Server(script=script) as server, pool_for(server, clock, connections=1) as pool:
        await pool.run(mails(10), journal, ledger.record)
    assert ledger.states() == dict.fromkeys(range(10), S.SENT)
    assert server.connections == 5
    assert clock.slept == []


async def test_messages_per_connection_is_kept_to(clock: FakeClock, journal: Journal) -> None:
    ledger = Ledger()
    async with Server() as server, pool_for(server, clock, connections=1, messages_per_connection=3) as pool:
        await pool.run(mails(10), journal, ledger.record)
    assert server.connections == 4
    assert set(ledger.states().values()) == {S.SENT}


async def test_a_line_cut_before_the_dot_is_tried_again_and_one_cut_behind_it_is_not(
    clock: FakeClock, journal: Journal
) -> None:
    ledger = Ledger()
    async with Server(script={DATA: [CUT], DOT: [CUT]}) as server, pool_for(server, clock, connections=1) as pool:
        await pool.run(mails(3), journal, ledger.record)
    assert ledger.states() == {0: S.UNCERTAIN, 1: S.SENT, 2: S.SENT}
    assert told(journal) == ledger.states()


async def test_replies_about_recipients_stop_nobody(clock: FakeClock, journal: Journal) -> None:
    ledger = Ledger()
    script = {RCPT: ["550 5.1.1 unknown", "450 4.2.0 greylisted"]}
    async with Server(script=script) as server, pool_for(server, clock, connections=1) as pool:
        await pool.run(mails(3), journal, ledger.record)
    assert ledger.states() == {0: S.FAILED, 1: S.DEFERRED, 2: S.SENT}
    assert ledger.outcomes[0].reply.text == "5.1.1 unknown"


async def test_a_mail_that_breaks_every_line_is_deferred_and_the_others_pass(
    clock: FakeClock, journal: Journal
) -> None:
    ledger = Ledger()

    class Picky(Server):
        def answer(self, step: str, usual: str) -> str:
            return CUT if step == RCPT and b"reader2@" in self.heard[-1] else super().answer(step, usual)

    async with Picky() as server, pool_for(server, clock, connections=1) as pool:
        await pool.run(mails(5), journal, ledger.record)
    assert ledger.states() == {0: S.SENT, 1: S.SENT, 2: S.DEFERRED, 3: S.SENT, 4: S.SENT}


async def test_a_server_that_is_away_for_a_moment_is_waited_for(clock: FakeClock, journal: Journal) -> None:
    ledger = Ledger()
    script = {GREETING: ["421 4.3.2 starting", CUT, "450 soon"]}
    async with Server(script=script) as server, pool_for(server, clock) as pool:
        await pool.run(mails(5), journal, ledger.record)
    assert set(ledger.states().values()) == {S.SENT}
    assert clock.slept == [1.0, 2.0]


async def test_a_server_that_stays_away_holds_the_issue_in_words_for_editors(
    clock: FakeClock, journal: Journal
) -> None:
    ledger = Ledger()
    async with Server() as server:
        pool = open_pool(server, clock)
    with pytest.raises(RelayRefused, match=f"^127.0.0.1:{server.port} refuses the connection$"):
        await pool.run(mails(50), journal, ledger.record)
    assert ledger.states() == {0: S.PENDING}
    assert clock.slept == [1.0, 2.0, 4.0]


async def test_a_server_that_always_breaks_off_holds_the_issue_and_burns_nobody(
    clock: FakeClock, journal: Journal
) -> None:
    ledger = Ledger()
    async with Server(always={MAIL: "421 4.7.0 go away"}) as server, pool_for(server, clock) as pool:
        with pytest.raises(RelayRefused, match=r"keeps breaking off: 421 4\.7\.0 go away"):
            await pool.run(mails(50), journal, ledger.record)
    assert set(ledger.states().values()) == {S.PENDING}
    assert server.connections < 100


@pytest.mark.parametrize("at", [MAIL, RCPT, DOT])
async def test_a_refusal_of_us_is_raised_once_and_the_mails_in_hand_come_back(
    clock: FakeClock, journal: Journal, at: str
) -> None:
    ledger = Ledger()
    script = {at: ["250 ok"] * 20 + ["550 5.7.26 unauthenticated"]}
    async with Server(script=script, always={at: "550 5.7.26 unauthenticated"}) as server:
        pool = open_pool(server, clock, connections=5)
        with pytest.raises(RelayRefused, match=r"refuses us: 550 5\.7\.26"):
            await pool.run(mails(500), journal, ledger.record)
        await pool.close()
    states = list(ledger.states().values())
    assert len(server.taken) == states.count(S.SENT) <= 20
    assert 1 <= states.count(S.PENDING) <= 5
    assert set(ledger.states().values()) == {S.SENT, S.PENDING}
    assert told(journal) == ledger.states()


async def test_a_wrong_password_is_tried_once(clock: FakeClock, journal: Journal) -> None:
    ledger = Ledger()
    async with Server(offers=["AUTH PLAIN"], always={AUTH: "535 5.7.8 no"}) as server:
        pool = open_pool(server, clock, username="digest", password="wrong")
        with pytest.raises(RelayRefused, match="user name and password"):
            await pool.run(mails(50), journal, ledger.record)
        await pool.close()
    assert server.connections == 1
    assert ledger.states() == {0: S.PENDING}


async def test_the_rate_is_kept_across_all_connections(clock: FakeClock, journal: Journal) -> None:
    ledger = Ledger()
    async with Server() as server, pool_for(server, clock, rate=2, connections=1) as pool:
        await pool.run(mails(5), journal, ledger.record)
    assert clock.slept == [0.5] * 4


# -- stopping ----------------------------------------------------------------------------------------------------------


async def test_after_a_stop_nothing_is_pulled_and_what_is_under_way_finishes(
    clock: FakeClock, journal: Journal
) -> None:
    ledger, stop = Ledger(), asyncio.Event()
    pulled = 0

    async def endless() -> AsyncIterator[Outgoing]:
        nonlocal pulled
        while True:
            pulled += 1
            if pulled == 50:
                stop.set()
            yield mail(pulled)

    async with Server() as server, pool_for(server, clock, connections=3) as pool:
        await pool.run(endless(), journal, ledger.record, stop=stop)
    assert pulled < 60
    assert set(ledger.states().values()) == {S.SENT}
    sent = [number for number, state in ledger.states().items() if state is S.SENT]
    assert len(server.taken) == len(sent)
    assert len(sent) >= 50 - 3 * 3


@pytest.mark.parametrize(("at", "state"), [(MAIL, S.PENDING), (RCPT, S.PENDING), (DATA, S.PENDING), (DOT, S.UNCERTAIN)])
async def test_what_does_not_finish_in_time_is_pending_before_the_dot_and_uncertain_behind_it(
    clock: FakeClock, journal: Journal, at: str, state: DeliveryState
) -> None:
    ledger, stop = Ledger(), asyncio.Event()
    async with Server(always={at: SILENCE}) as server:
        pool = Pool(smtp(server.port, connections=1), clock, elapsed_s=clock.elapsed_s)
        asyncio.get_running_loop().call_later(0.1, stop.set)
        await pool.run(mails(10), journal, ledger.record, stop=stop, finish_s=0.05)
        await pool.close()
    assert ledger.states() == {0: state}
    assert told(journal) == ledger.states()


async def test_after_a_stop_while_connecting_nothing_was_tried(clock: FakeClock, journal: Journal) -> None:
    ledger, stop = Ledger(), asyncio.Event()
    async with Server(always={GREETING: SILENCE}) as server:
        pool = Pool(smtp(server.port), clock, elapsed_s=clock.elapsed_s)
        asyncio.get_running_loop().call_later(0.05, stop.set)
        await pool.run(mails(10), journal, ledger.record, stop=stop, finish_s=0.01)
        await pool.close()
    assert ledger.states() == {}


async def test_a_stop_ends_a_pull_that_never_comes(clock: FakeClock, journal: Journal) -> None:
    ledger, stop = Ledger(), asyncio.Event()

    async def stuck() -> AsyncIterator[Outgoing]:
        yield mail(0)
        await asyncio.Event().wait()

    async with Server() as server, pool_for(server, clock) as pool:
        asyncio.get_running_loop().call_later(0.05, stop.set)
        await pool.run(stuck(), journal, ledger.record, stop=stop, finish_s=0.01)
    assert ledger.states() == {0: S.SENT}


async def test_a_cancelled_run_records_what_it_had_in_hand(clock: FakeClock, journal: Journal) -> None:
    ledger = Ledger()
    async with Server(always={DOT: SILENCE}) as server:
        pool = Pool(smtp(server.port, connections=2), clock, elapsed_s=clock.elapsed_s)
        run = asyncio.create_task(pool.run(mails(10), journal, ledger.record))
        await server.at_dot.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        await pool.close()
    assert ledger.outcomes[0].state is S.UNCERTAIN
    assert set(ledger.states().values()) <= {S.UNCERTAIN, S.PENDING}


async def test_a_stop_set_beforehand_sends_nothing(clock: FakeClock, journal: Journal) -> None:
    stop = asyncio.Event()
    stop.set()
    ledger = Ledger()
    async with Server() as server, pool_for(server, clock) as pool:
        await pool.run(mails(100), journal, ledger.record, stop=stop)
    assert set(ledger.states().values()) <= {S.PENDING, S.SENT}
    assert len(ledger.outcomes) <= 1


# -- faults of our own -------------------------------------------------------------------------------------------------


async def test_bytes_are_built_only_when_they_are_about_to_leave(clock: FakeClock, journal: Journal) -> None:
    ledger = Ledger()
    built: list[int] = []

    def build() -> bytes:
        built.append(server.commands().count("EHLO"))
        return b"X: y\r\n"

    async with Server() as server, pool_for(server, clock) as pool:
        await pool.run(_once(replace(mail(0), build=build)), journal, ledger.record)
    assert built == [1]


async def _once(outgoing: Outgoing) -> AsyncIterator[Outgoing]:
    yield outgoing


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TemplateError("digest.html", 3, "no such name"), "not built: digest.html, line 3: no such name"),
        (ZeroDivisionError(), "not built: ZeroDivisionError"),
    ],
)
async def test_a_mail_that_cannot_be_built_fails_alone(
    clock: FakeClock, journal: Journal, error: Exception, words: str
) -> None:
    def build() -> bytes:
        raise error

    async def with_a_bad_one() -> AsyncIterator[Outgoing]:
        yield mail(0)
        yield replace(mail(1), build=build)
        yield mail(2)

    ledger = Ledger()
    async with Server() as server, pool_for(server, clock, connections=1) as pool:
        await pool.run(with_a_bad_one(), journal, ledger.record)
    assert ledger.states() == {0: S.SENT, 1: S.FAILED, 2: S.SENT}
    assert ledger.outcomes[1].reply == Reply(0, words)
    assert told(journal) == ledger.states()
    assert len(server.taken) == 2


async def test_bytes_that_are_not_fit_for_the_wire_fail_alone(clock: FakeClock, journal: Journal) -> None:
    ledger = Ledger()

    async def with_a_bad_one() -> AsyncIterator[Outgoing]:
        yield replace(mail(0), build=lambda: b"Subject: x\n\nbare line feeds\n")
        yield mail(1)

    async with Server() as server, pool_for(server, clock, connections=1) as pool:
        await pool.run(with_a_bad_one(), journal, ledger.record)
    assert ledger.states() == {0: S.FAILED, 1: S.SENT}
    assert ledger.outcomes[0].reply.text.startswith("5.6.0 not sent: ")


async def test_a_journal_that_cannot_be_written_keeps_the_dot_back(
    clock: FakeClock, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(journal, "announce", full)
    ledger = Ledger()
    async with Server() as server, pool_for(server, clock) as pool:
        with pytest.raises(StoreError, match="disk full"):
            await pool.run(mails(20), journal, ledger.record)
    assert server.taken == []
    assert set(ledger.states().values()) == {S.PENDING}


async def test_a_ledger_that_cannot_be_written_ends_the_run_and_the_journal_knows(
    clock: FakeClock, journal: Journal
) -> None:
    def broken(outgoing: Outgoing, outcome: Outcome) -> None:
        raise StoreError("database is locked")

    async with Server() as server, pool_for(server, clock, connections=2) as pool:
        with pytest.raises(StoreError, match="locked"):
            await pool.run(mails(20), journal, broken)
    assert 1 <= len(server.taken) <= 2
    assert list(told(journal).values()).count(S.SENT) == len(server.taken)
    assert set(told(journal).values()) <= {S.SENT, S.PENDING}


async def test_mails_that_cannot_be_pulled_end_the_run_and_the_rest_finishes(
    clock: FakeClock, journal: Journal
) -> None:
    async def failing() -> AsyncIterator[Outgoing]:
        for number in range(5):
            yield mail(number)
        raise StoreError("database is gone")

    ledger = Ledger()
    async with Server() as server, pool_for(server, clock) as pool:
        with pytest.raises(StoreError, match="gone"):
            await pool.run(failing(), journal, ledger.record)
    assert 1 <= len(server.taken) == len(ledger.outcomes)
    assert set(ledger.states().values()) == {S.SENT}


async def test_many_connections_under_tls_share_one_context(clock: FakeClock, tls: Tls, tmp_path: Path) -> None:
    ledger, journal = Ledger(), Journal.open(tmp_path, "w")
    async with Server(offers=["STARTTLS"], tls=tls.server) as server:
        pool = Pool(smtp(server.port, security="starttls", connections=5), clock, tls_context=tls.client)
        await pool.run(mails(50), journal, ledger.record)
        await pool.close()
    assert set(ledger.states().values()) == {S.SENT}
    assert server.most <= 5
    journal.settle((7, number) for number in ledger.outcomes)
    journal.close()
    assert not journal.path.exists()


# -- killed ------------------------------------------------------------------------------------------------------------

CHILD = """
import asyncio, sys
from pathlib import Path
from digest.clock import SystemClock
from digest.deliver.journal import Journal
from digest.deliver.pool import Pool
from tests.deliver.world import mails, smtp

async def main():
    journal = Journal.open(Path(sys.argv[2]), "child")
    await Pool(smtp(int(sys.argv[1]), connections=5), SystemClock()).run(mails(100_000), journal, lambda *_: None)

asyncio.run(main())
"""


async def test_when_the_sender_is_killed_the_doubt_is_at_most_one_mail_per_connection(tmp_path: Path) -> None:
    async with Server() as server:
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, str(server.port), str(tmp_path))
        while len(server.taken) < 300:  # noqa: ASYNC110 the server keeps a list, and another process fills it
            await asyncio.sleep(0)  # noqa: TID251 gives the loop a turn; no time is waited for
        child.kill()
        await child.wait()
        while server.open:  # noqa: ASYNC110 what had left before the kill is still taken
            await asyncio.sleep(0)  # noqa: TID251 gives the loop a turn; no time is waited for
    taken = {int(re.findall(rb"reader(\d+)@", each.rcpt)[0]) for each in server.taken}
    (path,) = survey(tmp_path).dead
    outcomes = {key[1]: outcome.state for key, outcome in replay(path).items()}
    known = {number for number, state in outcomes.items() if state is S.SENT}
    doubtful = {number for number, state in outcomes.items() if state is S.UNCERTAIN}
    assert len(server.taken) == len(taken)
    assert known <= taken <= known | doubtful
    assert len(doubtful) <= 5


# -- modes -------------------------------------------------------------------------------------------------------------

MODES = ("overlap", "pipeline", "plain")


@pytest.mark.parametrize("mode", MODES)
async def test_each_mode_brings_the_same_bytes_once(clock: FakeClock, journal: Journal, mode: str) -> None:
    ledger = Ledger()
    script = {
        RCPT: ["250 ok", "550 5.1.1 unknown", "450 4.2.0 greylisted"] * 10,
        DOT: ["250 ok"] * 5 + ["554 5.6.0 no"],
    }
    async with Server(script=script) as server, pool_for(server, clock, connections=3, mode=mode) as pool:
        await pool.run(mails(60), journal, ledger.record)
    states = list(ledger.states().values())
    assert (states.count(S.FAILED), states.count(S.DEFERRED), states.count(S.SENT)) == (11, 10, 39)
    assert {taken.raw for taken in server.taken} == {BODY}
    taken = sorted(int(re.findall(rb"reader(\d+)@", each.rcpt)[0]) for each in server.taken)
    assert taken == [number for number, state in ledger.states().items() if state is S.SENT]
    assert told(journal) == ledger.states()


@pytest.mark.parametrize("mode", MODES)
async def test_nothing_is_sent_in_groups_to_a_server_that_does_not_offer_it(
    clock: FakeClock, journal: Journal, mode: str
) -> None:
    ledger = Ledger()
    async with Server(offers=[]) as server, pool_for(server, clock, mode=mode) as pool:
        await pool.run(mails(20), journal, ledger.record)
    assert set(ledger.states().values()) == {S.SENT}
    assert server.hurried == 0


@pytest.mark.parametrize("lax", [False, True])
@pytest.mark.parametrize("mode", MODES)
async def test_a_refused_recipient_costs_the_next_mail_nothing(
    clock: FakeClock, journal: Journal, mode: str, lax: bool
) -> None:
    ledger = Ledger()
    script = {RCPT: ["250 ok", "550 5.1.1 unknown"] * 5}
    async with Server(script=script, lax=lax) as server, pool_for(server, clock, connections=1, mode=mode) as pool:
        await pool.run(mails(10), journal, ledger.record)
    assert list(ledger.states().values()) == [S.SENT, S.FAILED] * 5
    assert [taken.rcpt for taken in server.taken] == [
        b"RCPT TO:<reader%d@example.net>\r\n" % n for n in range(0, 10, 2)
    ]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("reply", "state"), [(CUT, S.UNCERTAIN), ("421 4.3.2 going down", S.SENT), ("554 5.6.0 no", S.FAILED)]
)
async def test_a_mail_whose_envelope_travelled_with_a_body_that_went_wrong_is_sent_once(
    clock: FakeClock, journal: Journal, reply: str, state: DeliveryState
) -> None:
    ledger = Ledger()
    async with Server(script={DOT: ["250 ok", reply]}) as server, pool_for(server, clock, connections=1) as pool:
        await pool.run(mails(5), journal, ledger.record)
    assert ledger.states() == {0: S.SENT, 1: state, 2: S.SENT, 3: S.SENT, 4: S.SENT}
    assert len(server.taken) == len({taken.rcpt for taken in server.taken}) == 4 + (state is S.SENT)


@pytest.mark.parametrize(("mode", "hurried"), [("plain", 0), ("pipeline", 2 * 10), ("overlap", 2 * 10 + 9)])
async def test_what_travels_together(clock: FakeClock, journal: Journal, mode: str, hurried: int) -> None:
    ledger = Ledger()
    async with Server() as server, pool_for(server, clock, connections=1, mode=mode) as pool:
        await pool.run(mails(10), journal, ledger.record)
    assert set(ledger.states().values()) == {S.SENT}
    assert server.hurried == hurried
