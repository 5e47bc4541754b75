"""Header fields as raw bytes: what stands on the wire, not what a parser forgives."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import SMTP
from email.utils import parseaddr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.errors import AddressError
from digest.model.subscriber import Mailbox
from digest.render.headers import (
    list_id_field,
    mailbox_field,
    message_id_field,
    plain_field,
    text_field,
    url_field,
)

NAMES = [
    "Defence Notes",
    "A, B",
    "Example: News",
    '"',
    'The "Paper"',
    "back\\slash",
    "😀 Briefing",
    "Ütopia Zeitung für Zeilenumbrüche und andere sehr lange Wörter in Überschriften",
    "نشرة الدفاع",
    "=?utf-8?q?fake?=",
    "a (comment)",
    "x@example.org",
    "防衛" * 40,
    "n " * 80,
]


def _parsed(field: bytes, name: str) -> str:
    return str(message_from_bytes(field + b"\r\n", policy=SMTP)[name])


def _mailbox(field: bytes) -> tuple[str, str]:
    """Name and address; Python 3.11's newer parser puts a blank between adjacent encoded words, the older does not."""
    name, address = parseaddr(field.decode().partition(": ")[2].replace("\r\n", "").strip())
    return str(make_header(decode_header(name))), address


def _kept(value: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", value).split())


def _keeps_the_rules(field: bytes, longest: int = 76) -> None:
    assert field.endswith(b"\r\n")
    assert field.isascii()
    lines = field[:-2].split(b"\r\n")
    assert all(line.startswith(b" ") for line in lines[1:])
    for line in lines:
        assert len(line) <= longest
        assert line.strip()
        assert not re.search(rb"[\x00-\x1f\x7f]", line)
        assert not line.endswith(b" ")
        for word in re.findall(rb"=\?utf-8\?[qb]\?[^?]*\?=", line):
            assert len(word) <= 75


@pytest.mark.parametrize("name", NAMES)
def test_a_senders_name_comes_back_as_it_was(name: str) -> None:
    field = mailbox_field("From", Mailbox(name, "news@example.org"))
    _keeps_the_rules(field)
    assert _mailbox(field) == (name.strip(), "news@example.org")
    assert not message_from_bytes(field + b"\r\n", policy=SMTP)["From"].groups[0].display_name


@given(st.text(max_size=300))
@example("a\r\nBcc: victim@example.org")
@example("x" * 70 + " " + "é")
@example("word " * 60)
@example("w" * 1200)
def test_any_subject_is_one_header_that_reads_back(subject: str) -> None:
    field = text_field("Subject", subject)
    _keeps_the_rules(field)
    assert _parsed(field, "Subject") == _kept(subject)


@given(st.text(max_size=120))
@example("a\r\nBcc: <victim@example.org>")
@example('"')
@example("\\")
@example("=?utf-8?q?x?=")
def test_no_name_injects_a_header(name: str) -> None:
    field = mailbox_field("To", Mailbox(name, "reader@example.com"))
    _keeps_the_rules(field)
    assert len(message_from_bytes(field + b"\r\n", policy=SMTP)["To"].addresses) == 1
    assert _mailbox(field) == (_kept(name), "reader@example.com")


@given(st.text(max_size=60))
@example("a@example.org\r\nBcc: b@example.org")
@example("a@example.org>, <b@example.org")
def test_no_address_injects_a_header(address: str) -> None:
    try:
        field = mailbox_field("To", Mailbox("", address), smtputf8=True)
    except AddressError:
        return
    assert field == f"To: {address}\r\n".encode()
    assert not re.search(rb"[\r\n<>,;\x00]", field[:-2])


def test_a_local_part_beyond_ascii_needs_smtputf8_and_is_never_encoded() -> None:
    with pytest.raises(AddressError, match="SMTPUTF8"):
        mailbox_field("To", Mailbox("J", "jörg@example.com"))
    raw = mailbox_field("To", Mailbox("Jörg", "jörg@example.com"), smtputf8=True)
    assert raw == "To: =?utf-8?b?SsO2cmc=?= <jörg@example.com>\r\n".encode() or b"<j\xc3\xb6rg@example.com>" in raw


@pytest.mark.parametrize("length", [1, 43, 200, 700])
def test_a_long_unsubscribe_url_stays_whole(length: int) -> None:
    url = f"https://news.example.org/unsubscribe/{'aB3-_.' * 120}"[: 37 + length]
    assert url_field("List-Unsubscribe", url) == f"List-Unsubscribe: <{url}>\r\n".encode()


@given(st.text(max_size=80))
@example("https://e.test/\r\nBcc: x@example.org")
@example("https://e.test/>, <mailto:x@example.org")
def test_no_url_injects_a_header(url: str) -> None:
    field = url_field("List-Unsubscribe", url)
    assert field.isascii()
    assert field.count(b"<") == field.count(b">") == 1
    assert not re.search(rb"[\r\n\x00 ]", field[len("List-Unsubscribe: ") : -2])


def test_a_list_id_is_never_quoted_around_encoded_words() -> None:
    assert list_id_field("Defence Notes", "notes.example.org") == b"List-Id: Defence Notes <notes.example.org>\r\n"
    field = list_id_field("Überblick: früh", "notes.example.org")
    assert b'"' not in field
    assert field.endswith(b"<notes.example.org>\r\n")


@given(st.text(max_size=80))
def test_a_message_id_is_an_id_or_an_error(text: str) -> None:
    try:
        field = message_id_field(text)
    except ValueError:
        return
    assert re.fullmatch(rb"Message-ID: <[!-~]+@[!-~]+>\r\n", field)


@given(st.text(max_size=80))
@example("a:b\r\nBcc: x@example.org")
def test_a_plain_field_holds_printable_ascii_only(text: str) -> None:
    assert re.fullmatch(rb"Feedback-ID:( [\x20-\x7e]*)?\r\n", plain_field("Feedback-ID", text))
