"""What every use case needs: one site, open. Wired by `digest.app`."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digest import log
from digest.clock import Clock
from digest.gather.courtesy import Courtesy
from digest.gather.parsing import Parsers
from digest.model.issue import Issue
from digest.settings import Settings
from digest.store import events
from digest.store.engine import Connection, Store
from digest.tokens import Signer

if TYPE_CHECKING:  # a site that does not sign need not load the library that does
    from digest.deliver.dkim import DkimSigner

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Newsroom:
    """One site, open.

    templates: folders in which templates are looked up, in order. actor: who acts, as the event log will have it.
    tls: whom to trust at the mail server; None = the system's authorities. courtesy: what we owe other people's servers,
    the same for everything in this process. parsers: who opened the site closes them.
    dkim: None = the mail server signs, or nobody.
    """

    settings: Settings
    store: Store
    signer: Signer
    clock: Clock
    templates: tuple[Path, ...]
    actor: str = "cli"
    tls: ssl.SSLContext | None = None
    courtesy: Courtesy = field(default_factory=Courtesy)
    parsers: Parsers = field(default_factory=Parsers)
    dkim: DkimSigner | None = None

    def signed(self, message: bytes) -> bytes:
        """`message` with our DKIM signature, if we sign: the last thing done to a mail before it is queued or sent.

        message: made by `render.mime`, whose quoted-printable is in DKIM's relaxed form already.
        """
        return self.dkim.sign(message, self.clock.now(), relaxed=True) if self.dkim else message

    @property
    def lists_folder(self) -> Path:
        """Where lists come from."""
        return self.settings.root / "subscribers"

    @property
    def var(self) -> Path:
        """What this machine keeps for itself."""
        return self.settings.root / "var"

    @property
    def journals(self) -> Path:
        """Where senders keep their journals."""
        return self.var / "journal"

    async def log(self, conn: Connection, action: str, issue: Issue, reason: str = "", **data: Any) -> None:
        """Write into the event log what happened to an issue, in the transaction in which it happens."""
        now = self.clock.now()
        _log.info(action, newsletter=issue.newsletter, issue=issue.id, reason=reason, **data)
        await events.add(
            conn, now, self.actor, action, newsletter=issue.newsletter, issue_id=issue.id, reason=reason, **data
        )
