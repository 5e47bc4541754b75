"""Whole messages, as bytes and as Python's own parser reads them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.deliver.dkim import DkimSigner
from digest.deliver.envelope import stuffed
from digest.errors import AddressError
from digest.model.issue import RenderedIssue
from digest.model.subscriber import Mailbox
from digest.render.merge import Merge, Personal
from digest.render.mime import Mails, mailbox_of, plain_message
from tests.render.sample_issue import Renderer, a_newsletter

SENT = datetime(2026, 11, 23, 7, 0, 5, tzinfo=UTC)
MESSAGE_ID = "0123456789abcdef0123@example.org"
Merged = tuple[RenderedIssue, Merge]


def _message(merged: Merged, personal: Personal, *, smtputf8: bool = False) -> bytes:
    return _mails(merged).mail(personal, message_id=MESSAGE_ID, date=SENT, smtputf8=smtputf8)


def _mails(merged: Merged) -> Mails:
    return Mails(merged[0], "7:defence-notes:digest:example")


def _parse(raw: bytes) -> EmailMessage:
    parsed = message_from_bytes(raw, policy=SMTP)
    assert isinstance(parsed, EmailMessage)
    for part in parsed.walk():
        assert not part.defects
    return parsed


def _head(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[0] + b"\r\n"


def _content(part: object) -> str:
    assert isinstance(part, EmailMessage)
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")


@given(name=st.text(max_size=60), email=st.sampled_from([".a@example.com", "From@example.com", "a@example.com"]))
@settings(deadline=None)
def test_no_name_makes_a_mail_unfit_for_the_wire(name: str, email: str) -> None:
    """The sender does not look through these bytes again."""
    reader = Personal(email, name, frozenset(), "https://u.test/", "https://v.test/", "https://p.test/")
    raw = _FRAMED.mail(reader, message_id=MESSAGE_ID, date=SENT)
    assert raw.isascii()
    assert stuffed(raw) == raw
    assert _signed_alike(raw)


@given(st.text())
@example("two  blanks, one at the end \n\n\n")
@example("")
def test_no_text_makes_a_note_that_the_signer_has_to_look_through(text: str) -> None:
    news = Mailbox("Defence Notes", "news@example.org")
    assert _signed_alike(
        plain_message(sender=news, to=news, subject="Held", text=text, message_id=MESSAGE_ID, date=SENT)
    )


def _signed_alike(raw: bytes) -> bool:
    """Whether what is signed as it stands has the signature that it gets when it is looked through."""
    return _SIGNER.sign(raw, SENT, relaxed=True) == _SIGNER.sign(raw, SENT)


_SIGNER = DkimSigner("example.org", "digest1", rsa.generate_private_key(public_exponent=65537, key_size=2048))
_FRAMED = Mails(Renderer()(), "7:defence-notes:digest:example")


def test_every_line_is_fit_for_any_relay(merged: Merged, reader: Personal) -> None:
    raw = _message(merged, reader)
    assert raw.isascii()
    assert b"\0" not in raw
    assert re.sub(rb"\r\n", b"", raw).count(b"\n") == re.sub(rb"\r\n", b"", raw).count(b"\r") == 0
    for line in raw.split(b"\r\n"):
        assert len(line) <= 76 or line.startswith(b"List-Unsubscribe: <")
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))


def test_the_fields_are_complete_and_each_stands_once(merged: Merged, reader: Personal) -> None:
    head = _head(_message(merged, reader))
    names = re.findall(rb"^([A-Za-z-]+):", head, re.MULTILINE)
    assert len(names) == len(set(names))
    for line in (
        b"From: Defence Notes <news@example.org>",
        b"Date: Mon, 23 Nov 2026 07:00:05 +0000",
        b"Message-ID: <0123456789abcdef0123@example.org>",
        b"List-Id: Defence Notes <defence-notes.example.org>",
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        b"Auto-Submitted: auto-generated",
        b"Precedence: bulk",
        b"X-Auto-Response-Suppress: OOF, AutoReply",
        b"Feedback-ID: 7:defence-notes:digest:example",
        b"Content-Language: en",
        b"MIME-Version: 1.0",
    ):
        assert b"\r\n" + line + b"\r\n" in b"\r\n" + head


def test_a_long_one_click_url_is_unmangled(merged: Merged, reader: Personal) -> None:
    assert len(reader.unsubscribe_url) > 200
    head = _head(_message(merged, reader))
    assert f"\r\nList-Unsubscribe: <{reader.unsubscribe_url}>\r\n".encode() in head


def test_it_reads_back_as_the_same_html_and_text(merged: Merged, reader: Personal) -> None:
    html, text = merged[1].fill(reader)
    parsed = _parse(_message(merged, reader))
    assert parsed.get_content_type() == "multipart/alternative"
    first, second = parsed.iter_parts()
    assert (first.get_content_type(), second.get_content_type()) == ("text/plain", "text/html")
    assert _content(first) == text
    assert _content(second) == html
    assert parsed["Subject"] == merged[0].subject
    assert parsed["To"].addresses[0].display_name == reader.name


def test_a_japanese_issue_is_quoted_printable_too_and_reads_back(reader: Personal) -> None:
    rendered = Renderer(newsletter=a_newsletter(title="防衛"), language="ja").with_story(
        title="防衛予算の増額" * 8, teaser="来年度の配分は巡視船とレーダーを優先する。" * 60
    )
    merge = Merge(rendered)
    html, text = merge.fill(reader)
    raw = _message((rendered, merge), reader)
    first, second = _parse(raw).iter_parts()
    assert first["Content-Transfer-Encoding"] == second["Content-Transfer-Encoding"] == "quoted-printable"
    assert (_content(first), _content(second)) == (text, html)
    assert max(len(line) for line in raw.split(b"\r\n") if not line.startswith(b"List-Unsubscribe:")) <= 76


def test_only_the_named_slots_differ_between_two_readers(merged: Merged, reader: Personal) -> None:
    other = replace(reader, email="other@example.com", name="Zoë", unsubscribe_url="https://news.example.org/u/2")
    ours, theirs = _message(merged, reader), _message(merged, other)
    assert _message(merged, reader) == ours
    for value in (b"other@example.com", b"/u/2"):
        assert value in theirs
        assert value not in ours
    assert b"reader@example.com" not in theirs
    ignored = (b"To:", b"List-Unsubscribe:")
    head, others = (
        [line for line in _head(raw).split(b"\r\n") if not line.startswith(ignored)] for raw in (ours, theirs)
    )
    assert head == others


def test_a_local_part_beyond_ascii_is_refused_or_raw(merged: Merged, reader: Personal) -> None:
    joerg = replace(reader, email="jörg@example.com", name="")
    with pytest.raises(AddressError):
        _message(merged, joerg)
    raw = _message(merged, joerg, smtputf8=True)
    assert "\r\nTo: jörg@example.com\r\n".encode() in raw
    assert raw.partition(b"\r\n\r\n")[2].isascii()


def test_no_value_of_a_subscriber_injects_a_header(merged: Merged, reader: Personal) -> None:
    evil = "x\r\nBcc: victim@example.org\r\n\r\nbody"
    raw = _message(merged, replace(reader, name=evil, unsubscribe_url=f"https://e.test/{evil}"))
    assert not re.search(rb"^Bcc:", raw, re.MULTILINE)
    assert _parse(raw).get_content_type() == "multipart/alternative"
    with pytest.raises(AddressError):
        _message(merged, replace(reader, email=f"a@example.com{evil}"))
    with pytest.raises(ValueError, match="Message-ID"):
        _mails(merged).mail(reader, message_id=evil, date=SENT)


def test_a_naive_date_is_refused(merged: Merged, reader: Personal) -> None:
    with pytest.raises(ValueError, match="zone"):
        _mails(merged).mail(reader, message_id=MESSAGE_ID, date=SENT.replace(tzinfo=None))


@pytest.mark.parametrize("name", ["A, B", "Example: News", '"', "😀", "Name <with> brackets", ""])
def test_a_sender_survives_the_snapshot(name: str) -> None:
    mailbox = Mailbox(name, "news@example.org")
    assert mailbox_of(str(mailbox)) == mailbox


def test_reply_to_stands_when_it_is_set(reader: Personal) -> None:
    rendered = Renderer(newsletter=a_newsletter(reply_to="Desk <desk@example.org>"))()
    assert b"\r\nReply-To: Desk <desk@example.org>\r\n" in _message((rendered, Merge(rendered)), reader)


def test_a_plain_message_is_one_text_part() -> None:
    raw = plain_message(
        sender=Mailbox("Defence Notes", "news@example.org"),
        to=Mailbox("Zoë", "zoe@example.com"),
        subject="Bitte bestätigen",
        text="Grüße.\r\n.\nhttps://news.example.org/confirm/" + "t" * 120 + "\n\n",
        message_id=f"<{MESSAGE_ID}>",
        date=SENT,
        language="de",
    )
    parsed = _parse(raw)
    assert _content(parsed) == "Grüße.\n.\nhttps://news.example.org/confirm/" + "t" * 120 + "\n"
    assert parsed["Subject"] == "Bitte bestätigen"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert "List-Id" not in parsed
    assert all(len(line) <= 76 for line in raw.split(b"\r\n"))
    assert b"\r\n." not in raw
