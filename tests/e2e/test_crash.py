"""The process dies, or is told to go, in the middle of an issue: nobody is lost, and nobody gets it twice."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from tests.e2e.accounts import READERS, accounted
from tests.e2e.conftest import MakeSite
from tests.e2e.mailserver import MailServer
from tests.e2e.site import SiteFolder, eventually
from tests.postgres import Cluster

CONNECTIONS = 4


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def big_site(request: pytest.FixtureRequest, make_site: MakeSite, mail_server: MailServer) -> SiteFolder:
    mail_server.pause_s = 0.005
    store = None
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        store = cluster.url(cluster.create())
    return make_site(readers=READERS, store=store, connections=CONNECTIONS)


def killed(process: subprocess.Popen[str], server: MailServer, after: int) -> None:
    """Kill the process, as a power cut would, once the server has accepted so many mails."""
    eventually(lambda: len(server.accepted) >= after or process.poll() is not None)
    process.kill()
    process.communicate()
    time.sleep(0.1)  # noqa: TID251 - what the dead process had on the wire arrives


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 130, 333])
def test_kill_9_in_mid_issue_loses_and_doubles_nothing(
    big_site: SiteFolder, mail_server: MailServer, after: int
) -> None:
    killed(big_site.start("send", "notes", "--yes"), mail_server, after)
    assert len(mail_server.accepted) < READERS
    again = big_site.run("issues", "retry", "1", "--json")
    assert again.document["uncertain"] <= CONNECTIONS
    accounted(big_site, mail_server)


@pytest.mark.slow
def test_killed_again_and_again_it_still_comes_to_a_good_end(big_site: SiteFolder, mail_server: MailServer) -> None:
    killed(big_site.start("send", "notes", "--yes"), mail_server, 60)
    for after in (120, 250, 400):
        killed(big_site.start("issues", "retry", "1"), mail_server, after)
    big_site.run("issues", "retry", "1")
    accounted(big_site, mail_server)


@pytest.mark.slow
def test_a_daemon_finishes_what_a_killed_send_began(big_site: SiteFolder, mail_server: MailServer) -> None:
    killed(big_site.start("send", "notes", "--yes"), mail_server, 100)
    with big_site.daemon():
        eventually(lambda: big_site.run("issues", "--json").document[0]["state"] == "sent", 40)
    accounted(big_site, mail_server)


@pytest.mark.slow
def test_sigterm_in_mid_issue_leaves_nothing_in_doubt(big_site: SiteFolder, mail_server: MailServer) -> None:
    process = big_site.start("send", "notes", "--yes", "--json")
    eventually(lambda: len(mail_server.accepted) >= 100)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=12)
    assert (process.returncode, len(mail_server.accepted) < READERS) == (4, True)
    assert big_site.run("issues", "retry", "1", "--json").document["uncertain"] == 0
    assert mail_server.recipients == sorted(big_site.readers)


@pytest.mark.slow
def test_two_senders_at_once_share_the_work(big_site: SiteFolder, mail_server: MailServer) -> None:
    first = big_site.start("send", "notes", "--yes")
    eventually(lambda: len(mail_server.accepted) >= 50)
    big_site.run("issues", "retry", "1")
    first.communicate(timeout=30)
    assert mail_server.recipients == sorted(big_site.readers)


@pytest.mark.slow
def test_who_unsubscribes_in_mid_send_gets_nothing_more(make_site: MakeSite, mail_server: MailServer) -> None:
    mail_server.pause_s = 0.05
    site = make_site(readers=100, connections=1)
    process = site.start("send", "notes", "--yes", "--json")
    eventually(lambda: len(mail_server.accepted) >= 1)
    site.run("subscribers", "remove", "reader-99@example.org")
    process.communicate(timeout=60)
    assert "reader-99@example.org" not in mail_server.recipients
    assert len(mail_server.accepted) == 99
