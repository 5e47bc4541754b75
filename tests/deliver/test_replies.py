from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.deliver.replies import MAX_LINE, MAX_TEXT, Broken, Replies
from digest.model.delivery import Reply


def fed(*chunks: bytes) -> list[Reply]:
    replies, read = Replies(), deque[Reply]()
    for chunk in chunks:
        replies.feed(chunk, read)
    return list(read)


def test_replies_come_out_in_order_however_they_are_cut() -> None:
    data = b"250 2.1.0 ok\r\n354\r\n250-a\r\n250 b\r\n"
    expected = [Reply(250, "2.1.0 ok"), Reply(354, ""), Reply(250, "a b")]
    assert fed(data) == expected
    assert fed(*(bytes([byte]) for byte in data)) == expected


def test_a_repeated_enhanced_code_is_said_once() -> None:
    (reply,) = fed(b"550-5.1.1 no such user\r\n550-5.1.1 try another\r\n550 5.1.1\r\n")
    assert reply == Reply(550, "5.1.1 no such user try another")
    assert reply.enhanced == "5.1.1"


def test_a_bare_line_feed_and_bytes_that_are_no_utf8_are_borne() -> None:
    assert fed(b"250 ol\xe9 \x1b[31m\n") == [Reply(250, "ol� [31m")]


def test_words_are_kept_to_a_bound() -> None:
    (reply,) = fed(*(b"250-" + b"x" * 500 + b"\r\n" for _ in range(20)), b"250 end\r\n")
    assert len(reply.text) == MAX_TEXT


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"150 ok\r\n",
        b"650 ok\r\n",
        b"250:ok\r\n",
        b"\xd9\xa2\xd9\xa5\xd9\xa0 ok\r\n",
        b"250-a\r\n251 b\r\n",
        b"2" * (MAX_LINE + 1),
        b"250 " + b"x" * MAX_LINE + b"\r\n",
        b"250-x\r\n" * 20_000,
        b"250 x\r\n" * 200,
    ],
)
def test_what_is_no_reply_breaks_the_line(garbage: bytes) -> None:
    with pytest.raises(Broken):
        fed(garbage)


def test_a_continued_reply_is_bounded() -> None:
    with pytest.raises(Broken):
        fed(*(b"250-" + b"x" * 1000 + b"\r\n" for _ in range(50)))


@given(st.binary())
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    try:
        replies = fed(data)
    except Broken:
        return
    assert all(200 <= reply.code <= 599 for reply in replies)
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for reply in replies for char in reply.text)
