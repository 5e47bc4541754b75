"""Every error that Digest raises for a person to read.

    DigestError                     a sentence that an editor or operator understands
    ├── UsageError                  the command was asked for something that cannot be (exit 2)
    │   ├── SettingsError           settings.toml or the environment: all faults at once
    │   ├── AddressError            not an address that mail can be sent to
    │   └── NotFound                no such newsletter, issue, subscriber, list
    ├── GatherError                 a source could not be fetched or read
    │   ├── AskedToWait             its server has asked us to wait, and we do
    │   └── PageChanged             a rule of a page matches nothing any more
    ├── TemplateError               a template does not render: file, line, reason
    ├── PreflightFailed             an issue has errors that no yes accepts
    ├── IllegalMove                 a state was asked to become one it may not become
    ├── Conflict                    somebody else was first; nothing was changed
    │   └── StoryTaken              another issue carries one of these stories
    ├── TokenError                  a signed token that does not hold
    ├── RelayRefused                the mail server refuses *us* (password, TLS, policy), not a recipient
    └── StoreError                  the database is missing, locked, full or not writable

What does not live here: exceptions of libraries; they are translated once, at the edge that calls the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


def one_line(text: str) -> str:
    """Foreign words on one line: what cannot be printed is a blank."""
    if text.isprintable() and "  " not in text:  # every reply of a mail server comes by here
        return text.strip(" ")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


class DigestError(Exception):
    """A failure whose text is fit for an editor."""


class UsageError(DigestError):
    """The request itself cannot be: a wrong option, name or value."""


class AddressError(UsageError):
    """`address` cannot be mailed to; the text says why."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address!r} is not an address that mail can be sent to: {reason}")
        self.address = address
        self.reason = reason


class NotFound(UsageError):
    """There is no such newsletter, issue, list or subscriber."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in the settings.

    key: dotted path as in settings.toml. value: what stands there, None when nothing does. allowed: what may stand there.
    """

    key: str
    value: object
    allowed: str

    def __str__(self) -> str:
        found = "is missing" if self.value is None else f"= {self.value!r}"
        return one_line(f"{self.key} {found}: {self.allowed}")


class SettingsError(UsageError):
    """All faults of the settings at once."""

    def __init__(self, where: str, faults: Sequence[Fault]) -> None:
        count = f"{len(faults)} fault{'s' if len(faults) != 1 else ''}"
        super().__init__("\n".join([f"{where}: {count}", *(f"  {fault}" for fault in faults)]))
        self.faults = tuple(faults)


class GatherError(DigestError):
    """A source could not be fetched or read. `permanent`: asking again will not help. status: the server's, if any."""

    retryable = True

    def __init__(self, message: str, *, permanent: bool = False, status: int | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.status = status


class AskedToWait(GatherError):
    """Nobody was asked: the server has asked us to wait, and `until` has not come."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class PageChanged(GatherError):
    """A page is there, and what its rules look for is not: an editor has to look at the rules."""


class TemplateError(DigestError):
    """A template does not render. `template` is its file, `line` counts from 1 (None: unknown)."""

    def __init__(self, template: str, line: int | None, reason: str) -> None:
        where = f"{template}, line {line}" if line else template
        super().__init__(f"{where}: {reason}")
        self.template = template
        self.line = line
        self.reason = reason


class PreflightFailed(DigestError):
    """An issue is not fit to be sent; `faults` are sentences."""

    def __init__(self, faults: Sequence[str]) -> None:
        count = f"{len(faults)} error{'s' if len(faults) != 1 else ''}"
        super().__init__("\n".join([f"nothing was sent: preflight found {count}", *(f"  {fault}" for fault in faults)]))
        self.faults = tuple(faults)


class IllegalMove(DigestError):
    """`what` is in `state` and may not become `wanted`."""

    def __init__(self, what: str, state: str, wanted: str) -> None:
        # A state is become, an act is done.
        super().__init__(f"{what} is {state} and cannot {'become' if isinstance(wanted, StrEnum) else 'be'} {wanted}")
        self.state = state
        self.wanted = wanted


class Conflict(DigestError):
    """Somebody else was first; nothing was changed."""


class StoryTaken(Conflict):
    """Other issues have taken some of these stories in the meantime; the issue may choose anew.

    titles: theirs. by: the numbers of those issues; empty where they are not known any more.
    """

    def __init__(self, titles: Sequence[str], by: Sequence[int] = ()) -> None:
        named = ", ".join(f"“{one_line(title)}”" for title in titles[:3]) or "one of these stories"
        named += f" and {len(titles) - 3} more" if len(titles) > 3 else ""
        super().__init__(f"{_takers(by)} taken {named} in the meantime")
        self.titles = tuple(titles)
        self.by = tuple(by)


def _takers(numbers: Sequence[int]) -> str:
    if not numbers:
        return "another issue has"
    if len(numbers) == 1:
        return f"issue {numbers[0]} has"
    return f"issues {', '.join(map(str, numbers[:-1]))} and {numbers[-1]} have"


class TokenError(DigestError):
    """A token is forged, damaged, or made for another purpose."""


class RelayRefused(DigestError):
    """The mail server refuses us, whoever the recipient: the issue is held and nobody is marked as failed."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(one_line(message))  # the server's words are in it
        self.code = code

    @property
    def temporary(self) -> bool:
        """Whether the server itself says that it is a matter of time (RFC 5321 §4.2.1)."""
        return self.code is not None and 400 <= self.code < 500


class StoreError(DigestError):
    """The database cannot be reached or written."""
