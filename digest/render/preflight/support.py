"""What mail clients support: the data of caniemail.com (MIT), reduced to what is not fully supported by a newest version.

The data stands in caniemail.json, with its source, licence and date; docs/design-notes/ tells how it is renewed. Cells can
be years old: it is the best there is, and no oracle.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

OUTLOOK = "Outlook for Windows"
FAMILIES = {
    OUTLOOK: ("outlook.windows",),
    "Outlook.com and Outlook apps": ("outlook.outlook-com", "outlook.ios", "outlook.android", "outlook.macos"),
    "Gmail": ("gmail.desktop-webmail", "gmail.ios", "gmail.android"),
    "Yahoo and AOL": ("yahoo.desktop-webmail", "yahoo.ios", "yahoo.android", "aol.desktop-webmail"),
    "Apple Mail": ("apple-mail.macos", "apple-mail.ios"),
    "GMX and WEB.DE": ("gmx.desktop-webmail", "gmx.ios", "gmx.android", "web-de.desktop-webmail"),
    "T-Online": ("t-online-de.desktop-webmail",),
    "Proton Mail": ("protonmail.desktop-webmail", "protonmail.ios", "protonmail.android"),
    "Mail.ru": ("mail-ru.desktop-webmail",),
    "Orange": ("orange.desktop-webmail", "orange.ios", "orange.android"),
    "Samsung Email": ("samsung-email.android",),
    "Thunderbird": ("thunderbird.macos",),
}
"""The clients that are looked at, by the family that a reader would name."""

_DOMAINS = {
    "Gmail": ("gmail.com", "googlemail.com"),
    "Outlook.com and Outlook apps": ("outlook", "hotmail", "live", "msn.com"),
    "Yahoo and AOL": ("yahoo", "ymail.com", "rocketmail.com", "aol.com", "aol.de"),
    "Apple Mail": ("icloud.com", "me.com", "mac.com"),
    "GMX and WEB.DE": ("gmx", "web.de"),
    "T-Online": ("t-online.de",),
    "Proton Mail": ("protonmail.com", "proton.me", "pm.me", "protonmail.ch"),
    "Mail.ru": ("mail.ru", "bk.ru", "list.ru", "inbox.ru"),
    "Orange": ("orange.fr", "wanadoo.fr"),
}


@dataclass(frozen=True, slots=True)
class Lack:
    """What clients of a family lack of a feature. partly: all of them support a part. note: whose words explain it."""

    family: str
    partly: bool
    note: str


@lru_cache(maxsize=1)
def _data() -> dict[str, dict[str, object]]:
    text = resources.files("digest.render.preflight").joinpath("caniemail.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, object]] = json.loads(text)
    return found


def date() -> str:
    """The day of the data, ISO 8601."""
    return str(_data()["date"])


def knows(feature: str) -> bool:
    """Whether the data names the feature (its slug, such as `css-padding`)."""
    return feature in _data()["features"]


def title(feature: str) -> str:
    """A feature as people write it."""
    return str(_feature(feature)["title"])


def _feature(feature: str) -> dict[str, object]:
    found = _data()["features"][feature]
    if not isinstance(found, dict):
        raise TypeError(feature)
    return found


def lacking(feature: str) -> tuple[Lack, ...]:
    """The families in which a client lacks the feature, or part of it."""
    known = _feature(feature)
    less, notes = known["less"], known["notes"]
    if not isinstance(less, dict) or not isinstance(notes, dict):
        raise TypeError(feature)
    found = []
    for family, clients in FAMILIES.items():
        cells = [less[client].split() for client in clients if client in less and less[client][0] in "na"]
        if cells:
            marks = dict.fromkeys(word[1:] for cell in cells for word in cell)
            told = [str(notes[mark]) for mark in marks if mark in notes]
            found.append(Lack(family, all(cell[0] == "a" for cell in cells), " ".join(told)))
    return tuple(found)


def family_of(domain: str) -> str | None:
    """Whose client a reader at this domain probably uses; None for a domain that does not tell."""
    for family, names in _DOMAINS.items():
        for name in names:
            # A name without a dot has many national endings: yahoo.fr, gmx.net, live.co.uk.
            if domain == name or ("." not in name and domain.partition(".")[0] == name):
                return family
    return None


def shares(domains: Iterable[tuple[str, int]]) -> dict[str, float]:
    """The part of the recipients (0 to 1) in each family, from how many are at each domain."""
    counts: dict[str, int] = {}
    total = 0
    for domain, number in domains:
        total += number
        if family := family_of(domain.lower()):
            counts[family] = counts.get(family, 0) + number
    return {family: number / total for family, number in counts.items()} if total else {}
