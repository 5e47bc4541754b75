"""The daemon's sending processes: whoever is killed when, nobody is lost, nobody gets it twice, and no process is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.accounts import READERS, accounted
from tests.e2e.conftest import MakeSite
from tests.e2e.mailserver import MailServer
from tests.e2e.site import SiteFolder, eventually, free_port
from tests.e2e.test_daemon import AFTER_SLOT, BEFORE_SLOT, health, state
from tests.postgres import Cluster

CONNECTIONS, WORKERS = 4, 2

SAMPLE = [(victim, seed) for victim in ("worker", "daemon", "both") for seed in (1, 2)]
ALL = [(victim, seed) for victim in ("worker", "daemon", "both") for seed in range(3, 19)]


@pytest.fixture
def busy_site(make_site: MakeSite, mail_server: MailServer) -> SiteFolder:
    mail_server.pause_s = 0.01
    site = make_site(readers=READERS, connections=CONNECTIONS)
    site.environment["DIGEST_DELIVERY__WORKERS"] = str(WORKERS)
    return site


def workers(daemon: subprocess.Popen[str]) -> list[int]:
    """The process numbers of its sending processes."""
    try:
        children = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"\0worker\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    except FileNotFoundError:
        return []


def gone(pids: list[int]) -> bool:
    """Whether none of them lives any more; a zombie does not."""
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                return False
        except (FileNotFoundError, ProcessLookupError):
            continue
    return True


def kill(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(("victim", "seed"), [*SAMPLE, *(pytest.param(*each, marks=pytest.mark.proof) for each in ALL)])
def test_kill_9_of_anybody_at_any_moment_loses_and_doubles_nothing(
    busy_site: SiteFolder, mail_server: MailServer, victim: str, seed: int
) -> None:
    _killed(busy_site, mail_server, victim, seed)


@pytest.mark.postgresql
@pytest.mark.parametrize(("victim", "seed"), [("worker", 1), ("both", 2)])
def test_kill_9_loses_and_doubles_nothing_on_postgresql_either(
    make_site: MakeSite, mail_server: MailServer, cluster: Cluster, victim: str, seed: int
) -> None:
    mail_server.pause_s = 0.01
    site = make_site(readers=READERS, connections=CONNECTIONS, store=cluster.url(cluster.create()))
    site.environment["DIGEST_DELIVERY__WORKERS"] = str(WORKERS)
    _killed(site, mail_server, victim, seed)


def _killed(busy_site: SiteFolder, mail_server: MailServer, victim: str, seed: int) -> None:
    """Kill the victim in mid-issue, and see the issue through: everybody is accounted for."""
    moment = random.Random(f"{victim} {seed}").randrange(READERS - 50)
    with busy_site.daemon(now=BEFORE_SLOT) as daemon:
        eventually(lambda: len(mail_server.accepted) >= moment, 40)
        at_work = workers(daemon)
        if victim != "worker":
            daemon.kill()
        if victim != "daemon":
            kill(at_work[:1] if victim == "worker" else at_work)
        if victim == "worker":
            eventually(lambda: state(busy_site) == "sent", 40)
            eventually(lambda: len(workers(daemon)) == WORKERS)
    eventually(lambda: gone(at_work))
    time.sleep(0.1)  # noqa: TID251 - what the dead had on the wire arrives
    if victim != "worker":
        with busy_site.daemon(now=AFTER_SLOT):
            eventually(lambda: state(busy_site) == "sent", 40)
    assert busy_site.run("issues", "report", "1", "--json").document["uncertain"] <= CONNECTIONS
    accounted(busy_site, mail_server)


def test_sigterm_in_mid_issue_drains_every_worker(busy_site: SiteFolder, mail_server: MailServer) -> None:
    with busy_site.daemon(now=BEFORE_SLOT) as daemon:
        eventually(lambda: len(mail_server.accepted) >= 50, 40)
        at_work = workers(daemon)
    assert (daemon.returncode, len(at_work), gone(at_work)) == (0, WORKERS, True)
    assert len(mail_server.accepted) < READERS
    assert busy_site.run("issues", "report", "1", "--json").document["uncertain"] == 0
    with busy_site.daemon(now=AFTER_SLOT):
        eventually(lambda: state(busy_site) == "sent", 40)
    assert mail_server.recipients == sorted(busy_site.readers)


def test_a_terminals_ctrl_c_ends_the_daemon_and_no_worker_before_it_has_drained(
    busy_site: SiteFolder, mail_server: MailServer
) -> None:
    with busy_site.daemon(now=BEFORE_SLOT) as daemon:
        eventually(lambda: len(mail_server.accepted) >= 50, 40)
        at_work = workers(daemon)
        # A terminal tells the whole group; who is not in it is told here, to see that it takes no notice.
        assert {os.getpgid(pid) for pid in at_work} & {os.getpgid(daemon.pid)} == set()
        for pid in at_work:
            os.kill(pid, signal.SIGINT)
        some = len(mail_server.accepted) + 20
        eventually(lambda: len(mail_server.accepted) >= some, 40)
        assert workers(daemon) == at_work
        daemon.send_signal(signal.SIGINT)
        daemon.wait(12)
    assert (daemon.returncode, len(at_work), gone(at_work)) == (0, WORKERS, True)
    assert len(mail_server.accepted) < READERS
    assert busy_site.run("issues", "report", "1", "--json").document["uncertain"] == 0


def test_two_daemons_on_one_database_share_the_work(busy_site: SiteFolder, mail_server: MailServer) -> None:
    with busy_site.daemon(now=BEFORE_SLOT):
        busy_site.environment["DIGEST_WEB__PORT"] = str(free_port())
        with busy_site.daemon(now=BEFORE_SLOT):
            eventually(lambda: state(busy_site) == "sent", 40)
    assert mail_server.recipients == sorted(busy_site.readers)


def test_a_worker_alone_sends_what_is_due_until_told_to_end(site: SiteFolder, mail_server: MailServer) -> None:
    assert site.run("check").code in {0, 1}
    worker = site.start("worker", "--connections", "2")
    try:
        sent = site.run("send", "notes", "--yes", "--json")
        assert (sent.code, sent.document["sent"]) == (0, 3), sent.err
        worker.send_signal(signal.SIGTERM)
        _, err = worker.communicate(timeout=12)
    finally:
        worker.kill()
        worker.wait()
    assert (worker.returncode, "Traceback" in err) == (0, False)
    assert mail_server.recipients == site.readers


def test_a_worker_that_cannot_start_is_tried_again_more_and_more_seldom_and_health_says_so(site: SiteFolder) -> None:
    with site.daemon(now=AFTER_SLOT) as daemon:
        eventually(lambda: health(site).get("workers") not in (None, []))
        eventually(lambda: len(workers(daemon)) == 1)
        settings = (site.folder / "settings.toml").read_text()
        (site.folder / "settings.toml").write_text("nonsense")
        kill(workers(daemon))
        eventually(lambda: _row(site).get("last_end") == "it ended with code 2")
        (site.folder / "settings.toml").write_text(settings)
        eventually(lambda: _row(site)["process"] is not None and int(str(_row(site)["restarts"])) >= 2)


def _row(site: SiteFolder) -> dict[str, object]:
    rows = health(site).get("workers")
    assert isinstance(rows, list)
    found: dict[str, object] = rows[0]
    return found
