"""Domains whose mail one house takes are one destination; a name server on loopback says whose it is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from digest.deliver.exchanges import Exchanges, house
from digest.flow.houses import Houses
from digest.flow.newsroom import Newsroom
from digest.flow.pacing import Gate
from digest.model.delivery import DeliveryState, Outcome, Reply
from digest.store import destinations
from digest.store.engine import Store
from tests.conftest import Database
from tests.deliver.server import RCPT, Server
from tests.fakes import FakeClock
from tests.flow.post import Hurried, readers, world
from tests.proof.nameserver import running_name_server
from tests.store.world import subscribe

ZONE = {
    ("one.test.", "MX"): "10 mx.big.example.",
    ("two.test.", "MX"): "5 two-test.mail.big.example.",
    ("other.test.", "MX"): "10 mail.other.test.",
    ("nobody.test.", "MX"): "0 .",
}


SENT = Outcome(DeliveryState.SENT, Reply(250, "queued"))


@pytest.fixture
def clock() -> FakeClock:
    return Hurried()


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    store = await Store.open(database.url, database.root)
    yield store
    await store.close()


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("one.test", "big.example"),
        ("two.test", "big.example"),
        ("other.test", "other.test"),
        ("nobody.test", None),
        ("unknown.test", None),
    ],
)
async def test_the_house_is_the_registrable_domain_of_the_first_mx(domain: str, found: str | None) -> None:
    with running_name_server(ZONE) as port:
        assert await Exchanges(["127.0.0.1"], port).house_of(domain) == found


def test_a_house_of_two_labels_is_no_public_suffix() -> None:
    assert house("aspmx.l.google.com") == "google.com"
    assert house("mx1.firm.co.uk") == "firm.co.uk"
    assert house("") is None


async def learned(room: Newsroom, *domains: str) -> Houses:
    houses = Houses(room)
    houses.ask(domains)
    async with asyncio.timeout(20):
        while not all(houses.knows(each) for each in domains):  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # noqa: TID251 the name server is real
    return houses


async def test_domains_of_one_house_are_slowed_together(tmp_path: Path, store: Store, clock: FakeClock) -> None:
    with running_name_server(ZONE) as port:
        async with Server() as server:
            post = await world(tmp_path, store, server, clock)
            post.room = replace(post.room, exchanges=Exchanges(["127.0.0.1"], port))
            houses = await learned(post.room, "one.test", "two.test", "other.test", "nobody.test")
            gate = Gate(post.room, houses)
            for number in range(30):  # too few of each domain, together enough
                email = f"reader{number}@{'one' if number % 2 else 'two'}.test"
                late = number < 18
                gate.saw(email, Outcome(DeliveryState.DEFERRED, Reply(421, "4.7.0 too fast")) if late else SENT)
            async with store.write() as conn:
                await gate.react(conn, [], clock.now())
            async with store.read() as conn:
                assert [name for name, to in (await destinations.known(conn)).items() if to.slowed] == ["big.example"]
            await gate.close()
            # A sender that was just started knows by the database whose mail the slow one takes.
            await subscribe(store, *readers(50, "two.test"), *readers(30, "other.test"), *readers(5, "nobody.test"))
            issue = await post.begun()
            await post.run()
            assert (post.came("other.test"), post.came("nobody.test")) == (30, 5)
            assert post.came("two.test") < 50
            assert (await post.tally(issue)).waiting == 50 - post.came("two.test")


async def test_a_domain_with_a_limit_of_its_own_keeps_it(tmp_path: Path, store: Store, clock: FakeClock) -> None:
    with running_name_server(ZONE) as port:
        async with Server() as server:
            post = await world(tmp_path, store, server, clock)
            houses = await learned(replace(post.room, exchanges=Exchanges(["127.0.0.1"], port)), "two.test")
            assert houses.destination("reader@two.test", ["big.example"]) == "big.example"
            assert houses.destination("reader@two.test", ["big.example", "two.test"]) == "two.test"
            assert houses.destination("reader@else.test", ["big.example"]) == "else.test"
            await houses.close()


async def test_a_resolver_that_does_not_answer_costs_nothing(tmp_path: Path, store: Store, clock: FakeClock) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        async with Server(script={RCPT: ["451 4.7.0 too fast"] * 40}) as server:
            post = await world(tmp_path, store, server, clock)
            post.room = replace(post.room, exchanges=Exchanges(["127.0.0.1"], silent.getsockname()[1]))
            await subscribe(store, *readers(40, "slow.test"), *readers(40, "example.org"))
            issue = await post.begun()
            await post.run()
            assert (await post.said(issue, "destination.slowed"))[0].startswith("slow.test slowed to ")
