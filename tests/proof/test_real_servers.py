"""Through other people's mail servers: in each way of speaking, in clear and under TLS, every mail arrives once, whole."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from digest.deliver.envelope import Envelope
from digest.deliver.hand import Outgoing
from digest.deliver.journal import Journal
from digest.deliver.pool import Pool
from digest.model.delivery import DeliveryState
from digest.settings import Smtp
from tests.deliver.world import FakeClock, Ledger
from tests.proof import exim
from tests.proof.exim import running_exim
from tests.proof.filters import needed
from tests.proof.login import PASSWORD, USER, running_login
from tests.proof.postfix import free_port, running_postfix, wait_for

pytestmark = [
    pytest.mark.proof,
    pytest.mark.timeout(300),
    # aiosmtpd does not see that TLS was there from the first byte.
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning"),
]

MAILS, CONNECTIONS = 60, 4
_TO = re.compile(rb"^(?:Delivered-To|Envelope-to|X-Rcpt-Args): <?([^>\r\n]+)", re.MULTILINE)


@dataclass(frozen=True)
class Relay:
    """A running server. ports: by `smtp.security`. box: (recipient, what arrived, with LF), as far as it has arrived."""

    ports: dict[str, int]
    box: Callable[[], list[tuple[str, bytes]]]
    login: bool = True


@dataclass(frozen=True)
class Certificate:
    """pem: with its key, as servers want it. trusts: a client that trusts it."""

    pem: bytes
    server: ssl.SSLContext
    trusts: ssl.SSLContext


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(server)
    trusts = ssl.create_default_context()
    authority.configure_trust(trusts)
    return Certificate(issued.private_key_and_cert_chain_pem.bytes(), server, trusts)


# -- the servers -------------------------------------------------------------------------------------------------------


@contextmanager
def postfix(certificate: Certificate, _folder: Path) -> Iterator[Relay]:
    """It offers PIPELINING, SIZE, CHUNKING, DSN, STARTTLS and AUTH."""
    needed("postfix")
    with running_postfix(certificate.pem) as running, running_login(running.folder / "login"):
        ports = {"starttls": running.port, "tls": running.tls_port}
        yield Relay(ports, lambda: maildir(running.folder / "mail" / "reader" / "new"))


@contextmanager
def exim4(certificate: Certificate, _folder: Path) -> Iterator[Relay]:
    """It hangs up on a client that speaks before its turn where PIPELINING does not permit it."""
    if exim.program() is None:
        needed("exim4")
    with running_exim(certificate.pem) as running:
        ports = {"starttls": running.port, "tls": running.tls_port}
        yield Relay(ports, lambda: maildir(running.folder / "mail" / "reader" / "new"))


def maildir(folder: Path) -> list[tuple[str, bytes]]:
    found = []
    for file in folder.iterdir() if folder.is_dir() else ():
        content = file.read_bytes()
        to = _TO.search(content)
        assert to, content[:500]
        found.append((to[1].decode(), content))
    return found


@contextmanager
def aiosmtpd(certificate: Certificate, _folder: Path) -> Iterator[Relay]:
    """It offers no PIPELINING."""
    took: list[tuple[str, bytes]] = []

    class Handler:
        async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
            took.append((envelope.rcpt_tos[0], envelope.original_content.replace(b"\r\n", b"\n")))
            return "250 2.0.0 taken"

    def known(_server: object, _session: object, _envelope: object, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()))

    ports = {"starttls": free_port(), "tls": free_port()}
    common: dict[str, Any] = {"hostname": "127.0.0.1", "authenticator": known, "auth_required": True}
    with ExitStack() as stack:
        kinds: dict[str, dict[str, Any]] = {
            "starttls": {"tls_context": certificate.server, "require_starttls": True},
            "tls": {"ssl_context": certificate.server, "auth_require_tls": False},
        }
        for kind, own in kinds.items():
            controller = Controller(Handler(), port=ports[kind], **common, **own)
            controller.start()
            stack.callback(controller.stop)
        yield Relay(ports, lambda: list(took))


@contextmanager
def smtp_sink(_certificate: Certificate, folder: Path) -> Iterator[Relay]:
    """It knows neither TLS nor login; each mail is a file."""
    needed("smtp-sink")
    port, dump = free_port(), folder / "dump"
    dump.mkdir(mode=0o777)
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = ["smtp-sink", *user, "-d", f"{dump}/%Y%m%d%H.", f"127.0.0.1:{port}", "100"]
    # smtp-sink gives up being root before it writes.
    for each in (folder, dump):
        each.chmod(0o777)
    with subprocess.Popen(command, cwd=dump) as process:
        try:
            wait_for(port, dump)
            yield Relay({"none": port}, lambda: maildir(dump), login=False)
        finally:
            process.terminate()


SERVERS = [(postfix, "starttls"), (postfix, "tls"), (exim4, "starttls"), (exim4, "tls"), (aiosmtpd, "starttls"),
           (aiosmtpd, "tls"), (smtp_sink, "none")]  # fmt: skip


@pytest.fixture(scope="module")
def relay(request: pytest.FixtureRequest, certificate: Certificate) -> Iterator[Relay]:
    # Not in pytest's folders, which are closed to all but their owner: some servers give up being root.
    with (
        tempfile.TemporaryDirectory(prefix="digest-relay-") as folder,
        request.param(certificate, Path(folder)) as running,
    ):
        yield running


# -- what is sent ------------------------------------------------------------------------------------------------------


def content_of(name: str, number: int) -> bytes:
    """A mail that names its reader; some are long, all have dots where they must be stuffed."""
    head = (
        f"From: News <news@example.org>\r\nTo: {name}{number}@example.com\r\nSubject: Mail {number}\r\n"
        f"Date: Mon, 23 Nov 2026 07:00:00 +0000\r\nMessage-ID: <{name}{number}@example.org>\r\n\r\n"
    )
    lines = [
        ".",
        "..",
        f".{number}",
        "From here on it goes",
        "x" * 76,
        "",
        *([f"{number} " + "y" * 60] * (number * 20)),
    ]
    return (head + "\r\n".join(lines) + "\r\n").encode()


async def mails(name: str) -> AsyncIterator[Outgoing]:
    for number in range(MAILS):
        envelope = Envelope(f"bounce+{number}@example.org", f"{name}{number}@example.com", f"1.{number}")
        content = content_of(name, number)
        yield Outgoing(1, number, envelope, lambda content=content: content)  # type: ignore[misc]


@pytest.mark.parametrize("mode", ["auto", "overlap", "pipeline", "plain"])
@pytest.mark.parametrize(("relay", "security"), SERVERS, indirect=["relay"])
async def test_every_mail_arrives_once_and_whole(
    relay: Relay, certificate: Certificate, tmp_path: Path, security: str, mode: str
) -> None:
    name, clock, ledger = f"{mode}.{security}.", FakeClock(), Ledger()
    login = {"username": USER, "password": PASSWORD} if relay.login else {}
    settings = Smtp.model_validate(
        {"host": "127.0.0.1", "port": relay.ports[security], "security": security, "mode": mode}
        | {"connections": CONNECTIONS, "messages_per_connection": 25}
        | login
    )
    journal = Journal.open(tmp_path / "journal", "worker")
    pool = Pool(settings, clock, tls_context=certificate.trusts, elapsed_s=clock.elapsed_s)
    await pool.run(mails(name), journal, ledger.record)
    await pool.close()
    journal.close()
    assert ledger.states() == dict.fromkeys(range(MAILS), DeliveryState.SENT)
    assert clock.slept == []
    arrived = await asyncio.to_thread(arrived_of, relay, name)
    assert Counter(to for to, _ in arrived) == Counter(f"{name}{number}@example.com" for number in range(MAILS))
    for to, found in arrived:
        number = int(to.partition("@")[0].rpartition(".")[2])
        assert found.rstrip(b"\n").endswith(content_of(name, number).replace(b"\r\n", b"\n").rstrip(b"\n"))


def arrived_of(relay: Relay, name: str) -> list[tuple[str, bytes]]:
    """What is there for readers whose address begins so, once all of it is."""
    until = time.monotonic() + 60
    while True:
        arrived = [each for each in relay.box() if each[0].startswith(name)]
        if len(arrived) >= MAILS or time.monotonic() > until:
            return arrived
        threading.Event().wait(0.1)
