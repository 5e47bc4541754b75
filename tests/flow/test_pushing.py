"""Keys, and stories handed over by them, as a use case; on both databases."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from digest.errors import Conflict, NotFound, UsageError
from digest.flow import gathering, membership, produce, publish, pushing, source_health
from digest.flow.newsroom import Newsroom
from digest.gather.entry import Entry
from digest.model.api_key import ApiKey
from digest.model.story import Kept, RawStory, Story
from digest.store import sources
from digest.store.engine import Store
from digest.store.site_tables import api_keys
from digest.store.tables import events
from tests.conftest import OpenStore
from tests.fakes import FakeClock
from tests.flow.room import open_room


@pytest.fixture
def room(tmp_path: Path, store: Store, clock: FakeClock) -> Newsroom:
    return open_room(tmp_path, store, clock)


async def key(room: Newsroom, name: str = "site", source: str = "cms") -> ApiKey:
    found = await pushing.key_of(room, await pushing.add_key(room, name, source))
    assert found is not None
    return found


def story(room: Newsroom, guid: str = "17", title: str = "The harbour opens its gates", **more: Any) -> RawStory:
    link = more.pop("link", f"https://town.example.org/{guid}")
    made = pushing.story(room, "cms", guid, Entry(base=link, title=title, links=(link,), **more), ())
    assert made is not None
    return made


async def happened(room: Newsroom) -> list[tuple[str, str, Any]]:
    async with room.store.read() as conn:
        rows = await conn.execute(select(events.c.actor, events.c.action, events.c.data).order_by(events.c.id))
        return [(row.actor, row.action, row.data) for row in rows]


async def pool(room: Newsroom) -> list[Story]:
    found, _ = await produce.explain(room, None)
    return sorted(found, key=lambda each: each.id)


# -- keys --------------------------------------------------------------------------------------------------------------


async def test_a_key_is_long_random_and_kept_only_as_a_hash(room: Newsroom) -> None:
    made = [await pushing.add_key(room, name, "cms") for name in ("site", "other")]
    assert [each.removeprefix("digest_").isascii() and len(each) for each in made] == [50, 50]
    assert made[0] != made[1]
    async with room.store.read() as conn:
        rows = (await conn.execute(select(api_keys).order_by(api_keys.c.name.desc()))).mappings().all()
    assert [row["key_hash"] for row in rows] == [sha256(each.encode()).hexdigest() for each in made]
    assert all(each not in str(rows) for each in made)


async def test_a_key_opens_until_it_is_taken_back(room: Newsroom) -> None:
    made = await pushing.add_key(room, "site", "cms")
    found = await pushing.key_of(room, made)
    assert found is not None
    assert (found.name, found.source, found.created_at, found.used_at) == ("site", "cms", room.clock.now(), None)
    for wrong in ("", made[:-1], made + "a", made.upper(), "digest_", "\udcff"):
        assert await pushing.key_of(room, wrong) is None
    await pushing.remove_key(room, "site")
    assert (await pushing.key_of(room, made), await pushing.all_keys(room)) == (None, [])
    assert await happened(room) == [
        ("cli:anna", "api-key.added", {"key": "site", "source": "cms"}),
        ("cli:anna", "api-key.removed", {"key": "site"}),
    ]


@pytest.mark.parametrize(
    ("name", "source", "error", "said"),
    [
        ("site", "crm", NotFound, "there is no source 'crm'; those that take stories are: blog, cms"),
        (
            "site", "notices", UsageError,
            "the source 'notices' is of kind \"folder\" and fetches its stories; only kind \"push\" takes them",
        ),
        ("Site!", "cms", UsageError, "'Site!' is no name for a key: letters a-z, digits, - and _ only, at most 40"),
        ("s" * 41, "cms", UsageError, f"'{'s' * 41}' is no name for a key: letters a-z, digits, - and _ only, at most 40"),
    ],
)  # fmt: skip
async def test_what_cannot_be_a_key_is_told(
    room: Newsroom, name: str, source: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as caught:
        await pushing.add_key(room, name, source)
    assert (str(caught.value), await pushing.all_keys(room)) == (said, [])


async def test_a_name_that_is_taken_changes_nothing(room: Newsroom) -> None:
    made = await pushing.add_key(room, "site", "cms")
    with pytest.raises(Conflict, match=r"^there is an API key 'site' already; `digest api-keys remove site` takes it"):
        await pushing.add_key(room, "site", "blog")
    assert await pushing.key_of(room, made) is not None
    with pytest.raises(NotFound, match=r"^there is no API key 'blog'$"):
        await pushing.remove_key(room, "blog")
    assert len(await happened(room)) == 1


# -- stories -----------------------------------------------------------------------------------------------------------


async def test_a_pushed_story_is_as_clean_as_a_gathered_one(room: Newsroom) -> None:
    markup = "<p>The gates are <b>open</b> from nine to five.</p><script>x()</script><p>Read more</p>"
    made = story(
        room, title="Open &amp; free <i>today</i>", texts=(markup,), link="https://town.example.org/17?utm_source=x#a"
    )
    await pushing.push(room, await key(room), [made])
    (kept,) = await pool(room)
    assert (kept.title, kept.teaser) == ("Open & free today", "The gates are open from nine to five.")
    assert (kept.link, kept.guid, kept.topics) == ("https://town.example.org/17#a", "17", ("town",))


async def test_each_story_is_told_what_became_of_it(room: Newsroom) -> None:
    opened = await key(room)
    assert await pushing.push(room, opened, [story(room, "1"), story(room, "2")]) == [Kept.NEW, Kept.NEW]
    again = [
        story(room, "1"), story(room, "2", "The harbour shuts its gates"), story(room, "3", link="https://town.example.org/1"),
        story(room, "4", "Sponsored: a boat for everybody"), story(room, "5"),
    ]  # fmt: skip
    assert await pushing.push(room, opened, again) == [Kept.UNCHANGED, Kept.UPDATED, Kept.KNOWN, None, Kept.NEW]
    outcomes = {"unchanged": 1, "updated": 1, "known": 1, "excluded": 1, "new": 1}
    assert [entry for entry in await happened(room) if entry[1] == "stories.pushed"] == [
        ("api:site", "stories.pushed", {"source": "cms", "outcomes": {"new": 2}}),
        ("api:site", "stories.pushed", {"source": "cms", "outcomes": outcomes}),
    ]


async def test_a_request_that_changes_nothing_is_no_event(room: Newsroom) -> None:
    opened = await key(room)
    for _ in range(2):
        await pushing.push(room, opened, [story(room)])
    assert [action for _, action, _ in await happened(room)] == ["api-key.added", "stories.pushed"]


async def test_what_an_issue_has_carried_stays_as_it_was_read(room: Newsroom) -> None:
    opened = await key(room)
    await pushing.push(room, opened, [story(room)])
    issue = await produce.draft(room, "town", room.clock.now(), scheduled=False)
    assert await pushing.push(room, opened, [story(room, title="The gates stay shut today")]) == [Kept.UPDATED]
    (room.lists_folder / "readers.csv").write_text("email\nanna@example.org\n")
    await membership.sync(room)
    (read,) = issue.stories
    assert read.title == "The harbour opens its gates"
    await publish.approve(room, issue.id)
    assert await pushing.push(room, opened, [story(room, title="Nothing happened at all")]) == [Kept.SENT]
    assert [each.title for each in await pool(room)] == ["The gates stay shut today"]


async def test_the_use_of_a_key_and_the_health_of_its_source_are_noted(room: Newsroom, clock: FakeClock) -> None:
    opened = await key(room)
    clock.pass_(60)
    await pushing.push(room, opened, [story(room, "1"), story(room, "2")])
    await pushing.push(room, opened, [story(room, "3")])
    assert [each.used_at for each in await pushing.all_keys(room)] == [clock.now()]
    async with room.store.read() as conn:
        row = (await sources.all_sources(conn))["cms"]
    assert (row.status, row.found, row.good_at) == ("ok", 3, clock.now())
    clock.pass_(3600)
    (report,) = await gathering.gather(room, ["cms"])
    assert (report.status, report.found, report.new) == ("unchanged", 3, 0)
    health = {
        each["name"]: (each["status"], each["found"], each["good_at"]) for each in await source_health.health(room)
    }
    assert health == {"notices": ("new", 0, None), "cms": ("ok", 3, row.good_at), "blog": ("new", 0, None)}


async def test_one_id_pushed_by_many_at_once_is_one_story(
    room: Newsroom, open_store: OpenStore, tmp_path: Path, clock: FakeClock
) -> None:
    """Also where each brings another link, and each is another process."""
    opened = await key(room)
    rooms = [room, *[open_room(tmp_path, await open_store(), clock) for _ in range(3)]]
    for same_link in (True, False):
        links = ["https://town.example.org/x" if same_link else f"https://town.example.org/{i}" for i in range(8)]
        guid = "same" if same_link else "moving"
        pushes = [pushing.push(rooms[i % 4], opened, [story(room, guid, link=link)]) for i, link in enumerate(links)]
        kept = [str(each) for (each,) in await asyncio.gather(*pushes)]
        assert sorted(kept) == [Kept.NEW, *[Kept.UNCHANGED if same_link else Kept.UPDATED] * 7]
    assert [each.guid for each in await pool(room)] == ["same", "moving"]


async def test_a_story_without_a_title_is_none(room: Newsroom) -> None:
    entry = Entry(
        base="https://town.example.org/1", title="<b></b>", texts=("A text.",), links=("https://town.example.org/1",)
    )
    assert pushing.story(room, "cms", "1", entry, ()) is None
