"""SpamAssassin, rspamd and opendkim with configurations of their own, run as programs, asking our name server only."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SENDER_IP = "44.1.2.3"  # a documentation address would cost points as an impossible one
HELO = "mail.example.org"


@dataclass(frozen=True)
class Verdict:
    """score: of spam, the lower the better. symbols: the rules that fired, with their scores."""

    score: float
    symbols: dict[str, float]


def needed(*programs: str) -> None:
    """Skip a test whose programs are not installed; on a build machine it fails."""
    missing = [name for name in programs if not shutil.which(name)]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (make test installs them, as root on Debian)")


def received(content: bytes, sender: str, recipient: str) -> bytes:
    """The mail as it stands in a mailbox, with what the receiving server writes above it."""
    top = (
        f"Return-Path: <{sender}>\r\n"
        f"Received: from {HELO} ({HELO} [{SENDER_IP}])\r\n"
        f"\tby mx.example.com (Postfix) with ESMTPS id 4XyZ1a2b3c\r\n"
        f"\tfor <{recipient}>; Mon, 23 Nov 2026 07:00:09 +0000 (UTC)\r\n"
    )
    return top.encode() + content


# -- SpamAssassin ------------------------------------------------------------------------------------------------------


def spamassassin(content: bytes, dns_port: int, folder: Path) -> Verdict:
    """Debian's bundled rules, with DNS, without block lists and without learning."""
    folder.mkdir(exist_ok=True)
    for file in Path("/etc/spamassassin").glob("*.pre"):
        shutil.copy(file, folder)
    (folder / "local.cf").write_text(
        f"dns_server 127.0.0.1:{dns_port}\ndns_available yes\nuse_bayes 0\nskip_rbl_checks 1\nskip_uribl_checks 1\n"
        "use_razor2 0\nuse_pyzor 0\nreport_safe 0\nrequired_score 5\ntrusted_networks 127.0.0.1\n"
    )
    command = ["spamassassin", "--siteconfigpath", str(folder), "-p", "/dev/null"]
    mail, home = content.replace(b"\r\n", b"\n"), os.environ | {"HOME": str(folder)}
    done = subprocess.run(command, input=mail, capture_output=True, timeout=60, check=True, env=home)
    head = re.sub(r"\n[ \t]+", " ", done.stdout.decode("utf-8", "replace").partition("\n\n")[0])
    found = re.search(r"X-Spam-Status: .*?score=(-?[\d.]+).*?tests=([\w, ]*?) autolearn", head)
    assert found, head
    return Verdict(float(found[1]), {name.strip(): 0.0 for name in found[2].split(",")})


# -- rspamd ------------------------------------------------------------------------------------------------------------


class Rspamd:
    """A running rspamd."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def check(self, content: bytes, sender: str, recipient: str) -> Verdict:
        headers = {"IP": SENDER_IP, "Helo": HELO, "Hostname": HELO, "From": sender, "Rcpt": recipient}
        request = urllib.request.Request(f"{self._url}/checkv2", content, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            document: dict[str, Any] = json.load(answer)
        return Verdict(document["score"], {name: each["score"] for name, each in document["symbols"].items()})

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/ping", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


@contextmanager
def running_rspamd(dns_port: int, folder: Path) -> Iterator[Rspamd]:
    """rspamd with its shipped rules, our DNS, no Redis, and all of its files in `folder`."""
    port = _free_port()
    local = folder / "etc" / "local.d"
    local.mkdir(parents=True)
    listening = f'bind_socket = "127.0.0.1:{port}";\ncount = 1;\n'
    for name, text in {
        "options.inc": f'dns {{ nameserver = ["127.0.0.1:{dns_port}"]; timeout = 1s; }}\nlocal_addrs = [];\n',
        "worker-normal.inc": listening,
        "worker-controller.inc": "enabled = false;\n",
        "worker-proxy.inc": "enabled = false;\n",
        "worker-fuzzy.inc": "enabled = false;\n",
        "logging.inc": f'type = "file"; filename = "{folder}/rspamd.log"; level = "warning";\n',
    }.items():
        (local / name).write_text(text)
    places = [f"--var={name}={folder}" for name in ("DBDIR", "RUNDIR", "LOGDIR")]
    process = subprocess.Popen(
        ["rspamd", "-f", "-i", "-c", "/etc/rspamd/rspamd.conf", *places, f"--var=LOCAL_CONFDIR={folder / 'etc'}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        running = Rspamd(port)
        until = time.monotonic() + 60
        while not running.ready():
            assert process.poll() is None, (folder / "rspamd.log").read_text()
            assert time.monotonic() < until, "rspamd did not come up"
            time.sleep(0.2)  # noqa: TID251 - another process is being waited for
        yield running
    finally:
        process.terminate()
        process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# -- opendkim ----------------------------------------------------------------------------------------------------------


def opendkim(content: bytes, key_name: str, record: str, folder: Path) -> str:
    """What opendkim says of a mail; its exit code says nothing."""
    (folder / "keys").write_text(f"{key_name} {record}\n")
    (folder / "opendkim.conf").write_text(f"Mode v\nTestPublicKeys {folder / 'keys'}\nSyslog no\nLogResults yes\n")
    (folder / "mail.eml").write_bytes(content)
    done = subprocess.run(
        ["opendkim", "-x", str(folder / "opendkim.conf"), "-vv", "-t", str(folder / "mail.eml")],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr
