"""What a program may push: the form of a story, and its faults in plain words (pure).

What is not here: who may push (api), and making the story fit for a mail (flow/pushing).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from digest.gather.identity import reader_link

MAX_STORIES = 100

CLOCKS_DIFFER = timedelta(hours=1)
"""A date of publication so far ahead is a clock that is wrong; beyond it the story is not published yet."""

# RFC 3339 §5.6: a zone must be there; a blank may stand for the T.
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request. field: where, such as `stories.3.title`; "" = the whole of it."""

    field: str
    message: str


class Refused(Exception):
    """A request that is not taken, with all its faults. Nothing of it was kept."""

    def __init__(self, status: int, faults: Sequence[Fault]) -> None:
        super().__init__(status, faults)
        self.status = status
        self.faults = tuple(faults)


def _printable(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("must be printable characters, without blanks at its ends")
    return value


def _web_address(value: str) -> str:
    if reader_link(value) is None:
        raise ValueError("must be an address that begins with http:// or https://")
    return value


def _rfc3339(value: str) -> str:
    try:
        if not _RFC3339.fullmatch(value):
            raise ValueError
        datetime.fromisoformat(value.upper())
    except ValueError:
        raise ValueError("must be an instant with its zone, such as 2026-11-23T07:00:00Z (RFC 3339)") from None
    return value


def _said(text: str, **more: Any) -> Any:
    return Field(description=text, **more)


Web = Annotated[str, Field(max_length=2000), AfterValidator(_web_address)]
Topic = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]


class PushedStory(BaseModel):
    """A story. Title and teaser may hold HTML: it becomes plain text, cut where a mail needs it."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Story")

    id: Annotated[str, AfterValidator(_printable)] = _said(
        "Your own id of the story. The same id again is the same story.", min_length=1, max_length=200
    )
    title: str = _said("The headline. HTML, here and in the teaser, becomes plain text.", min_length=1, max_length=2000)
    link: Web = _said("Where readers find it: http:// or https://. Tracking parameters are taken off.")
    teaser: str | None = _said("The short text under the headline; at most 280 characters are shown.", default=None)
    text: str | None = _said(
        "The article's whole text (HTML or plain). It is not kept: from it come the reading time, and where there is no "
        "teaser, its beginning is one.",
        default=None,
    )
    published: Annotated[str, AfterValidator(_rfc3339)] | None = _said(
        "When it was published (RFC 3339, with a zone), not in the future. Left out: when it is pushed first.",
        default=None,
        json_schema_extra={"format": "date-time"},
    )
    image: Web | None = _said("A picture: http:// or https://.", default=None)
    topics: Annotated[tuple[Topic, ...], Field(max_length=20)] = _said(
        "Its topics, beside those of the source in the settings.", default=()
    )
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)] | None = _said(
        "Its language, such as `en` or `de-AT`.", default=None
    )
    source: str | None = _said("The source it is for; if given, it must be the one of the key.", default=None)

    @property
    def instant(self) -> datetime | None:
        """When it was published."""
        return datetime.fromisoformat(self.published.upper()) if self.published else None


_STORY = TypeAdapter(PushedStory)


def read(body: bytes, now: datetime) -> tuple[list[PushedStory], bool]:
    """The stories in a request, and whether it is a list of them. Raises Refused with every fault."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, [Fault("", f"the body is not JSON: {error}")]) from None
    if not isinstance(document, dict):
        raise Refused(422, [Fault("", 'must be a story, or {"stories": [...]}')])
    if "stories" not in document:
        return _all([document], [""], now), False
    listed = document["stories"]
    faults = [Fault(str(key), "is not known here") for key in document if key != "stories"]
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_STORIES:
        faults.append(Fault("stories", f"must be a list of 1 to {MAX_STORIES} stories"))
    if faults:
        raise Refused(422, faults)
    return _all(listed, [f"stories.{index}." for index in range(len(listed))], now), True


def _all(documents: Sequence[Any], places: Sequence[str], now: datetime) -> list[PushedStory]:
    stories: list[PushedStory] = []
    faults: list[Fault] = []
    seen: set[str] = set()
    for document, place in zip(documents, places, strict=True):
        try:
            story = _STORY.validate_python(document)
        except ValidationError as error:
            faults += _faults(error, place)
            continue
        faults += _against(story, place, seen, now)
        seen.add(story.id)
        stories.append(story)
    if faults:
        raise Refused(422, faults)
    return stories


def _against(story: PushedStory, place: str, seen: set[str], now: datetime) -> Iterator[Fault]:
    """What cannot be told from one field alone."""
    if story.id in seen:
        yield Fault(f"{place}id", "stands twice in this request")
    if story.instant and story.instant > now + CLOCKS_DIFFER:
        yield Fault(f"{place}published", "is in the future: push the story when it is published")


_MESSAGES: Mapping[str, str] = {
    "missing": "must be given",
    "extra_forbidden": "is not known here",
    "string_type": "must be a text",
    "string_unicode": "must be a text in Unicode",
    "tuple_type": "must be a list of texts",
    "model_type": "must be a story: an object with id, title and link",
    "model_attributes_type": "must be a story: an object with id, title and link",
    "string_pattern_mismatch": "must be a language tag such as en or de-AT",
}


def _faults(error: ValidationError, place: str) -> Iterator[Fault]:
    for detail in error.errors():
        field = place + ".".join(map(str, detail["loc"]))
        yield Fault(field.rstrip("."), _message(detail))


def _message(detail: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_too_short":
        return "must not be empty"
    if kind == "string_too_long":
        return f"must have at most {context['max_length']} characters"
    if kind == "too_long":
        return f"must have at most {context['max_length']} entries"
    return _MESSAGES.get(kind, detail["msg"])
