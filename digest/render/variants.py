"""What was drawn, found again by the answers that it depends on: a tree of questions, in the order templates asked them.

    whether she has a name --yes--> variant 1
                           --no---> whether her address is … --yes--> variant 2
                                                             --no---> variant 3

What is not here: asking and answering (known), drawing (personal).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from digest.render.known import Question, Trail
from digest.render.merge import Personal

VARIANTS = 16
"""Variants of a mail that are kept, each as large as a mail."""

T = TypeVar("T")


@dataclass(slots=True)
class _Fork(Generic[T]):
    question: Question
    ways: dict[str | bool, _Fork[T] | T] = field(default_factory=dict)


class Variants(Generic[T]):
    """What was drawn so far. most: how many ends the tree may have; one more, and it begins anew."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ends = 0
        self._root: dict[str | bool, _Fork[T] | T] = {}

    def find(self, personal: Personal) -> T | None:
        """What was drawn for somebody whose answers are hers; None: nothing yet."""
        node = self._root.get("")
        while isinstance(node, _Fork):
            node = node.ways.get(node.question.answer(personal))
        return node

    def keep(self, trail: Trail, drawn: T) -> None:
        """Remember what was drawn when these questions had these answers."""
        if self._ends >= self._most:
            self._root, self._ends = {}, 0
        ways = self._root
        way: str | bool = ""
        for question, answer in trail:
            fork = ways.get(way)
            if not isinstance(fork, _Fork) or fork.question != question:
                fork = ways[way] = _Fork(question)
            ways, way = fork.ways, answer
        ways[way] = drawn
        self._ends += 1
