"""docs/delivery.md says what every kind of reply means; each line of its table is held."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from digest.deliver.retry import Phase, classify, refuses_us
from digest.model.delivery import Reply

PAGE = Path(__file__).parents[2] / "docs/delivery.md"
LINES = re.findall(
    r"^\| (?:`(\d{3}) (.*)`|nothing) \| (\w+) \| (\w+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
)


def test_the_table_is_there() -> None:
    assert len(LINES) >= 18


@pytest.mark.parametrize(("code", "text", "phase", "becomes"), LINES)
def test_a_reply_becomes_what_the_table_says(code: str, text: str, phase: str, becomes: str) -> None:
    reply = Reply(int(code or 0), text)
    state = classify(reply, Phase(phase)).state
    assert ("held" if refuses_us(reply, Phase(phase)) else str(state)) == becomes
