"""Pace, enforced at the claim and in its transaction, so that all senders share it and it outlives them.

The relay's rate bounds how many a claim takes. Of a slow domain each claimed delivery takes a place in its row: what may
leave within the claim's two seconds stays, every other goes back untried until its place comes, and blocks nobody.
What is not here: what a rate is and when it is lowered (model/destination), rows (store/destinations).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from digest import log
from digest.flow.houses import Houses
from digest.flow.newsroom import Newsroom
from digest.model.delivery import Delivery, DeliveryState, Outcome
from digest.model.destination import (
    COHORT,
    HORIZON,
    OBSERVED,
    RELAY,
    Destination,
    Recent,
    free,
    is_cohort,
    puts_off,
    reserve,
    slowed,
    to_blame,
    words,
)  # fmt: skip
from digest.model.subscriber import domain_of
from digest.store import destinations, issues
from digest.store.engine import Connection

KEPT = timedelta(seconds=10)
"""A place holds for so long: after a pause not everything that had one leaves at once."""

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim brought. took: rows that it moved. held_up: the first cohort must come back before there are more."""

    mails: tuple[Delivery, ...]
    gone: int
    took: int
    held_up: bool = False


class Gate:
    """One process's view of the pace; what counts is in the database."""

    def __init__(self, room: Newsroom, houses: Houses | None = None) -> None:
        self._room = room
        self._settled = False
        self._known: dict[str, Destination] = {}  # of the claim that is being made
        # By domain; each mail that leaves is counted here, so it is plain numbers.
        self._tried: dict[str, int] = {}
        self._late: dict[str, int] = {}
        self._since = room.clock.now()
        self._houses = houses or Houses(room)

    async def close(self) -> None:
        """Look nothing up any more."""
        await self._houses.close()

    async def settle(self) -> None:
        """Once: bring the limits of the settings into the database. Whoever waits for one that was changed is due."""
        if self._settled:
            return
        now = self._room.clock.now()
        async with self._room.store.read() as conn:
            known = await destinations.known(conn)
            changed = self._changed(known, now)
            await self._houses.recall(conn, known)
        if changed:
            async with self._room.store.write() as conn:
                for to, wanted in changed:
                    await destinations.pull_forward(conn, to.plan, now)
                    if wanted is None:
                        await destinations.remove(conn, to.name)
                    else:
                        await destinations.put(conn, wanted, now)
        self._settled = True

    def _changed(self, known: dict[str, Destination], now: datetime) -> list[tuple[Destination, Destination | None]]:
        smtp = self._room.settings.smtp
        set_ = {RELAY: smtp.rate, **{name.lower(): each.rate for name, each in smtp.domains.items()}}
        found = []
        for name in sorted(known.keys() | {name for name, rate in set_.items() if rate}):
            to, rate = known.get(name, Destination(name, -1.0)), set_.get(name, 0.0)
            is_slow = to.slowed is not None and now < to.slowed.until
            if to.rate != rate or not (rate or is_slow):
                wanted = replace(to, rate=rate, slowed=to.slowed if is_slow else None)
                found.append((to, wanted if rate or is_slow else None))
        return found

    # -- claiming ------------------------------------------------------------------------------------------------------

    async def places_at_relay(self, conn: Connection, now: datetime, most: int) -> int:
        """How many, at most `most`, the relay's limit lets leave now; asked before they are claimed."""
        self._known = await destinations.known(conn)  # once for all that this claim asks
        if RELAY not in self._known or not self._known[RELAY].rate_at(now):
            return most
        for relay in await destinations.locked(conn, [RELAY]):
            self._known[RELAY] = relay
        return free(self._known[RELAY], now, most)

    async def take(self, conn: Connection, number: int, now: datetime) -> None:
        """So many leave through the relay; in the transaction in which its places were asked for."""
        relay = self._known.get(RELAY)
        if number and relay and relay.rate_at(now):
            await destinations.move_on(conn, RELAY, reserve(relay, now, number)[1])

    async def admit(
        self, conn: Connection, issue_id: int, mails: Sequence[Delivery], now: datetime
    ) -> tuple[Delivery, ...]:
        """Those of the claimed deliveries that may leave now; the others wait, untried, for their place."""
        limited = {name for name, to in self._known.items() if name != RELAY and to.rate_at(now)}
        if not limited:
            return tuple(mails)
        self._houses.ask({domain_of(each.email) for each in mails} - limited)
        to_slow: dict[str, list[int]] = {}
        for each in mails:
            if (name := self._houses.destination(each.email, limited)) in limited:
                to_slow.setdefault(name, []).append(each.subscriber_id)
        back: set[int] = set()
        for to in await destinations.locked(conn, sorted(to_slow)) if to_slow else ():
            here = to_slow[to.name]
            back |= await self._seat(conn, issue_id, to, here, now)
        return tuple(each for each in mails if each.subscriber_id not in back)

    async def _seat(self, conn: Connection, issue_id: int, to: Destination, here: list[int], now: datetime) -> set[int]:
        """Give places to those who have none that holds; who must wait for it."""
        had = await destinations.places_of(conn, issue_id, here)
        holds = {key for key, (plan, at) in had.items() if plan == to.plan and now - KEPT <= at <= now + HORIZON}
        # An editor's retry makes all due at once: whoever has a place to come keeps that one.
        waiting = {key: (plan, at) for key, (plan, at) in had.items() if plan == to.plan and at > now + HORIZON}
        wanting = [key for key in here if key not in holds and key not in waiting]
        free_at, due = reserve(to, now, len(wanting))
        await destinations.move_on(conn, to.name, due)
        waiting |= {key: (to.plan, at) for key, at in zip(wanting, free_at, strict=True) if at > now + HORIZON}
        if done := [key for key in had if key not in waiting]:
            await destinations.leave(conn, issue_id, done)
        if waiting:
            await destinations.send_back(conn, issue_id, waiting, now)
        return set(waiting)

    # -- what the destinations say -------------------------------------------------------------------------------------

    def saw(self, email: str, outcome: Outcome) -> None:
        """Note how a try ended."""
        if outcome.state is DeliveryState.PENDING and not puts_off(outcome):
            return
        now, name = self._room.clock.now(), domain_of(email).lower()
        if now - self._since > OBSERVED:
            self._tried, self._late, self._since = {}, {}, now
        if puts_off(outcome):
            self._late[name] = self._late.get(name, 0) + 1
            self._houses.ask([name])
        self._tried[name] = self._tried.get(name, 0) + 1

    async def react(self, conn: Connection, numbers: Iterable[int], now: datetime) -> None:
        """Slow what asks for it, and say so in the event log of the issues that are being sent."""
        if sum(self._late.values()) < COHORT:
            return
        by_house: dict[str, list[str]] = {}
        for domain in self._tried:
            by_house.setdefault(self._houses.house(domain), []).append(domain)
        for name in to_blame({house: self._together(domains) for house, domains in by_house.items()}):
            blamed = list(self._tried) if name == RELAY else by_house[name]
            recent = self._together(blamed)
            for each in blamed:
                del self._tried[each]
                self._late.pop(each, None)
            if is_cohort(recent):
                await self._slow(conn, name, recent, sorted(numbers), now)

    def _together(self, domains: Iterable[str]) -> Recent:
        named = list(domains)
        return Recent(sum(self._tried.get(each, 0) for each in named), sum(self._late.get(each, 0) for each in named))

    async def _slow(self, conn: Connection, name: str, recent: Recent, numbers: list[int], now: datetime) -> None:
        found = await destinations.locked(conn, [name])
        to = found[0] if found else Destination(name)
        if (slow := slowed(to, recent, now)) is None:
            return
        await destinations.put(conn, replace(to, slowed=slow), now)
        for number in numbers:
            issue = await issues.get(conn, number)
            zone = self._room.settings.zone_of(issue.newsletter)
            said = words(name, slow, slow.until.astimezone(zone))
            await self._room.log(conn, "destination.slowed", issue, said, destination=name)


async def slow_now(room: Newsroom, newsletter: str) -> list[str]:
    """What is slowed at this moment, in words on the newsletter's clock."""
    now, zone = room.clock.now(), room.settings.zone_of(newsletter)
    async with room.store.read() as conn:
        known = await destinations.known(conn)
    return [
        words(name, replace(each.slowed, rate=each.rate_at(now)), each.slowed.until.astimezone(zone))
        for name, each in sorted(known.items())
        if each.slowed and now < each.slowed.until
    ]
