"""No address, redirect or answer of a name server leads us into a private network."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from functools import partial

import pytest

from digest.errors import GatherError
from digest.gather.connect import Resolve, resolve
from digest.gather.fetch import Fetcher
from digest.settings import Gather
from tests.gather.web import Page, Web

INSIDE = Gather(private_hosts=("intranet.test", "wiki.test"))


def resolving(names: dict[str, list[str]]) -> Resolve:
    """Names that stand for the addresses given, in turn: after the last it stays the last."""

    async def resolve(host: str, port: int) -> list[str]:
        answers = names[host]
        return [answers.pop(0) if len(answers) > 1 else answers[0]]

    return resolve


async def refused(fetcher: Fetcher, url: str, named_by: str | None = None) -> GatherError:
    with pytest.raises(GatherError) as caught:
        await fetcher.get(url, named_by=named_by)
    return caught.value


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "::1", "fe80::1", "fc00::1", "ff02::1", "fec0::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::a00:1",
     "2002:a00:1::", "2001:0:a00:1::", "::10.0.0.1"],
)  # fmt: skip
async def test_a_name_that_stands_for_an_address_inside_is_refused(address: str) -> None:
    async with Fetcher(Gather(), resolve_host=resolving({"news.example.org": [address]})) as fetcher:
        error = await refused(fetcher, "http://news.example.org/feed")
    assert str(error).startswith(f"news.example.org is on a private address ({address}): not fetched")
    assert error.permanent


async def test_a_name_that_changes_its_address_is_checked_each_time_it_is_resolved() -> None:
    """The first answer is public (and refuses the connection, since nobody is let out here); the second is not."""
    asked = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["192.0.2.1" if len(asked) > 1 else "127.0.0.1"]

    async with Fetcher(Gather(pause=timedelta()), resolve_host=rebinding) as fetcher:
        first = await refused(fetcher, "http://news.example.org/")
        second = await refused(fetcher, "http://news.example.org/")
    assert "private address (127.0.0.1)" in str(first)
    assert "private address (192.0.2.1)" in str(second)
    assert asked == ["news.example.org"] * 2


async def test_a_public_source_does_not_lead_to_a_host_of_ours(web: Web) -> None:
    names = {"intranet.test": ["127.0.0.1"]}
    web.pages["/secret"] = Page(b"secret")
    async with Fetcher(INSIDE, resolve_host=resolving(names)) as fetcher:
        for target in (web.url("/secret", host="intranet.test"), "http://intranet.test/secret"):
            error = await refused(fetcher, target, named_by="https://news.example.org/feed")
            assert "for a source's own address only" in str(error)
            assert error.permanent
        response = await fetcher.get(web.url("/secret", host="intranet.test"))
        assert response.body == b"secret"
    assert web.paths == ["/secret"]


async def test_robots_txt_of_a_host_of_ours_is_not_asked_for_strangers_either(web: Web) -> None:
    async with Fetcher(INSIDE, resolve_host=resolving({"intranet.test": ["127.0.0.1"]})) as fetcher:
        with pytest.raises(GatherError, match="private address"):
            await fetcher.get("http://intranet.test/", robots=True, named_by="https://news.example.org/feed")
    assert web.paths == []


async def test_hosts_of_ours_may_lead_to_one_another(web: Web) -> None:
    names = {"intranet.test": ["127.0.0.1"], "wiki.test": ["127.0.0.1"]}
    web.pages |= {
        "/a": Page(status=302, headers={"Location": web.url("/b", host="wiki.test")}),
        "/b": Page(status=302, headers={"Location": web.url("/c", host="wiki.test")}),
        "/c": Page(b"here"),
    }
    async with Fetcher(INSIDE, resolve_host=resolving(names)) as fetcher:
        assert (await fetcher.get(web.url("/a", host="intranet.test"))).body == b"here"


async def test_once_led_outside_there_is_no_way_back_in(web: Web) -> None:
    names = {"intranet.test": ["127.0.0.1"], "news.example.org": ["127.0.0.1"]}
    web.pages["/a"] = Page(status=302, headers={"Location": "http://news.example.org/"})
    async with Fetcher(INSIDE, resolve_host=resolving(names)) as fetcher:
        error = await refused(fetcher, web.url("/a", host="intranet.test"))
    assert str(error).startswith("news.example.org is on a private address")


async def test_a_connection_into_our_network_does_not_serve_strangers(web: Web) -> None:
    """Kept-alive connections are kept by name and port: those of hosts of ours must be out of everybody else's reach."""
    names = {"intranet.test": ["127.0.0.1"]}
    web.pages["/secret"] = Page(b"secret", headers={"Connection": "keep-alive"})
    async with Fetcher(INSIDE, resolve_host=resolving(names)) as fetcher:
        await fetcher.get(web.url("/secret", host="intranet.test"))
        await refused(fetcher, web.url("/secret", host="intranet.test"), named_by="https://news.example.org/feed")
    assert web.paths == ["/secret"]


