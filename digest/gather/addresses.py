"""Which addresses may be asked at all: the rule against being led into private networks (pure).

What is not here: resolving names and connecting (fetch).
"""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

import idna

from digest.errors import GatherError

# `is_global` of Python 3.11 lets these through: translations that carry a private IPv4 address inside, and leftovers.
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "240.0.0.0/4",
        "::/96",  # IPv4-compatible
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # local NAT64
        "100::/64",  # discard
        "2001::/23",  # Teredo and other assignments
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
    )
)

ONLY_SO = "gather.private_hosts may allow it, for a source's own address only"


def is_public(address: str) -> bool:
    """Whether `address` (an IP address as text, perhaps with a zone) is of the open internet. No address: False."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        return is_public(str(ip.ipv4_mapped))
    if any(ip in network for network in _REFUSED if network.version == ip.version):
        return False
    return ip.is_global and not ip.is_multicast


def host_name(host: str) -> str:
    """`host` as it is compared: lower case, punycode, no brackets, no final dot."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        return name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return name


def shown(url: str) -> str:
    """The host of `url` for a sentence; the address itself where it has none."""
    return urlsplit(url).hostname or url


def checked_url(url: str, private: frozenset[str]) -> SplitResult:
    """`url` in parts. Raises GatherError for what is not to be asked whatever its name resolves to."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise GatherError(f"{url!r} is not an address that can be fetched", permanent=True) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise GatherError(f"{url!r} is not an address that starts with http:// or https://", permanent=True)
    if parts.username is not None or parts.password is not None:
        raise GatherError(f"the address at {parts.hostname} holds a user or password: not fetched", permanent=True)
    if port not in {None, 80, 443} and host_name(parts.hostname) not in private:
        raise GatherError(
            f"{parts.hostname}:{port} is not on port 80 or 443: not fetched ({ONLY_SO})",
            permanent=True,
        )
    return parts
