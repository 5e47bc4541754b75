"""Recipient domains whose mail goes to one house are one destination: what Google takes for others slows with gmail.com.

It is looked up beside the sending, and only for domains of which it matters: those that put mails off, and, as long as some
destination is limited, all that are mailed. Until it is known, and where no resolver answers, a domain stands for itself.
What is not here: the resolver (deliver/exchanges), what a destination is (model/destination).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from datetime import timedelta

from digest import log
from digest.errors import StoreError
from digest.flow.newsroom import Newsroom
from digest.model.subscriber import domain_of
from digest.store import houses
from digest.store.engine import Connection

HOLDS = timedelta(days=3)
"""For so long an answer, and a silence, is believed."""
AT_ONCE = 20
"""So many domains are looked up together."""

_log = log.get(__name__)


class Houses:
    """What this process knows of them."""

    def __init__(self, room: Newsroom) -> None:
        self._room = room
        self._known: dict[str, str] = {}
        self._wanted: set[str] = set()
        self._learning: asyncio.Task[None] | None = None

    def destination(self, email: str, limited: Collection[str]) -> str:
        """The name of the address's destination. limited: those that have a limit; one of the domain's own goes first."""
        domain = domain_of(email).lower()
        return domain if domain in limited else self.house(domain)

    def knows(self, domain: str) -> bool:
        """Whether it was looked up."""
        return domain in self._known

    def house(self, domain: str) -> str:
        """Who takes its mail; itself as long as that is not known."""
        return self._known.get(domain, domain)

    def ask(self, domains: Iterable[str]) -> None:
        """Have these looked up."""
        self._wanted.update(domain for domain in domains if not self.knows(domain))
        if self._wanted and (self._learning is None or self._learning.done()):
            self._learning = asyncio.create_task(self._learn())

    async def recall(self, conn: Connection, limited: Collection[str]) -> None:
        """Have at hand whose mail the limited destinations take, as far as any sender has learned it."""
        self._known |= await houses.taken_by(conn, limited, self._room.clock.now() - HOLDS)

    async def close(self) -> None:
        """Look up no more."""
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.gather(self._learning, return_exceptions=True)

    async def _learn(self) -> None:
        while wanted := sorted(self._wanted)[:AT_ONCE]:
            try:
                await self._look_up(wanted)
            except StoreError as error:  # whoever sends meets it too, and says so
                _log.warning("houses.not_kept", reason=str(error))
                return
            self._wanted.difference_update(wanted)

    async def _look_up(self, wanted: list[str]) -> None:
        now = self._room.clock.now()
        async with self._room.store.read() as conn:
            known = await houses.known(conn, wanted, now - HOLDS)
        new = [domain for domain in wanted if domain not in known]
        found = await asyncio.gather(*(self._room.exchanges.house_of(domain) for domain in new))
        learned = {domain: house or domain for domain, house in zip(new, found, strict=True)}
        if learned:
            async with self._room.store.write() as conn:
                await houses.put(conn, learned, now)
        self._known |= known | learned
