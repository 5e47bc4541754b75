"""A Postfix with a configuration, a queue and a Maildir of its own, on an unprivileged port. It starts as root only."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = mx.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
virtual_mailbox_domains = example.com
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:reader/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_forbid_bare_newline = yes
smtpd_peername_lookup = no
alias_maps =
alias_database =
local_recipient_maps =
message_size_limit = 10000000
"""

WITH_LOGIN = """
smtpd_tls_security_level = may
smtpd_tls_chain_files = {certificate}
smtpd_tls_loglevel = 1
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = unix:{folder}/login
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject
"""
"""Relays for nobody who has not logged in."""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """A running one, which takes mail for everybody at example.com into one box. tls_port: TLS from the first byte."""

    port: int
    tls_port: int
    folder: Path

    def mails(self, number: int) -> list[bytes]:
        """The mails in the box, once there are so many; as they were written, with LF."""
        box = self.folder / "mail" / "reader" / "new"
        until = time.monotonic() + 60
        while not box.is_dir() or len(list(box.iterdir())) < number:
            assert time.monotonic() < until, (self.folder / "mail.log").read_text()
            time.sleep(0.1)  # noqa: TID251 - another process is being waited for
        return [file.read_bytes() for file in sorted(box.iterdir())]


@contextmanager
def running_postfix(certificate: bytes | None = None) -> Iterator[Postfix]:
    """Starts it, and stops it with all that it started. certificate: with its key; then only who logs in may send."""
    if os.geteuid() != 0:
        pytest.skip("Postfix starts as root only")
    port, tls_port = free_port(), free_port()
    account = pwd.getpwnam("postfix")
    # Not in pytest's folders, which are closed to all but their owner: Postfix's own account must come as far as its queue.
    folder = Path(tempfile.mkdtemp(prefix="digest-postfix-"))
    folder.chmod(0o755)
    config = folder / "etc"
    for each in (config, folder / "queue", folder / "data", folder / "mail"):
        each.mkdir(parents=True)
    for each in (folder / "data", folder / "mail"):
        os.chown(each, account.pw_uid, account.pw_gid)
    main = MAIN.format(folder=folder, uid=account.pw_uid, gid=account.pw_gid)
    if certificate:
        (config / "server.pem").write_bytes(certificate)
        main += WITH_LOGIN.format(certificate=config / "server.pem", folder=folder)
    (config / "main.cf").write_text(main)
    (config / "master.cf").write_text(MASTER.format(port=port, tls_port=tls_port))
    for name in ("dynamicmaps.cf", "postfix-files"):
        shutil.copy(f"/etc/postfix/{name}", config)
    _postfix(config, "start")
    try:
        wait_for(port, folder / "mail.log")
        yield Postfix(port, tls_port, folder)
    finally:
        _postfix(config, "stop")
        shutil.rmtree(folder)


def _postfix(config: Path, command: str) -> None:
    done = subprocess.run(
        ["postfix", "-c", str(config), command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, log: Path) -> None:
    """Until somebody listens there."""
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < until, log.read_text() if log.exists() else "it did not come up"
            time.sleep(0.1)  # noqa: TID251 - another process is being waited for
        else:
            return
