"""Pictures in pieces of HTML that were not parsed, and which picture is none (pure).

What is not here: pictures that a feed names apart (feeds), and loading any.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping

_SEARCHED = 100_000
_SMALLEST_PX = 200  # smaller ones are icons, avatars and counting pixels
# Faces of authors and pixels that count readers, whatever size they claim.
_NO_PICTURE = re.compile(
    r"gravatar\.com/avatar|feedburner\.com/~|/(?:1x1|pixel|spacer|blank|transparent)\.(?:gif|png)|stats?\.wordpress\.com|"
    r"feedsportal\.com|doubleclick\.net",
    re.IGNORECASE,
)
_SRCSET_MAX = 20_000
_BETWEEN_CHOICES = re.compile(r",\s+|(?<=\d[wx]),")
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)[wx],?")
_IMG = re.compile(r"<img\b([^<>]{1,4000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([\w-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")


def images_in(markup: str) -> Iterator[str]:
    """The addresses of the pictures in `markup`, in order, as written; without those known to be small, and data: ones."""
    for tag in _IMG.finditer(markup[:_SEARCHED]):
        attributes = {m[1].lower(): html.unescape(m[2] or m[3] or m[4] or "") for m in _ATTRIBUTE.finditer(tag[1])}
        address = image_address(attributes)
        if (
            address
            and not _NO_PICTURE.search(address)
            and not any(_small(attributes.get(side, "")) for side in ("width", "height"))
        ):
            yield address


def is_picture(medium: Mapping[str, object]) -> bool:
    """Whether what a feed names apart (media:content, enclosure) is a picture that says something."""
    address = str(medium.get("url") or medium.get("href") or "")
    if _NO_PICTURE.search(address) or str(medium.get("width")) in {"0", "1"} or str(medium.get("height")) in {"0", "1"}:
        return False
    if medium.get("medium") or medium.get("type"):
        return medium.get("medium") == "image" or str(medium.get("type")).startswith("image/")
    return re.search(r"\.(?:jpe?g|png|gif|webp|avif)(?:\?|$)", address, re.IGNORECASE) is not None


def image_address(attributes: dict[str, str]) -> str | None:
    """Where the picture with these attributes is; lazily loaded ones name it elsewhere than in `src`."""
    names = ("data-src", "data-lazy-src", "data-original", "src")
    found = (attributes.get(name, "").strip() for name in names)
    widest = _widest(attributes.get("srcset") or attributes.get("data-srcset") or "")
    return next((address for address in (*found, widest) if address and not address.startswith("data:")), None)


def _widest(srcset: str) -> str:
    """The largest picture of a srcset; "" when there is none."""
    choices = [_choice(part.split()) for part in _BETWEEN_CHOICES.split(srcset[:_SRCSET_MAX]) if part.strip()]
    return max(choices)[1] if choices else ""


def _choice(words: list[str]) -> tuple[float, str]:
    size = _SIZE.fullmatch(words[1]) if len(words) > 1 else None
    return float(size[1]) if size else 1.0, words[0].rstrip(",")


def _small(size: str) -> bool:
    match = re.match(r"\s*(\d{1,6})(?:px)?\s*$", size)
    return match is not None and int(match[1]) < _SMALLEST_PX