async def test_a_host_of_ours_may_be_written_in_any_letters(web: Web) -> None:
    web.pages["/feed"] = Page(b"here")
    settings = Gather(private_hosts=("Bücher.test.",))
    async with Fetcher(settings, resolve_host=resolving({"xn--bcher-kva.test": ["127.0.0.1"]})) as fetcher:
        assert (await fetcher.get(web.url("/feed", host="bücher.test"))).body == b"here"
        assert (await fetcher.get(web.url("/feed", host="XN--BCHER-KVA.test"))).body == b"here"


@pytest.mark.parametrize(
    "url",
    ["http://news.example.org:22/", "http://news.example.org:8080/", "http://user:word@news.example.org/",
     "https://user@news.example.org/", "http://news.example.org:65536/", "http://news.example.org:-1/"],
)  # fmt: skip
async def test_a_redirect_to_an_odd_port_or_with_a_password_is_refused(web: Web, url: str) -> None:
    web.pages["/a"] = Page(status=302, headers={"Location": url})
    async with Fetcher(INSIDE, resolve_host=resolving({"intranet.test": ["127.0.0.1"]})) as fetcher:
        assert (await refused(fetcher, web.url("/a", host="intranet.test"))).permanent
    assert web.paths == ["/a"]


async def test_an_answer_is_ours_only_when_nobody_else_had_a_say(web: Web) -> None:
    names = {"intranet.test": ["127.0.0.1"], "wiki.test": ["127.0.0.1"]}
    target = web.url("/b", host="wiki.test")
    web.pages |= {"/a": Page(status=302, headers={"Location": target}), "/b": Page(b"x")}
    async with Fetcher(INSIDE, resolve_host=resolving(names)) as fetcher:
        response = await fetcher.get(web.url("/a", host="intranet.test"))
    assert (response.inside, response.speaks_as) == (True, target)


async def test_an_answer_from_outside_speaks_for_nobody(web: Web, out_there: None) -> None:
    web.pages |= {
        "/a": Page(status=302, headers={"Location": "http://news.example.org/b"}),
        "/b": Page(status=302, headers={"Location": "http://intranet.test/c"}), "/c": Page(b"x"),
    }  # fmt: skip
    async with Fetcher(Gather(pause=timedelta(), private_hosts=("intranet.test",))) as fetcher:
        response = await fetcher.get("http://intranet.test/a")
    assert (response.url, response.inside, response.speaks_as) == ("http://intranet.test/c", False, "")


async def test_a_silent_name_server_holds_nothing_but_the_names_that_it_is_asked_for() -> None:
    silence = threading.Event()

    def look_up(*_: object, **__: object) -> list[tuple[object, ...]]:
        silence.wait(30)
        return []

    patient = partial(resolve, look_up=look_up, limit_s=0.2)
    names = [f"http://news{number}.example.org/feed" for number in range(40)]
    try:
        async with Fetcher(Gather(pause=timedelta()), resolve_host=patient) as fetcher:
            asked = [asyncio.create_task(fetcher.get(name)) for name in names]
            done = await asyncio.gather(*asked, return_exceptions=True)
            assert await asyncio.to_thread(str, 1) == "1"  # would wait for the name server in one pool with it
            assert not silence.is_set()
    finally:
        silence.set()
    assert {str(error).partition(" ")[2] for error in done if isinstance(error, GatherError)} == {
        "cannot be reached: no name server says in time where it is"
    }
    assert len(done) == len([error for error in done if isinstance(error, GatherError)])
