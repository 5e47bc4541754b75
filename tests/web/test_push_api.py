"""/api/v1 as programs meet it: a running server, a real client, both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from digest.flow import produce, pushing
from digest.flow.newsroom import Newsroom
from digest.model.story import Story
from digest.store.engine import Store
from digest.web.api import BODY_MAX, ROOT
from digest.web.server import create
from digest.web.serving import bound, serving
from tests.conftest import OpenStore
from tests.fakes import FakeClock
from tests.flow.room import open_room

STORIES = f"{ROOT}/stories"
ONE = {"id": "17", "title": "The harbour opens its gates", "link": "https://town.example.org/17"}


@dataclass
class Api:
    """A running server and a client with a key for the source `cms`."""

    room: Newsroom
    client: httpx2.AsyncClient
    port: int

    async def push(self, document: Any, **more: Any) -> tuple[int, Any]:
        answer = await self.client.post(STORIES, json=document, **more)
        return answer.status_code, answer.json()

    async def pool(self) -> list[Story]:
        found, _ = await produce.explain(self.room, None)
        return sorted(found, key=lambda each: each.id)


@asynccontextmanager
async def running(room: Newsroom, key: str) -> AsyncIterator[Api]:
    listening = bound("127.0.0.1", 0, "web.port")
    port = listening.getsockname()[1]
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        serving(create(room, room.clock.now), listening),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20, verify=False) as client,
    ):
        yield Api(room, client, port)


@pytest.fixture
async def api(tmp_path: Path, store: Store, clock: FakeClock) -> AsyncIterator[Api]:
    room = open_room(tmp_path, store, clock)
    async with running(room, await pushing.add_key(room, "site", "cms")) as api:
        yield api


# -- stories -----------------------------------------------------------------------------------------------------------


async def test_a_story_is_new_once_then_known_by_its_id_and_brought_up_to_date(api: Api) -> None:
    assert await api.push(ONE) == (201, {"id": "17", "outcome": "new"})
    nothing = dict.fromkeys(("teaser", "published", "image", "language", "source"))
    assert await api.push(ONE | nothing) == (200, {"id": "17", "outcome": "unchanged"})
    assert await api.push(ONE | {"title": "The gates stay shut"}) == (200, {"id": "17", "outcome": "updated"})
    assert [story.title for story in await api.pool()] == ["The gates stay shut"]


async def test_the_text_of_a_story_gives_its_reading_time_and_a_teaser_where_there_is_none(api: Api) -> None:
    text = "<p>" + "The gates open at nine and close at five. " * 118 + "</p>"
    assert await api.push(ONE | {"text": text}) == (201, {"id": "17", "outcome": "new"})
    assert await api.push(
        ONE | {"id": "18", "link": f"{ONE['link']}8", "teaser": "Open from nine to five on all days."}
    )
    long, short = await api.pool()
    assert (long.minutes, long.teaser[:42]) == (4, "The gates open at nine and close at five. ")
    assert (short.minutes, short.teaser) == (None, "Open from nine to five on all days.")


async def test_every_field_reaches_the_pool(api: Api) -> None:
    whole = ONE | {
        "teaser": "<p>From nine to five, <b>whatever</b> the weather.</p>", "published": "2026-11-23T07:30:00.5+01:00",
        "image": "https://town.example.org/crane.jpg", "topics": ["harbour", "town"], "language": "en-GB", "source": "cms",
    }  # fmt: skip
    assert await api.push(whole) == (201, {"id": "17", "outcome": "new"})
    (story,) = await api.pool()
    assert (story.source, story.guid, story.link) == ("cms", "17", "https://town.example.org/17")
    assert (story.teaser, story.language) == ("From nine to five, whatever the weather.", "en-GB")
    assert (story.image, story.topics) == ("https://town.example.org/crane.jpg", ("town", "harbour"))
    assert story.published.isoformat() == "2026-11-23T06:30:00.500000+00:00"


async def test_several_stories_at_once(api: Api) -> None:
    await api.push(ONE)
    many = [ONE, *(ONE | {"id": str(i), "link": f"https://town.example.org/{i}"} for i in range(100, 199))]
    status, told = await api.push({"stories": many})
    assert (status, [each["outcome"] for each in told["stories"]]) == (201, ["unchanged", *["new"] * 99])
    assert (await api.push({"stories": many}))[0] == 200
    assert len(await api.pool()) == 100


async def test_one_id_pushed_twice_in_parallel_is_one_story(api: Api) -> None:
    answers = await asyncio.gather(*(api.push(ONE) for _ in range(6)))
    assert sorted((status, told["outcome"]) for status, told in answers) == [
        *[(200, "unchanged")] * 5,
        (201, "new"),
    ]
    assert len(await api.pool()) == 1


async def test_what_was_answered_with_201_outlives_the_server(
    tmp_path: Path, open_store: OpenStore, clock: FakeClock
) -> None:
    first = await open_store()
    key = await pushing.add_key(open_room(tmp_path, first, clock), "site", "cms")
    async with running(open_room(tmp_path, first, clock), key) as api:
        assert (await api.push(ONE))[0] == 201
    await first.close()
    async with running(open_room(tmp_path, await open_store(), clock), key) as api:
        assert await api.push(ONE) == (200, {"id": "17", "outcome": "unchanged"})


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        ("", 'Bearer realm="Digest"'),
        ("Basic dXNlcjpwYXNz", 'Bearer realm="Digest"'),
        ("Bearer", 'Bearer realm="Digest"'),
        ("Bearer digest_wrong", 'Bearer realm="Digest", error="invalid_token"'),
    ],
)
async def test_without_a_key_of_ours_nothing_opens(api: Api, header: str, challenge: str) -> None:
    answer = await api.client.post(STORIES, json=ONE, headers={"Authorization": header})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, challenge)
    assert (set(answer.json()), answer.json()["faults"]) == ({"error", "faults"}, [])
    assert await api.pool() == []


async def test_the_scheme_is_known_in_any_case(api: Api) -> None:
    key = await pushing.add_key(api.room, "other", "cms")
    answer = await api.client.post(STORIES, json=ONE, headers={"Authorization": f"bearer  {key}"})
    assert answer.status_code == 201


async def test_a_key_opens_one_source_only(api: Api) -> None:
    status, told = await api.push({"stories": [ONE, ONE | {"id": "18", "source": "blog"}]})
    assert (status, told["error"]) == (403, "this key opens the source 'cms' and no other")
    assert await api.pool() == []


async def test_a_key_whose_source_has_left_the_settings_opens_nothing(
    api: Api, tmp_path: Path, store: Store, clock: FakeClock
) -> None:
    key = await pushing.add_key(api.room, "blog", "blog")
    room = open_room(tmp_path, store, clock)
    fewer = {name: source for name, source in room.settings.sources.items() if name != "blog"}
    object.__setattr__(room, "settings", room.settings.model_copy(update={"sources": fewer}))
    async with running(room, key) as other:
        status, told = await other.push(ONE)
    said = "the source 'blog', which this key opens, is no push source in the settings any more"
    assert (status, told["error"]) == (403, said)


# -- faults ------------------------------------------------------------------------------------------------------------

ADDRESS = "must be an address that begins with http:// or https://"
RFC3339 = "must be an instant with its zone, such as 2026-11-23T07:00:00Z (RFC 3339)"


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"id": None}, "must be a text"),
    ({"id": 17}, "must be a text"),
    ({"id": ""}, "must not be empty"),
    ({"id": "x" * 201}, "must have at most 200 characters"),
    ({"id": "a\nb"}, "must be printable characters, without blanks at its ends"),
    ({"id": " a"}, "must be printable characters, without blanks at its ends"),
    ({"id": "a\x00"}, "must be printable characters, without blanks at its ends"),
    ({"title": ""}, "must not be empty"),
    ({"title": "<b> </b>"}, "has no text in it"),
    ({"title": ["x"]}, "must be a text"),
    ({"link": "/17"}, ADDRESS),
    ({"link": "ftp://town.example.org/17"}, ADDRESS),
    ({"link": "javascript:alert(1)"}, ADDRESS),
    ({"link": "https://town.example.org/" + "x" * 2000}, "must have at most 2000 characters"),
    ({"image": "data:image/png;base64,AAAA"}, ADDRESS),
    ({"published": "2026-11-23"}, RFC3339),
    ({"published": "2026-11-23T07:00:00"}, RFC3339),
    ({"published": "2026-02-30T07:00:00Z"}, RFC3339),
    ({"published": 1795330800}, "must be a text"),
    ({"published": "2026-11-23T08:00:01Z"}, "is in the future: push the story when it is published"),
    ({"topics": "harbour"}, "must be a list of texts"),
    ({"topics": ["x"] * 21}, "must have at most 20 entries"),
    ({"language": "English"}, "must be a language tag such as en or de-AT"),
    ({"titel": "x"}, "is not known here"),
]


async def test_a_fault_names_its_field(api: Api) -> None:
    for change, message in FAULTS:
        (field,) = change
        told = {
            "error": "the request has 1 fault; nothing of it was kept", "faults": [{"field": field, "message": message}],
        }  # fmt: skip
        assert await api.push(ONE | change) == (422, told)
    assert await api.pool() == []


async def test_all_faults_are_told_at_once_and_nothing_is_kept(api: Api) -> None:
    status, told = await api.push({"stories": [ONE, {"id": "18"}, ONE, 5, ONE | {"id": "19", "topics": ["a", ""]}]})
    assert (status, told["error"]) == (422, "the request has 5 faults; nothing of it was kept")
    assert [(each["field"], each["message"]) for each in told["faults"]] == [
        ("stories.1.title", "must be given"),
        ("stories.1.link", "must be given"),
        ("stories.2.id", "stands twice in this request"),
        ("stories.3", "must be a story: an object with id, title and link"),
        ("stories.4.topics.1", "must not be empty"),
    ]
    assert await api.pool() == []


NO_STORY: list[tuple[Any, list[tuple[str, str]]]] = [
    ([ONE], [("", 'must be a story, or {"stories": [...]}')]),
    ("x", [("", 'must be a story, or {"stories": [...]}')]),
    ({"stories": []}, [("stories", "must be a list of 1 to 100 stories")]),
    ({"stories": [ONE] * 101}, [("stories", "must be a list of 1 to 100 stories")]),
    (
        {"stories": {"a": ONE}, "x": 1},
        [("x", "is not known here"), ("stories", "must be a list of 1 to 100 stories")],
    ),
]


async def test_what_is_no_story_is_told(api: Api) -> None:
    for document, faults in NO_STORY:
        status, told = await api.push(document)
        assert (status, [(each["field"], each["message"]) for each in told["faults"]]) == (422, faults)


NO_JSON = [b"", b"{", b"\xff\xfe{", b"[" * 100_000, b"id=17&title=x", b'{"id": 1' + b"1" * 5000 + b"}"]


async def test_what_is_no_json_is_told(api: Api) -> None:
    for body in NO_JSON:
        answer = await api.client.post(STORIES, content=body)
        (fault,) = answer.json()["faults"]
        assert (answer.status_code, fault["field"]) == (400, "")
        assert fault["message"].startswith("the body is not JSON: ")


async def test_a_lone_surrogate_is_no_crash(api: Api) -> None:
    for field in ("id", "title", "link"):
        body = json.dumps(ONE | {field: "The harbour \ud800 opens its gates"})
        answer = await api.client.post(STORIES, content=body)
        fault = {"field": field, "message": "must be a text in Unicode"}
        assert (answer.status_code, answer.json()["faults"]) == (422, [fault])
    body = json.dumps(ONE | {"teaser": "The gates are \ud800 open from nine to five."})
    assert (await api.client.post(STORIES, content=body)).status_code == 201
    assert [story.teaser for story in await api.pool()] == ["The gates are open from nine to five."]


# -- size --------------------------------------------------------------------------------------------------------------


def _of(size: int) -> bytes:
    return json.dumps(ONE | {"teaser": ""}).encode().replace(b'"teaser": ""', b'"teaser": "%s"' % (b"x" * size))


async def test_a_request_of_just_the_limit_is_taken_and_one_byte_more_is_not(api: Api) -> None:
    room_left = BODY_MAX - len(_of(0))
    assert (await api.client.post(STORIES, content=_of(room_left))).status_code == 201
    refused = await api.client.post(STORIES, content=_of(room_left + 1))
    said = f"a request has at most {BODY_MAX} bytes; push fewer stories at once"
    assert (refused.status_code, refused.json()["error"]) == (413, said)


async def test_a_body_without_end_is_ended(api: Api) -> None:
    """Chunked, so that nobody knows its length before; we stop reading, whatever is still to come."""
    key = api.client.headers["Authorization"]
    _reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(
        f"POST {STORIES} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    )
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    sent = 0
    try:
        while sent < 64 * BODY_MAX:
            writer.write(chunk)
            await writer.drain()
            sent += 65_536
    except ConnectionError:
        pass
    assert sent < 64 * BODY_MAX
    writer.close()
    assert (await api.push(ONE))[0] == 201


# -- elsewhere ---------------------------------------------------------------------------------------------------------


async def test_whatever_is_not_there_is_told_in_json(api: Api) -> None:
    missing = await api.client.get(f"{ROOT}/story")
    assert (missing.status_code, missing.json()["error"]) == (404, "there is nothing at this address")
    wrong = await api.client.get(STORIES)
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST")
    assert wrong.json()["error"] == "this address does not know that method"
    elsewhere = await api.client.get("/api/v2/stories")
    assert (elsewhere.status_code, elsewhere.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


async def test_a_database_that_rests_is_told_and_nothing_is_kept(api: Api) -> None:
    async with api.room.store.write() as conn:
        await conn.exec_driver_sql("ALTER TABLE stories RENAME TO gone")
    answer = await api.client.post(STORIES, json=ONE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert answer.json()["error"] == "the database does not answer just now; try again"


async def test_the_description_is_open_to_all_and_names_every_field_and_answer(api: Api) -> None:
    found = (await api.client.get(f"{ROOT}/openapi.json", headers={"Authorization": ""})).json()
    assert found["servers"] == [{"url": ROOT}]
    assert list(found["paths"]) == ["/stories"]
    push = found["paths"]["/stories"]["post"]
    story, several = push["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    assert (story["required"], several["properties"]["stories"]["maxItems"]) == (["id", "title", "link"], 100)
    assert all(field["description"] for field in story["properties"].values())
    assert sorted(push["responses"]) == ["200", "201", "400", "401", "403", "413", "422", "503"]
    assert found["components"]["securitySchemes"]["key"] == {"type": "http", "scheme": "bearer"}
    assert push["security"] == [{"key": []}]


async def test_its_page_has_all_of_it_and_loads_nothing_from_elsewhere(api: Api) -> None:
    answer = await api.client.get(f"{ROOT}/docs", headers={"Authorization": ""})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for text in (
        "POST http://127.0.0.1:8000/api/v1/stories",
        "<code>published</code>",
        "<code>422</code>",
        "at most 100",
    ):
        assert text in answer.text
    assert [text for text in ("<script", "<link", " src=", "@import") if text in answer.text] == []
