"""`digest sources`: what an editor sees of how the sources fare."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Digest, write_site

FEED = "<rss version='2.0'><channel><title>Wire</title>{}</channel></rss>"
ITEM = "<item><title>Frigate number {0} is late</title><link>https://news.example.com/{0}</link></item>"
KEYS = [
    "name", "status", "found", "usual", "alarm", "url", "adopted", "moved_to", "moved_since", "asked_at", "good_at",
    "next_check", "cooldown_until", "failing_since", "error",
]  # fmt: skip


@pytest.fixture
def answers() -> Iterator[tuple[str, dict[str, tuple[int, dict[str, str], str]]]]:
    """A server's address and what it answers by path: status, headers, body."""
    script: dict[str, tuple[int, dict[str, str], str]] = {}

    class Scripted(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = script.get(self.path, (404, {}, ""))
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", script
        server.shutdown()
        thread.join()


def feed(count: int, start: int = 0) -> str:
    return FEED.format("".join(ITEM.format(start + n) for n in range(count)))


def test_all_that_is_known_of_a_source_is_shown(
    inside: Digest, tmp_path: Path, answers: tuple[str, dict[str, tuple[int, dict[str, str], str]]]
) -> None:
    url, script = answers
    site = write_site(tmp_path / "site", url)
    new = inside("sources", "--json", site=site).document
    assert [(list(row), row["status"]) for row in new] == [(KEYS, "new"), (KEYS, "new")]
    for start in (0, 20):
        script["/feed.xml"] = (301, {"Location": "/moved.xml"}, "")
        script["/moved.xml"] = (200, {}, feed(20, start))
        script["/missing.xml"] = (410, {}, "")
        inside("gather", site=site)
    script["/moved.xml"] = (200, {}, feed(2, 90))
    inside("gather", site=site)
    script["/feed.xml"] = (429, {"Retry-After": "3600"}, "")
    assert inside("gather", "--source", "wire", site=site).code == 1
    wire, papers = inside("sources", "--json", site=site).document
    assert (wire["found"], wire["usual"], wire["alarm"]) == (2, 20, "only 2 items, usually 20")
    assert (wire["moved_to"], wire["status"], papers["status"]) == (f"{url}/moved.xml", "failed", "gone")
    assert wire["cooldown_until"] > wire["asked_at"]
    waiting = inside("gather", "--source", "wire", site=site)
    assert (waiting.code, waiting.out.split(" UTC")[0][:-16]) == (
        0, f"wire: unchanged (2 stories there); {url.removeprefix('http://')} has asked us to wait until ",
    )  # fmt: skip
    shown = " ".join(inside("sources", site=site).out.split())
    for words in ("asks to be asked less often (429)", "only 2 items, usually 20", "its server asks us to wait until",
                  "for good since", "gone for good (410)", "never"):  # fmt: skip
        assert words in shown


def test_a_source_that_is_gone_is_asked_by_its_name(
    inside: Digest, tmp_path: Path, answers: tuple[str, dict[str, tuple[int, dict[str, str], str]]]
) -> None:
    url, script = answers
    site = write_site(tmp_path / "site", url)
    script |= {"/feed.xml": (410, {}, ""), "/missing.xml": (200, {}, feed(1))}
    inside("gather", site=site)
    script["/feed.xml"] = (200, {}, feed(3, 10))
    found = [
        {row["name"]: row["new"] for row in inside("gather", *more, "--json", site=site).document["sources"]}
        for more in ((), ("--source", "wire"))
    ]
    assert found == [{"wire": 0, "papers": 0}, {"wire": 3}]
