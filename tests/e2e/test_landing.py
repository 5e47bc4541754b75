"""What a mail needs in order to land, on the bytes that a mail server took: headers, lines, parts, signature."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import dkim
import pytest

from digest.deliver.dkim import SIGNED
from tests.e2e.conftest import MakeSite
from tests.e2e.mailserver import MailServer
from tests.e2e.site import Ran, SiteFolder

DKIM = """
[smtp.dkim]
domain = "example.org"
selector = "digest1"
key_file = "var/dkim/digest1.pem"
"""


@pytest.fixture
def signing(make_site: MakeSite) -> SiteFolder:
    """A site that signs its mails; its key is still to be made."""
    site = make_site()
    with (site.folder / "settings.toml").open("a") as settings:
        settings.write(DKIM)
    return site


@pytest.fixture
def key(signing: SiteFolder) -> Ran:
    return signing.run("dkim-key", "--json")


def verified(content: bytes, key: Ran) -> bool:
    def published(name: bytes, timeout: int = 5) -> bytes | None:
        value: str = key.document["value"]
        return value.encode() if name.decode() == f"{key.document['name']}." else None

    return bool(dkim.verify(content, dnsfunc=published))


def fields(content: bytes) -> dict[str, list[bytes]]:
    """Each field's raw value, folds and all, by its lower-case name."""
    head = content.partition(b"\r\n\r\n")[0] + b"\r\n"
    found: dict[str, list[bytes]] = {}
    for name, value in re.findall(rb"(?m)^([A-Za-z-]+): ?((?:.*)(?:\r\n[ \t].*)*)\r\n", head):
        found.setdefault(name.decode().lower(), []).append(value)
    return found


def test_every_mail_is_signed_with_the_key_that_dkim_key_made(
    signing: SiteFolder, key: Ran, mail_server: MailServer
) -> None:
    ran = signing.run("send", "notes", "--yes")
    assert ran.code == 0, ran.err
    assert len(mail_server.accepted) == 3
    for mail in mail_server.accepted:
        assert verified(mail.content, key)
        signature = re.sub(rb"\s", b"", fields(mail.content)["dkim-signature"][0]).decode()
        tags = dict(tag.split("=", 1) for tag in signature.split(";"))
        assert (tags["a"], tags["c"], tags["d"]) == ("rsa-sha256", "relaxed/relaxed", "example.org")
        assert not {"l", "x"} & set(tags)
        covered = tags["h"].split(":")
        assert covered.count("from") == covered.count("subject") == 2
        there = set(fields(mail.content)) - {"dkim-signature"}
        assert there & SIGNED == there - {"precedence", "x-auto-response-suppress"}
        assert there & SIGNED <= set(covered)


def test_a_test_mail_a_preview_and_a_note_are_signed_too(
    signing: SiteFolder, key: Ran, mail_server: MailServer, tmp_path: Path
) -> None:
    assert signing.run("send", "notes", "--test", "me@example.com").code == 0
    assert verified(mail_server.accepted[0].content, key)
    assert signing.run("preview", "notes", "--out", str(tmp_path / "out")).code == 0
    assert verified((tmp_path / "out" / "issue.eml").read_bytes(), key)


def test_a_missing_key_stops_everything_before_anybody_is_mailed(signing: SiteFolder, mail_server: MailServer) -> None:
    ran = signing.run("send", "notes", "--yes")
    assert ran.code == 2
    assert "smtp.dkim.key_file" in ran.err
    assert "`digest dkim-key` makes one" in ran.err
    assert mail_server.accepted == []
    checked = signing.run("check", "--json")
    assert checked.code == 2
    assert [fault["key"] for fault in checked.document["faults"]] == ["smtp.dkim.key_file"]


