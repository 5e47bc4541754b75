"""Stories that their source may change: brought up to date or withdrawn, until an issue has carried them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from digest.model.issue import REGULAR
from digest.model.story import Kept, RawStory, Story
from digest.store import revisions, stories
from digest.store.engine import Store
from tests.conftest import OpenStore
from tests.store.world import NOTES, NOW, after, issue_story, new_issue, raw_story


async def put(store: Store, raw: RawStory, seconds: float = 0) -> Kept:
    async with store.write() as conn:
        return await revisions.put(conn, raw, after(seconds))


async def mirror(store: Store, *found: RawStory, also_present: tuple[str, ...] = ()) -> int:
    present = {*(each.guid or "" for each in found), *also_present}
    async with store.write() as conn:
        return await revisions.mirror(conn, "wire", found, present, NOW)


async def pool(store: Store) -> list[Story]:
    async with store.read() as conn:
        return sorted(await stories.pool(conn, None, NOW - timedelta(days=1)), key=lambda each: each.id)


async def titles(store: Store) -> list[str]:
    return [story.title for story in await pool(store)]


async def send(store: Store, key: str = "1") -> None:
    """Let an issue carry the story."""
    issue = await new_issue(store)
    async with store.write() as conn:
        await stories.remember(conn, NOTES, REGULAR, issue, [issue_story(key)], NOW)


CHANGES: dict[str, Any] = {
    "title": "Put off",
    "title_key": "",
    "teaser": "Until spring.",
    "link": "https://news.example.com/later",
    "link_key": "news.example.com/later",
    "image": "https://news.example.com/x.jpg",
    "language": "nb",
    "topics": ("harbour",),
    "published": after(-60),
}


async def test_the_same_id_again_is_the_same_story_brought_up_to_date(store: Store) -> None:
    assert await put(store, raw_story()) is Kept.NEW
    assert await put(store, raw_story(**CHANGES), 60) is Kept.UPDATED
    (story,) = await pool(store)
    assert {name: getattr(story, name) for name in CHANGES} == CHANGES
    assert (story.first_seen, story.guid) == (NOW, "guid-1")


@pytest.mark.parametrize("name", sorted(CHANGES))
async def test_whatever_changes_is_a_change(store: Store, name: str) -> None:
    await put(store, raw_story())
    assert await put(store, replace(raw_story(), **{name: CHANGES[name]})) is Kept.UPDATED


async def test_a_story_that_is_handed_over_again_as_it_was_is_unchanged(store: Store) -> None:
    for raw in (raw_story("1", topics=("a", "b")), raw_story("2", published=NOW, guid="g" * 3000, language="x" * 99)):
        assert [await put(store, raw), await put(store, raw, 60)] == [Kept.NEW, Kept.UNCHANGED]


async def test_without_a_date_the_first_one_stays(store: Store) -> None:
    await put(store, raw_story())
    await put(store, raw_story(title="Put off"), 60)
    assert [(story.title, story.published) for story in await pool(store)] == [("Put off", NOW)]


async def test_what_an_issue_has_carried_stays_as_it_was_read(store: Store) -> None:
    await put(store, raw_story())
    await send(store)
    assert await put(store, raw_story(title="Put off")) is Kept.SENT
    assert await put(store, raw_story()) is Kept.UNCHANGED
    assert await titles(store) == ["Story 1"]


async def test_the_same_id_of_another_source_is_another_story(store: Store) -> None:
    await put(store, raw_story("1"))
    assert await put(store, raw_story("2", guid="guid-1", source="papers")) is Kept.NEW
    assert len(await pool(store)) == 2


async def test_a_link_that_another_story_has_is_known(store: Store) -> None:
    await put(store, raw_story("1", source="papers"))
    assert await put(store, raw_story("1", guid="other")) is Kept.KNOWN
    (story,) = await pool(store)
    assert (story.source, story.also) == ("papers", ("wire",))
    await put(store, raw_story("2"))
    assert await put(store, raw_story("1", guid="guid-2", title="Put off")) is Kept.KNOWN
    assert await titles(store) == ["Story 1", "Story 2"]


async def test_two_processes_that_hand_over_one_story_at_once_make_one(open_store: OpenStore) -> None:
    first, second = await open_store(), await open_store()
    raw = raw_story()
    kept = await asyncio.gather(put(first, raw), put(second, raw))
    assert sorted(kept) in ([Kept.NEW, Kept.UNCHANGED], [Kept.KNOWN, Kept.NEW])
    assert await titles(first) == ["Story 1"]


# -- mirror ------------------------------------------------------------------------------------------------------------


async def test_a_source_that_is_the_truth_adds_changes_and_withdraws(store: Store) -> None:
    assert await mirror(store, raw_story("1"), raw_story("2"), raw_story("3")) == 3
    assert await mirror(store, raw_story("2", title="Put off"), raw_story("4"), also_present=("guid-3",)) == 1
    assert await titles(store) == ["Put off", "Story 3", "Story 4"]


async def test_withdrawing_spares_what_was_carried_and_what_others_have(store: Store) -> None:
    await mirror(store, raw_story("1"), raw_story("2"), raw_story("3"))
    await send(store, "1")
    await put(store, raw_story("2", guid="theirs", source="papers"))
    await put(store, raw_story("5", source="papers"))
    assert await mirror(store) == 0
    assert await titles(store) == ["Story 1", "Story 2", "Story 5"]


async def test_a_renamed_file_is_the_same_story_under_another_name(store: Store) -> None:
    await mirror(store, raw_story("1"))
    assert await mirror(store, raw_story("1", guid="renamed")) == 1
    assert [(story.title, story.guid) for story in await pool(store)] == [("Story 1", "renamed")]


async def test_many_may_go_at_once(store: Store) -> None:
    await mirror(store, *(raw_story(str(number)) for number in range(600)))
    await send(store, "7")
    await mirror(store)
    assert await titles(store) == ["Story 7"]


async def test_the_number_of_a_withdrawn_story_is_no_other_storys(store: Store) -> None:
    async with store.write() as conn:
        await revisions.put(conn, raw_story("1"), NOW)
        [first] = await stories.pool(conn, None, after(-1))
        await revisions.mirror(conn, "wire", [], set(), NOW)
        await revisions.put(conn, raw_story("2"), NOW)
        [second] = await stories.pool(conn, None, after(-1))
    assert second.id > first.id
