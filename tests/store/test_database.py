"""Opening, migrating and failing: the schema, transactions, instants, and errors in plain words."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import MetaData, Table, delete, insert, inspect, select, text
from sqlalchemy.exc import StatementError

from digest.errors import StoreError
from digest.store import edits as _edits  # noqa: F401 - its tables belong to the schema
from digest.store import issues, migrate, stories, tables
from digest.store import pace_tables as _pace_tables  # noqa: F401 - they belong to the schema
from digest.store import site_tables as _site_tables  # noqa: F401 - they belong to the schema
from digest.store.engine import Connection, Store
from digest.store.source_tables import sources
from digest.store.tables import metadata
from tests.conftest import Database, OpenStore
from tests.store.world import NOW, after, issue_story, number_of, raw_story

NAIVE = datetime(2026, 11, 23, 7, 0)  # noqa: DTZ001


# -- schema ------------------------------------------------------------------------------------------------------------


async def _on(store: Store, work: Any) -> Any:
    async with store.write() as conn:
        return await conn.run_sync(work)


def _differences(connection: SyncConnection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


def _structure(connection: SyncConnection) -> dict[str, Any]:
    """Everything of the schema that could differ, as the database itself tells it; in no particular order."""
    inspector = inspect(connection)
    return {
        name: {
            "columns": sorted((c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)),
            "key": inspector.get_pk_constraint(name),
            "indexes": sorted(map(_index, inspector.get_indexes(name))),
            "unique": sorted(
                (u["name"] or "", tuple(u["column_names"])) for u in inspector.get_unique_constraints(name)
            ),
            "foreign": sorted(
                (f["name"] or "", f["referred_table"], tuple(f["constrained_columns"]), str(f["options"]))
                for f in inspector.get_foreign_keys(name)
            ),
        }
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }


def _index(found: Any) -> tuple[str, tuple[str, ...], dict[str, str]]:
    """Its name, its columns, and of what rows."""
    options = found.get("dialect_options", {})
    return found["name"] or "", tuple(found["column_names"]), {key: str(value) for key, value in options.items()}


def _made_anew(connection: SyncConnection) -> dict[str, Any]:
    """The structure that the tables in code would have, made in place of what is there."""
    present = MetaData()
    present.reflect(connection)
    present.drop_all(connection)
    metadata.create_all(connection)
    return _structure(connection)


async def test_a_migrated_schema_is_the_schema_of_the_code(store: Store) -> None:
    assert await _on(store, _differences) == []
    migrated = await _on(store, _structure)
    assert set(migrated) == set(metadata.tables) > {"edits"}  # the tables of another module are among them
    assert migrated == await _on(store, _made_anew)


def test_the_head_is_the_newest_script() -> None:
    assert ScriptDirectory(str(migrate.FOLDER)).get_heads() == [migrate.HEAD]


async def _insert(conn: Connection, table: Table, values: dict[str, Any]) -> None:
    """A row of the columns that the table has had from the beginning."""
    newer = {"minutes", "walled", "canonical_key"}
    known = {name: value for name, value in values.items() if name not in newer}
    await conn.execute(insert(table).values(known))


async def test_a_filled_database_keeps_its_stories_when_their_numbers_become_unique(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "HEAD", "0005")
    old = await Store.open(empty_database.url, empty_database.root)
    async with old.write() as conn:
        for number in (1, 2, 3):
            await _insert(conn, tables.stories, asdict(raw_story(str(number))) | {
                "topics": [], "published": NOW, "first_seen": NOW,
            })  # fmt: skip
            await _insert(conn, tables.sightings, {"story_id": number, "source": "wire", "seen_at": NOW})
        await _insert(conn, tables.sightings, {"story_id": 1, "source": "papers", "seen_at": NOW})
        issue = await issues.create(conn, "notes", NOW, NOW, scheduled=False)
        carried = asdict(issue_story("3", story_id=3)) | {"issue_id": issue, "topics": [], "also": [], "factors": []}
        await _insert(conn, tables.issue_stories, carried)
        await conn.execute(delete(tables.stories).where(tables.stories.c.id == 3))
    await old.close()
    monkeypatch.undo()
    new = await Store.open(empty_database.url, empty_database.root)
    async with new.write() as conn:
        kept = await stories.pool(conn, None, after(-1))
        assert [(each.id, each.title, each.also) for each in kept] == [(1, "Story 1", ("papers",)), (2, "Story 2", ())]
        await stories.add(conn, raw_story("4"), NOW)
        assert {each.id for each in await stories.pool(conn, ["wire"], after(-1))} == {1, 2, 4}
        assert await conn.run_sync(_differences) == []
        await conn.execute(delete(tables.stories).where(tables.stories.c.id == 1))
        assert {each.id for each in await stories.pool(conn, ["wire", "papers"], after(-1))} == {2, 4}
        assert await number_of(conn, tables.sightings) == 2
    await new.close()


async def test_what_a_source_named_before_an_upgrade_opens_no_door_to_our_hosts(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "HEAD", "0006")
    old = await Store.open(empty_database.url, empty_database.root)
    async with old.write() as conn:
        for name, good_at in (("read", NOW), ("never", None)):
            await conn.execute(insert(sources).values(name=name, status="ok", good_at=good_at))
        await _insert(conn, tables.stories, asdict(raw_story()) | {"topics": [], "published": NOW, "first_seen": NOW})
    await old.close()
    monkeypatch.undo()
    new = await Store.open(empty_database.url, empty_database.root)
    async with new.write() as conn:
        found = await conn.execute(select(sources.c.name, sources.c.outside_at).order_by(sources.c.name))
        assert [tuple(row) for row in found] == [("never", None), ("read", NOW)]
        (kept,) = (await conn.execute(select(tables.stories.c.walled, tables.stories.c.minutes))).all()
        assert tuple(kept) == (False, None)
    await new.close()


async def test_a_first_opening_makes_the_schema_and_a_second_changes_nothing(empty_database: Database) -> None:
    for _ in range(2):
        store = await Store.open(empty_database.url, empty_database.root)
        async with store.write() as conn:
            assert await conn.run_sync(migrate.version) == migrate.HEAD
            await stories.add(conn, raw_story(), NOW)
            assert await number_of(conn, tables.stories) == 1
        await store.close()


async def test_several_tasks_may_open_a_new_database_at_once(empty_database: Database) -> None:
    opened = await asyncio.gather(*(Store.open(empty_database.url, empty_database.root) for _ in range(4)))
    async with opened[0].write() as conn:
        await stories.add(conn, raw_story(), NOW)
    async with opened[3].read() as conn:
        assert await number_of(conn, tables.stories) == 1
    for store in opened:
        await store.close()


_OPEN = """
import asyncio, sys
from pathlib import Path
from digest.store.engine import Store

