from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.deliver import journal as journal_module
from digest.deliver.journal import Journal, Journals, discard, inherited, is_whole, replay, survey, worker_name
from digest.errors import StoreError
from digest.model.delivery import DeliveryState, Outcome, Reply

S = DeliveryState
SENT = Outcome(S.SENT, Reply(250, "2.0.0 queued as 4711"))


def test_what_is_done_is_known_and_what_is_only_announced_is_in_doubt(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "a")
    for subscriber in (1, 2, 3):
        journal.announce(7, subscriber)
    deferred = Outcome(S.DEFERRED, Reply(451, "later"))
    journal.done(7, 1, SENT)
    journal.done(7, 2, deferred)
    told = replay(journal.path)
    assert told[7, 1] == SENT
    assert told[7, 2] == deferred
    assert told[7, 3].state is S.UNCERTAIN
    journal.close()


def test_announced_anew_is_in_doubt_anew(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "a")
    journal.announce(7, 1)
    journal.done(7, 1, Outcome(S.PENDING, Reply(421, "bye")))
    journal.announce(7, 1)
    assert replay(journal.path)[7, 1].state is S.UNCERTAIN
    journal.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63),
            st.integers(0, 2**63),
            st.sampled_from(DeliveryState),
            st.integers(0, 999),
            st.text(alphabet=st.characters()) | st.just("ok\ndone 7 1 [\"sent\", 250, \"\"]\nannounced 7 2\r\n\x85\u2028"),
        )
    )
)  # fmt: skip
def test_no_reply_however_strange_changes_another_record(
    tmp_path: Path, records: list[tuple[int, int, DeliveryState, int, str]]
) -> None:
    journal = Journal.open(tmp_path, worker_name())
    told = {}
    for issue, subscriber, state, code, text in records:
        told[issue, subscriber] = Outcome(state, Reply(code, text))
        journal.done(issue, subscriber, told[issue, subscriber])
    assert replay(journal.path) == told
    journal.settle(told)
    journal.close()


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_replaying_rubbish_raises_nothing(tmp_path: Path, rubbish: bytes) -> None:
    path = tmp_path / "x.journal"
    path.write_bytes(b"announced 7 1\n" + rubbish)
    assert (7, 1) in replay(path)


def test_a_torn_last_line_counts_as_not_written(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "a")
    journal.announce(7, 1)
    journal.done(7, 1, SENT)
    journal.close()
    whole = journal.path.read_bytes()
    for length in range(whole.index(b"done"), len(whole)):
        journal.path.write_bytes(whole[:length])
        assert replay(journal.path)[7, 1].state is S.UNCERTAIN


def test_a_journal_lives_until_it_is_closed_with_something_unsettled(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "a")
    journal.done(7, 1, SENT)
    assert survey(tmp_path) == Journals(living=(journal.path,))
    journal.close()
    assert survey(tmp_path) == Journals(dead=(journal.path,))
    discard(journal.path)
    assert survey(tmp_path) == Journals()
    assert replay(journal.path) == {}


def test_closing_removes_a_journal_that_holds_nothing_the_ledger_lacks(tmp_path: Path) -> None:
    empty = Journal.open(tmp_path, "empty")
    empty.close()
    settled = Journal.open(tmp_path, "settled")
    settled.announce(7, 1)
    settled.done(7, 1, SENT)
    settled.settle([(7, 1), (7, 99)])
    settled.close()
    assert list(tmp_path.iterdir()) == []


def test_settling_does_not_forget_a_key_that_was_announced_anew(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "a")
    journal.done(7, 1, Outcome(S.PENDING, Reply(421, "bye")))
    journal.announce(7, 1)
    journal.settle([(7, 1)])
    journal.close()
    assert replay(journal.path)[7, 1].state is S.UNCERTAIN


def test_a_long_journal_drops_what_is_settled_and_stays_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "COMPACT_AT", 1000)
    journal = Journal.open(tmp_path, "a")
    for subscriber in range(1000):
        journal.announce(7, subscriber)
        journal.done(7, subscriber, SENT)
        journal.announce(8, subscriber % 3)
        journal.settle([(7, subscriber)])
        assert journal.path.stat().st_size < 1200
    assert survey(tmp_path) == Journals(living=(journal.path,))
    told = replay(journal.path)
    assert {key for key, outcome in told.items() if outcome.state is S.UNCERTAIN} == {(8, 0), (8, 1), (8, 2)}
    assert len(told) < 50
    journal.close()


# -- living, dead, unknown ---------------------------------------------------------------------------------------------


def test_a_journal_that_its_worker_compacts_under_our_hands_still_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "COMPACT_AT", 0)
    journal = Journal.open(tmp_path, "a")
    lock, compacted = fcntl.flock, list[Path]()

    def lock_late(file: int, how: int) -> None:
        """The journal has been opened and is about to be asked: in this moment its worker puts another in its place."""
        if not compacted:
            compacted.append(journal.path)
            journal.done(7, 1, SENT)
            journal.settle([(7, 1)])
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    assert survey(tmp_path) == Journals(living=(journal.path,))
    compacted.clear()
    with inherited(journal.path) as ours:
        assert not ours
    journal.close()


