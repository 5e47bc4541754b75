"""The pool of stories and the story memory, on both databases."""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime, timedelta

import pytest

from digest.errors import Conflict
from digest.model.issue import REGULAR, AlsoIn
from digest.model.story import RawStory, Story
from digest.store import carried as memory
from digest.store import issues, stories, tables
from digest.store.engine import Connection, Store
from digest.store.stories import Memory
from tests.conftest import OpenStore
from tests.store.world import NOTES, NOW, after, get_issue, issue_story, new_issue, number_of, raw_story

EVER = NOW - timedelta(days=365)


async def _add(store: Store, *raw: RawStory) -> list[bool]:
    async with store.write() as conn:
        return [await stories.add(conn, each, NOW) for each in raw]


async def _pool(store: Store, *sources: str) -> list[Story]:
    async with store.read() as conn:
        return await stories.pool(conn, sources or None, EVER)


async def test_titles_that_a_source_uses_again_are_told_with_each_instant_and_teaser(store: Store) -> None:
    again = {"title": "Letters from the harbour", "title_key": "letters from the harbour"}
    raws = [raw_story(str(n), **again, teaser=f"{n}", published=after(n)) for n in (1, 2)]
    raws += [raw_story("3", **again, source="papers"), raw_story("4"), raw_story("5", title="Week"), raw_story("6")]
    raws += [raw_story(str(n), title="Review", title_key="") for n in (7, 8)]
    await _add(store, *raws)
    async with store.read() as conn:
        assert await memory.repeated(conn, ["wire", "papers"], EVER) == {
            ("wire", again["title"]): [(after(1), "1"), (after(2), "2")]
        }
        assert await memory.repeated(conn, ["papers"], EVER) == {}


async def test_the_pool_says_which_links_it_knows_however_long_they_are(store: Store) -> None:
    long = "news.example.com/" + "x" * 3000
    await _add(store, raw_story(), raw_story("2", link_key=long))
    asked = ["news.example.com/1", long, "news.example.com/3", *(f"other.example.com/{n}" for n in range(1200))]
    async with store.read() as conn:
        assert await stories.known_links(conn, asked) == {"news.example.com/1", long}
        assert await stories.known_links(conn, []) == set()


A, B, C = (f"https://news.example.com/{name}" for name in "abc")


async def test_a_story_whose_page_calls_another_link_its_own_is_the_story_under_that_link(store: Store) -> None:
    first = raw_story("a", link_key=A, source="papers")
    assert await _add(store, first) == [True]
    assert await _add(store, raw_story("b", link_key=B, canonical_key=A)) == [False]
    # Later nobody looks at the page again: the other link is known by itself.
    assert await _add(store, raw_story("b2", link_key=B, source="blog")) == [False]
    (kept,) = await _pool(store)
    assert (kept.link_key, kept.also) == (A, ("blog", "wire"))
    async with store.read() as conn:
        assert await stories.known_links(conn, [A, B, C]) == {A, B}


async def test_whichever_link_comes_first_the_other_brings_no_second_story(store: Store) -> None:
    assert await _add(store, raw_story("b", link_key=B, canonical_key=A)) == [True]
    assert await _add(store, raw_story("a", link_key=A, source="papers")) == [False]
    assert await _add(store, raw_story("c", link_key=C, canonical_key=A, title="Story b", source="blog")) == [False]
    assert await number_of_rows(store) == 1


async def test_pages_that_all_call_one_link_their_own_are_told_apart_by_their_titles(store: Store) -> None:
    pages = [raw_story(str(number), canonical_key=A) for number in range(3)]
    assert await _add(store, *pages) == [True] * 3
    async with store.write() as conn:
        assert await stories.add_all(conn, [*pages, raw_story("4", canonical_key=A)], NOW) == (1, [])
    assert await number_of_rows(store) == 4


async def test_where_all_pages_call_a_known_story_their_own_link_no_more_than_one_is_lost(store: Store) -> None:
    assert await _add(store, raw_story("a", link_key=A)) == [True]
    # One page with another headline may be the same story; when a second one comes, the site does not mean it.
    assert await _add(store, raw_story("b", link_key=B, canonical_key=A)) == [False]
    assert await _add(store, raw_story("c", link_key=C, canonical_key=A)) == [True]
    together = [raw_story(f"{number}", canonical_key=A) for number in range(3)]
    async with store.write() as conn:
        assert await stories.add_all(conn, together, NOW) == (3, [])
    assert await _add(store, raw_story("d", link_key=f"{A}/amp", canonical_key=A, title="Story a")) == [False]
    assert await number_of_rows(store) == 5


