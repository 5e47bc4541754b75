from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.deliver.envelope import (
    Envelope,
    letter,
    mail_command,
    rcpt_command,
    refusal,
    sender_fault,
    stuffed,
    xtext,
)

PLAIN: dict[str, str] = {}
ALL = {"size": "1000", "dsn": "", "smtputf8": "", "8bitmime": ""}
UNSAFE = [*(chr(code) for code in (*range(0x21), *range(0x7F, 0xA1))), "<", ">", "\u2028", "\u2029", "\ud800"]


def test_nothing_is_asked_that_the_server_does_not_offer() -> None:
    envelope = Envelope("b@example.org", "zoe@example.net", "id-1")
    assert mail_command(letter(envelope, b"x"), PLAIN) == b"MAIL FROM:<b@example.org>\r\n"
    assert rcpt_command(envelope, PLAIN) == b"RCPT TO:<zoe@example.net>\r\n"


def test_size_and_delivery_reports_are_asked_for_where_offered() -> None:
    envelope = Envelope("b@example.org", "a+b=c@example.net", "id+1")
    assert (
        mail_command(letter(envelope, b"x" * 9), ALL) == b"MAIL FROM:<b@example.org> SIZE=9 RET=HDRS ENVID=id+2B1\r\n"
    )
    expected = b"RCPT TO:<a+b=c@example.net> NOTIFY=FAILURE ORCPT=rfc822;a+2Bb+3Dc@example.net\r\n"
    assert rcpt_command(envelope, ALL) == expected


def test_smtputf8_is_used_only_when_an_address_needs_it() -> None:
    envelope = Envelope("b@example.org", "zoë@example.net")
    assert b" SMTPUTF8" in mail_command(letter(envelope, b"x"), ALL)
    assert rcpt_command(envelope, ALL) == "RCPT TO:<zoë@example.net> NOTIFY=FAILURE\r\n".encode()
    refused = refusal(letter(envelope, b"x"), PLAIN)
    assert refused is not None
    assert refused.code == 553
    assert "SMTPUTF8" in refused.text


def test_eight_bit_bodies_are_declared_or_refused() -> None:
    envelope = Envelope("", "zoe@example.net")
    assert mail_command(letter(envelope, b"\xe9"), ALL).startswith(b"MAIL FROM:<> SIZE=1 BODY=8BITMIME")
    refused = refusal(letter(envelope, b"\xe9"), PLAIN)
    assert refused is not None
    assert refused.enhanced == "5.6.3"


@pytest.mark.parametrize(("offered", "refused"), [("10", True), ("11", False), ("0", False), ("", False), ("x", False)])
def test_a_message_over_the_servers_limit_is_refused_before_it_is_sent(offered: str, refused: bool) -> None:
    reply = refusal(letter(Envelope("", "zoe@example.net"), b"x" * 11), {"size": offered})
    assert (reply is not None and reply.code == 552) == refused


@pytest.mark.parametrize("bad", UNSAFE)
def test_an_unsafe_character_is_refused_in_either_address(bad: str) -> None:
    recipient = Envelope("b@example.org", f"zoe{bad}@example.net")
    reply = refusal(letter(recipient, b"x"), ALL)
    assert reply is not None
    assert reply.enhanced == "5.1.3"
    assert sender_fault(Envelope(f"b{bad}@example.org", "zoe@example.net")) is not None
    with pytest.raises(ValueError, match="must not reach the wire"):
        rcpt_command(recipient, ALL)


@given(st.text(alphabet=st.characters()), st.text())
def test_whatever_the_address_a_command_is_one_line(address: str, envid: str) -> None:
    envelope = Envelope(address, address, envid)
    try:
        commands = [mail_command(letter(envelope, b"x"), ALL), rcpt_command(envelope, ALL)]
    except ValueError:
        return
    for command in commands:
        assert command.endswith(b"\r\n")
        assert not set(command[:-2]) & {*range(0x20), 0x7F}


@given(st.text())
def test_xtext_is_printable_and_reversible(text: str) -> None:
    encoded = xtext(text)
    assert all(0x21 <= byte <= 0x7E and byte != 0x3D for byte in encoded)
    parts = encoded.split(b"+")
    decoded = parts[0] + b"".join(bytes.fromhex(part[:2].decode()) + part[2:] for part in parts[1:])
    assert decoded == text.encode(errors="surrogatepass")


def test_dots_at_line_starts_are_doubled_and_others_left_alone() -> None:
    assert stuffed(b".a\r\n..\r\n.\r\nb.c\r\n") == b"..a\r\n...\r\n..\r\nb.c\r\n"


def test_a_missing_last_line_end_is_added() -> None:
    assert stuffed(b"a") == b"a\r\n"


@pytest.mark.parametrize("smuggled", [b"a\n.\nMAIL", b"a\r.\r\n", b"a\n\r\n", b"a\r\r\n", b"\n", b"a\r\nb\r"])
def test_a_bare_cr_or_lf_is_refused(smuggled: bytes) -> None:
    with pytest.raises(ValueError, match="in pairs"):
        stuffed(smuggled)


@given(st.lists(st.text(alphabet=".a\u00e9 ")))
def test_stuffing_can_be_undone_and_never_ends_the_message(lines: list[str]) -> None:
    data = "".join(f"{line}\r\n" for line in lines).encode() or b"\r\n"
    wire = stuffed(data)
    assert b"\r\n.\r\n" not in b"\r\n" + wire
    assert b"".join(line.removeprefix(b".") for line in wire.splitlines(keepends=True)) == data
