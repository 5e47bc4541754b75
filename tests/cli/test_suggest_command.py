"""`digest sources suggest`, on a site of its own."""

from __future__ import annotations

import http.server
import threading
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from digest import settings
from tests.cli.conftest import SITE, Digest, write_site

FEED = "<rss version='2.0'><channel><item><title>One boat came in</title><link>/1</link></item></channel></rss>"
CARDS = "".join(
    f"<div class='card'><h3><a href='/story-{n}'>Boat number {n} came in &quot;early&quot;</a></h3></div>"
    for n in range(12)
)
PAGES = {
    "feed.xml": FEED,
    "plain.html": f"<html><body><div id='list'>{CARDS}</div></body></html>",
    "both.html": f"<head><link rel='alternate' type='application/rss+xml' href='feed.xml'></head><body>{CARDS}</body>",
    "none.html": "<html><body><p>We have nothing to tell.</p></body></html>",
}


@pytest.fixture(scope="module")
def www(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("www")
    for name, text in PAGES.items():
        (folder / name).write_text(text)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_is_proposed_can_be_put_into_the_settings_as_it_is(
    inside: Digest, site: Path, www: str, tmp_path: Path
) -> None:
    ran = inside("sources", "suggest", f"{www}/both.html", site=site)
    assert ran.code == 0
    proposed = tomllib.loads(ran.out)["sources"]
    assert [source["kind"] for source in proposed.values()] == ["feed", "page"]
    assert next(iter(proposed.values()))["url"] == f"{www}/feed.xml"
    other = write_site(tmp_path / "other", www)
    (other / "settings.toml").write_text(SITE.format(url=www) + ran.out)
    assert set(proposed) < set(settings.load(other).sources)
    page = next(name for name in proposed if name.endswith("-page"))
    tried = inside("sources", "try", page, "--json", site=other)
    assert (tried.code, tried.document["found"]) == (0, 12)


def test_a_page_without_a_feed_gets_rules_and_a_preview(inside: Digest, site: Path, www: str) -> None:
    ran = inside("sources", "suggest", f"{www}/plain.html", "--json", site=site)
    [proposal] = ran.document
    assert (proposal["kind"], proposal["select"]["item"], len(proposal["stories"])) == ("page", "div.card", 12)
    assert proposal["stories"][3]["title"] == 'Boat number 3 came in "early"'
    said = inside("sources", "suggest", f"{www}/plain.html", site=site).out
    assert '#   Boat number 0 came in "early"' in said.splitlines()
    assert "#   ... and 2 more" in said.splitlines()


def test_the_address_of_a_feed_is_known_as_one(inside: Digest, site: Path, www: str) -> None:
    [proposal] = inside("sources", "suggest", f"{www}/feed.xml", "--json", site=site).document
    assert (proposal["kind"], proposal["url"], proposal["select"]) == ("feed", f"{www}/feed.xml", {})


def test_what_is_no_source_is_a_failure_and_what_is_no_address_wrong_usage(
    inside: Digest, site: Path, www: str
) -> None:
    nothing = inside("sources", "suggest", f"{www}/none.html", site=site)
    assert nothing.code == 1
    assert nothing.sentence == "no list of stories was found on this page, and it names no feed"
    assert inside("sources", "suggest", "news page", site=site).code == 2
    private = inside("sources", "suggest", "http://127.0.0.2/", site=site)
    assert private.code == 1
    assert "private address" in private.sentence
