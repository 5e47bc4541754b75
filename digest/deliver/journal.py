"""What this process has handed over to the mail server, whatever becomes of the process: one append-only file each.

A mail is announced before its final dot and done after the reply. What is announced and not done when the process is dead
is in doubt; everything else is known. The file is locked by its process, so that its death is seen at once.
What is not here: the ledger (store), and what follows from a dead process's journal (flow).

No fsync: the page cache outlives the process, not the machine. So a journal begins with the boot of its machine, and one of
an earlier boot, or whose beginning is lost, is not believed about what it does not name.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from json.encoder import encode_basestring_ascii
from pathlib import Path

from digest.errors import StoreError
from digest.model.delivery import DeliveryState, Outcome, Reply

SUFFIX = ".journal"
COMPACT_AT = 1_000_000
"""Bytes after which a journal drops what the ledger has."""

Key = tuple[int, int]
"""(issue, subscriber)."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")

_IN_DOUBT = Outcome(DeliveryState.UNCERTAIN, Reply(0, "the process died after the message was handed over"))


def worker_name() -> str:
    """A name that no other worker has or had, fit for a file name: host-pid-random."""
    host = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())[:40] or "host"
    return f"{host}-{os.getpid()}-{secrets.token_hex(4)}"


class Journal:
    """The journal of one living worker. Made by `open`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _locked_file(path, _beginning())
        self._size = 0
        self._torn = False
        # What the ledger does not have yet: at most what is in flight and one unflushed batch.
        self._lines: dict[Key, bytes] = {}

    @classmethod
    def open(cls, folder: Path, worker: str) -> Journal:
        """Begin `<folder>/<worker>.journal`. Raises StoreError when it cannot be made, or that worker lives already."""
        path = folder / f"{worker}{SUFFIX}"
        if path.parent != folder or path.exists():
            raise StoreError(f"the journal {path} cannot be made: the worker's name is taken or not fit for a file")
        return cls(path)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def announce(self, issue_id: int, subscriber_id: int) -> None:
        """The final dot is about to leave. Raises StoreError when this cannot be written; then it must not leave."""
        self._append((issue_id, subscriber_id), b"announced %d %d\n" % (issue_id, subscriber_id))

    def done(self, issue_id: int, subscriber_id: int, outcome: Outcome) -> None:
        """How it ended. Raises StoreError when this cannot be written."""
        # JSON in ASCII: no reply, whatever its bytes, can end the line and forge another record.
        words = f'["{outcome.state.value}", {outcome.reply.code}, {encode_basestring_ascii(outcome.reply.text)}]'
        self._append((issue_id, subscriber_id), b"done %d %d %s\n" % (issue_id, subscriber_id, words.encode("ascii")))

    def settle(self, keys: Iterable[Key]) -> None:
        """The ledger holds these outcomes: the journal may forget them. Call it after the commit, never before.

        A key that is announced anew meanwhile is kept.
        """
        for key in keys:
            if self._lines.get(key, b"").startswith(b"done"):
                del self._lines[key]
        if self._size > COMPACT_AT:
            self._compact()

    def close(self, *, keep: bool = False) -> None:
        """End the journal. The file goes when everything in it is settled; else it stays, and counts as a dead one.

        keep: it stays in any case, because its worker still has claims that the ledger could not take back.
        """
        if not self._lines and not keep:
            self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _append(self, key: Key, line: bytes) -> None:
        record = b"\n" + line if self._torn else line
        try:
            written = os.write(self._file, record)
        except OSError as error:
            raise StoreError(f"the journal {self._path} cannot be written: {error.strerror}") from error
        self._size += written
        self._torn = written < len(record)
        if self._torn:
            raise StoreError(f"the journal {self._path} cannot be written: {os.strerror(errno.ENOSPC)}")
        self._lines[key] = line  # the last word on a key is the one that counts

    def _compact(self) -> None:
        kept = _beginning() + b"".join(self._lines.values())
        file = _locked_file(self._path, kept)
        os.close(self._file)
        self._file, self._size, self._torn = file, len(kept), False


@dataclass(frozen=True, slots=True)
class Journals:
    """The journals of a folder, told apart by their locks.

    dead: the process is gone, or has closed it with something unsettled. living: somebody holds the lock. unknown: it
    cannot be opened, such as another user's; only the leases in the ledger can tell.
    """

    dead: tuple[Path, ...] = ()
    living: tuple[Path, ...] = ()
    unknown: tuple[Path, ...] = ()


def survey(folder: Path) -> Journals:
    """Look at every journal in `folder` once. A folder that is not there has none."""
    found: dict[_Life, list[Path]] = {life: [] for life in _Life}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with _probed(path) as life:
            found[life].append(path)
    return Journals(tuple(found[_Life.DEAD]), tuple(found[_Life.LIVING]), tuple(found[_Life.UNKNOWN]))


@contextlib.contextmanager
def inherited(path: Path) -> Iterator[bool]:
    """Hold the lock of a dead worker's journal for the block, so that nobody else settles it at the same time.

    False: it is not ours to settle; its worker lives, somebody else has it in hand, or has dealt with it.
    """
    with _probed(path) as life:
        yield life is _Life.DEAD


def replay(path: Path) -> dict[Key, Outcome]:
    """What a dead worker's journal tells: the outcome of what is done, UNCERTAIN for what was announced and never done.

    A key that is announced anew after it was done is a new try. Torn lines count as not written. A file that is gone tells
    nothing: somebody else has dealt with it.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last line feed was torn off
    except FileNotFoundError:
        return {}
    outcomes: dict[Key, Outcome] = {}
    for line in lines:
        if record := _record(line):
            outcomes[record[0]] = record[1]
    return outcomes