def test_check_warns_of_a_sender_of_another_domain(signing: SiteFolder, key: Ran) -> None:
    settings = signing.folder / "settings.toml"
    settings.write_text(settings.read_text().replace("news@example.org", "news@example.com"))
    faults = json.loads(signing.run("check", "--json").out)["faults"]
    assert [fault["key"] for fault in faults if "DMARC" in fault["message"]] == ["newsletters.notes.from"]


def test_a_key_is_never_written_over(signing: SiteFolder, key: Ran) -> None:
    again = signing.run("dkim-key")
    assert again.code == 2
    assert "exists already" in again.err


# -- the checklist of headers, on the wire -----------------------------------------------------------------------------


@pytest.fixture
def mails(site: SiteFolder, mail_server: MailServer) -> list[bytes]:
    ran = site.run("send", "notes", "--yes")
    assert ran.code == 0, ran.err
    return [mail.content for mail in mail_server.accepted]


def test_the_fields_are_those_that_providers_ask_for(mails: list[bytes], mail_server: MailServer) -> None:
    ids = set()
    for mail in mail_server.accepted:
        found = fields(mail.content)
        assert {name for name, values in found.items() if len(values) != 1} == set()
        assert found["from"] == [b"=?utf-8?b?RMOpZmVuc2UsIE5vdGVz?= <news@example.org>"]
        assert found["to"] == [mail.recipient.encode()]
        assert found["list-id"][0].endswith(b" <notes.example.org>")
        assert found["list-owner"] == [b"<mailto:news@example.org>"]
        assert re.fullmatch(rb"<http://127\.0\.0\.1:\d+/unsubscribe/[a-z0-9]+>", found["list-unsubscribe"][0])
        assert found["list-unsubscribe-post"] == [b"List-Unsubscribe=One-Click"]
        assert re.fullmatch(rb"\d+:notes:digest:[a-z0-9]{5,15}", found["feedback-id"][0])
        assert found["auto-submitted"] == [b"auto-generated"]
        assert found["precedence"] == [b"bulk"]
        assert found["mime-version"] == [b"1.0"]
        assert re.fullmatch(rb"<[a-z0-9]{20,}@example\.org>", found["message-id"][0])
        ids.add(found["message-id"][0])
        assert abs(parsedate_to_datetime(found["date"][0].decode()) - datetime.now(UTC)) < timedelta(minutes=5)  # noqa: TID251
        assert found["date"][0].endswith(b" +0000")
        assert re.fullmatch(r"bounce\+[a-z0-9]+@example\.org", mail.sender)
        assert len(mail.sender.partition("@")[0]) <= 64
    assert len(ids) == len(mails) == 3


def test_no_relay_has_a_reason_to_touch_a_line(mails: list[bytes]) -> None:
    for content in mails:
        assert content.isascii()
        assert b"\0" not in content
        assert content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r")
        for line in content.split(b"\r\n"):
            assert len(line) <= 76 or line.startswith(b"List-Unsubscribe: <")
            assert not line.startswith((b".", b"From "))
            assert not line.endswith((b" ", b"\t"))
        assert content.count(b"Content-Transfer-Encoding: quoted-printable\r\n") == 2
        assert content.index(b"Content-Type: text/plain; charset=utf-8") < content.index(
            b"Content-Type: text/html; charset=utf-8"
        )


def test_mails_differ_in_their_named_slots_only(mails: list[bytes]) -> None:
    def constant(content: bytes) -> bytes:
        own = rb"(?m)^(To|Date|Message-ID|List-Unsubscribe): .*\r\n"
        bare = re.sub(own, b"", content).replace(b"=\r\n", b"")
        return re.sub(rb"/(unsubscribe|view|preferences)/[a-z0-9]+|reader-\d@example\.org", b"", bare)

    assert len({constant(content) for content in mails}) == 1
    for number, content in enumerate(sorted(mails, key=lambda each: fields(each)["to"])):
        others = {f"reader-{other}@".encode() for other in range(3)} - {f"reader-{number}@".encode()}
        assert not any(other in content for other in others)
