"""Servers that send too much, too slowly, or something else than they say."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from digest.errors import GatherError
from digest.gather.answers import BODY_MAX_BYTES
from digest.gather.fetch import Fetcher
from digest.settings import Gather
from tests.gather.web import Page, Web, pause

HERE = Gather(private_hosts=("127.0.0.1", "localhost"))
OVER = bytes(BODY_MAX_BYTES * 20)


def zipped(data: bytes) -> bytes:
    """Without the time, so that a test is called the same in every process."""
    return gzip.compress(data, mtime=0)


async def refused(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(GatherError) as caught:
        await fetcher.get(url)
    assert not caught.value.permanent
    return str(caught.value)


@asynccontextmanager
async def speaking(*said: bytes, silent: bool = False, pause_s: float = 0.0) -> AsyncIterator[str]:
    """A server that says this to whoever connects, with pauses, then goes, or falls silent; its address."""
    over = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for each in said:
                writer.write(each)
                await writer.drain()
                if pause_s and not over.is_set():
                    await pause(pause_s)
            if silent:
                await over.wait()
        except ConnectionError:
            pass  # the client has had enough
        finally:
            writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        over.set()


def packed_raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", zipped(OVER)), ("deflate", zlib.compress(OVER)), ("deflate", packed_raw(OVER)),
        ("gzip, gzip", zipped(zipped(OVER))), ("gzip", zipped(zipped(OVER))),
        ("identity", zipped(OVER)),
    ],
)  # fmt: skip
async def test_a_bomb_is_ended_at_five_megabytes_and_costs_little_memory(
    web: Web, fetcher: Fetcher, encoding: str, body: bytes
) -> None:
    web.pages["/feed"] = Page(body, headers={"Content-Encoding": encoding})
    tracemalloc.start()
    try:
        assert await refused(fetcher, web.url("/feed")) == "127.0.0.1 sent more than 5 MB"
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 6 * BODY_MAX_BYTES


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, br", "BR", "gzip, gzip, gzip"])
async def test_only_what_was_offered_is_unpacked(web: Web, fetcher: Fetcher, encoding: str) -> None:
    web.pages["/feed"] = Page(b"packed somehow", headers={"Content-Encoding": encoding})
    assert "in a way that was not asked for" in await refused(fetcher, web.url("/feed"))
    assert web.headers[0]["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("encoding", ["utf-8", "none", "identity", ""])
async def test_a_slip_in_the_name_of_the_packing_is_forgiven(web: Web, fetcher: Fetcher, encoding: str) -> None:
    web.pages["/feed"] = Page(b"news", headers={"Content-Encoding": encoding})
    assert (await fetcher.get(web.url("/feed"))).body == b"news"


async def test_an_endless_body_is_ended(fetcher: Fetcher) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n"
    async with speaking(head, *[b"x" * 100_000] * 200) as host:
        assert await refused(fetcher, f"http://{host}/") == "127.0.0.1 sent more than 5 MB"


@pytest.mark.parametrize(
    ("scheme", "said"),
    [("http", b""), ("http", b"HTTP/1.1 200 OK\r\n"), ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
     ("http", b"HTTP/1.1 200 OK\r\n\r\nnews"), ("https", b"")],
)  # fmt: skip
async def test_silence_is_ended_wherever_it_begins(scheme: str, said: bytes) -> None:
    """For https it begins in the handshake."""
    async with speaking(said, silent=True) as host, Fetcher(HERE, total_s=0.2) as fetcher:
        assert await refused(fetcher, f"{scheme}://{host}/") == "127.0.0.1 did not answer within 0.2 s"


async def test_a_header_that_drips_is_ended() -> None:
    drips = (bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100)
    async with speaking(*drips, pause_s=0.01) as host, Fetcher(HERE, total_s=0.1) as fetcher:
        assert "did not answer within 0.1 s" in await refused(fetcher, f"http://{host}/")


@pytest.mark.parametrize(
    ("headers", "body"),
    [(b"Content-Length: 4", b"news and more"), (b"Transfer-Encoding: chunked", b"4\r\nnews\r\n0\r\n\r\n"),
     (b"X: y", b"news")],
)  # fmt: skip
async def test_a_body_ends_where_its_length_says_or_with_the_connection(
    fetcher: Fetcher, headers: bytes, body: bytes
) -> None:
    async with speaking(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n\r\n" + body) as host:
        assert (await fetcher.get(f"http://{host}/")).body == b"news"


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nnews", b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\nnews",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 9\r\n\r\nnews",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFF\r\nnews", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000,
        b"HTTP/9.9 OK\r\n\r\n", b"HTTP/1.1 999999 OK\r\n\r\n", b"\x00\x01\x02", b"",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 30\r\n\r\n" + zipped(b"news" * 99)[:30],
    ],
)  # fmt: skip
async def test_a_broken_answer_is_a_failure_in_words(fetcher: Fetcher, said: bytes) -> None:
    async with speaking(said) as host:
        assert (await refused(fetcher, f"http://{host}/")).startswith("127.0.0.1 ")


async def test_answers_before_the_answer_are_passed_over(fetcher: Fetcher) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 20
    async with speaking(hints + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnews") as host:
        assert (await fetcher.get(f"http://{host}/")).body == b"news"


@pytest.mark.parametrize("location", ["/b%C3%BC", "/bü", "//127.0.0.1:{port}/b%C3%BC", "?", " /b%C3%BC "])
async def test_a_redirect_may_be_written_in_many_ways(web: Web, fetcher: Fetcher, location: str) -> None:
    location = location.format(port=web.port).encode().decode("latin-1")  # the server writes latin-1: UTF-8 on the wire
    web.pages["/a"] = [Page(status=302, headers={"Location": location}), Page(b"here")]
    web.pages["/b%C3%BC"] = Page(b"here")
    web.pages["/a?"] = Page(b"here")
    assert (await fetcher.get(web.url("/a"))).body == b"here"


async def test_permanent_redirects_are_told_up_to_the_first_that_is_not(web: Web, fetcher: Fetcher) -> None:
    web.pages |= {
        "/a": Page(status=301, headers={"Location": "/b"}), "/b": Page(status=308, headers={"Location": "/c"}),
        "/c": Page(status=302, headers={"Location": "/d"}), "/d": Page(status=301, headers={"Location": "/e"}),
        "/e": Page(b"here"),
    }  # fmt: skip
    found = [(await fetcher.get(web.url(path))).moved_to for path in ("/a", "/b", "/c", "/e")]
    assert found == [web.url("/c"), web.url("/c"), None, None]
