"""Which topics somebody follows who is on several lists of a newsletter."""

from __future__ import annotations

import pytest

from digest.model.subscriber import followed


@pytest.mark.parametrize(
    ("chosen", "topics"),
    [
        ([], set()),
        ([()], set()),
        ([("naval",)], {"naval"}),
        ([("naval",), ("air", "naval")], {"naval", "air"}),
        ([("naval",), ()], set()),
    ],
)
def test_she_gets_what_any_list_promises_and_a_list_without_a_choice_promises_all(
    chosen: list[tuple[str, ...]], topics: set[str]
) -> None:
    assert followed(chosen) == topics
