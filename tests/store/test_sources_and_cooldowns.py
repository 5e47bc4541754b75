"""How sources fared, who asked us to wait, and keeping many stories, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event

from digest.model.story import RawStory
from digest.store import arrivals, cooldowns, names, sources, stories
from digest.store.cooldowns import CooldownRow
from digest.store.engine import Store
from digest.store.names import Titled
from digest.store.sources import SourceRow
from tests.conftest import OpenStore
from tests.store.world import NOW, after, raw_story


async def _add(store: Store, *raw: RawStory) -> tuple[int, list[str]]:
    async with store.write() as conn:
        return await stories.add_all(conn, raw, NOW)


async def test_that_others_had_a_say_is_noted_and_never_taken_back_nor_earlier(store: Store) -> None:
    async with store.write() as conn:
        await sources.record(conn, "wire", status="broken", found=3)
        for name, at in (("wire", after(60)), ("wire", NOW), ("new", NOW), ("new", after(60))):
            await sources.note_outside(conn, name, at)
        known = await sources.all_sources(conn)
    assert {name: (row.status, row.found, row.outside_at) for name, row in known.items()} == {
        "wire": ("broken", 3, after(60)), "new": ("ok", 0, after(60))
    }  # fmt: skip


async def test_what_is_known_of_a_source_comes_back_and_the_rest_stays_as_it_was(store: Store) -> None:
    whole = {
        "status": "ok", "found": 3, "rules": "r", "etag": 'W/"1"', "last_modified": "odd", "body_hash": "h",
        "asked_at": NOW, "good_at": NOW, "error": None, "url": "https://a.example.org/", "body_since": NOW,
        "moved_to": "https://b.example.org/", "moved_since": NOW, "next_check": after(60), "wish_s": 60, "failures": 2,
        "failing_since": NOW, "told_at": NOW, "counts": [1, 2, 3],
    }  # fmt: skip
    async with store.write() as conn:
        assert await sources.source(conn, "wire") is None
        await sources.record(conn, "wire", **whole)
        await sources.record(conn, "wire", status="failed", error="gone")
        await sources.record(conn, "other", status="failed")
    async with store.read() as conn:
        expected = SourceRow("wire", **whole | {"status": "failed", "error": "gone"})  # type: ignore[arg-type]
        assert await sources.source(conn, "wire") == expected
        assert await sources.all_sources(conn) == {"wire": expected, "other": SourceRow("other", "failed", 0)}


async def test_cool_downs_are_kept_changed_and_forgotten(store: Store) -> None:
    async with store.write() as conn:
        await cooldowns.keep(conn, {"example.org": (NOW, 1), "example.com": (after(60), 2)})
        await cooldowns.keep(conn, {"example.org": (after(90), 3), "example.com": None, "unknown.test": None})
    async with store.read() as conn:
        assert await cooldowns.all_cooldowns(conn) == [CooldownRow("example.org", after(90), 3)]


async def test_cool_downs_are_written_in_one_order_whoever_writes_them(store: Store) -> None:
    """Else two processes on PostgreSQL hold what the other waits for."""
    written: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        if "cooldowns" in statement:
            values = parameters.values() if isinstance(parameters, Mapping) else parameters
            written.extend(value for value in values if isinstance(value, str) and value.endswith(".test"))

    event.listen(store.engine.sync_engine, "before_cursor_execute", note)
    async with store.write() as conn:
        await cooldowns.keep(conn, {"b.test": (NOW, 1), "c.test": None, "a.test": (NOW, 1)})
    event.remove(store.engine.sync_engine, "before_cursor_execute", note)
    assert written == ["a.test", "b.test", "c.test"]


async def test_one_story_that_the_database_does_not_take_spoils_no_other(store: Store) -> None:
    bad = raw_story("2", topics=(object(),))
    new, refused = await _add(store, raw_story("1"), bad, raw_story("3"))
    assert new == 2
    assert len(refused) == 1
    assert refused[0].startswith("https://news.example.com/2: ")


async def test_what_no_database_takes_in_a_text_is_replaced(store: Store) -> None:
    raw = raw_story("1", guid="a\0b", title="cut \ud83d in two", teaser="a\0b", link_key="key\0")
    assert await _add(store, raw) == (1, [])
    assert await _add(store, raw) == (0, [])
    async with store.read() as conn:
        [story] = await stories.pool(conn, None, after(-1))
        assert (story.guid, story.title, story.teaser) == ("a\ufffdb", "cut \ufffd in two", "a\ufffdb")
        assert await names.recognised(conn, "wire", [raw]) == {0: story.id}


async def test_stories_are_recognised_by_link_or_by_their_sources_id(store: Store) -> None:
    await _add(store, *(raw_story(str(n)) for n in range(4)))
    async with store.read() as conn:
        ids = {story.link: story.id for story in await stories.pool(conn, None, after(-1))}
        found = [
            raw_story("0", guid="new"), raw_story("1", link_key="new"), raw_story("2", link_key="new", guid="new"),
            raw_story("5"), raw_story("3", guid=None),
        ]  # fmt: skip
        known = await names.recognised(conn, "wire", found)
        assert known == {n: ids[f"https://news.example.com/{key}"] for n, key in ((0, 0), (1, 1), (4, 3))}
        assert set(await names.recognised(conn, "gazette", found)) == {0, 4}
        assert await names.recognised(conn, "wire", []) == {}


async def test_a_renamed_story_is_known_by_its_new_names_only(store: Store) -> None:
    await _add(store, raw_story("1"), raw_story("2"))
    fresh = raw_story("1", guid="fresh", link="https://fresh.example.net/1", link_key="fresh.example.net/1")
    async with store.write() as conn:
        [known] = await names.titled(conn, "wire", ["ship 1", "ship 9", ""])
        assert known == Titled(known.story_id, "ship 1", NOW)
        await names.rename(conn, known.story_id, fresh)
        assert await names.recognised(conn, "wire", [fresh, raw_story("1")]) == {0: known.story_id}
        # The name is taken: whoever has it keeps it, and nothing breaks.
        await names.rename(conn, known.story_id, raw_story("2"))
        assert await names.recognised(conn, "wire", [fresh]) == {0: known.story_id}
        assert await names.titled(conn, "gazette", ["ship 1"]) == []


async def test_who_keeps_and_who_chooses_go_one_after_the_other(open_store: OpenStore) -> None:
    """Whoever has the order takes the time; nobody with an earlier time commits after that."""
    one, two = await open_store(), await open_store()
    events: list[str] = []
    taken = asyncio.Event()

    async def keep() -> None:
        async with one.write() as conn:
            await arrivals.order(conn, NOW)
            taken.set()
            await asyncio.sleep(0.1)  # noqa: TID251 - so that the other comes to the door
            await stories.add(conn, raw_story(), datetime(2026, 11, 23, 7, tzinfo=UTC))
            events.append("kept")

    async def choose() -> None:
        await taken.wait()
        async with two.write() as conn:
            await arrivals.order(conn, NOW)
            events.append(f"chosen from {len(await stories.pool(conn, None, after(-1)))}")

    await asyncio.gather(keep(), choose())
    assert events == ["kept", "chosen from 1"]


async def test_a_story_is_kept_as_it_is_when_nothing_is_wrong_with_it() -> None:
    raw = raw_story(title="ñ 日本 🙂")
    assert names.storable(raw) is raw
    assert names.storable(replace(raw, image="\udfff")).image == "\ufffd"
