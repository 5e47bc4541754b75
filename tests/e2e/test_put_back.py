"""A backup is put back, a site is moved: whatever may have left since the copy was made is held, nobody has it twice."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeSite
from tests.e2e.mailserver import MailServer
from tests.e2e.site import SiteFolder, eventually
from tests.postgres import Cluster

READERS = 40


@pytest.fixture
def site(make_site: MakeSite, mail_server: MailServer) -> SiteFolder:
    """An issue is on its way when the copy is made."""
    mail_server.pause_s = 0.05
    return make_site(readers=READERS, connections=1)


def _copied(database: Path, to: Path) -> None:
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _issue(site: SiteFolder) -> tuple[str, str]:
    [found] = site.run("issues", "--json").document
    return found["state"], found["reason"]


def _put_back(database: Path, copy: Path, manner: str) -> None:
    for name in ("-wal", "-shm"):
        database.with_name(database.name + name).unlink(missing_ok=True)
    if manner == "into the same file":
        database.write_bytes(copy.read_bytes())
    else:
        copy.replace(database)


def _sent_with_a_copy_made_on_the_way(site: SiteFolder, server: MailServer) -> Path:
    database, copy = site.folder / "var/digest.db", site.folder.parent / "copy.db"
    process = site.start("send", "notes", "--yes")
    eventually(lambda: len(server.accepted) >= 5)
    _copied(database, copy)
    process.communicate(timeout=60)
    assert len(server.accepted) == READERS
    return copy


@pytest.mark.parametrize("manner", ["into the same file", "as another file"])
def test_what_left_after_a_backup_does_not_leave_again(site: SiteFolder, mail_server: MailServer, manner: str) -> None:
    copy = _sent_with_a_copy_made_on_the_way(site, mail_server)
    _put_back(site.folder / "var/digest.db", copy, manner)
    with site.daemon():
        eventually(lambda: _issue(site)[0] == "held")
        state, reason = _issue(site)
        site.run("subscribers", "list", "readers")
    assert "issues resume 1" in reason
    assert mail_server.recipients == sorted(site.readers)
    assert _issue(site) == (state, reason)


def test_a_whole_folder_that_is_put_back_is_noticed_too(site: SiteFolder, mail_server: MailServer) -> None:
    process = site.start("send", "notes", "--yes")
    eventually(lambda: len(mail_server.accepted) >= 5)
    process.kill()
    process.communicate()
    shutil.copytree(site.folder / "var", site.folder.parent / "var")
    site.run("issues", "retry", "1")
    before = mail_server.recipients
    shutil.rmtree(site.folder / "var")
    shutil.copytree(site.folder.parent / "var", site.folder / "var")
    with site.daemon():
        eventually(lambda: _issue(site)[0] == "held")
    assert mail_server.recipients == before


def test_an_editor_who_has_looked_lets_it_go_on(site: SiteFolder, mail_server: MailServer) -> None:
    copy = _sent_with_a_copy_made_on_the_way(site, mail_server)
    _put_back(site.folder / "var/digest.db", copy, "as another file")
    assert _issue(site)[0] == "held"
    assert _issue(site)[0] == "held"
    site.run("issues", "cancel", "1")
    assert _issue(site)[0] == "cancelled"
    # What is new leaves as ever.
    assert site.run("send", "notes", "--yes", "--new", "--json").document["state"] in {"sent", "skipped"}


def test_var_that_is_lost_or_new_holds_nothing_on_a_living_database(
    make_site: MakeSite, mail_server: MailServer, request: pytest.FixtureRequest
) -> None:
    cluster: Cluster = request.getfixturevalue("cluster")
    site = make_site(readers=3, store=cluster.url(cluster.create()))
    assert site.run("send", "notes", "--yes", "--json").document["sent"] == 3
    (site.folder / "var/generation").unlink()
    site.run("subscribers", "add", "readers", "late@example.org")
    assert _issue(site)[0] == "sent"
    assert site.run("check").code in {0, 1}


@pytest.mark.postgresql
def test_a_dump_that_is_put_back_is_noticed_without_anything_in_var(
    make_site: MakeSite, mail_server: MailServer, request: pytest.FixtureRequest
) -> None:
    cluster: Cluster = request.getfixturevalue("cluster")
    mail_server.pause_s = 0.05
    first = cluster.create()
    site = make_site(readers=READERS, connections=1, store=cluster.url(first))
    process = site.start("send", "notes", "--yes")
    eventually(lambda: len(mail_server.accepted) >= 5)
    dump = subprocess.run(["pg_dump", cluster.url(first)], check=True, capture_output=True).stdout
    process.communicate(timeout=60)
    second = cluster.create()
    subprocess.run(["psql", "-q", cluster.url(second)], input=dump, check=True, capture_output=True)
    shutil.rmtree(site.folder / "var")
    site.environment["DIGEST_STORE__URL"] = cluster.url(second)
    with site.daemon():
        eventually(lambda: _issue(site)[0] == "held")
    assert mail_server.recipients == sorted(site.readers)
