"""`digest demo` as its user meets it: one command, a mail, a page, and an end."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from digest import settings
from digest.clock import monotonic
from digest.demo.local import check_inbox_suffices, check_stays_here, newsroom_place
from digest.errors import UsageError
from digest.settings import is_this_machine
from tests.demo.place import Site, demo, get, make_site, until


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path / "site")


async def test_one_command_sends_an_issue_shows_it_and_ends_on_request(site: Site) -> None:
    with demo(site) as process:
        await until(lambda: len(site.mails) == 3 or process.poll() is not None, "three mails")
        assert len(site.mails) == 3
        page = await get(site.url("/inbox/"))
        assert page.status == 200
        assert "<h1>Malaysia sets aside RM21.70 billion for defence in 2026</h1>" in page.text
        assert process.stdout is not None
        told = ""
        while "Ctrl-C ends it" not in told:
            told += process.stdout.readline()
        assert "sent to 3 subscribers" in told
        assert site.url("/inbox/") in told
        assert "leaves on" in told
        begun = monotonic()
        process.send_signal(signal.SIGINT)
        rest, complaints = process.communicate(timeout=20)
        assert process.returncode == 0, complaints
        assert "has ended" in rest
        assert monotonic() - begun < 8
        assert complaints == ""


async def test_a_second_start_has_nothing_new_and_says_so(site: Site) -> None:
    for words in ("sent to 3 subscribers", "nothing new since the last issue, so none was sent"):
        with demo(site) as process:
            told = ""
            assert process.stdout is not None
            while "Ctrl-C ends it" not in told and (line := process.stdout.readline()):
                told += line
            assert words in told
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
            assert process.returncode == 0
    assert len(site.mails) == 3


@pytest.mark.parametrize(
    ("which", "setting"),
    [
        ("newsroom", "sources.defence-notes.url and sources.defence-wire.url"),
        ("smtp", "smtp.port"),
        ("web", "web.port"),
    ],
)
def test_a_port_in_use_is_named_with_the_setting_to_change(site: Site, which: str, setting: str) -> None:
    port = int(getattr(site, which))
    with socket.create_server(("127.0.0.1", port)), demo(site) as process:
        _, complaint = process.communicate(timeout=30)
    assert process.returncode == 2
    assert f"port {port}" in complaint
    assert f"change {setting}" in complaint
    assert site.mails == []


def test_settings_that_lead_away_are_refused_before_anything_is_opened(site: Site) -> None:
    file = site.root / "settings.toml"
    text = file.read_text(encoding="utf-8")
    text = text.replace('host = "127.0.0.1" ', 'host = "smtp.example.org" ')
    text = text.replace(f'"http://127.0.0.1:{site.newsroom}/feed.xml"', '"https://news.example.org/feed.xml"')
    file.write_text(text, encoding="utf-8")
    with demo(site) as process:
        _, complaint = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "nothing outside this machine" in complaint
    assert "smtp.host = 'smtp.example.org'" in complaint
    assert "sources.defence-wire.url = 'https://news.example.org/feed.xml'" in complaint
    assert not (site.root / "var").exists()


def test_a_database_elsewhere_is_refused_without_showing_its_password(site: Site) -> None:
    loaded = settings.load(site.root, {"DIGEST_STORE__URL": "postgresql://me:secret@db.example.org/digest"})
    with pytest.raises(UsageError, match=r"store\.url = 'db\.example\.org'") as refusal:
        check_stays_here(loaded)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost", True),
        ("127.0.0.1.example.org", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_only_loopback_is_this_machine(host: str, here: bool) -> None:
    assert is_this_machine(host) is here


def test_the_newsroom_is_where_the_first_source_expects_it(site: Site) -> None:
    place = newsroom_place(settings.load(site.root, {}))
    assert (place.url, place.setting) == (f"http://127.0.0.1:{site.newsroom}", "sources.defence-notes.url")


@pytest.mark.parametrize(
    "environ", [{"DIGEST_SMTP__SECURITY": "starttls"}, {"DIGEST_SMTP__USERNAME": "me", "DIGEST_SMTP__PASSWORD": "x"}]
)
def test_what_the_inbox_cannot_do_is_named(site: Site, environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"smtp\.(security|username)"):
        check_inbox_suffices(settings.load(site.root, environ))
