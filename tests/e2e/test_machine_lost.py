"""The machine stops, the disk is full, two daemons run on one database: what is in doubt is named, nothing leaves twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from digest.deliver import journal as journals
from digest.flow.worker import CLAIM_MAX
from tests.e2e.conftest import MakeSite
from tests.e2e.mailserver import MailServer
from tests.e2e.site import SiteFolder, eventually, free_port

READERS, CONNECTIONS = 200, 4
FULL = """
import resource, runpy, signal, sys
from pathlib import Path
from digest.deliver.journal import Journal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
begin = Journal.open

def open_full(folder, worker):
    largest = max(file.stat().st_size for file in folder.parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 60_000, largest + 60_000))
    return begin(folder, worker)

Journal.open = open_full
runpy.run_module("digest", run_name="__main__")
"""
"""The program, and no file of it can grow for long once it has begun to send."""


def _killed_in_mid_issue(site: SiteFolder, server: MailServer) -> Path:
    """A sender that is no more; the journal that it leaves."""
    server.pause_s = 0.005
    process = site.start("send", "notes", "--yes")
    eventually(lambda: len(server.accepted) >= 50)
    process.kill()
    process.communicate()
    [journal] = journals.survey(site.folder / "var/journal").dead
    return journal


def _nobody_twice(site: SiteFolder, server: MailServer) -> int:
    """How many are in doubt: each of those has it at most once, everybody else exactly once."""
    shown = site.run("issues", "show", "1", "--json").document["not_reached"]
    uncertain = {row["email"] for row in shown if row["outcome"] == "uncertain"}
    times = Counter(mail.recipient for mail in server.accepted)
    assert [email for email in site.readers if times[email] > 1] == []
    assert {email for email in site.readers if not times[email]} <= uncertain
    return len(uncertain)


@pytest.mark.parametrize("left", ["nothing of it", "its beginning", "no letter", "zeros"])
def test_a_power_cut_leaves_at_most_one_claim_in_doubt(make_site: MakeSite, mail_server: MailServer, left: str) -> None:
    site = make_site(readers=READERS, connections=CONNECTIONS)
    journal = _killed_in_mid_issue(site, mail_server)
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[0] = b"boot of-yesterday\n"
    if left == "nothing of it":
        journal.unlink()
    else:
        journal.write_bytes({"its beginning": b"".join(lines[:20]), "no letter": b"", "zeros": bytes(4096)}[left])
    late = "2100-01-01T00:00:00Z" if left == "nothing of it" else None  # a lease has to run out
    site.run("issues", "retry", "1", now=late)
    site.run("issues", "retry", "1", now=late)
    assert 0 < _nobody_twice(site, mail_server) <= CLAIM_MAX
    assert site.run("issues", "--json").document[0]["state"] == "sent"


def test_a_disk_that_is_full_in_mid_issue_doubles_and_loses_nothing(
    make_site: MakeSite, mail_server: MailServer
) -> None:
    mail_server.pause_s = 0.005
    site = make_site(readers=READERS, connections=CONNECTIONS)
    site.run("issues")  # the database is made while there is room
    command = [sys.executable, "-c", FULL, "--site", str(site.folder), "send", "notes", "--yes"]
    full = subprocess.run(command, env=site.environment, capture_output=True, text=True, check=False, timeout=60)
    assert full.returncode == 1
    assert 0 < len(mail_server.accepted) < READERS
    site.run("issues", "resume", "1")
    site.run("issues", "retry", "1")
    assert _nobody_twice(site, mail_server) <= CONNECTIONS
    assert site.run("issues", "--json").document[0]["state"] == "sent"


def test_two_daemons_on_one_database_send_each_mail_once(make_site: MakeSite, mail_server: MailServer) -> None:
    mail_server.pause_s = 0.01
    site = make_site(readers=READERS, connections=CONNECTIONS)
    process = site.start("send", "notes", "--yes")
    eventually(lambda: len(mail_server.accepted) >= 10)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with site.daemon():
        site.environment["DIGEST_WEB__PORT"] = str(free_port())
        with site.daemon():
            eventually(lambda: site.run("issues", "--json").document[0]["state"] == "sent", 60)
    assert _nobody_twice(site, mail_server) <= CONNECTIONS
