"""The inbox on disk: a Maildir that any mail program can open, and beside it who each mail was handed over for.

    new/, cur/, tmp/      the mails, byte for byte as they came
    envelopes/ID.json     sender, recipients and time of arrival, which are no part of a mail

What is not here: how mails come in (inbox), what is in them (reading).
"""

from __future__ import annotations

import itertools
import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from digest.clock import Clock

_ID = re.compile(r"[0-9]{10,20}\.[A-Za-z0-9_-]{1,60}")
SHOWN_MAX = 300
"""So many of the newest mails are listed."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Whom a mail was handed over for, and when (UTC)."""

    sender: str
    recipients: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """A mail that lies in the Maildir."""

    id: str
    path: Path
    envelope: Envelope


class Maildir:
    """One folder of mails. Made on first use; safe for several writers."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._numbers = itertools.count()

    def make(self) -> None:
        """Make the folders that are missing. Raises OSError."""
        for name in ("tmp", "new", "cur", "envelopes"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)

    def add(self, content: bytes, sender: str, recipients: tuple[str, ...]) -> str:
        """Keep a mail and return its id; whoever looks into `new` sees all of it or nothing. Raises OSError."""
        now = self._clock.now()
        mail_id = f"{int(now.timestamp() * 1_000_000)}.P{os.getpid()}Q{next(self._numbers):06d}"
        facts = asdict(Envelope(sender, recipients, now)) | {"at": now.isoformat()}
        (self._folder / "envelopes" / f"{mail_id}.json").write_text(json.dumps(facts), encoding="utf-8")
        written = self._folder / "tmp" / mail_id
        written.write_bytes(content)
        written.rename(self._folder / "new" / mail_id)
        return mail_id

    def newest(self) -> list[Stored]:
        """The newest mails, newest first; those that a mail program has read included."""
        paths = [path for name in ("new", "cur") for path in (self._folder / name).iterdir() if _ID.match(path.name)]
        paths.sort(key=lambda path: path.name, reverse=True)
        return [self._stored(path) for path in paths[:SHOWN_MAX]]

    def find(self, mail_id: str) -> Stored | None:
        """The mail with this id; None when there is none."""
        if not _ID.fullmatch(mail_id):
            return None
        fresh = self._folder / "new" / mail_id
        # A mail program marks what it has read by a suffix: ID:2,S
        found = [fresh] if fresh.is_file() else list((self._folder / "cur").glob(f"{mail_id}*"))
        return self._stored(found[0]) if found else None

    def _stored(self, path: Path) -> Stored:
        mail_id = path.name.partition(":")[0]
        return Stored(mail_id, path, self._envelope(mail_id))

    def _envelope(self, mail_id: str) -> Envelope:
        try:
            facts = json.loads((self._folder / "envelopes" / f"{mail_id}.json").read_text(encoding="utf-8"))
            return Envelope(facts["sender"], tuple(facts["recipients"]), datetime.fromisoformat(facts["at"]))
        except (OSError, ValueError, KeyError, TypeError):
            # Somebody tidied up; the mail itself is worth showing all the same.
            return Envelope("", (), datetime.fromtimestamp(int(mail_id.partition(".")[0]) / 1_000_000, UTC))
