"""Mail servers that throw everything away, each in a process of its own, and smtp-source, the client that sets the measure.

What is not here: what is sent to them by us (_sending) and by others (_peers).
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

SESSIONS = 10


@dataclass(frozen=True)
class Took:
    """seconds: of wall time; cpu_s: of the sending process(es)."""

    number: int
    seconds: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.number / self.seconds

    @property
    def cpu_per_1000(self) -> float:
        return self.cpu_s / self.number * 1000


def installed(program: str) -> str | None:
    """Where a program is; Debian keeps servers where an ordinary user does not look."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextmanager
def smtp_sink() -> Iterator[int]:
    """Postfix's own sink; yields its port."""
    port = _free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [installed("smtp-sink") or "smtp-sink", *user, f"127.0.0.1:{port}", "1000"]
    with _running(command, capture=False):
        _await(port)
        yield port


@contextmanager
def lean_sink(certificate: Path | None = None) -> Iterator[int]:
    """A sink of our own, with TLS where it is given a certificate; yields its port."""
    more = [str(certificate)] if certificate else []
    with _running([sys.executable, "-m", "tests.bench._lean_sink", *more]) as process:
        yield _told_port(process)


@contextmanager
def far_away(target: int, round_trip_ms: float) -> Iterator[int]:
    """A port at which the server at `target` is so far away."""
    command = [sys.executable, "-m", "tests.bench._far_away", str(target), str(round_trip_ms / 2)]
    with _running(command) as process:
        yield _told_port(process)


def certificates(folder: Path) -> tuple[Path, Path]:
    """A server's certificate with its key, and the authority that a client must trust."""
    authority = trustme.CA()
    server, trusted = folder / "server.pem", folder / "authority.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(server)
    authority.cert_pem.write_to_path(trusted)
    return server, trusted


def smtp_source(port: int, mail: bytes, number: int, folder: Path) -> Took:
    """Send `mail` so often by the C client, on kept connections."""
    file = folder / "mail.lf"
    file.write_bytes(mail.replace(b"\r\n", b"\n"))
    command = [
        installed("smtp-source") or "smtp-source", "-4", "-s", str(SESSIONS), "-m", str(number), "-d",
        "-f", "news@example.org", "-t", "reader@list.example.com", "-F", str(file), f"127.0.0.1:{port}",
    ]  # fmt: skip
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(number, seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


@contextmanager
def _running(command: list[str], *, capture: bool = True) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE if capture else subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _told_port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(port: int) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)  # noqa: TID251 - another process is being waited for
        else:
            return
