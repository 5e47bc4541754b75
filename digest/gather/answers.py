"""What a server's answer means, in an editor's words: its status, where it redirects, how large it is (pure).

What is not here: asking (fetch), and reading a good answer (feeds, pages).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from urllib.parse import urljoin

from digest.errors import GatherError
from digest.gather.addresses import shown

BODY_MAX_BYTES = 5_000_000  # after decompression


def location_of(url: str, location: str | None) -> str:
    """Where the answer of `url` redirects to. Raises GatherError."""
    if not location or not location.strip():
        raise GatherError(f"{shown(url)} redirects, but does not say where to")
    try:
        return urljoin(url, location.strip())
    except ValueError:
        raise GatherError(f"{shown(url)} redirects to {location!r}, which is no address") from None


def refusal(host: str, status: int, headers: Mapping[str, str]) -> GatherError:
    """What a status that brings no story means, for an editor."""
    if status == 404:
        return GatherError(f"{host} has no such page (404)", permanent=True)
    if status == 410:
        return GatherError(f"{host} says that this page is gone for good (410)", permanent=True)
    if headers.get("cf-mitigated") == "challenge":
        return GatherError(f"{host} lets only browsers in ({status}); ask the publisher to admit Digest")
    if status in {401, 402, 403, 407, 451}:
        return GatherError(f"{host} refuses us ({status})")
    if status == 429:
        return GatherError(f"{host} asks to be asked less often (429)")
    if status == 304:
        return GatherError(f"{host} says 'unchanged' (304) although it was not asked for changes")
    if status >= 500:
        return GatherError(f"{host} has trouble of its own ({status})")
    return GatherError(f"{host} answered with status {status} instead of a page")


def unpacked(host: str, body: bytes) -> bytes:
    """A body that is a gzip file itself (feed.xml.gz, or compressed twice) is unpacked once more, within the same bound."""
    if not body.startswith(b"\x1f\x8b\x08"):
        return body
    try:
        inner = zlib.decompressobj(wbits=31).decompress(body, BODY_MAX_BYTES + 1)
    except zlib.error as error:
        raise GatherError(f"{host} sent a damaged compressed answer") from error
    if len(inner) > BODY_MAX_BYTES:
        raise too_large(host)
    return inner


def too_large(host: str) -> GatherError:
    """The failure for a body that goes on and on."""
    return GatherError(f"{host} sent more than {BODY_MAX_BYTES // 1_000_000} MB")
