"""Which process has how many of the site's connections, on this machine: one byte of a file is locked for each.

The kernel gives back what a dead process held. What is not here: opening connections (connections), other machines, where
the operator says how many a worker may have.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from digest.errors import StoreError


class Seats:
    """The seats in `file`, `total` of them. One object a process: locks of one process do not exclude each other."""

    def __init__(self, file: Path, total: int) -> None:
        self._path = file
        self._total = total
        self._file: int | None = None
        self._taken = 0

    def take(self, wanted: int) -> int:
        """Sit down on up to `wanted` free seats, and say on how many; what was held before counts.

        At least one: who finds none free stands beside the table, so that nobody's mail waits for another's to end. So
        there are never more connections than seats and one for each further process. Raises StoreError.
        """
        if self._file is None:
            self._file = _opened(self._path)
        if not self._taken:
            for seat in range(self._total):
                if self._taken >= wanted:
                    break
                with contextlib.suppress(OSError):
                    fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, seat)
                    self._taken += 1
        return max(1, self._taken)

    def give_back(self) -> None:
        """Leave every seat."""
        if self._file is not None:
            os.close(self._file)
        self._file, self._taken = None, 0


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"the file {path} cannot be written: {error.strerror}") from error


def shares(connections: int, workers: int) -> list[int]:
    """How many of `connections` each of `workers` gets: all are given out, nobody is left without; so they may be fewer."""
    number = min(workers, connections)
    least, more = divmod(connections, number)
    return [least + (place < more) for place in range(number)]
