"""An Exim with a configuration, a queue and a Maildir of its own. It starts as root only.

Debian lets one mail server be installed at a time; so tests/install-system-packages unpacks this one beside Postfix.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.proof.login import PASSWORD, USER
from tests.proof.postfix import free_port, wait_for

UNPACKED = Path("/opt/digest-proof/exim")
PROGRAMS = ("/usr/sbin/exim4", str(UNPACKED / "usr/sbin/exim4"))
ACCOUNT = "Debian-exim"

CONFIGURATION = """
exim_path = {program}
spool_directory = {folder}/spool
log_file_path = {folder}/spool/%slog
primary_hostname = mx.example.com
daemon_smtp_ports = {port} : {tls_port}
tls_on_connect_ports = {tls_port}
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = {folder}/server.pem
auth_advertise_hosts = *
acl_smtp_rcpt = known
acl_smtp_data = anything
message_size_limit = 50M
smtp_accept_max = 50
smtp_accept_max_per_connection = 1000
smtp_accept_queue_per_connection = 0
smtp_enforce_sync = true
keep_environment =
begin acl
known:
  accept authenticated = *
  deny message = log in first
anything:
  accept
begin routers
everybody:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = {folder}/mail/reader
  maildir_format
  create_directory
  user = {account}
  envelope_to_add = true
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
"""


@dataclass(frozen=True)
class Exim:
    """A running one. tls_port: TLS from the first byte."""

    port: int
    tls_port: int
    folder: Path


def program() -> str | None:
    """Where it is, if it is."""
    return next((each for each in PROGRAMS if Path(each).exists()), None)


@contextmanager
def running_exim(certificate: bytes) -> Iterator[Exim]:
    """Starts it, and stops it with all that it started. certificate: with its key. Only who logs in may send."""
    if os.geteuid() != 0:
        pytest.skip("Exim starts as root only")
    found = program()
    assert found
    account = pwd.getpwnam(ACCOUNT)
    # Not in pytest's folders, which are closed to all but their owner.
    folder = Path(tempfile.mkdtemp(prefix="digest-exim-"))
    folder.chmod(0o755)
    for each in ("spool", "mail"):
        (folder / each).mkdir()
        os.chown(folder / each, account.pw_uid, account.pw_gid)
    (folder / "server.pem").write_bytes(certificate)
    port, tls_port = free_port(), free_port()
    values = {"program": found, "folder": folder, "port": port, "tls_port": tls_port, "account": ACCOUNT}
    (folder / "conf").write_text(CONFIGURATION.format(user=USER, password=PASSWORD, **values))
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen([found, "-C", str(folder / "conf"), "-bdf", "-q1m"], stdout=output, stderr=output)
    try:
        wait_for(port, folder / "output")
        yield Exim(port, tls_port, folder)
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder)
