"""How many connections may carry mail for one recipient domain at a time; who finds them taken waits beside the others.

What is not here: the connections (connections), who takes the mails (pool).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from digest.deliver.hand import Outgoing
from digest.model.delivery import DeliveryState, Outcome, Reply
from digest.model.subscriber import domain_of

PARKED_MAX = 500
"""So many wait for one domain; more go back in line."""
TAKEN = Outcome(DeliveryState.PENDING, Reply(0, "the connections for its domain were taken"))


class Lanes:
    """limits: connections by domain; a domain without one is free."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = limits
        self._busy = dict.fromkeys(limits, 0)
        self._parked: dict[str, deque[Outgoing]] = {name: deque() for name in limits}

    def __len__(self) -> int:
        return sum(map(len, self._parked.values()))

    def enter(self, mail: Outgoing) -> bool:
        """Whether the mail may be sent now; its connection is taken then."""
        if not self._limits or (name := _domain(mail)) not in self._limits:
            return True
        if self._busy[name] >= self._limits[name]:
            return False
        self._busy[name] += 1
        return True

    def park(self, mail: Outgoing) -> bool:
        """Keep one that could not enter; False: too many wait there."""
        parked = self._parked[_domain(mail)]
        if len(parked) >= PARKED_MAX:
            return False
        parked.append(mail)
        return True

    def freed(self) -> Outgoing | None:
        """The first of those parked that may enter now, which it does."""
        for name, parked in self._parked.items():
            if parked and self._busy[name] < self._limits[name]:
                self._busy[name] += 1
                return parked.popleft()
        return None

    def leave(self, mail: Outgoing) -> None:
        """A mail that had entered is through."""
        if self._limits and (name := _domain(mail)) in self._busy:
            self._busy[name] -= 1


def _domain(mail: Outgoing) -> str:
    return domain_of(mail.envelope.recipient).lower()
