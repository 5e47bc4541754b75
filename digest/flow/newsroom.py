"""What every use case needs: one site, open. Wired by `digest.app`."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digest import log
from digest.clock import Clock
from digest.deliver.exchanges import Exchanges
from digest.model.issue import Issue
from digest.settings import Settings
from digest.store import events
from digest.store.engine import Connection, Store
from digest.tokens import Signer

if TYPE_CHECKING:  # a process that does not sign, or does not read, need not load the libraries for it
    from digest.deliver.dkim import DkimSigner
    from digest.gather.courtesy import Courtesy
    from digest.gather.parsing import Parsers

_log = log.get(__name__)


class Outside:
    """What this process has for reading other people's servers; made when it is first asked for.

    Imported then and not above: a process that only sends has no use for an HTTP client and parsers.
    """

    @cached_property
    def courtesy(self) -> Courtesy:
        """What we owe those servers, the same for everything in this process."""
        from digest.gather.courtesy import Courtesy

        return Courtesy()

    @cached_property
    def parsers(self) -> Parsers:
        """The processes that read what they answer."""
        from digest.gather.parsing import Parsers

        return Parsers()

    async def aclose(self) -> None:
        """End the processes that read."""
        if "parsers" in self.__dict__:
            await self.parsers.aclose()


@dataclass(frozen=True, slots=True)
class Newsroom:
    """One site, open.

    templates: folders in which templates are looked up, in order. actor: who acts, as the event log will have it.
    tls: whom to trust at the mail server; None = the system's authorities. outside: who opened the site closes it.
    dkim: None = the mail server signs, or nobody. exchanges: who is asked where a domain's mail goes.
    """

    settings: Settings
    store: Store
    signer: Signer
    clock: Clock
    templates: tuple[Path, ...]
    actor: str = "cli"
    tls: ssl.SSLContext | None = None
    outside: Outside = field(default_factory=Outside)
    dkim: DkimSigner | None = None
    exchanges: Exchanges = field(default_factory=Exchanges)

    @property
    def courtesy(self) -> Courtesy:
        """What we owe other people's servers."""
        return self.outside.courtesy

    @property
    def parsers(self) -> Parsers:
        """The processes that read feeds and pages."""
        return self.outside.parsers

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
