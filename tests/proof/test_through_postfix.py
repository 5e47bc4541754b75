"""Whole mails through a real Postfix into a Maildir: what is read there is what was rendered, and the signature holds."""

from __future__ import annotations

import email
import email.policy
import itertools
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass

import dkim
import pytest

from digest.deliver.dkim_key import record
from digest.deliver.envelope import Envelope, letter
from digest.deliver.smtp import Connection
from digest.model.delivery import DeliveryState
from digest.settings import Smtp
from tests.proof.filters import needed
from tests.proof.mails import HOSTILE, KEY, LAYOUTS, RECIPIENT, SENDER, TOLD, Sent, signed_mail
from tests.proof.postfix import Postfix, running_postfix

pytestmark = [pytest.mark.proof, pytest.mark.timeout(300)]

MATRIX = list(itertools.product((*TOLD, *HOSTILE), (1, 5, 30, 60), LAYOUTS))


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    needed("postfix")
    with running_postfix() as running:
        yield running


@dataclass(frozen=True)
class Delivered:
    """A mail as it was made, and as it was found in the box, with CRLF again."""

    sent: Sent
    found: bytes


async def delivered(postfix: Postfix) -> list[Delivered]:
    sent = [signed_mail(*each) for each in MATRIX]
    settings = Smtp(host="127.0.0.1", port=postfix.port, security="none")
    connection = await Connection.open(settings)
    for each in sent:
        outcome = await connection.send(letter(Envelope(SENDER, RECIPIENT), each.content), lambda: None)
        assert outcome.state is DeliveryState.SENT, outcome
    await connection.close()
    found = [mail.replace(b"\n", b"\r\n") for mail in postfix.mails(len(sent))]
    by_content = {mail[mail.index(b"DKIM-Signature:") :]: mail for mail in found}
    return [Delivered(each, by_content[each.content]) for each in sent]


async def test_what_arrives_is_what_was_rendered(postfix: Postfix) -> None:
    for each in await delivered(postfix):
        assert dkim.verify(each.found, dnsfunc=lambda _name, timeout=5: record(KEY).encode())
        parsed = email.message_from_bytes(each.found, policy=email.policy.default)
        parts = [part for part in parsed.walk() if not part.is_multipart()]
        assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
        assert not any(part.defects for part in parsed.walk())
        read = [part.get_content().replace("\r\n", "\n") for part in parts]
        assert read == [each.sent.text, each.sent.html]
        assert by_hand(each.found) == read
        assert parsed["List-Unsubscribe"] == f"<{each.sent.unsubscribe_url}>"
        assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        for line in each.sent.content.split(b"\r\n"):
            assert len(line) <= 76 or line.startswith(b"List-Unsubscribe:")


def by_hand(mail: bytes) -> list[str]:
    """The two parts, by nothing but the boundary and quoted-printable: a second reader, of other code."""
    boundary = re.search(rb'boundary="([^"]+)"', mail)
    assert boundary
    parts = mail.split(b"--" + boundary[1])[1:-1]
    bodies = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts]
    return [quopri.decodestring(body).decode().replace("\r\n", "\n") for body in bodies]
