"""Deliveries under any order of events, on a real SQLite: nobody twice, nobody lost, no move that is not permitted."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from digest.model.delivery import MOVES, DeliveryState
from digest.model.issue import IssueState
from digest.store import deliveries, issues, outbox, subscribers
from digest.store.engine import Connection, Store
from tests.store.world import AUDIENCE, NOTES, NOW, result, sending_issue, states

_D, _S = DeliveryState, IssueState
PEOPLE = tuple(f"reader{number}@example.net" for number in range(12))
WORKERS = ("w1", "w2")
OUTCOMES = (_D.SENT, _D.DEFERRED, _D.FAILED, _D.UNCERTAIN, None)
T = TypeVar("T")

_template = Path()
"""An empty database to begin with; set by the test."""
_CHANGES = {(_S.SENDING, _S.PAUSED), (_S.SENDING, _S.HELD), (_S.PAUSED, _S.SENDING), (_S.HELD, _S.SENDING)}


class Life(RuleBasedStateMachine):
    """Two workers, an editor and readers who leave. `taken` is what the mail server has; nobody here knows it for sure."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(_template, self.folder / "digest.db")
        self.runner = asyncio.Runner()
        self.store = self.run(Store.open("sqlite:///digest.db", self.folder))
        self.issue = self.run(sending_issue(self.store, *PEOPLE))
        self.now = NOW
        self.hand: dict[str, set[int]] = {worker: set() for worker in WORKERS}
        self.journal: dict[str, dict[int, DeliveryState]] = {worker: {} for worker in WORKERS}
        self.taken: Counter[int] = Counter()
        self.asked_again: Counter[int] = Counter()
        self.gone: set[int] = set()
        self.last = self.run(states(self.store, self.issue))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def write(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async def written() -> T:
            async with self.store.write() as conn:
                return await work(conn)

        return self.run(written())

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    # -- workers -------------------------------------------------------------------------------------------------------

    @rule(
        worker=st.sampled_from(WORKERS),
        limit=st.integers(0, 12),
        outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=6),
    )
    def send(self, worker: str, limit: int, outcomes: list[DeliveryState | None]) -> None:
        """Claim; announce some, let the server have them, and note the outcomes; None: die before the reply is noted."""
        lease = self.now + timedelta(seconds=30)
        taken = self.write(lambda conn: deliveries.claim(conn, self.issue, AUDIENCE, worker, limit, self.now, lease))
        mine = {mail.subscriber_id for mail in taken.mails}
        assert not mine & self.gone
        assert all(self.asked_again[each] for each in mine & (self.hand["w1"] | self.hand["w2"]))
        self.hand[worker] |= mine
        for number, outcome in zip(sorted(self.hand[worker] - self.journal[worker].keys()), outcomes, strict=False):
            self.journal[worker][number] = outcome or _D.UNCERTAIN
            self.taken[number] += outcome in {_D.SENT, _D.UNCERTAIN, None}

    @rule(worker=st.sampled_from(WORKERS))
    def record(self, worker: str) -> None:
        """The batch reaches the ledger, from the worker itself or from whoever settles its journal."""
        told = self.journal[worker]
        results = [result(self.issue, number, state, not_before=self._due(state)) for number, state in told.items()]
        self.write(lambda conn: outbox.record(conn, worker, results, self.now))
        self.hand[worker] -= told.keys()
        told.clear()

    def _due(self, state: DeliveryState) -> Any:
        return self.now + timedelta(minutes=5 if state is _D.DEFERRED else 0)

    @rule(worker=st.sampled_from(WORKERS))
    def end(self, worker: str) -> None:
        """It ends in order, or dies and its whole journal is settled."""
        self.record(worker)
        self.write(lambda conn: outbox.release(conn, worker, self.now))
        self.hand[worker].clear()

    @rule(worker=st.sampled_from(WORKERS))
    def lose_the_machine(self, worker: str) -> None:
        """It dies, and its journal with it."""
        self.write(lambda conn: outbox.doubt(conn, worker, self.now))
        self.hand[worker].clear()
        self.journal[worker].clear()

    @rule(worker=st.sampled_from(WORKERS))
    def renew(self, worker: str) -> None:
        self.write(lambda conn: outbox.renew(conn, worker, self.now + timedelta(seconds=30)))

    @rule(alive=st.sets(st.sampled_from(WORKERS)))
    def expire(self, alive: set[str]) -> None:
        """Leases of workers elsewhere run out; their journals may come back later, and be recorded then."""
        self.write(lambda conn: outbox.expire(conn, alive, self.now))

    # -- editors and readers -------------------------------------------------------------------------------------------

    @rule(state=st.sampled_from([_D.FAILED, _D.UNCERTAIN]))
    def retry(self, state: DeliveryState) -> None:
        self.asked_again.update(number for number, found in self.last.items() if found == state)
        self.write(lambda conn: deliveries.retry(conn, self.issue, state, self.now))

    @rule(to=st.sampled_from([_S.SENDING, _S.SENDING, _S.PAUSED, _S.HELD]))
    def pause_or_go_on(self, to: IssueState) -> None:
        async def moved(conn: Connection) -> None:
            issue = await issues.get(conn, self.issue)
            if (issue.state, to) in _CHANGES:
                await issues.move(conn, issue, to)

        self.write(moved)

    @precondition(lambda self: self.now > NOW + timedelta(minutes=5))
    @rule()
    def cancel(self) -> None:
        async def cancelled(conn: Connection) -> None:
            issue = await issues.get(conn, self.issue)
            if issue.state in {_S.PAUSED, _S.HELD}:
                await issues.move(conn, issue, _S.CANCELLED)
            await deliveries.skip_rest_of_ended(conn, "cancelled", self.now)

        self.write(cancelled)

    @rule(number=st.integers(0, len(PEOPLE) - 1))
    def leave(self, number: int) -> None:
        who = sorted(self.last)[number]
        if self.write(lambda conn: subscribers.opt_out(conn, NOTES, who, self.issue, self.now)):
            self.gone.add(who)
            self.write(lambda conn: deliveries.skip_subscriber(conn, who, NOTES, "unsubscribed", self.now))

    @rule(seconds=st.sampled_from([1, 29, 31, 301]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    # -- what holds at all times ---------------------------------------------------------------------------------------

    @invariant()
    def only_permitted_moves(self) -> None:
        found = self.run(states(self.store, self.issue))
        assert found.keys() == self.last.keys(), "a row is lost"
        for number, state in found.items():
            before = _D(self.last[number])
            # One event may make two moves: what is claimed by somebody who has left is skipped at once.
            reachable = {before} | MOVES[before] | {after for each in MOVES[before] for after in MOVES[each]}
            assert state in reachable, f"{before} became {state}"
        self.last = found

    @invariant()
    def nobody_has_it_twice_unless_an_editor_asked(self) -> None:
        for number, times in self.taken.items():
            assert times <= 1 + self.asked_again[number]

    @invariant()
    def the_count_is_the_rows(self) -> None:
        async def counted(conn: Connection) -> tuple[int, int]:
            tally = await deliveries.tally(conn, self.issue)
            return tally.recipients, tally.sent

        assert self.write(counted) == (len(PEOPLE), Counter(self.last.values())["sent"])


def test_whatever_happens_nobody_has_it_twice_and_nobody_is_lost(
    sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "_template", sqlite_template)
    options = settings(max_examples=40, stateful_step_count=30, suppress_health_check=list(HealthCheck), deadline=None)
    run_state_machine_as_test(Life, settings=options)
