"""`issues edit`: from options or an editor's own program to moves on an issue.

What is not here: the form itself (form), the moves (flow/editing).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from digest.cli import form
from digest.errors import DigestError, UsageError
from digest.flow import editing, publish
from digest.flow.newsroom import Newsroom
from digest.model.edit import Act, Move
from digest.model.issue import Issue


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for; positions count from 1, as `issues show` does. title, teaser: "N=text". add: "ID" or "ID@N"."""

    pin: Sequence[int] = ()
    unpin: Sequence[int] = ()
    drop: Sequence[int] = ()
    add: Sequence[str] = ()
    order: str | None = None
    title: Sequence[str] = ()
    teaser: Sequence[str] = ()
    intro: str | None = None
    subject: str | None = None
    undo: bool = False


async def edit(room: Newsroom, issue_id: int, options: Options) -> Issue:
    """Edit the issue; without options in the editor's own program. Raises DigestError."""
    if options == Options():
        return await _by_form(room, issue_id)
    if options.undo:
        if options != Options(undo=True):
            raise UsageError("--undo takes the last edit back, and nothing else at the same time")
        return await editing.undo(room, issue_id)
    issue = await publish.get(room, issue_id)
    added = [await _added(room, issue, each) for each in options.add]
    return await editing.apply(room, issue_id, [*_moves(issue, options), *added])


def _moves(issue: Issue, options: Options) -> Iterator[Move]:
    """Every position is that of the issue as it was shown, whatever else is asked for."""
    order = tuple(_id_at(issue, _number(part, "--order")) for part in (options.order or "").split(",") if part.strip())
    if options.order is not None and not order:
        raise UsageError("--order takes positions, such as 3,1,2")
    if len(set(order)) < len(order):
        raise UsageError(f"--order {options.order}: a position stands there twice")
    yield from (Move(Act.DROP, _id_at(issue, position)) for position in options.drop)
    if order:
        yield Move(Act.ORDER, order=order)
    yield from (_text(issue, Act.TITLE, each) for each in options.title)
    yield from (_text(issue, Act.TEASER, each) for each in options.teaser)
    yield from (Move(Act.UNPIN, _id_at(issue, position)) for position in options.unpin)
    yield from (Move(Act.PIN, _id_at(issue, position)) for position in options.pin)
    if options.intro is not None:
        yield Move(Act.INTRO, text=options.intro)
    if options.subject is not None:
        yield Move(Act.SUBJECT, text=options.subject)


def _id_at(issue: Issue, position: int) -> int:
    if not 1 <= position <= len(issue.stories):
        raise UsageError(f"issue {issue.id} has no story {position}; it has {len(issue.stories)}")
    return issue.stories[position - 1].story_id


def _number(text: str, option: str) -> int:
    if not text.strip().isdecimal():
        raise UsageError(f"{option}: {text.strip()!r} is no position")
    return int(text)


def _text(issue: Issue, act: Act, option: str) -> Move:
    position, mark, text = option.partition("=")
    if not mark:
        raise UsageError(f"--{act} {option!r}: a position and the text are needed, such as --{act} 2='New words'")
    return Move(act, _id_at(issue, _number(position, f"--{act}")), text)


async def _added(room: Newsroom, issue: Issue, option: str) -> Move:
    """`ID` of `digest stories` behind the others, `ID@N` at a position."""
    story_id, mark, position = option.partition("@")
    place = _number(position, "--add") - 1 if mark else len(issue.stories)
    return await editing.from_pool(room, issue.id, _number(story_id, "--add"), max(0, place))


# -- the editor's own program ------------------------------------------------------------------------------------------


async def _by_form(room: Newsroom, issue_id: int) -> Issue:
    issue = await publish.get(room, issue_id)
    editing.check_editable(issue)
    if not (sys.stdin.isatty() or os.environ.get("VISUAL") or os.environ.get("EDITOR")):
        raise UsageError("there is nobody here to edit: say what to change, such as --drop 3; see issues edit --help")
    text = _written(form.form_of(issue))
    if text is None:
        return issue
    try:
        moves = form.moves_of(text, issue)
        return await editing.apply(room, issue_id, moves) if moves else issue
    except DigestError as error:
        raise UsageError(f"{error}. Nothing was changed; your text is kept in {_kept(room, issue_id, text)}") from None


def _written(text: str) -> str | None:
    """What the editor made of the form; None when she did not save it. An old editor's program may not write UTF-8."""
    try:
        written = click.edit(text.encode(), extension=".toml")
    except click.ClickException as error:
        raise UsageError(f"the editor could not be started: {error.message}") from None
    except FileNotFoundError:
        raise UsageError("the form is gone: the editor has taken its file away. Nothing was changed") from None
    if written is None:
        return None
    try:
        found = written.decode("utf-8-sig")
    except UnicodeDecodeError:
        found = written.decode("cp1252", "replace")
    return found.replace("\r\n", "\n")


def _kept(room: Newsroom, issue_id: int, text: str) -> str:
    file = room.settings.root / "var" / f"edit-issue-{issue_id}.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)