async def test_of_two_links_of_one_story_in_one_look_one_is_kept(store: Store) -> None:
    under_both = [raw_story("b", link_key=B, canonical_key=A), raw_story("a", link_key=A)]
    under_third = [raw_story("c", link_key=C, canonical_key=A, title="Story b")]
    for found, new in ((under_both, 1), (under_both[::-1], 0), (under_third, 0)):
        async with store.write() as conn:
            assert await stories.add_all(conn, found, NOW) == (new, [])
    assert await number_of_rows(store) == 1


async def number_of_rows(store: Store) -> int:
    async with store.read() as conn:
        return await number_of(conn, tables.stories)


async def test_a_story_is_as_new_as_the_sources_that_are_asked_for_brought_it(store: Store) -> None:
    async with store.write() as conn:
        await stories.add(conn, raw_story("1", source="wire"), NOW)
        await stories.add(conn, raw_story("2", source="papers"), NOW)
        for source, later in (("papers", 60), ("blog", 120), ("papers", 180)):
            await stories.add(conn, raw_story("1", source=source), after(later))

    async def seen(*sources: str, since: float) -> dict[str, datetime]:
        async with store.read() as conn:
            return {each.link_key[-1]: each.first_seen for each in await stories.pool(conn, sources, after(since))}

    assert await seen("papers", "blog", since=0) == {"1": after(60)}
    assert await seen("papers", "blog", since=-1) == {"1": after(60), "2": NOW}
    assert await seen("blog", since=60) == {"1": after(120)}
    assert await seen("papers", "blog", since=60) == {}
    assert await seen("papers", "wire", since=0) == {}


async def test_a_story_comes_back_as_it_was_found(store: Store) -> None:
    published = after(-3600)
    raw = raw_story(published=published, image="https://i.example.com/1.png", language="en", topics=("naval", "air"))
    assert await _add(store, raw) == [True]
    [story] = await _pool(store)
    assert story == Story(
        id=story.id,
        source="wire",
        guid="guid-1",
        link="https://news.example.com/1",
        link_key="news.example.com/1",
        title="Story 1",
        title_key="ship 1",
        teaser="A teaser.",
        published=published,
        first_seen=NOW,
        image="https://i.example.com/1.png",
        language="en",
        topics=("naval", "air"),
    )


async def test_a_story_without_a_date_counts_as_published_when_first_seen(store: Store) -> None:
    await _add(store, raw_story(published=None))
    assert [story.published for story in await _pool(store)] == [NOW]


async def test_a_story_is_new_only_once_by_its_link(store: Store) -> None:
    again = raw_story(guid="another", title="Story 1, updated")
    assert await _add(store, raw_story(), again) == [True, False]
    assert [story.title for story in await _pool(store)] == ["Story 1"]


async def test_a_story_is_new_only_once_by_its_id_at_the_source(store: Store) -> None:
    moved = raw_story(link_key="news.example.com/moved")
    elsewhere = raw_story(source="gazette", link_key="gazette.example.com/1")
    assert await _add(store, raw_story(), moved, elsewhere) == [True, False, True]


async def test_stories_without_an_id_are_told_apart_by_their_links(store: Store) -> None:
    assert await _add(store, raw_story("1", guid=None), raw_story("2", guid=None)) == [True, True]


async def test_a_second_source_is_noted_beside_the_story(store: Store) -> None:
    await _add(store, raw_story(), raw_story(source="gazette", guid="g"), raw_story(source="courier", guid=None))
    [story] = await _pool(store)
    assert (story.source, story.also) == ("wire", ("courier", "gazette"))
    assert await _pool(store, "gazette") == [story]
    assert await _pool(store, "somebody-else") == []


async def test_very_long_keys_identify_stories_all_the_same(store: Store) -> None:
    # Random, so that PostgreSQL cannot compress them to what its index takes.
    base = secrets.token_hex(5000)
    one = raw_story("1", link_key=f"{base}/1", guid=f"{base}-1")
    two = raw_story("2", link_key=f"{base}/2", guid=f"{base}-2")
    moved = raw_story("3", link_key="short", guid=f"{base}-2")
    assert await _add(store, one, two, one, two, moved) == [True, True, False, False, False]


async def test_what_is_too_long_for_a_language_tag_is_none(store: Store) -> None:
    await _add(store, raw_story(language="English as it is spoken on the northern shore"))
    assert [story.language for story in await _pool(store)] == [None]


async def test_the_pool_holds_what_came_after_an_instant_newest_first(store: Store) -> None:
    async with store.write() as conn:
        for key, seen, published in (("1", 0, 5), ("2", 1, 7), ("3", 2, 6)):
            await stories.add(conn, raw_story(key, published=after(published)), after(seen))
        assert await number_of(conn, tables.stories) == 3
        assert [story.title for story in await stories.pool(conn, None, NOW)] == ["Story 2", "Story 3"]


