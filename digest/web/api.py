"""/api/v1: what programs may ask of us. An application of its own, so that whatever goes wrong is told in JSON.

What is not here: the form of a story (pushed), and what is done with one (flow/pushing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from digest import __version__, log
from digest.errors import StoreError
from digest.flow import pushing
from digest.flow.newsroom import Newsroom
from digest.gather.entry import Entry
from digest.model.api_key import ApiKey
from digest.model.story import Kept, RawStory
from digest.web.pages import Pages
from digest.web.pushed import MAX_STORIES, Fault, PushedStory, Refused, read

ROOT = "/api/v1"

BODY_MAX = 1_048_576
"""Bytes of a request; more is not read into memory."""

# So much more is read and thrown away, for a client that looks for an answer only when it is done.
_DRAINED = 8 * BODY_MAX
_REALM = 'Bearer realm="Digest"'
_ABOUT = """\
For a CMS that hands stories over the moment it publishes them. A key is made by `digest api-keys add NAME --source SOURCE`
and sent as `Authorization: Bearer KEY`; it opens one source, of kind `push`. What is answered with 200 or 201 is kept;
after another answer, or none, send the same again: the same id is the same story."""

_log = log.get(__name__)


def create(room: Newsroom, pages: Pages) -> FastAPI:
    """The application for programs, to be mounted at ROOT."""
    api = FastAPI(
        title="Digest", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None, redirect_slashes=False
    )

    @api.post("/stories", summary="Hand over a story, or several", status_code=201, **_described())
    async def push(request: Request) -> JSONResponse:
        key = await _key(room, request)
        stories, several = read(await _body(request), room.clock.now())
        made = _made(room, key, stories, several)
        kept = await pushing.push(room, key, made)
        answers = [_answer(story, what) for story, what in zip(stories, kept, strict=True)]
        return JSONResponse({"stories": answers} if several else answers[0], 201 if Kept.NEW in kept else 200)

    @api.api_route("/docs", methods=["GET", "HEAD"], include_in_schema=False)
    async def docs() -> HTMLResponse:
        return pages.page("api", api=api.openapi(), root=room.settings.site.url.rstrip("/") + ROOT)

    _explain(api)
    return api


# -- who asks ----------------------------------------------------------------------------------------------------------


async def _key(room: Newsroom, request: Request) -> ApiKey:
    """The key that came with the request. Raises HTTPException (RFC 6750 §3)."""
    scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not presented.strip():
        raise HTTPException(401, "a key is needed: Authorization: Bearer KEY", {"WWW-Authenticate": _REALM})
    key = await pushing.key_of(room, presented.strip())
    if key is None:
        raise HTTPException(401, "this key is not valid", {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'})
    if not pushing.takes(room, key.source):
        raise _forbidden(f"the source {key.source!r}, which this key opens, is no push source in the settings any more")
    return key


def _forbidden(why: str) -> HTTPException:
    return HTTPException(403, why, {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope"'})


# -- what is asked -----------------------------------------------------------------------------------------------------


async def _body(request: Request) -> bytes:
    """The whole body. Raises HTTPException when it is too long, however long it claims to be."""
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= BODY_MAX:
            body += chunk
        elif size > _DRAINED:
            break
    if size > BODY_MAX:
        said = f"a request has at most {BODY_MAX} bytes; push fewer stories at once"
        raise HTTPException(413, said, {"Connection": "close"})  # who knows what is still to come
    return bytes(body)


def _made(room: Newsroom, key: ApiKey, stories: Sequence[PushedStory], several: bool) -> list[RawStory]:
    """The stories as the pool takes them. Raises HTTPException for another source's, Refused for one without a title."""
    if any(story.source not in {None, key.source} for story in stories):
        raise _forbidden(f"this key opens the source {key.source!r} and no other")
    made = [pushing.story(room, key.source, each.id, _entry(each, each.instant), each.topics) for each in stories]
    places = [f"stories.{index}.title" if several else "title" for index in range(len(made))]
    faults = [Fault(place, "has no text in it") for place, story in zip(places, made, strict=True) if story is None]
    if faults:
        raise Refused(422, faults)
    return [story for story in made if story]


