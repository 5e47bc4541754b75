"""Quoted-printable pieces: they join in any order, and every line keeps the rules."""

from __future__ import annotations

import quopri
import re

from hypothesis import example, given
from hypothesis import strategies as st

from digest.render.quoted import encode, encode_bare

_TEXT = st.text(
    st.one_of(st.sampled_from(" .\t=\nFrom é防😀"), st.characters(exclude_categories=["Cs"], exclude_characters="\r"))
)
PIECES = st.lists(_TEXT, max_size=8)


@given(PIECES)
@example(["." * 200, ".", "\n.\n", "From here", "\nFrom ", " " * 90, "x" * 75, "x" * 76, "x" * 77, "é" * 40, ""])
def test_joined_pieces_decode_to_the_joined_text(pieces: list[str]) -> None:
    wire = b"".join(encode(piece) for piece in pieces)
    assert quopri.decodestring(wire).decode().replace("\r\n", "\n") == "".join(pieces)


@given(PIECES)
@example(["x" * 74 + ".", "\n" + "y" * 73 + "=", "." * 75 + "\n", "a  b   c \n", "From", " me"])
def test_every_line_keeps_the_rules(pieces: list[str]) -> None:
    wire = b"".join(encode(piece) for piece in pieces)
    assert wire == b"" or wire.endswith(b"\r\n")
    assert not re.search(rb"[^\x20-\x7e\r\n]", wire)
    for line in wire.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
        assert not line.endswith(b" ")
        assert b"\r" not in line
        assert b"\n" not in line
        assert b"  " not in line


def test_an_empty_text_is_nothing() -> None:
    assert encode("") == b""


@given(st.text("abF.rom@:/-_~09", max_size=240))
@example("." * 200)
@example("From" * 60)
def test_a_text_that_needs_no_encoding_takes_the_short_way_to_the_same_bytes(text: str) -> None:
    assert encode_bare(text) == encode(text)