async def main():
    store = await Store.open(sys.argv[1], Path(sys.argv[2]))
    async with store.read():
        pass
    await store.close()

sys.stdin.readline()
asyncio.run(main())
print("alembic" in sys.modules)
"""


def _opener(database: Database) -> subprocess.Popen[str]:
    """A process that opens the database when it is told to."""
    command = [sys.executable, "-W", "error", "-c", _OPEN, database.url, str(database.root)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_several_processes_may_open_a_new_database_at_once(empty_database: Database) -> None:
    openers = [_opener(empty_database) for _ in range(4)]
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("now\n")
        opener.stdin.flush()
    ends = [opener.communicate(timeout=60) for opener in openers]
    assert [(opener.returncode, errors) for opener, (_, errors) in zip(openers, ends, strict=True)] == [(0, "")] * 4


def test_alembic_is_not_imported_when_there_is_nothing_to_migrate(database: Database) -> None:
    assert _opener(database).communicate("now\n", timeout=60) == ("False\n", "")


@pytest.fixture
async def newer_database(database: Database, store: Store) -> Database:
    """A database that a later Digest has migrated further than this one knows."""
    async with store.write() as conn:
        await conn.execute(text("update alembic_version set version_num = '9999'"))
    return database


async def test_a_database_of_a_newer_digest_is_refused(newer_database: Database) -> None:
    with pytest.raises(StoreError, match=f"written by a newer Digest .schema 9999, this one knows {migrate.HEAD}"):
        await Store.open(newer_database.url, newer_database.root)


async def test_a_refused_database_leaves_nothing_open(newer_database: Database) -> None:
    # In a process of its own: what is left open shows as a warning when it ends.
    _, errors = _opener(newer_database).communicate("now\n", timeout=60)
    assert "StoreError: the database was written by a newer Digest" in errors
    assert "ResourceWarning" not in errors


# -- transactions ------------------------------------------------------------------------------------------------------


async def test_what_raises_is_undone_and_what_ends_is_kept(store: Store) -> None:
    async def fail() -> None:
        async with store.write() as conn:
            await stories.add(conn, raw_story("1"), NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.write() as conn:
        await stories.add(conn, raw_story("2"), NOW)
    async with store.read() as conn:
        assert [story.title for story in await stories.pool(conn, None, after(-1))] == ["Story 2"]


async def test_a_reader_sees_one_moment_of_the_database(store: Store) -> None:
    async with store.read() as before:
        assert await number_of(before, tables.stories) == 0
        async with store.write() as conn:
            await stories.add(conn, raw_story(), NOW)
        assert await number_of(before, tables.stories) == 0
    async with store.read() as later:
        assert await number_of(later, tables.stories) == 1


async def test_writers_of_several_processes_wait_for_each_other(open_store: OpenStore) -> None:
    stores = [await open_store() for _ in range(3)]

    async def write(number: int) -> None:
        async with stores[number % 3].write() as conn:
            await number_of(conn, tables.stories)
            await stories.add(conn, raw_story(str(number)), NOW)

    await asyncio.gather(*map(write, range(15)))
    async with stores[0].read() as conn:
        assert await number_of(conn, tables.stories) == 15


# -- instants ----------------------------------------------------------------------------------------------------------

INSTANTS = [
    datetime(2026, 11, 23, 7, 0, tzinfo=UTC),
    datetime(2026, 10, 25, 2, 30, 15, 123456, tzinfo=ZoneInfo("Europe/Berlin")),
    datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
    datetime(2026, 1, 1, 0, 0, tzinfo=timezone(timedelta(hours=14))),
    datetime(1970, 1, 1, tzinfo=UTC),
]


@pytest.mark.parametrize("instant", INSTANTS, ids=str)
async def test_an_instant_comes_back_aware_and_in_utc(store: Store, instant: datetime) -> None:
    async with store.write() as conn:
        number = await issues.create(conn, "n", instant, instant, scheduled=True)
        assert number is not None
        found = await issues.get(conn, number)
        assert await issues.of_slot(conn, "n", instant.astimezone(UTC)) == found
    assert (found.slot, found.slot.tzinfo, found.built_at) == (instant.astimezone(UTC), UTC, None)


async def test_a_datetime_without_a_zone_is_refused(store: Store) -> None:
    for statement in (
        insert(sources).values(name="wire", status="ok", asked_at=NAIVE),
        select(sources).where(sources.c.asked_at < NAIVE),
    ):
        with pytest.raises(StatementError, match="has no time zone"):
            async with store.write() as conn:
                await conn.execute(statement)


# -- errors in plain words ---------------------------------------------------------------------------------------------


async def test_a_folder_that_cannot_be_made_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"^the folder .*/file/var for the database cannot be made: Not a directory$"):
        await Store.open("sqlite:///file/var/digest.db", tmp_path)


async def test_a_database_that_cannot_be_opened_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "digest.db").mkdir()
    with pytest.raises(StoreError, match=r"^the database .*digest\.db.* cannot be written: check who owns its folder"):
        await Store.open("sqlite:///digest.db", tmp_path)


async def test_a_file_that_is_no_database_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "digest.db").write_text("this is a letter to the editor, and no database at all\n" * 100)
    with pytest.raises(StoreError, match=r"^the database .*digest\.db.* does not work: file is not a database$"):
        await Store.open("sqlite:///digest.db", tmp_path)


async def test_a_database_that_became_read_only_is_told_plainly(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "digest.db")
    store = await Store.open("sqlite:///digest.db", tmp_path)
    async with store.read() as conn:
        await conn.execute(text("PRAGMA query_only = ON"))
    with pytest.raises(StoreError, match=r"^the database cannot be written: "):
        async with store.write() as conn:
            await stories.add(conn, raw_story(), NOW)
    await store.close()


async def test_a_server_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        await Store.open(f"postgresql://digest:s3cret@/news?host={tmp_path}", tmp_path)
    assert str(caught.value).startswith("the database (postgresql://digest:***@/news")
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("absolute", [False, True])
async def test_the_file_is_found_from_the_site_or_from_the_root(tmp_path: Path, absolute: bool) -> None:
    url = f"sqlite:///{tmp_path}/else where/my.db" if absolute else "sqlite:///else where/my.db"
    await (await Store.open(url, Path("/nowhere") if absolute else tmp_path)).close()
    assert (tmp_path / "else where/my.db").is_file()
