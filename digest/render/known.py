"""A subscriber's values as a template sees them that is drawn for her alone: it may ask what they are.

Printed as they are they are placeholders all the same, so that whatever comes after drawing is one way for all mails. What
was asked is kept with its answer: where all answers are the same, the drawing is the same. What is not here: when a mail is
drawn for one subscriber (html, personal), values that nobody may ask for (slots).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from digest.render.merge import UNSAFE, Personal
from digest.render.slots import KINDS, Placeholder, SubscriberSlots

_WHOLE = "what"
_OPERATIONS: Mapping[str, Callable[[str, Any], Any]] = {
    _WHOLE: lambda value, _: value,
    "whether": lambda value, _: bool(value),
    "==": operator.eq,
    "in": operator.contains,
}


@dataclass(frozen=True, slots=True)
class Question:
    """What a template asks of a value. kind: of the value. operation: a key of `_OPERATIONS`; argument: to it."""

    kind: str
    operation: str
    argument: str = ""

    def answer(self, personal: Personal) -> str | bool:
        """What she answers: the value without control characters, or whether something holds of it."""
        found: str | bool = _OPERATIONS[self.operation](UNSAFE.sub("", getattr(personal, self.kind)), self.argument)
        return found


Trail = list[tuple[Question, str | bool]]
"""What was asked, in order, with the answers."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KnownSlot(Placeholder):
    """A value that answers as its text does, in conditions, filters and methods; Jinja escapes what comes of it.

    It has no `__iter__`, so that `urlencode` takes it for a text; loops go by `__getitem__`.
    """

    _personal: Personal
    _trail: Trail

    def _ask(self, operation: str, argument: str = "") -> Any:
        question = Question(self.kind, operation, argument)
        answer = question.answer(self._personal)
        self._trail.append((question, answer))
        return answer

    def __bool__(self) -> bool:
        return bool(self._ask("whether"))

    def __eq__(self, other: object) -> bool:
        return bool(self._ask("==", other) if type(other) is str else str(self) == _plain(other))

    def __contains__(self, item: Any) -> bool:
        return bool(self._ask("in", item) if type(item) is str else _plain(item) in str(self))

    def __str__(self) -> str:
        return str(self._ask(_WHOLE))

    def __hash__(self) -> int:
        return hash(str(self))

    def __lt__(self, other: Any) -> bool:
        return bool(str(self) < _plain(other))

    def __le__(self, other: Any) -> bool:
        return bool(str(self) <= _plain(other))

    def __gt__(self, other: Any) -> bool:
        return bool(str(self) > _plain(other))

    def __ge__(self, other: Any) -> bool:
        return bool(str(self) >= _plain(other))

    def __len__(self) -> int:
        return len(str(self))

    def __getitem__(self, key: Any) -> str:
        return str(self)[key]

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __int__(self) -> int:
        return int(str(self))

    def __float__(self) -> float:
        return float(str(self))

    def __add__(self, other: Any) -> Any:
        return str(self) + _plain(other)

    def __radd__(self, other: Any) -> Any:
        return other + str(self)

    def __mul__(self, times: Any) -> Any:
        return str(self) * times

    __rmul__ = __mul__

    def __getattr__(self, name: str) -> Any:
        """`subscriber.name.split()` and its like."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(str(self), name)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, KnownSlot) else value


def known_slots(nonce: str, personal: Personal) -> tuple[dict[str, Any], Trail]:
    """What stands under the names of a subscriber's values in a template that is drawn for her; what it will have asked."""
    trail: Trail = []
    slots: dict[str, Any] = {kind: KnownSlot(kind, nonce, personal, trail) for kind in KINDS}
    return slots | {"subscriber": SubscriberSlots(slots.pop("name"), slots.pop("email"))}, trail
