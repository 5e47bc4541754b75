"""What every test may ask for: a clock that stands still, and an open store on each of the two databases."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from digest.store.engine import Store
from tests.fakes import FakeClock
from tests.postgres import Cluster, PostgresqlMissing, running_cluster

# How long an example takes is the machine's business; speed is measured by benchmarks.
hypothesis.settings.register_profile("digest", deadline=None)
hypothesis.settings.load_profile("digest")

WHOLE_PROGRAM = {"cli", "daemon", "demo", "e2e", "flow", "proof", "web"}
"""Folders whose tests start processes, servers or days of newsroom life: not for every save, so not for `make check`."""

LONG = {
    "test_articles", "test_claimers", "test_database", "test_faults", "test_fetch", "test_fetch_hostile",
    "test_gather_corpus", "test_length", "test_life_of_deliveries", "test_loaded", "test_month", "test_outbox",
    "test_parsing", "test_personal_mail", "test_pool", "test_read_source", "test_revisions", "test_section_headings",
    "test_smtp", "test_template_trial",
}  # fmt: skip
"""Modules elsewhere of which the same is true."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden`: keep the mails and pictures of now as those to compare with."""
    parser.addoption(
        "--update-golden", action="store_true", help="keep what is made now in tests/render/golden and pictures"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes its time as slow."""
    for item in items:
        if item.path.parent.name in WHOLE_PROGRAM or item.path.stem in LONG:
            item.add_marker(pytest.mark.slow)


BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
"""For `parametrize` and fixtures: whatever is promised is promised on both."""


@dataclass(frozen=True)
class Database:
    """A database of one test's own; `url` and `root` as `Store.open` wants them."""

    kind: str
    url: str
    root: Path


OpenStore = Callable[[], Awaitable[Store]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The private PostgreSQL; without one, its tests are skipped, but on a build machine they fail."""
    try:
        with running_cluster() as cluster:
            yield cluster
    except PostgresqlMissing as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(str(reason))
        pytest.skip(str(reason))


def _migrate(url: str, root: Path) -> None:
    """Make the newest schema; on a thread, since a test's event loop may be about."""

    async def once() -> None:
        await (await Store.open(url, root)).close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, once()).result()


@pytest.fixture(scope="session")
def postgresql_template(cluster: Cluster) -> str:
    name = cluster.create()
    _migrate(cluster.url(name), Path())
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    _migrate("sqlite:///digest.db", folder)
    return folder / "digest.db"


@pytest.fixture(params=BOTH)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database in which nothing is, not even a schema."""
    if request.param == "sqlite":
        yield Database("sqlite", "sqlite:///var/digest.db", tmp_path)
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = cluster.create()
    yield Database("postgresql", cluster.url(name), tmp_path)
    cluster.drop(name)


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with the newest schema and no rows."""
    if request.param == "sqlite":
        (tmp_path / "var").mkdir()
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "var/digest.db")
        yield Database("sqlite", "sqlite:///var/digest.db", tmp_path)
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = cluster.create(request.getfixturevalue("postgresql_template"))
    yield Database("postgresql", cluster.url(name), tmp_path)
    cluster.drop(name)


@pytest.fixture
async def open_store(database: Database) -> AsyncIterator[OpenStore]:
    """Opens the test's database, as another process would: each store has connections and a queue of its own."""
    opened: list[Store] = []

    async def open_another() -> Store:
        opened.append(await Store.open(database.url, database.root))
        return opened[-1]

    yield open_another
    for store in opened:
        await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    """An open store on a fresh database, once on SQLite and once on PostgreSQL."""
    return await open_store()