COMPACTING = """
import sys
from pathlib import Path
from digest.deliver import journal as module
from digest.model.delivery import DeliveryState, Outcome, Reply
module.COMPACT_AT = 500
journal = module.Journal.open(Path(sys.argv[1]), "child")
print("ready", flush=True)
subscriber = 0
while True:
    subscriber += 1
    journal.done(7, subscriber, Outcome(DeliveryState.SENT, Reply(250, "ok")))
    journal.settle([(7, subscriber)])
"""


@pytest.mark.slow
def test_a_process_that_compacts_all_the_time_is_never_taken_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def lock_in_its_turn(file: int, how: int) -> None:
        """Others run between the opening of a file and its lock, as they may at any time."""
        os.sched_yield()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", lock_in_its_turn)
    with subprocess.Popen([sys.executable, "-c", COMPACTING, str(tmp_path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        (path,) = survey(tmp_path).living
        files, found = [], set()
        for _ in range(5000):
            files.append(path.stat().st_ino)
            found.add(survey(tmp_path))
        child.kill()
    assert found == {Journals(living=(path,))}
    assert sum(before != after for before, after in pairwise(files)) > 100  # it was compacted again and again meanwhile
    assert survey(tmp_path) == Journals(dead=(path,))


def test_a_journal_that_cannot_be_opened_is_unknown(tmp_path: Path) -> None:
    unreadable = tmp_path / "a.journal"
    unreadable.symlink_to(unreadable)  # nobody can open it, root neither
    assert survey(tmp_path) == Journals(unknown=(unreadable,))
    with inherited(unreadable) as ours:
        assert not ours


def test_what_is_dead_is_settled_by_one_at_a_time(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "a")
    journal.announce(7, 1)
    with inherited(journal.path) as ours:
        assert not ours
    journal.close()
    with inherited(journal.path) as first:
        assert first
        assert survey(tmp_path) == Journals(living=(journal.path,))
        with inherited(journal.path) as second:
            assert not second
        discard(journal.path)
    with inherited(journal.path) as third:
        assert not third


def test_a_worker_that_says_so_leaves_its_journal_though_it_is_empty(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "a")
    journal.close(keep=True)
    assert survey(tmp_path) == Journals(dead=(journal.path,))
    assert replay(journal.path) == {}


# -- what cannot be ----------------------------------------------------------------------------------------------------


def test_a_name_that_is_taken_or_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "a")
    for name in ("a", "../b", "c/d"):
        with pytest.raises(StoreError):
            Journal.open(tmp_path, name)
    journal.close()


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        Journal.open(tmp_path / "file", "a")
    assert survey(tmp_path / "nowhere") == Journals()


def test_a_full_disk_stops_the_announcement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(tmp_path, "a")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:9]))
    with pytest.raises(StoreError, match="cannot be written"):
        journal.announce(7, 1)
    monkeypatch.setattr(os, "write", write)
    journal.announce(7, 2)
    assert list(replay(journal.path)) == [(7, 2)]
    journal.close()


def test_worker_names_differ_and_are_fit_for_files() -> None:
    names = {worker_name() for _ in range(100)}
    assert len(names) == 100
    assert all(name.replace("-", "").replace("_", "").isalnum() for name in names)


CHILD = """
import sys
from pathlib import Path
from digest.deliver.journal import Journal
from digest.model.delivery import DeliveryState, Outcome, Reply
journal = Journal.open(Path(sys.argv[1]), "child")
for subscriber in range(1000):
    journal.announce(7, subscriber)
    if subscriber % 10:
        journal.done(7, subscriber, Outcome(DeliveryState.SENT, Reply(250, "ok")))
print("ready", flush=True)
sys.stdin.read()
"""


def test_when_the_process_is_killed_its_journal_tells_all_at_once(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        assert survey(tmp_path).dead == ()
        child.send_signal(signal.SIGKILL)
    (path,) = survey(tmp_path).dead
    told = replay(path)
    assert len(told) == 1000
    assert {key[1] for key, outcome in told.items() if outcome.state is S.UNCERTAIN} == set(range(0, 1000, 10))
    assert sum(outcome.state is S.SENT for outcome in told.values()) == 900


def test_a_journal_of_another_boot_of_the_machine_is_not_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(tmp_path, "a")
    journal.announce(7, 1)
    journal.close()
    assert is_whole(journal.path)
    (tmp_path / "boot").write_text("another\n")
    monkeypatch.setattr(journal_module, "_BOOT", tmp_path / "boot")
    assert not is_whole(journal.path)
    assert replay(journal.path)[7, 1].state is S.UNCERTAIN
    assert not is_whole(tmp_path / "gone.journal")
