"""Lines of the text part, as a terminal counts them."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from digest.render.plain import width, wrap


def test_words_and_addresses_stay_whole() -> None:
    address = f"https://example.org/{'x' * 90}"
    assert wrap(f"see {address} now", 40).splitlines() == ["see", address, "now"]


def test_wide_characters_count_twice_and_combining_ones_not_at_all() -> None:
    assert [width(text) for text in ("abc", "防衛", "e\u0301", "🚢", "a\u2060b")] == [3, 4, 1, 2, 2]


def test_japanese_breaks_between_characters_but_never_before_a_closing_mark() -> None:
    assert wrap("防" * 100, 72).splitlines() == ["防" * 36, "防" * 36, "防" * 28]
    assert wrap("防" * 36 + "。次", 72).splitlines() == ["防" * 35, "防。次"]
    assert wrap("防" * 35 + "「次」", 72).splitlines() == ["防" * 35, "「次」"]
    assert wrap("防衛Ministry防衛", 8).splitlines() == ["防衛", "Ministry", "防衛"]


def test_an_indent_is_kept_and_counted() -> None:
    assert wrap("aa bb cc", 5, "  ", "1 ").splitlines() == ["1 aa", "  bb", "  cc"]
    assert wrap("", 5, "  ", "1 ") == ""


@given(st.text(), st.integers(10, 80))
def test_nothing_is_lost_and_no_line_that_could_be_broken_is_too_long(text: str, columns: int) -> None:
    lines = wrap(text, columns).splitlines() if text.split() else []
    squeezed = "".join(text.split())
    assert "".join("".join(line.split()) for line in lines) == squeezed
    for line in lines:
        if " " in line:
            assert width(line) <= columns
        assert line == line.strip() or unicodedata.category(line[-1]) == "Cf"
