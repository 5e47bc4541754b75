"""DKIM signatures, verified by dkimpy: whatever is signed holds, and whatever is changed afterwards breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import example, given
from hypothesis import strategies as st

from digest.deliver.dkim import SIGNED, DkimSigner, relaxed_body
from digest.deliver.dkim_key import make_key, read_key, record, txt_strings
from digest.errors import UsageError

SENT = datetime(2026, 11, 23, 7, 0, 5, tzinfo=UTC)
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SIGNER = DkimSigner("example.org", "digest1", RSA)

MAIL = (
    b"From: Defence Notes <news@example.org>\r\n"
    b"Subject: =?utf-8?q?=C3=9Cber?=\r\n =?utf-8?q?morgen?=\r\n"
    b"To: reader@example.com\r\n"
    b"Date: Mon, 23 Nov 2026 07:00:05 +0000\r\n"
    b"Message-ID: <0123456789abcdef0123@example.org>\r\n"
    b"List-Id: Defence Notes <notes.example.org>\r\n"
    b"List-Unsubscribe: <https://news.example.org/unsubscribe/" + b"aB3-_" * 40 + b">\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"Feedback-ID: 7:notes:digest:site1234\r\n"
    b"Auto-Submitted: auto-generated\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n"
    b"\r\nGood morning.\r\n"
)


def holds(message: bytes) -> bool:
    def published(name: bytes, timeout: int = 5) -> bytes:
        assert name == b"digest1._domainkey.example.org."
        return record(RSA).encode()

    return bool(dkim.verify(message, dnsfunc=published))


def names(message: bytes) -> list[str]:
    tags = re.search(rb"; *\r\n h=([^;]*);", message)
    assert tags
    return re.sub(rb"\s", b"", tags[1]).decode().split(":")


def test_a_signature_holds() -> None:
    signed = SIGNER.sign(MAIL, SENT)
    assert signed.endswith(MAIL)
    assert holds(signed)
    head = signed[: -len(MAIL)]
    assert b"t=1795417205;" in head
    assert b"c=relaxed/relaxed" in head
    assert not re.search(rb"[; ]([lx])=", head)
    assert all(len(line) <= 76 for line in head.split(b"\r\n"))


def test_the_same_mail_at_the_same_time_has_the_same_signature() -> None:
    assert SIGNER.sign(MAIL, SENT) == SIGNER.sign(MAIL, SENT)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"^([A-Za-z-]+):", MAIL.decode(), re.MULTILINE))))
def test_every_field_of_ours_is_covered(name: str) -> None:
    signed = SIGNER.sign(MAIL, SENT)
    assert name.lower() in SIGNED
    assert not holds(re.sub(rb"(?m)^%s: " % name.encode(), b"%s: x" % name.encode(), signed, count=1))
    assert not holds(re.sub(rb"(?m)^%s: (?:.*\r\n)(?: .*\r\n)*" % name.encode(), b"", signed, count=1))


@pytest.mark.parametrize("line", [b"From: a@example.com", b"Subject: x", b"Reply-To: a@example.com",
                                  b"List-Unsubscribe: <https://example.com/>", b"Content-Type: text/html"])  # fmt: skip
def test_a_second_field_that_a_reader_would_see_breaks_it(line: bytes) -> None:
    signed = SIGNER.sign(MAIL, SENT)
    for forged in (line + b"\r\n" + signed, signed.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n", 1)):
        assert not holds(forged)


def test_what_relays_do_leaves_it_whole() -> None:
    signed = SIGNER.sign(MAIL, SENT)
    received = b"Received: from a by b; Mon, 23 Nov 2026 07:00:09 +0000\r\n"
    assert holds(received + signed)
    assert holds(signed.replace(b"Subject: ", b"subject:\t ").replace(b"reader@example.com", b"reader@example.com "))
    assert holds(signed + b"\r\n\r\n")
    assert not holds(signed + b"PS\r\n")


_LINES = st.lists(st.text(alphabet="a.=\t \u00e9\x00", max_size=12), max_size=8)


@given(_LINES, st.booleans())
@example([""], True)
@example([" "], False)
@example(["a \t", "", "\t"], True)
@example([], True)
def test_any_body_is_signed_so_that_it_holds(lines: list[str], ended: bool) -> None:
    body = "\r\n".join(lines).encode() + (b"\r\n" if ended else b"")
    signed = SIGNER.sign(MAIL[: -len("Good morning.\r\n")] + body, SENT)
    assert holds(signed if signed.endswith(b"\r\n") else signed + b"\r\n")  # as SMTP carries it


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Subject", "X-Odd", "List-Id", "to", "Reply-To", "Feedback-ID"]),
            st.lists(st.text(alphabet="a;:=\t \u00e9,", min_size=1, max_size=10), min_size=1, max_size=3),
        ),
        max_size=6,
    )
)
def test_any_fields_are_signed_so_that_they_hold(fields: list[tuple[str, list[str]]]) -> None:
    # A folded line of blanks alone is obsolete syntax that we never write, and parsers disagree about it.
    shown = [(name, "\r\n ".join(f"x{line}" for line in lines)) for name, lines in fields]
    head = "".join(f"{name}: {value}\r\n" for name, value in shown).encode()
    assert holds(SIGNER.sign(head + b"From: news@example.org\r\n\r\nx\r\n", SENT))


@pytest.mark.parametrize("mail", [
    MAIL.replace(b"Good", b"Good\n"),
    MAIL.replace(b"Good", b"Good\r"),
    MAIL.replace(b"From:", b"X-From:"),
    b"From: a@example.org\r\n" + MAIL,
    b"no field\r\n" + MAIL,
    b" folded\r\n" + MAIL,
])  # fmt: skip
def test_what_would_not_arrive_as_it_was_signed_is_refused(mail: bytes) -> None:
    with pytest.raises(ValueError, match="signed"):
        SIGNER.sign(mail, SENT)


@pytest.mark.parametrize(
    ("body", "relaxed"),
    [
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),  # RFC 6376 §3.4.5
        (b"a", b"a\r\n"),
        (b"a ", b"a\r\n"),
        (b"a\r\n \r\n", b"a\r\n"),
    ],
)
def test_bodies_are_relaxed_as_the_standard_says(body: bytes, relaxed: bytes) -> None:
    assert relaxed_body(body) == relaxed


def test_a_body_that_its_maker_vouches_for_is_signed_as_it_stands() -> None:
    assert SIGNER.sign(MAIL, SENT, relaxed=True) == SIGNER.sign(MAIL, SENT)
    assert holds(SIGNER.sign(MAIL.replace(b"Good ", b"Good  "), SENT))
    assert not holds(SIGNER.sign(MAIL.replace(b"Good ", b"Good  "), SENT, relaxed=True))


def test_of_a_field_that_stands_twice_the_last_is_signed_first() -> None:
    twice = MAIL.replace(b"List-Id:", b"Feedback-ID: 1\r\nList-Id:")
    signed = SIGNER.sign(twice, SENT)
    assert names(signed).count("feedback-id") == 2
    assert holds(signed)
    assert not holds(signed.replace(b"Feedback-ID: 1\r\n", b""))


# -- keys --------------------------------------------------------------------------------------------------------------


def test_a_new_key_is_for_its_owner_only_and_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "a.pem"
    made = make_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        make_key(file)
    assert file.read_bytes() == before
    assert record(read_key(file)) == record(made)


def test_the_record_is_split_where_dns_wants_it() -> None:
    value = record(RSA)
    strings = txt_strings(value)
    assert value.startswith("v=DKIM1; k=rsa; p=MIIB")
    assert [len(part) for part in strings[:-1]] == [255] * (len(strings) - 1)
    assert "".join(strings) == value


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, secret: bytes = b"") -> bytes:
    how = BestAvailableEncryption(secret) if secret else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: b"", "holds no private key"),
        (lambda: b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n", "holds no private key"),
        (lambda: _pem(RSA, b"secret"), "protected by a password"),
        (lambda: _pem(ec.generate_private_key(ec.SECP256R1())), "of another kind"),
        (lambda: _pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "1024 bits"),
    ],
)
def test_a_faulty_key_file_is_named_in_plain_words(tmp_path: Path, content: Callable[[], bytes], said: str) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(content())
    with pytest.raises(UsageError, match=said):
        read_key(file)


def test_a_missing_key_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read \(No such file or directory\); `digest dkim-key` makes one"):
        read_key(tmp_path / "none.pem")


def test_a_key_of_the_old_form_is_read(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    assert record(read_key(file)) == record(RSA)