def _entry(story: PushedStory, published: datetime | None) -> Entry:
    return Entry(
        base=story.link,
        title=story.title,
        texts=(story.teaser or "", story.text or ""),
        links=(story.link,),
        published=(published.isoformat(),) if published else (),
        images=(story.image,) if story.image else (),
        language=story.language,
        whole=story.text or "",
    )


def _answer(story: PushedStory, kept: Kept | None) -> dict[str, str]:
    return {"id": story.id, "outcome": kept.value if kept else "excluded"}


# -- what is answered --------------------------------------------------------------------------------------------------


def _explain(api: FastAPI) -> None:
    """Whatever goes wrong is told as {"error": sentence, "faults": [{"field", "message"}]}."""

    @api.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        plain = {404: "there is nothing at this address", 405: "this address does not know that method"}
        return _error(error.status_code, plain.get(error.status_code, error.detail), (), error.headers)

    @api.exception_handler(Refused)
    async def faulty(_request: Request, error: Refused) -> JSONResponse:
        count = f"{len(error.faults)} fault{'s' if len(error.faults) != 1 else ''}"
        return _error(error.status, f"the request has {count}; nothing of it was kept", error.faults)

    @api.exception_handler(StoreError)
    async def resting(_request: Request, error: StoreError) -> JSONResponse:
        _log.error("push.failed", reason=str(error))
        return _error(503, "the database does not answer just now; try again", (), {"Retry-After": "60"})

    @api.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error_: ClientDisconnect) -> JSONResponse:
        return _error(400, "the request broke off")  # nobody is there to read it

    @api.exception_handler(Exception)
    async def crashed(_request: Request, _error_: Exception) -> JSONResponse:
        return _error(500, "something on our side does not work; try again later")  # uvicorn logs the traceback


def _error(
    status: int, sentence: str, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    listed = [{"field": fault.field, "message": fault.message} for fault in faults]
    shared = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return JSONResponse({"error": sentence, "faults": listed}, status, {**(headers or {}), **shared})


# -- how it is described -----------------------------------------------------------------------------------------------

_OUTCOME = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "outcome": {
            "enum": [*(each.value for each in Kept), "excluded"],
            "description": "`new`: kept. `updated`: brought up to date. `unchanged`: as it was. `sent`: an issue has "
            "carried it, so it stays as it was read. `known`: another story has its link. `excluded`: the source's word "
            "rules keep it out.",
        },
    },
}
_OUTCOMES = {"oneOf": [_OUTCOME, {"type": "object", "properties": {"stories": {"type": "array", "items": _OUTCOME}}}]}
_FAULTS = {
    "type": "object",
    "properties": {
        "error": {"type": "string"},
        "faults": {
            "type": "array",
            "items": {"type": "object", "properties": {"field": {"type": "string"}, "message": {"type": "string"}}},
        },
    },
}


def _described() -> dict[str, Any]:
    """The request and its answers for the OpenAPI document; the body is read by hand, for the sake of its limit."""
    story = PushedStory.model_json_schema()
    listed = {"type": "array", "items": story, "minItems": 1, "maxItems": MAX_STORIES}
    several = {"type": "object", "required": ["stories"], "properties": {"stories": listed}}
    answers = {
        200: ("Nothing new: updated, unchanged, or not taken, as the answer says.", _OUTCOMES),
        201: ("At least one story is new, and kept.", _OUTCOMES),
        400: ("The body is not JSON.", _FAULTS),
        401: ("No key, or one that is not valid.", _FAULTS),
        403: ("The key is for another source.", _FAULTS),
        413: (f"More than {BODY_MAX} bytes.", _FAULTS),
        422: ("Fields are missing or wrong; all are named, and nothing was kept.", _FAULTS),
        503: ("The database does not answer; try again.", _FAULTS),
    }
    return {
        "responses": {
            status: {"description": text, "content": {"application/json": {"schema": schema}}}
            for status, (text, schema) in answers.items()
        },
        "dependencies": [Depends(HTTPBearer(scheme_name="key", auto_error=False))],  # described by it, read by _key
        "openapi_extra": {
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"oneOf": [story, several]}}},
            },
        },
    }
