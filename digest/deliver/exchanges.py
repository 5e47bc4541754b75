"""Who takes mail for a domain: its MX records (RFC 5321 §5.1), asked of the machine's resolver.

What is not here: when it is worth asking, and for how long an answer holds (flow/houses).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # 40 ms each, and no mail waits for them
    from dns.asyncresolver import Resolver
    from publicsuffixlist import PublicSuffixList

PATIENCE_S = 3.0


class Exchanges:
    """The resolver. servers: None = those of the machine. port: theirs."""

    def __init__(self, servers: Sequence[str] | None = None, port: int = 53) -> None:
        self._servers = servers
        self._port = port
        self._resolver: Resolver | None = None

    async def house_of(self, domain: str) -> str | None:
        """The registrable domain of the host that takes the domain's mail first, such as "google.com".

        None when there is none, or nobody answers within PATIENCE_S.
        """
        from dns.exception import DNSException

        try:
            answer = await self._ready().resolve(domain, "MX", lifetime=PATIENCE_S, raise_on_no_answer=True)
        except (DNSException, OSError, ValueError):
            return None
        hosts = sorted((each.preference, each.exchange.to_text(omit_final_dot=True).lower()) for each in answer)
        return house(hosts[0][1]) if hosts else None

    def _ready(self) -> Resolver:
        if self._resolver is None:
            from dns.asyncresolver import Resolver

            self._resolver = Resolver(configure=self._servers is None)
            if self._servers is not None:
                self._resolver.nameservers, self._resolver.port = list(self._servers), self._port
        return self._resolver


def house(host: str) -> str | None:
    """The registrable domain of a host; None for one that stands for nobody (RFC 7505)."""
    return (_suffixes().privatesuffix(host) or host) if host.strip(".") else None


@lru_cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()