def is_whole(path: Path) -> bool:
    """Whether a dead worker's journal lacks nothing: its machine has not stopped since it was begun."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        return file.readline() == _beginning()
    return False


def _beginning() -> bytes:
    """The first line of a journal of this boot of the machine; where a machine does not name its boots, always the same."""
    try:
        boot = _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        boot = "unknown"
    return f"boot {boot}\n".encode("ascii")


def discard(path: Path) -> None:
    """Remove a dead worker's journal, after the ledger holds what it told."""
    path.unlink(missing_ok=True)


def _record(line: bytes) -> tuple[Key, Outcome] | None:
    try:
        verb, issue, subscriber, *rest = line.decode("ascii").split(" ", 3)
        key = int(issue), int(subscriber)
        if verb == "announced" and not rest:
            return key, _IN_DOUBT
        if verb == "done":
            state, code, text = json.loads(rest[0])
            return key, Outcome(DeliveryState(state), Reply(int(code), str(text)))
    except (ValueError, IndexError, TypeError):
        pass  # torn by a full disk: the writer was told, and the mail did not leave
    return None


def _locked_file(path: Path, content: bytes) -> int:
    """A new file with `content` in the place of `path`, locked before anybody sees it: a living journal is never free."""
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.write(file, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            fresh.rename(path)
        except BaseException:
            os.close(file)
            raise
    except OSError as error:
        raise StoreError(f"the journal {path} cannot be written: {error.strerror}") from error
    return file


class _Life(Enum):
    DEAD = "dead"
    LIVING = "living"
    UNKNOWN = "unknown"
    GONE = "gone"


@contextlib.contextmanager
def _probed(path: Path) -> Iterator[_Life]:
    """What the lock of a journal tells; a dead one's lock is ours for the block."""
    file: int | None = None
    try:
        file, life = _opened(path), _Life.DEAD
    except FileNotFoundError:
        life = _Life.GONE
    except BlockingIOError:
        life = _Life.LIVING
    except OSError:
        life = _Life.UNKNOWN
    try:
        yield life
    finally:
        if file is not None:
            os.close(file)


def _opened(path: Path) -> int:
    """The file that stands at `path`, its lock taken. Raises BlockingIOError when somebody holds it.

    A living worker may put a fresh file in the place of the one that was opened, before its lock is tried: then that lock
    tells nothing, and the fresh one is asked.
    """
    while True:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file), path.stat()):
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)
