"""The border that every address crosses."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import AddressError
from digest.model.subscriber import (
    Counts,
    Mailbox,
    Refusal,
    clean_name,
    domain_of,
    email_key,
    normalize_email,
    parse_mailbox,
)

GOOD = {
    "ann@example.org": "ann@example.org",
    "  ann@example.org ": "ann@example.org",
    "Ann.Lee+news@Example.ORG": "Ann.Lee+news@example.org",
    "o'neil/x=1!#$%&*?^_`{|}~-@example.org": "o'neil/x=1!#$%&*?^_`{|}~-@example.org",
    "ann@bücher.example": "ann@xn--bcher-kva.example",
    "ann@BÜCHER.example": "ann@xn--bcher-kva.example",
    "ann@xn--bcher-kva.example": "ann@xn--bcher-kva.example",
    "ann@straße.example": "ann@xn--strae-oqa.example",
    "ann@example。org": "ann@example.org",
    "jürgen@example.org": "jürgen@example.org",
    "用户@例子.example": "用户@xn--fsqu00a.example",
    "ann@localhost": "ann@localhost",
    "a@mail.city.example.org": "a@mail.city.example.org",
    f"{'a' * 64}@example.org": f"{'a' * 64}@example.org",
    f"a@{'b' * 63}.org": f"a@{'b' * 63}.org",
}
BAD = {
    "": "not of the form",
    "ann": "not of the form",
    "@example.org": "not of the form",
    "ann@": "not of the form",
    "ann@example": "no dot",
    "ann lee@example.org": "not allowed",
    '"ann"@example.org': "not allowed",
    "ann@lee@example.org": "not allowed",
    ".ann@example.org": "not allowed",
    "ann.@example.org": "not allowed",
    "ann..lee@example.org": "not allowed",
    "ann,lee@example.org": "not allowed",
    "Ann <ann@example.org>": "not allowed",
    "ann@exam ple.org": "domain is not valid",
    "ann@exam_ple.org": "domain is not valid",
    "ann@-example.org": "domain is not valid",
    "ann@example..org": "domain is not valid",
    "ann@.example.org": "domain is not valid",
    "ann@[192.0.2.1]": "domain is not valid",
    "ann@example.org>": "domain is not valid",
    "ann@xn--a.example": "domain is not valid",
    f"{'a' * 65}@example.org": "longer than 64 bytes",
    f"{'ü' * 33}@example.org": "longer than 64 bytes",
    f"a@{'b' * 64}.org": "domain is not valid",
    f"a@{'.'.join(['b' * 60] * 4)}.example.org": "is not valid|longer than 254 bytes",
    f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.example": "longer than 254 bytes",
    "ann@example.org\nBcc: all@example.org": "control character",
    "ann\r@example.org": "control character",
    "ann\0@example.org": "control character",
    "ann@example.org\x7f": "control character",
    "ann\x85@example.org": "control character",
    "ann\u2028@example.org": "control character",
    "ann\ud800@example.org": "control character",
}


@pytest.mark.parametrize(("text", "email"), GOOD.items())
def test_an_address_is_brought_into_one_form(text: str, email: str) -> None:
    assert normalize_email(text) == email
    assert normalize_email(email) == email


@pytest.mark.parametrize(("text", "reason"), BAD.items(), ids=lambda text: ascii(text[:30]))
def test_what_cannot_be_mailed_to_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason) as caught:
        normalize_email(text)
    assert caught.value.address == text


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}


controls = st.characters(categories=["Cc", "Cs", "Zl", "Zp"])


@settings(deadline=None, max_examples=150)
@given(st.text("abc.@üß", max_size=12), controls, st.text("abc.@üß", max_size=12))
def test_no_control_character_ever_passes(before: str, control: str, after: str) -> None:
    for text in (f"{before}{control}{after}", f"ann{control}{after}@example.org", f"ann@example{control}.org"):
        with pytest.raises(AddressError):
            normalize_email(text)


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_passes_is_one_line_of_bounded_length(local: str, domain: str) -> None:
    try:
        email = normalize_email(f"{local}@{domain}.example.org")
    except AddressError:
        return
    assert not any(_is_control(character) or character in ' "<>,;:()[]\\' for character in email)
    assert domain_of(email).isascii()
    assert len(email.encode()) <= 254
    assert normalize_email(email) == email


def test_addresses_that_differ_in_case_only_have_one_identity() -> None:
    assert email_key("Ann.LEE@example.org") == email_key("ann.lee@example.org")
    assert email_key("JÜRGEN@example.org") == email_key("jürgen@example.org")
    assert email_key("ann@example.org") != email_key("anne@example.org")


@pytest.mark.parametrize(
    ("text", "name"),
    [("  Ann \t Lee ", "Ann Lee"), ("Ann\r\nBcc: x", "Ann Bcc: x"), ("a\0b\u2028c", "a b c"), ("é" * 300, "é" * 200)],
)
def test_a_name_is_one_line(text: str, name: str) -> None:
    assert clean_name(text) == name


@pytest.mark.parametrize(
    ("text", "mailbox", "again"),
    [
        ("news@example.org", Mailbox("", "news@example.org"), "news@example.org"),
        ("The Notes <News@Example.org>", Mailbox("The Notes", "News@example.org"), "The Notes <News@example.org>"),
        ('"Notes, daily" <n@example.org>', Mailbox("Notes, daily", "n@example.org"), "Notes, daily <n@example.org>"),
        ("<n@example.org>", Mailbox("", "n@example.org"), "n@example.org"),
        ("A <b> c <n@example.org> ", Mailbox("A <b> c", "n@example.org"), "A <b> c <n@example.org>"),
    ],
)
def test_a_sender_has_a_name_and_an_address(text: str, mailbox: Mailbox, again: str) -> None:
    assert parse_mailbox(text) == mailbox
    assert str(mailbox) == again


@pytest.mark.parametrize(
    "text",
    ["Notes <n@example.org", "Notes n@example.org>", "Notes <n@example.org> x", "N\n <n@example.org>", "Notes <>"],
)
def test_what_is_no_sender_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_mailbox(text)


def test_counts_are_added_up() -> None:
    one, two = Counts(1, 2, 3, (Refusal(4, "a"),)), Counts(10, 20, 30, (Refusal(5, "b"),))
    assert one + two == Counts(11, 22, 33, (Refusal(4, "a"), Refusal(5, "b")))


@pytest.mark.parametrize(
    ("text", "email"),
    [("a@example.com.", "a@example.com"), ("\ta@example.com \t", "a@example.com")],
)
def test_a_final_dot_and_blanks_around_make_no_second_identity(text: str, email: str) -> None:
    assert normalize_email(text) == email


@pytest.mark.parametrize(
    "text", ["a@com.", "a@1.2", "a\u00a0b@example.com", "a\u202eb@example.com", "a\tb@example.com"]
)
def test_what_no_mail_server_knows_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        normalize_email(text)