async def test_two_processes_that_gather_at_once_keep_each_story_once(open_store: OpenStore) -> None:
    raw = [raw_story(str(number)) for number in range(40)]
    one, two = await open_store(), await open_store()
    news = await asyncio.gather(_add(one, *raw), _add(two, *raw))
    assert sorted(a + b for a, b in zip(*news, strict=True)) == [1] * 40
    assert len(await _pool(one)) == 40


# -- memory ------------------------------------------------------------------------------------------------------------


async def carried(conn: Connection, newsletter: str, edition: str) -> dict[tuple[str, str], int]:
    """What an edition remembers, and the issue that carried it."""
    return {mark: each.issue for mark, each in (await stories.remembered(conn, newsletter, edition)).items()}


async def test_what_was_carried_ninety_days_ago_may_be_told_again(store: Store) -> None:
    one, two = await new_issue(store), await new_issue(store, after(86_400))
    old, new = NOW - stories.REMEMBERED, NOW - stories.REMEMBERED + timedelta(seconds=1)
    async with store.write() as conn:
        await stories.remember(conn, NOTES, REGULAR, one, [issue_story("1")], old)
        await stories.remember(conn, NOTES, REGULAR, one, [issue_story("2")], new)
        known = await stories.remembered(conn, NOTES, REGULAR, NOW - stories.REMEMBERED)
        assert set(known) == set(stories.marks(issue_story("2")))
        await stories.remember(conn, NOTES, REGULAR, two, [issue_story("1")], NOW)
        with pytest.raises(Conflict):
            await stories.remember(conn, NOTES, REGULAR, two, [issue_story("2")], NOW)
        assert {value for (kind, value), issue in (await carried(conn, NOTES, REGULAR)).items() if issue == one} == {
            value for _, value in stories.marks(issue_story("2"))
        }


async def test_the_links_of_those_who_told_it_too_are_remembered(store: Store) -> None:
    issue = await new_issue(store)
    told = issue_story("1", also=(AlsoIn("papers", "https://papers.example.com/9", "https://papers.example.com/9"),))
    async with store.write() as conn:
        await stories.remember(conn, NOTES, REGULAR, issue, [told], NOW)
        assert ("link", "https://papers.example.com/9") in await carried(conn, NOTES, REGULAR)


async def test_an_edition_remembers_link_id_and_title(store: Store) -> None:
    issue = await new_issue(store)
    chosen = [issue_story("1", 0), issue_story("2", 1, guid=None, title_key="")]
    async with store.write() as conn:
        await stories.remember(conn, NOTES, REGULAR, issue, chosen, NOW)
    async with store.read() as conn:
        assert await carried(conn, NOTES, REGULAR) == {
            ("link", "news.example.com/1"): issue,
            ("id", "wire guid-1"): issue,
            ("title", "ship 1"): issue,
            ("link", "news.example.com/2"): issue,
        }
        assert await carried(conn, NOTES, "weekly") == {}
        assert await stories.remembered(conn, "other", REGULAR) == {}


async def test_what_an_edition_carried_comes_back_as_its_source_told_it(store: Store) -> None:
    await _add(store, raw_story(title="Navy orders ships", teaser="What its source tells."))
    (own,) = await _pool(store, "wire")
    one, two = await new_issue(store), await new_issue(store, after(86_400))
    mended = issue_story("1", story_id=own.id, link_key=own.link_key, title="Mended by an editor", teaser="Mended.")
    gone = issue_story("2", 0, story_id=own.id + 7, title="Gone from the pool")
    async with store.write() as conn:
        for issue, chosen, at in ((one, mended, NOW - timedelta(days=2)), (two, gone, NOW)):
            await issues.put_stories(conn, issue, [chosen])
            await stories.remember(conn, NOTES, REGULAR, issue, [chosen], at)
    async with store.read() as conn:
        told = await memory.carried(conn, NOTES, REGULAR, NOW - timedelta(days=90))
        assert [(each.title, each.teaser, by) for each, by in told] == [
            ("Navy orders ships", "What its source tells.", Memory(one, None)),
            ("Gone from the pool", gone.teaser, Memory(two, None)),
        ]
        assert [by.issue for _, by in await memory.carried(conn, NOTES, REGULAR, NOW - timedelta(days=1))] == [two]
        assert await memory.carried(conn, NOTES, "weekly", NOW - timedelta(days=90)) == []


