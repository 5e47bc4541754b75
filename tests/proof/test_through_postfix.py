"""Whole mails through a real Postfix into a Maildir: what is read there is what was rendered, and the signature holds."""

from __future__ import annotations

import email
import email.policy
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dkim
import pytest

from digest.deliver.dkim_key import record
from digest.deliver.envelope import Envelope, letter
from digest.deliver.smtp import Connection
from digest.model.delivery import DeliveryState
from digest.settings import Smtp
from tests.node_packages import READ_MAILS, package, run
from tests.pairs import pairwise
from tests.proof.filters import needed
from tests.proof.mails import HOSTILE, KEY, LAYOUTS, RECIPIENT, SENDER, TOLD, Sent, signed_mail
from tests.proof.postfix import Postfix, running_postfix

pytestmark = pytest.mark.timeout(300)

Kind = tuple[str, int, str, str]
"""Language, number of stories, layout, what a hostile feed says."""
MATRIX: list[Kind] = list(itertools.product(TOLD, (1, 5, 30, 60), LAYOUTS, ("", *HOSTILE)))


@pytest.fixture
def postfix() -> Iterator[Postfix]:
    """One of its own for each test: what is in its box is that test's."""
    needed("postfix")
    with running_postfix() as running:
        yield running


@dataclass(frozen=True)
class Delivered:
    """A mail as it was made, and as it was found in the box, with CRLF again."""

    sent: Sent
    found: bytes


async def delivered(postfix: Postfix, kinds: Sequence[Kind]) -> list[Delivered]:
    sent = [signed_mail(*each) for each in kinds]
    settings = Smtp(host="127.0.0.1", port=postfix.port, security="none")
    connection = await Connection.open(settings)
    for each in sent:
        outcome = await connection.send(letter(Envelope(SENDER, RECIPIENT), each.content), lambda: None)
        assert outcome.state is DeliveryState.SENT, outcome
    await connection.close()
    found = [mail.replace(b"\n", b"\r\n") for mail in postfix.mails(len(sent))]
    by_content = {mail[mail.index(b"DKIM-Signature:") :]: mail for mail in found}
    return [Delivered(each, by_content[each.content]) for each in sent]


@pytest.mark.parametrize(
    "kinds", [pytest.param(pairwise(MATRIX), id="pairwise"), pytest.param(MATRIX, id="all", marks=pytest.mark.proof)]
)
async def test_what_arrives_is_what_was_rendered(postfix: Postfix, tmp_path: Path, kinds: Sequence[Kind]) -> None:
    mails = await delivered(postfix, kinds)
    for each, seen in zip(mails, by_postal_mime([each.found for each in mails], tmp_path), strict=True):
        assert dkim.verify(each.found, dnsfunc=lambda _name, timeout=5: record(KEY).encode())
        parsed = email.message_from_bytes(each.found, policy=email.policy.default)
        parts = [part for part in parsed.walk() if not part.is_multipart()]
        assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
        assert not any(part.defects for part in parsed.walk())
        read = [part.get_content().replace("\r\n", "\n") for part in parts]
        assert read == [each.sent.text, each.sent.html]
        assert [seen["text"], seen["html"], seen["attachments"]] == [*read, 0]
        assert seen["subject"] == parsed["Subject"]
        unsubscribe = f"<{each.sent.unsubscribe_url}>"
        assert (parsed["List-Unsubscribe"], seen["unsubscribe"]) == (unsubscribe, unsubscribe)
        assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        for line in each.sent.content.split(b"\r\n"):
            assert len(line) <= 76 or line.startswith(b"List-Unsubscribe:")


def by_postal_mime(mails: list[bytes], folder: Path) -> list[dict[str, Any]]:
    """The same mails by a reader of other people's, in another language."""
    for number, mail in enumerate(mails):
        (folder / f"{number}.eml").write_bytes(mail)
    module = package("postal-mime") / "dist/esm/postal-mime.js"
    names = [f"{number}.eml" for number in range(len(mails))]
    seen: list[dict[str, Any]] = json.loads(run(READ_MAILS, str(module), *names, folder=folder))
    return [each | {"html": _lines(each["html"]), "text": _lines(each["text"])} for each in seen]


def _lines(text: str) -> str:
    # It counts the line break before a boundary to the part (RFC 2046, 5.1.1, gives it to the boundary).
    return text.replace("\r\n", "\n").removesuffix("\n")
