"""What a check of an issue finds, and what it looks at. Pure data.

What is not here: the checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """An error keeps an issue from being sent, a warning wants a yes, advice informs."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. check: which one found it. where: "subject", "issue.html, line 12: <td>", a link; "" = the whole."""

    level: Level
    check: str
    message: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A story as it must be told in both parts."""

    title: str
    link: str


@dataclass(frozen=True, slots=True)
class Look:
    """An issue's mail as one reader gets it, and what it is measured by.

    html, text: filled. bytes_html: the HTML part as it travels, encoded. stories: lead first. written: people's own words,
    in which template syntax is no fault. left_out: stories that stand on the web version only. themed: whether the
    newsletter has colours of its own. shares: family of clients to its part of the recipients, 0 to 1, as far as their
    addresses tell.
    """

    subject: str
    preheader: str
    html: str
    text: str
    bytes_html: int
    unsubscribe_url: str
    view_url: str
    address: str = ""
    site_url: str = ""
    stories: tuple[Told, ...] = ()
    written: str = ""
    left_out: int = 0
    themed: bool = True
    shares: Mapping[str, float] = field(default_factory=dict)


def counted(number: int, noun: str) -> str:
    """`1 link`, `3 links`, `3 stories`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def not_checked(what: str, error: Exception) -> Finding:
    """A part of preflight that failed by a fault of its own: said, and no reason to keep an issue back."""
    message = f"{what} could not be checked, by a fault of Digest itself: {error} ({type(error).__name__})"
    return Finding(Level.WARNING, "preflight", message)
