"""The daemon as a process, its clock moved to just before a slot."""

from __future__ import annotations

import json
import signal
import urllib.request

from tests.e2e.conftest import MakeSite
from tests.e2e.mailserver import MailServer
from tests.e2e.site import SiteFolder, eventually, http_server

BEFORE_SLOT = "2026-11-24T06:59:57+00:00"
AFTER_SLOT = "2026-11-24T07:10:00+00:00"
TOO_LATE = "2026-11-24T11:00:00+00:00"


def state(site: SiteFolder) -> str:
    rows = site.run("issues", "--json").document
    return str(rows[0]["state"]) if rows else "none"


def test_it_sends_at_the_slot_and_a_restart_sends_nothing_more(site: SiteFolder, mail_server: MailServer) -> None:
    with site.daemon(now=BEFORE_SLOT) as daemon:
        eventually(lambda: len(mail_server.accepted) == 3)
        eventually(lambda: state(site) == "sent")
    assert daemon.returncode == 0
    with site.daemon(now=AFTER_SLOT):
        eventually(lambda: health(site)["timetable"] == "ok")
    rows = site.run("issues", "--json").document
    assert [(row["state"], row["slot"]) for row in rows] == [("sent", "2026-11-24T07:00:00+00:00")]
    assert mail_server.recipients == site.readers


def health(site: SiteFolder) -> dict[str, object]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{site.web}/healthz", timeout=5) as answer:
            found: dict[str, object] = json.load(answer)
            return found
    except OSError:
        return {"timetable": "not there"}


def test_a_slot_missed_by_little_is_sent_and_by_much_is_held(site: SiteFolder, mail_server: MailServer) -> None:
    with site.daemon(now="2026-11-23T12:00:00+00:00"):  # the schedule begins to hold
        eventually(lambda: health(site)["timetable"] == "ok")
    with site.daemon(now=TOO_LATE):
        eventually(lambda: state(site) == "held")
    assert mail_server.accepted == []
    reason = site.run("issues", "--json").document[0]["reason"]
    assert reason == "it was due 4.0 h ago, too late to be sent unasked"
    assert site.run("issues", "approve", "1", "--yes", now=TOO_LATE).code == 0
    assert mail_server.recipients == site.readers


def test_an_issue_under_required_review_waits_for_an_editor(make_site: MakeSite, mail_server: MailServer) -> None:
    site = make_site(settings='review = "required"')
    with site.daemon(now=BEFORE_SLOT):
        eventually(lambda: state(site) == "held")
        assert mail_server.accepted == []
        assert site.run("issues", "approve", "1", "--yes", now=AFTER_SLOT).code == 0
    assert mail_server.recipients == site.readers


def test_a_hanging_source_delays_neither_the_slot_nor_the_end(site: SiteFolder, mail_server: MailServer) -> None:
    import socket

    with socket.socket() as silent:  # it takes connections and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        settings = (site.folder / "settings.toml").read_text()
        settings = settings.replace(
            "[newsletters.notes]",
            f'[sources.silent]\nkind = "feed"\nurl = "http://127.0.0.1:{silent.getsockname()[1]}/"\n[newsletters.notes]',
        )
        (site.folder / "settings.toml").write_text(settings)
        with site.daemon(now=BEFORE_SLOT) as daemon:
            eventually(lambda: len(mail_server.accepted) == 3, 30)
    assert daemon.returncode == 0


def test_send_beside_a_daemon_waits_for_what_the_daemon_has_in_hand(
    make_site: MakeSite, mail_server: MailServer
) -> None:
    site = make_site(readers=60)
    mail_server.pause_s = 0.1
    with site.daemon(now="2026-11-24T09:00:00+00:00"):
        eventually(lambda: health(site)["timetable"] == "ok")
        ran = site.run("send", "notes", "--yes", "--json", now="2026-11-24T09:00:00+00:00")
    assert (ran.code, ran.document["state"], ran.document["sent"]) == (0, "sent", 60), ran.err
    assert mail_server.recipients == sorted(site.readers)


def test_a_test_mail_that_the_daemon_takes_is_told_of_as_one_of_our_own(
    site: SiteFolder, mail_server: MailServer
) -> None:
    mail_server.pause_s = 1.5
    with site.daemon(now="2026-11-24T09:00:00+00:00"):
        eventually(lambda: health(site)["timetable"] == "ok")
        for _ in range(3):
            ran = site.run("send", "notes", "--test", "desk@example.org", "--json")
            assert (ran.code, ran.document["sent"]) == (0, 1), ran.err
    assert mail_server.recipients == ["desk@example.org"] * 3


def test_a_taken_port_is_a_sentence_that_names_the_setting(site: SiteFolder) -> None:
    with http_server(site.pages) as port:
        site.environment["DIGEST_WEB__PORT"] = str(port)
        ran = site.run("daemon")
    assert (ran.code, "web.port" in ran.err, "Traceback" in ran.err) == (2, True, False)


def test_unsubscribing_over_http_while_the_daemon_runs(site: SiteFolder, mail_server: MailServer) -> None:
    with site.daemon(now=BEFORE_SLOT):
        eventually(lambda: len(mail_server.accepted) == 3)
        mail = next(mail for mail in mail_server.accepted if mail.recipient == "reader-1@example.org")
        url = mail.content.split(b"List-Unsubscribe: <")[1].split(b">")[0].decode()
        with urllib.request.urlopen(url, timeout=5) as page:
            assert (page.status, b"Leave" in page.read()) == (200, True)
        with urllib.request.urlopen(url, data=b"List-Unsubscribe=One-Click", timeout=5) as page:
            assert page.status == 200
        left = site.run("subscribers", "show", "reader-1@example.org", "--json").document["left"]
    assert left == ["notes"]
    site.publish([(f"Another fresh story number {n}", "With a teaser of its own.") for n in range(3)])
    site.run("send", "notes", "--yes", now=AFTER_SLOT)
    assert [mail.recipient for mail in mail_server.accepted[3:]].count("reader-1@example.org") == 0
    assert len(mail_server.accepted) == 5


def test_sigint_ends_it_as_cleanly_as_sigterm(site: SiteFolder) -> None:
    process = site.start("daemon", now=AFTER_SLOT)
    eventually(lambda: health(site)["timetable"] == "ok")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=12)
    assert (process.returncode, "Traceback" in err) == (0, False)
