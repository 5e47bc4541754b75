"""A subscriber's values as opaque placeholders, and the marks around a story's block.

An issue is rendered once for everybody, so a template sees placeholders where a subscriber's values will stand. Both
forms are lower-case ASCII letters and digits only, because premailer percent-encodes anything else inside a link.
What does not live here: filling them (merge), Jinja (templates), placeholders that know what they stand for (known).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import NoReturn
from urllib.parse import unquote

KINDS = {"name": "n", "email": "e", "unsubscribe_url": "u", "view_url": "v", "preferences_url": "p"}
"""The values that differ between subscribers, and the letter that stands for each in its placeholder."""
NUMBER = "number"
"""A story's place among those that a subscriber gets, 1 for the lead; it differs where she follows some topics only."""
MORE = "more"
"""How many stories the web version has beyond the mail, in words; also the name of the block in which that stands."""
_LETTERS = KINDS | {NUMBER: "k", MORE: "m"}
KIND_OF_LETTER = {letter: kind for kind, letter in _LETTERS.items()}
URLS = frozenset({"unsubscribe_url", "view_url", "preferences_url"})
"""Kinds whose value is a URL already and must not be percent-encoded inside a link."""

_NONCE_LENGTH = 16


class SlotMisuse(Exception):
    """A template asks something of a value that is not known until each mail is filled."""


class ValueAsked(SlotMisuse):
    """What it asks for is a subscriber's own value: it can be answered when her mail is drawn for her alone."""


def choose_nonce(content: str) -> str:
    """A nonce that depends on `content` alone and of which not even one half occurs in it."""
    lowered = content.lower()
    for attempt in count():
        seed = f"{attempt}\n{content}".encode("utf-8", "surrogatepass")
        nonce = sha256(seed).hexdigest()[:_NONCE_LENGTH]
        if not any(half in lowered for half in _halves(nonce)):
            return nonce
    raise AssertionError("unreachable")


def _halves(nonce: str) -> tuple[str, str]:
    return nonce[: len(nonce) // 2], nonce[len(nonce) // 2 :]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Placeholder:
    """A value of the subscriber that a template may print.

    Printing goes through `placeholder` (the environment's finalize).
    """

    kind: str
    nonce: str

    @property
    def placeholder(self) -> str:
        """What stands in the rendered text until the mail is filled."""
        return f"zq{self.nonce}{_LETTERS[self.kind]}qz"

    def __html__(self) -> str:
        return self.placeholder

    def __repr__(self) -> str:
        """No value: it stands in messages of Jinja's."""
        return self.placeholder


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Slot(Placeholder):
    """One that can be printed, and nothing else.

    Whatever would look at the value, or change it, raises SlotMisuse: the same text goes to everybody and is filled later.
    """

    def _refuse(self, what: str) -> NoReturn:
        shown = f"subscriber.{self.kind}" if self.kind in {"name", "email"} else self.kind
        raise (ValueAsked if self.kind in KINDS else SlotMisuse)(
            f"{shown} cannot {what}: it differs from subscriber to subscriber, and a template is rendered once for all "
            f"of them. Print it as it is: {{{{ {shown} }}}}"
        )

    def __bool__(self) -> bool:
        self._refuse("be used in a condition")

    def __eq__(self, other: object) -> bool:
        self._refuse("be compared")

    def __hash__(self) -> int:
        self._refuse("be compared")

    def __lt__(self, other: object) -> bool:
        self._refuse("be compared")

    __le__ = __gt__ = __ge__ = __lt__

    def __len__(self) -> int:
        self._refuse("be measured")

    def __iter__(self) -> NoReturn:
        self._refuse("be looped over")

    def __contains__(self, item: object) -> bool:
        self._refuse("be searched")

    def __getitem__(self, key: object) -> NoReturn:
        self._refuse("be cut")

    def __str__(self) -> str:
        self._refuse("be changed by a filter or joined to another text")

    def __format__(self, spec: str) -> str:
        self._refuse("be formatted")

    def __int__(self) -> int:
        self._refuse("be made a number")

    __float__ = __int__

    def __add__(self, other: object) -> NoReturn:
        self._refuse("be joined to another text")

    __radd__ = __mul__ = __rmul__ = __mod__ = __rmod__ = __add__


@dataclass(frozen=True, slots=True)
class SubscriberSlots:
    """`subscriber` in a template."""

    name: Placeholder
    email: Placeholder


def mark(nonce: str, story: int, end: bool, html: bool) -> str:
    """The mark before (`end`: after) the block of a story; a comment in HTML, so that premailer leaves it alone."""
    bare = f"zq{nonce}s{story}{'e' if end else 'b'}qz"
    return f"<!--{bare}-->" if html else bare


def tokens(nonce: str, html: bool) -> re.Pattern[str]:
    """Matches placeholders (group 1: letter) and story marks (groups 2, 3: story, b or e)."""
    around = ("<!--", "-->") if html else ("", "")
    letters = "".join(KIND_OF_LETTER)
    return re.compile(rf"zq{nonce}([{letters}])qz|{around[0]}zq{nonce}s(\d+)([be])qz{around[1]}")


def damage(before: str, after: str, nonce: str, html: bool) -> str | None:
    """What became of the tokens between two versions of a text: None when every one of them came through whole."""
    pattern = tokens(nonce, html)
    was, now = (Counter(match[0] for match in pattern.finditer(text)) for text in (before, after))
    if was != now:
        return "a subscriber's value or a story's mark was lost or doubled while the styles were inlined"
    flat = unquote(after).lower()
    if any(flat.count(half) != now.total() for half in _halves(nonce)):
        return "a subscriber's value or a story's mark was changed (by a filter, or cut); print it as it is"
    return None
