from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib
from datetime import timedelta

import pytest
import trustme

from digest.clock import SystemClock
from digest.errors import AskedToWait, GatherError
from digest.gather.addresses import is_public
from digest.gather.answers import BODY_MAX_BYTES
from digest.gather.courtesy import Courtesy
from digest.gather.fetch import Fetcher, Response
from digest.gather.turns import Turns
from digest.settings import Gather
from tests.gather.web import Page, Web

HERE = Gather(private_hosts=("127.0.0.1", "localhost"))


class SkippedWaits(SystemClock):
    """A clock whose waits are noted and not waited."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


async def refused(fetcher: Fetcher, url: str) -> GatherError:
    with pytest.raises(GatherError) as caught:
        await fetcher.get(url)
    return caught.value


async def test_a_page_comes_with_its_validators_verbatim(web: Web, fetcher: Fetcher) -> None:
    web.pages["/feed"] = Page(
        b"<rss/>", headers={"ETag": 'W/"a b"', "Last-Modified": "some odd form", "Content-Type": "text/xml"}
    )
    response = await fetcher.get(web.url("/feed"))
    assert response == Response(
        200, web.url("/feed"), b"<rss/>", "text/xml", 'W/"a b"', "some odd form", inside=True
    )  # fmt: skip


async def test_what_is_known_is_asked_for_conditionally(web: Web, fetcher: Fetcher) -> None:
    web.pages["/feed"] = Page(status=304, headers={"ETag": '"2"'})
    response = await fetcher.get(web.url("/feed"), etag='"1"', last_modified="some odd form")
    assert (response.status, response.body, response.etag) == (304, b"", '"2"')
    assert web.headers[0]["if-none-match"] == '"1"'
    assert web.headers[0]["if-modified-since"] == "some odd form"
    assert web.headers[0]["user-agent"] == HERE.user_agent


@pytest.mark.parametrize(
    "validator", ['"1"', 'W/"1"', "unquoted", '""', "caf\xe9", "\xc3\xa9", "Thu Jan 01 1970", "0", "-1", "x" * 2000]
)
async def test_validators_go_back_as_they_came(web: Web, fetcher: Fetcher, validator: str) -> None:
    web.pages["/feed"] = Page(b"x", headers={"ETag": validator, "Last-Modified": validator})
    first = await fetcher.get(web.url("/feed"))
    assert (first.etag, first.last_modified) == (validator, validator)
    await fetcher.get(web.url("/feed"), first.etag, first.last_modified)
    assert (web.headers[1]["if-none-match"], web.headers[1]["if-modified-since"]) == (validator, validator)


@pytest.mark.parametrize("headers", [{}, {"ETag": ""}, {"ETag": "x" * 2001}])
async def test_what_is_no_validator_is_not_sent_back(web: Web, fetcher: Fetcher, headers: dict[str, str]) -> None:
    web.pages["/feed"] = Page(b"x", headers=headers)
    assert (await fetcher.get(web.url("/feed"))).etag is None


async def test_unchanged_without_having_been_asked_is_a_failure(web: Web, fetcher: Fetcher) -> None:
    web.pages["/feed"] = Page(status=304)
    assert "unchanged" in str(await refused(fetcher, web.url("/feed")))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(web: Web, fetcher: Fetcher, status: int) -> None:
    web.pages |= {"/a": Page(status=status, headers={"Location": "b?x=1"}), "/b?x=1": Page(b"here")}
    response = await fetcher.get(web.url("/a"))
    assert (response.body, response.url) == (b"here", web.url("/b?x=1"))


async def test_a_redirect_loop_ends(web: Web, fetcher: Fetcher) -> None:
    web.pages["/a"] = Page(status=302, headers={"Location": "/a"})
    assert "redirects more than 5 times" in str(await refused(fetcher, web.url("/a")))
    assert len(web.paths) == 6


@pytest.mark.parametrize(
    "location", ["", "file:///etc/passwd", "http://[broken/", "http://user:word@example.org/", "gopher://x"]
)
async def test_a_redirect_to_nowhere_is_a_failure(web: Web, fetcher: Fetcher, location: str) -> None:
    web.pages["/a"] = Page(status=302, headers={"Location": location})
    await refused(fetcher, web.url("/a"))
    assert web.paths == ["/a"]


@pytest.mark.parametrize(
    ("status", "words", "permanent"),
    [(404, "no such page", True), (410, "gone for good", True), (403, "refuses us (403)", False),

     (401, "refuses us", False), (429, "less often", False),
     (503, "trouble of its own", False), (204, "status 204", False), (206, "status 206", False),
     (418, "status 418", False)],
)  # fmt: skip
async def test_a_refusal_is_told_in_words(web: Web, fetcher: Fetcher, status: int, words: str, permanent: bool) -> None:
    web.pages["/feed"] = Page(b"<html>sorry", status=status)
    error = await refused(fetcher, web.url("/feed"))
    assert words in str(error)
    assert "127.0.0.1" in str(error)
    assert error.permanent is permanent


async def test_a_wall_against_machines_is_called_so(web: Web, fetcher: Fetcher) -> None:
    web.pages["/feed"] = Page(status=403, headers={"cf-mitigated": "challenge"})
    assert "lets only browsers in" in str(await refused(fetcher, web.url("/feed")))


async def test_a_slow_drip_is_ended(web: Web) -> None:
    web.pages["/feed"] = Page(b"x" * 1000, drip_s=0.01)
    async with Fetcher(HERE, total_s=0.1) as fetcher:
        assert str(await refused(fetcher, web.url("/feed"))) == "127.0.0.1 did not answer within 0.1 s"


async def test_the_time_is_for_all_redirects_together(web: Web) -> None:
    web.pages["/a"] = Page(status=302, headers={"Location": "/a"}, wait_s=0.05)
    async with Fetcher(HERE, total_s=0.12) as fetcher:
        assert "did not answer within 0.12 s" in str(await refused(fetcher, web.url("/a")))


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_compressed_answers_are_unpacked(web: Web, fetcher: Fetcher, encoding: str) -> None:
    packed = gzip.compress(b"news") if encoding == "gzip" else zlib.compress(b"news")
    web.pages["/feed"] = Page(packed, headers={"Content-Encoding": encoding})
    assert (await fetcher.get(web.url("/feed"))).body == b"news"


async def test_an_answer_packed_twice_is_unpacked_twice(web: Web, fetcher: Fetcher) -> None:
    web.pages["/feed"] = Page(gzip.compress(gzip.compress(b"news")), headers={"Content-Encoding": "gzip"})
    assert (await fetcher.get(web.url("/feed"))).body == b"news"


@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {}])
async def test_a_gzip_bomb_is_not_unpacked(web: Web, fetcher: Fetcher, headers: dict[str, str]) -> None:
    web.pages["/feed"] = Page(gzip.compress(bytes(BODY_MAX_BYTES * 8)), headers=headers)
    assert str(await refused(fetcher, web.url("/feed"))) == "127.0.0.1 sent more than 5 MB"


async def test_a_body_of_exactly_the_limit_is_taken(web: Web, fetcher: Fetcher) -> None:
    web.pages["/feed"] = Page(b"x" * BODY_MAX_BYTES)
    assert len((await fetcher.get(web.url("/feed"))).body) == BODY_MAX_BYTES


@pytest.mark.parametrize(
    "page",
    [Page(b"not gzip", headers={"Content-Encoding": "gzip"}), Page(b"\x1f\x8b\x08nonsense"), Page(b"cut", length=100),
     Page(b"x", headers={"Content-Length": "-1"}), Page(b"x", headers={"X": "y" * 200_000})],
)  # fmt: skip
async def test_a_damaged_answer_is_a_failure_not_a_crash(web: Web, fetcher: Fetcher, page: Page) -> None:
    web.pages["/feed"] = page
    error = await refused(fetcher, web.url("/feed"))
    assert "127.0.0.1" in str(error)
    assert not error.permanent


async def test_what_does_not_speak_http_is_a_failure(web: Web, fetcher: Fetcher) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert "broke off" in str(await refused(fetcher, f"http://127.0.0.1:{port}/"))


async def test_cookies_are_not_returned(web: Web, fetcher: Fetcher) -> None:
    web.pages["/feed"] = Page(b"x", headers={"Set-Cookie": "id=1"})
    await fetcher.get(web.url("/feed"))
    await fetcher.get(web.url("/feed"))
    assert "cookie" not in web.headers[1]


async def test_a_proxy_of_the_environment_is_not_used(
    web: Web, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    web.pages["/feed"] = Page(b"direct")
    assert (await fetcher.get(web.url("/feed"))).body == b"direct"


# -- private addresses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
     "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.8", "192.88.99.1", "198.18.0.1", "::", "::1",
     "::127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:1::1",
     "2001:db8::1", "fe80::1%eth0", "fec0::1", "fc00::1", "ff02::1", "no address"],
)  # fmt: skip
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_an_address_outside_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost/", "http://127.1/", "http://0x7f000001/", "http://2130706433/", "http://[::1]/",
     "http://[::ffff:127.0.0.1]/", "http://0/", "http://LOCALHOST/"],
)  # fmt: skip
async def test_our_own_machine_is_refused(url: str) -> None:
    async with Fetcher(Gather()) as fetcher:
        error = await refused(fetcher, url)
    assert "is on a private address" in str(error)
    assert error.permanent


@pytest.mark.parametrize(
    "url",
    ["http://example.org:8080/", "http://user:word@example.org/", "http://user@example.org/", "ftp://example.org/",
     "file:///etc/passwd", "example.org", "http:///x", "http://example.org:port/", "http://[x/"],
)  # fmt: skip
async def test_an_address_that_is_not_to_be_asked_is_refused_unresolved(url: str) -> None:
    async def never(host: str, port: int) -> list[str]:
        raise AssertionError(host)

    async with Fetcher(Gather(), resolve_host=never) as fetcher:
        assert (await refused(fetcher, url)).permanent


async def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    async def mixed(host: str, port: int) -> list[str]:
        return ["1.1.1.1", "127.0.0.1"]

    async with Fetcher(Gather(), resolve_host=mixed) as fetcher:
        assert "private address (127.0.0.1)" in str(await refused(fetcher, "http://news.example.org/"))


async def test_a_redirect_into_the_private_network_is_refused(web: Web, fetcher: Fetcher) -> None:
    web.pages["/a"] = Page(status=302, headers={"Location": web.url("/secret", host="127.0.0.2")})
    assert (await refused(fetcher, web.url("/a"))).permanent
    web.pages["/a"] = Page(status=302, headers={"Location": "http://127.0.0.2/secret"})
    assert "private address" in str(await refused(fetcher, web.url("/a")))


async def test_the_connection_goes_to_the_checked_address_and_the_name_is_asked_once(web: Web) -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    web.pages["/feed"] = Page(b"here")
    async with Fetcher(Gather(private_hosts=("news.test",)), resolve_host=rebinding) as fetcher:
        assert (await fetcher.get(web.url("/feed", host="news.test"))).body == b"here"
    assert asked == ["news.test"]
    assert web.headers[0]["host"] == f"news.test:{web.port}"


async def test_the_next_address_is_tried_when_one_does_not_answer(web: Web) -> None:
    async def two(host: str, port: int) -> list[str]:
        return ["127.0.0.9", "127.0.0.1"]

    web.pages["/feed"] = Page(b"here")
    async with Fetcher(Gather(private_hosts=("news.test",)), resolve_host=two) as fetcher:
        assert (await fetcher.get(web.url("/feed", host="news.test"))).body == b"here"


async def test_an_unknown_name_is_told_in_words() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    async with Fetcher(Gather(), resolve_host=unknown) as fetcher:
        error = await refused(fetcher, "http://gone.example.org/")
    assert str(error) == "gone.example.org cannot be reached: its name is unknown"
    assert not error.permanent


# -- https ---------------------------------------------------------------------------------------------------------------


async def test_a_certificate_is_checked_against_the_name_not_the_address() -> None:
    authority = trustme.CA()
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("news.test").configure_cert(server_tls)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    web = Web(pages={"/feed": Page(b"safe")})

    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    settings = Gather(private_hosts=("news.test", "other.test"))
    async with await asyncio.start_server(web.serve, "127.0.0.1", 0, ssl=server_tls) as server:
        port = server.sockets[0].getsockname()[1]
        async with Fetcher(settings, tls=trusting, resolve_host=here) as fetcher:
            assert (await fetcher.get(f"https://news.test:{port}/feed")).body == b"safe"
            assert "cannot be reached" in str(await refused(fetcher, f"https://other.test:{port}/feed"))
        async with Fetcher(settings, resolve_host=here) as fetcher:
            assert "cannot be reached" in str(await refused(fetcher, f"https://news.test:{port}/feed"))


async def test_a_redirect_from_https_to_http_is_followed() -> None:
    authority = trustme.CA()
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_tls)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    web = Web(pages={"/feed": Page(b"plain")})
    async with (
        await asyncio.start_server(web.serve, "127.0.0.1", 0, ssl=server_tls) as safe,
        await asyncio.start_server(web.serve, "127.0.0.1", 0) as plain,
        Fetcher(HERE, tls=trusting) as fetcher,
    ):
        web.port = plain.sockets[0].getsockname()[1]
        web.pages["/safe"] = Page(status=301, headers={"Location": web.url("/feed")})
        port = safe.sockets[0].getsockname()[1]
        assert (await fetcher.get(f"https://127.0.0.1:{port}/safe")).body == b"plain"


async def test_a_name_in_any_letters_is_asked_by_its_ascii_form() -> None:
    asked: list[str] = []

    async def note(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["10.0.0.1"]

    async with Fetcher(Gather(pause=timedelta()), resolve_host=note) as fetcher:
        for url in ("http://bücher.example.org/", "http://BÜCHER.example.org/", "http://xn--bcher-kva.example.org/"):
            assert (await refused(fetcher, url)).permanent
    assert asked == ["xn--bcher-kva.example.org"] * 3


# -- turns ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("private", "most"), [(frozenset[str](), 1), (frozenset({"a.example.org"}), 5)])
async def test_a_host_is_asked_one_thing_at_a_time_unless_it_is_our_own(private: frozenset[str], most: int) -> None:
    turns, at_once, reached = Turns(0.0, SkippedWaits(), private), 0, 0

    async def ask() -> None:
        nonlocal at_once, reached
        async with turns.of("a.example.org"):
            at_once += 1
            reached = max(reached, at_once)
            await asyncio.sleep(0)  # noqa: TID251 - gives the others their turn
            at_once -= 1

    await asyncio.gather(*(ask() for _ in range(5)))
    assert reached == most


async def test_a_silent_source_of_our_own_does_not_keep_the_others_of_its_host(web: Web, fetcher: Fetcher) -> None:
    web.pages["/slow"], web.pages["/feed"] = Page(b"x", wait_s=0.2), Page(b"x")
    slow = asyncio.create_task(fetcher.get(web.url("/slow")))
    assert (await fetcher.get(web.url("/feed"))).status == 200
    assert not slow.done()
    await slow


async def test_at_most_sixteen_hosts_are_asked_at_once(web: Web) -> None:
    hosts = tuple(f"127.0.1.{n}" for n in range(24))

    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    web.pages["/feed"] = Page(b"x", wait_s=0.05)
    async with Fetcher(Gather(private_hosts=hosts), resolve_host=here) as fetcher:
        await asyncio.gather(*(fetcher.get(web.url("/feed", host=host)) for host in hosts))
    assert 2 <= web.most_open <= 16
    assert len(web.paths) == 24


async def test_between_two_requests_to_a_public_host_there_is_a_pause() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise OSError("unknown")

    clock = SkippedWaits()
    async with Fetcher(Gather(pause=timedelta(seconds=3)), clock, resolve_host=unknown) as fetcher:
        for url in ("http://a.example.org/1", "http://b.example.org/", "http://a.example.org/2"):
            await refused(fetcher, url)
    assert [round(wait) for wait in clock.waits] == [3]


async def test_a_public_host_is_asked_one_thing_at_a_time(web: Web, out_there: None) -> None:
    web.pages["/feed"] = Page(b"x", wait_s=0.02)
    async with Fetcher(Gather(), SkippedWaits()) as fetcher:
        await asyncio.gather(*(fetcher.get("http://news.example.org/feed") for _ in range(4)))
        assert web.most_open == 1
        await asyncio.gather(*(fetcher.get(f"http://{name}.example.org/feed") for name in "abcd"))
        assert web.most_open > 1


async def test_fetchers_of_one_process_wait_for_each_other(web: Web, out_there: None) -> None:
    web.pages["/feed"] = Page(b"x", wait_s=0.02)
    courtesy, clock = Courtesy(), SkippedWaits()
    async with Fetcher(Gather(), clock, courtesy) as one, Fetcher(Gather(), clock, courtesy) as two:
        await asyncio.gather(*(each.get("http://news.example.org/feed") for each in (one, two)))
    assert (web.most_open, [round(wait) for wait in clock.waits]) == (1, [1])


async def test_those_who_wait_for_their_turn_hear_that_the_host_wants_a_rest(web: Web, out_there: None) -> None:
    web.pages["/feed"] = Page(status=429, headers={"Retry-After": "600"}, wait_s=0.02)
    async with Fetcher(Gather(), SkippedWaits()) as fetcher:
        asked = (fetcher.get(f"http://{name}.example.org/feed") for name in ("news", "news", "news"))
        errors = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(error) for error in errors] == [GatherError, AskedToWait, AskedToWait]
    assert web.paths == ["/feed"]


async def test_a_private_host_is_asked_without_pause(web: Web) -> None:
    clock = SkippedWaits()
    web.pages["/feed"] = Page(b"x")
    async with Fetcher(HERE, clock) as fetcher:
        await fetcher.get(web.url("/feed"))
        await fetcher.get(web.url("/feed"))
    assert clock.waits == []
