"""An issue as a form for an editor's own program, and what she changed in it as moves (pure).

What is not here: opening the program (editing), making the moves (flow/editing).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from digest.errors import UsageError
from digest.model.edit import Act, Move
from digest.model.issue import Issue, IssueStory

_HEAD = """\
# Issue {id} of {newsletter}. Change what you like, save and close; to change nothing, close without saving.
# The first story leads. Move a block to move its story, take it out to drop it; pinned = true keeps it in its place.
# An empty subject gives back the newsletter's own. What you change counts for this issue only.

subject = {subject}
intro = {intro}
"""
_STORY = """
[[stories]]
id = {id}
title = {title}
teaser = {teaser}
pinned = {pinned}
"""
_KEYS = {"subject": str, "intro": str, "stories": list}
_STORY_KEYS = {"id": int, "title": str, "teaser": str, "pinned": bool}


def form_of(issue: Issue) -> str:
    """The issue as TOML."""
    head = _HEAD.format(
        id=issue.id, newsletter=issue.newsletter, subject=_quoted(issue.subject or ""), intro=_quoted(issue.intro)
    )
    return head + "".join(
        _STORY.format(
            id=story.story_id,
            title=_quoted(story.title),
            teaser=_quoted(story.teaser),
            pinned="true" if story.pinned else "false",
        )
        for story in issue.stories
    )


def _quoted(text: str) -> str:
    """A TOML string; several lines stand as several lines."""
    lines = [json.dumps(line, ensure_ascii=False).replace("\x7f", "\\u007f") for line in text.split("\n")]
    return lines[0] if len(lines) == 1 else '"""\n' + "\n".join(line[1:-1] for line in lines) + '"""'


def moves_of(text: str, issue: Issue) -> list[Move]:
    """What the form asks for that `issue` is not yet. Raises UsageError that says what is wrong with it."""
    try:
        form = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the form cannot be read: {error}") from None
    _check(form, _KEYS, "the form")
    wanted = form.get("stories", [])
    for story in wanted:
        _check(story, _STORY_KEYS, "a story of the form")
    return [*_on_stories(wanted, issue), *_on_issue(form, issue)]


def _check(table: Any, keys: Mapping[str, type], where: str) -> None:
    if not isinstance(table, dict):
        raise UsageError(f"{where} must be a table under [[stories]]")
    for key, value in table.items():
        if key not in keys:
            raise UsageError(f"{where} has an unknown key {key!r}; known here: {', '.join(keys)}")
        if not isinstance(value, keys[key]) or (keys[key] is int and isinstance(value, bool)):
            raise UsageError(f"{key} = {value!r} in {where}: {_NAMES[keys[key]]} is needed")


_NAMES = {
    str: "a text in quotes",
    int: "a whole number",
    bool: "true or false",
    list: "a [[stories]] table for each story",
}


def _on_stories(wanted: Sequence[Mapping[str, Any]], issue: Issue) -> Iterator[Move]:
    known = {story.story_id: story for story in issue.stories}
    ids = [story.get("id") for story in wanted]
    for story_id in ids:
        if story_id not in known:
            raise UsageError(f"the form names a story with the id {story_id}, which issue {issue.id} does not have")
        if ids.count(story_id) > 1:
            raise UsageError(f"the story with the id {story_id} stands in the form twice")
    yield from (Move(Act.DROP, story_id) for story_id in known if story_id not in ids)
    if ids != [story_id for story_id in known if story_id in ids]:
        yield Move(Act.ORDER, order=tuple(story_id for story_id in ids if story_id is not None))
    for story in wanted:
        yield from _on_story(story, known[story["id"]])


def _on_story(wanted: Mapping[str, Any], story: IssueStory) -> Iterator[Move]:
    if wanted.get("title", story.title) != story.title:
        yield Move(Act.TITLE, story.story_id, wanted["title"])
    if wanted.get("teaser", story.teaser) != story.teaser:
        yield Move(Act.TEASER, story.story_id, wanted["teaser"])
    if (pinned := wanted.get("pinned", story.pinned)) != story.pinned:
        yield Move(Act.PIN if pinned else Act.UNPIN, story.story_id)


def _on_issue(form: Mapping[str, Any], issue: Issue) -> Iterator[Move]:
    if form.get("intro", issue.intro).strip() != issue.intro.strip():
        yield Move(Act.INTRO, text=form["intro"])
    if form.get("subject", issue.subject or "") != (issue.subject or ""):
        yield Move(Act.SUBJECT, text=form["subject"])
