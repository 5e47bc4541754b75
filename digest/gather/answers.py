"""What a server's answer means, in an editor's words: its status, where it redirects, how large it is (pure).

What is not here: asking (fetch), and reading a good answer (feeds, pages).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urljoin

from digest.errors import GatherError
from digest.gather.addresses import shown

BODY_MAX_BYTES = 5_000_000  # after decompression
VALIDATOR_MAX_BYTES = 2_000
OFFERED = "gzip, deflate"
_NOT_OFFERED = frozenset({"br", "zstd", "compress", "x-compress", "bzip2", "xz", "lzma", "dcb", "dcz"})
_PACKED_MOST = 2  # packed twice is a mistake that happens, three times is an attack


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered. status: 200, or 304 = unchanged (then the body is empty).

    url: where it was found, after redirects. etag, last_modified: verbatim, to be sent back as they are.
    moved_to: where permanent redirects led from the address that was asked; None = it stands where it stood.
    fresh_for: how long the server says that it will not change; None = it does not say.
    inside: whether it came from hosts of ours all the way, whoever named the address and all redirects included.
    """

    status: int
    url: str
    body: bytes
    content_type: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    moved_to: str | None = None
    fresh_for: timedelta | None = None
    inside: bool = False

    @property
    def speaks_as(self) -> str:
        """The `named_by` of what stands in it: "" = anybody's, which opens no host of ours."""
        return self.url if self.inside else ""


@dataclass(frozen=True, slots=True)
class Redirect:
    """The address to ask instead. permanent: for good (301, 308)."""

    url: str
    permanent: bool


def location_of(url: str, location: str | None) -> str:
    """Where the answer of `url` redirects to. Raises GatherError."""
    if not location or not location.strip():
        raise GatherError(f"{shown(url)} redirects, but does not say where to")
    try:
        return urljoin(url, location.strip())
    except ValueError:
        raise GatherError(f"{shown(url)} redirects to {location!r}, which is no address") from None


def refusal(host: str, status: int, headers: Mapping[str, str], until: datetime | None = None) -> GatherError:
    """What a status that brings no story means, for an editor. until: when it may be asked again, if it said so."""
    words = _meaning(status, challenge=headers.get("cf-mitigated") == "challenge")
    later = f"; not before {until:%Y-%m-%d %H:%M} UTC" if until else ""
    return GatherError(f"{host} {words}{later}", permanent=status in {404, 410}, status=status)


def _meaning(status: int, *, challenge: bool) -> str:
    if status == 404:
        return "has no such page (404)"
    if status == 410:
        return "says that this page is gone for good (410)"
    if challenge:
        return f"lets only browsers in ({status}); ask the publisher to admit Digest"
    if status in {401, 402, 403, 407, 451}:
        return f"refuses us ({status})"
    if status == 429:
        return "asks to be asked less often (429)"
    if status == 304:
        return "says 'unchanged' (304) although it was not asked for changes"
    if status >= 500:
        return f"has trouble of its own ({status})"
    return f"answered with status {status} instead of a page"


def verbatim(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The first header `name` (lower case), its bytes one to one as characters: it must go back as it came.

    None when there is none, and for one that no server can mean to have sent back to it.
    """
    found = next((value for key, value in headers if key.lower() == name), b"")
    return found.decode("latin-1") if 0 < len(found) <= VALIDATOR_MAX_BYTES else None


def check_packing(host: str, content_encoding: str | None) -> None:
    """Raises GatherError for an answer packed as we did not offer to unpack it, or packed again and again.

    A word that is no way of packing (`utf-8`, `none`) is a slip of the server's and changes nothing.
    """
    words = [word.strip().lower() for word in (content_encoding or "").split(",")]
    strange = next((word for word in words if word in _NOT_OFFERED), None)
    if strange or len(words) > _PACKED_MOST:
        raise GatherError(f"{host} packed its answer in a way that was not asked for ({strange or content_encoding})")


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