async def test_stories_of_one_issue_may_share_a_title(store: Store) -> None:
    issue = await new_issue(store)
    async with store.write() as conn:
        await stories.remember(
            conn, NOTES, REGULAR, issue, [issue_story("1"), issue_story("2", 1, title_key="ship 1")], NOW
        )
        assert len(await carried(conn, NOTES, REGULAR)) == 5


def test_the_title_of_a_column_is_no_mark_even_where_it_was_stored_as_one() -> None:
    title = "Weekly news roundup and market calendar"
    assert "title" not in dict(stories.marks(issue_story(title=title, title_key=title.casefold())))
    assert "title" in dict(stories.marks(issue_story(title="Weekly", title_key="navy orders four new ships")))


async def test_very_long_keys_are_remembered(store: Store) -> None:
    issue, key = await new_issue(store), "ß" * 400 + secrets.token_hex(4000)
    story = issue_story(key, title_key=key)
    async with store.write() as conn:
        await stories.remember(conn, NOTES, REGULAR, issue, [story], NOW)
    async with store.read() as conn:
        memory = await carried(conn, NOTES, REGULAR)
    assert dict.fromkeys(stories.marks(story), issue) == memory


@pytest.mark.parametrize(
    "shared",
    [
        issue_story("new", 1, link_key="news.example.com/1"),
        issue_story("new", 1, guid="guid-1"),
        issue_story("new", 1, title_key="ship 1"),
    ],
    ids=["link", "id", "title"],
)
async def test_the_later_of_two_issues_with_one_story_is_refused_whole(store: Store, shared: object) -> None:
    one, two = await new_issue(store), await new_issue(store, after(3600))
    async with store.write() as conn:
        await stories.remember(conn, NOTES, REGULAR, one, [issue_story("1")], NOW)
    with pytest.raises(Conflict):
        async with store.write() as conn:
            await stories.remember(conn, NOTES, REGULAR, two, [issue_story("2"), shared], NOW)  # type: ignore[list-item]
    async with store.read() as conn:
        assert set((await carried(conn, NOTES, REGULAR)).values()) == {one}


async def test_a_transaction_goes_on_after_a_conflict(store: Store) -> None:
    one, two = await new_issue(store), await new_issue(store, after(3600))
    async with store.write() as conn:
        await stories.remember(conn, NOTES, REGULAR, one, [issue_story("1")], NOW)
        with pytest.raises(Conflict):
            await stories.remember(conn, NOTES, REGULAR, two, [issue_story("2"), issue_story("1", 1)], NOW)
        await stories.remember(conn, NOTES, REGULAR, two, [issue_story("3")], NOW)
    async with store.read() as conn:
        memory = await carried(conn, NOTES, REGULAR)
    assert [value for kind, value in sorted(memory) if kind == "title"] == ["ship 1", "ship 3"]


async def test_of_two_issues_approved_at_once_one_gets_the_story(open_store: OpenStore) -> None:
    stores = [await open_store(), await open_store()]
    numbers = [await new_issue(stores[0]), await new_issue(stores[0], after(3600))]

    async def approve(store: Store, issue: int) -> int | None:
        try:
            async with store.write() as conn:
                await stories.remember(conn, NOTES, REGULAR, issue, [issue_story("1")], NOW)
        except Conflict:
            return None
        return issue

    won = [issue for issue in await asyncio.gather(*map(approve, stores, numbers)) if issue]
    async with stores[0].read() as conn:
        assert list(set((await carried(conn, NOTES, REGULAR)).values())) == won
    assert len(won) == 1


async def test_another_edition_may_carry_the_story_again(store: Store) -> None:
    one, two = await new_issue(store), await new_issue(store, after(3600))
    async with store.write() as conn:
        await stories.remember(conn, NOTES, REGULAR, one, [issue_story("1")], NOW)
        await stories.remember(conn, NOTES, "weekly", two, [issue_story("1")], NOW)
        assert set((await carried(conn, NOTES, "weekly")).values()) == {two}


async def test_an_undone_issue_gives_its_stories_back(store: Store) -> None:
    one, two = await new_issue(store), await new_issue(store, after(3600))
    async with store.write() as conn:
        await stories.remember(conn, NOTES, REGULAR, one, [issue_story("1")], NOW)
        await stories.remember(conn, NOTES, REGULAR, two, [issue_story("2")], NOW)
        assert await stories.is_remembered(conn, one)
        await stories.release(conn, one)
        assert not await stories.is_remembered(conn, one)
        assert await stories.is_remembered(conn, two)
        assert set((await carried(conn, NOTES, REGULAR)).values()) == {two}
        await stories.remember(conn, NOTES, REGULAR, two, [issue_story("1")], NOW)
    assert (await get_issue(store, one)).id == one
