"""robots.txt: asked for pages, once a day and host; its absence is leave, its trouble is none."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digest.clock import monotonic
from digest.errors import AskedToWait, GatherError
from digest.gather.courtesy import REMEMBERED, Courtesy
from digest.gather.fetch import Fetcher
from digest.gather.robots import CRAWL_DELAY_MOST_S, crawl_delay_s, forbids, product, read_rules
from digest.settings import Gather
from tests.fakes import FakeClock
from tests.gather.web import Page, Web

HERE = Gather(private_hosts=("127.0.0.1", "localhost"), user_agent="Digest/1.0 (+https://news.example.org)")
NOT_HERE = b"User-agent: *\nDisallow: /page\n"


@pytest.mark.parametrize(
    ("rules", "path", "forbidden"),
    [
        (b"", "/page", False), (NOT_HERE, "/page", True), (NOT_HERE, "/pages/1", True), (NOT_HERE, "/other", False),
        (b"User-agent: digest\nDisallow: /\nUser-agent: *\nAllow: /", "/page", True),
        (b"User-agent: other\nDisallow: /", "/page", False),
        (b"User-agent: *\nDisallow: /*.pdf$", "/a.pdf", True), (b"User-agent: *\nDisallow: /*.pdf$", "/a.pdf.html", False),
        (b"User-agent: *\nDisallow: /\nAllow: /page", "/page", False), (b"User-agent: *\nDisallow:", "/page", False),
        (b"\xef\xbb\xbf" + NOT_HERE, "/page", True), (b"\xff\xfe\x00nonsense\x00", "/page", False),
        (b"<html><body>Not found", "/page", False),
    ],
)  # fmt: skip
def test_the_rules_are_read_as_they_are_meant(rules: bytes, path: str, forbidden: bool) -> None:
    assert forbids(read_rules(rules), f"https://news.example.org{path}", "Digest") is forbidden


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [("Digest/1.0 (+https://x)", "Digest"), ("Digest", "Digest"), (" Paper bot/2", "Paper"), ("/", "*"), ("", "*")],
)
def test_we_are_spoken_of_by_our_first_name(user_agent: str, name: str) -> None:
    assert product(user_agent) == name


@pytest.mark.parametrize(("delay", "seconds"), [(b"2.5", 2.5), (b"86400", CRAWL_DELAY_MOST_S), (b"-1", 0), (b"x", 0)])
def test_a_crawl_delay_is_obeyed_up_to_a_minute(delay: bytes, seconds: float) -> None:
    assert crawl_delay_s(read_rules(b"User-agent: *\nCrawl-delay: " + delay), "Digest") == seconds


async def test_a_page_that_is_not_to_be_read_is_not_asked_for(web: Web, fetcher: Fetcher) -> None:
    web.pages |= {"/robots.txt": Page(NOT_HERE), "/page": Page(b"x"), "/other": Page(b"here")}
    with pytest.raises(GatherError, match=r"127\.0\.0\.1 asks us in its robots\.txt not to read this page"):
        await fetcher.get(web.url("/page"), robots=True)
    assert (await fetcher.get(web.url("/other"), robots=True)).body == b"here"
    assert web.paths == ["/robots.txt", "/other"]


async def test_a_feed_is_asked_for_without_leave(web: Web, fetcher: Fetcher) -> None:
    web.pages |= {"/robots.txt": Page(NOT_HERE), "/page": Page(b"here")}
    assert (await fetcher.get(web.url("/page"))).body == b"here"
    assert web.paths == ["/page"]


@pytest.mark.parametrize("status", [404, 401, 403, 410, 418])
async def test_no_robots_txt_is_leave(web: Web, fetcher: Fetcher, status: int) -> None:
    web.pages |= {"/robots.txt": Page(status=status), "/page": Page(b"here")}
    assert (await fetcher.get(web.url("/page"), robots=True)).body == b"here"
    assert (await fetcher.get(web.url("/page"), robots=True)).body == b"here"
    assert web.paths == ["/robots.txt", "/page", "/page"]


@pytest.mark.parametrize("status", [500, 503])
async def test_a_robots_txt_in_trouble_is_no_leave(web: Web, fetcher: Fetcher, status: int) -> None:
    web.pages |= {"/robots.txt": Page(status=status), "/page": Page(b"here")}
    with pytest.raises(GatherError, match=r"the robots\.txt of 127\.0\.0\.1 cannot be read") as caught:
        await fetcher.get(web.url("/page"), robots=True)
    assert not caught.value.permanent
    assert web.paths == ["/robots.txt"]


async def test_a_host_that_cannot_be_reached_is_told_in_its_own_words(fetcher: Fetcher) -> None:
    with pytest.raises(GatherError, match=r"^127\.0\.0\.1 cannot be reached"):
        await fetcher.get("http://127.0.0.1:9/page", robots=True)


async def test_whoever_is_redirected_asks_again_for_leave(web: Web, fetcher: Fetcher) -> None:
    web.pages |= {
        "/a": Page(status=302, headers={"Location": "/page"}), "/page": Page(b"x"), "/robots.txt": Page(NOT_HERE),
    }  # fmt: skip
    with pytest.raises(GatherError, match="not to read this page"):
        await fetcher.get(web.url("/a"), robots=True)
    assert web.paths == ["/robots.txt", "/a"]


async def test_robots_txt_may_stand_elsewhere(web: Web, fetcher: Fetcher) -> None:
    web.pages |= {"/robots.txt": Page(status=301, headers={"Location": "/rules"}), "/rules": Page(NOT_HERE)}
    assert "not to read" in str(await fetcher.allowed(web.url("/page")))
    assert await fetcher.allowed(web.url("/other")) is None
    assert web.paths == ["/robots.txt", "/rules"]


async def test_fetchers_that_share_their_courtesy_ask_once(web: Web) -> None:
    courtesy = Courtesy()
    for _ in range(2):
        async with Fetcher(HERE, courtesy=courtesy) as fetcher:
            assert await fetcher.allowed(web.url("/page")) is None
    assert web.paths == ["/robots.txt"]


async def test_the_crawl_delay_is_the_pause_between_two_requests(web: Web, out_there: None) -> None:
    web.pages |= {"/robots.txt": Page(b"User-agent: *\nCrawl-delay: 20"), "/1": Page(b"1"), "/2": Page(b"2")}
    clock = FakeClock()
    async with Fetcher(Gather(pause=timedelta(seconds=1)), clock) as fetcher:
        for number in (1, 2):
            await fetcher.get(f"http://news.example.org/{number}", robots=True)
    assert web.paths == ["/robots.txt", "/1", "/2"]
    assert [round(wait) for wait in clock.slept] == [1, 20]


async def test_a_host_that_asks_us_to_wait_is_not_asked_for_its_robots_txt_either(web: Web) -> None:
    web.pages["/robots.txt"] = Page(status=429, headers={"Retry-After": "600"})
    clock = FakeClock()
    async with Fetcher(HERE, clock) as fetcher:
        for _ in range(2):
            with pytest.raises(AskedToWait, match="has asked us to wait until 2026-11-23 07:10 UTC"):
                await fetcher.get(web.url("/page"), robots=True)
        assert web.paths == ["/robots.txt"]
        clock.pass_(600)
        web.pages |= {"/robots.txt": Page(status=404), "/page": Page(b"here")}
        assert (await fetcher.get(web.url("/page"), robots=True)).body == b"here"


# -- how much is remembered ------------------------------------------------------------------------------------------------


def test_of_many_hosts_those_are_forgotten_that_mean_nothing_any_more() -> None:
    courtesy = Courtesy()
    for number in range(REMEMBERED):
        courtesy.turn_of(f"{number}.test").free_at_s = monotonic() - 24 * 3600
        courtesy.robots_of(f"https://{number}.test")
    courtesy.turn_of("0.test").free_at_s = monotonic() - 3600
    courtesy.robots_of("https://0.test").until_s = monotonic() + 3600
    courtesy.turn_of("new.test")
    courtesy.robots_of("https://new.test")
    assert set(courtesy.hosts) == {"0.test", "new.test"}
    assert set(courtesy.robots) == {"https://0.test", "https://new.test"}


async def test_whose_turn_it_is_is_not_forgotten() -> None:
    courtesy = Courtesy()
    turn, rules = courtesy.turn_of("0.test"), courtesy.robots_of("https://0.test")
    async with turn.lock, rules.lock:
        for number in range(1, 2 * REMEMBERED):
            courtesy.turn_of(f"{number}.test").free_at_s = monotonic() - 24 * 3600
            courtesy.robots_of(f"https://{number}.test")
        assert (courtesy.turn_of("0.test"), courtesy.robots_of("https://0.test")) == (turn, rules)
    assert max(len(courtesy.hosts), len(courtesy.robots)) <= REMEMBERED
