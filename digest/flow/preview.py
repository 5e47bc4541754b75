"""The mail as it would be sent, written to files or drawn for a page: the same bytes, with links that do nothing.

What is not here: the page that draws it anew at each change (web.preview).
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from digest import settings
from digest.clock import Clock
from digest.errors import UsageError
from digest.flow import gathering, mailing, membership, preflight, produce, publish
from digest.flow.newsroom import Newsroom
from digest.flow.showing import Shown, to_show
from digest.model.issue import Issue, RenderedIssue
from digest.model.subscriber import normalize_email
from digest.render.templates import state_of as templates_state

READER = preflight.READER
"""To whom a preview is addressed when nobody is named."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What was written. files: none when there is nothing to show; then document["reason"] says why."""

    document: dict[str, Any]
    files: tuple[Path, ...]


class _StoppedClock:
    """Somewhen else."""

    def __init__(self, moment: datetime, clock: Clock) -> None:
        self._moment = moment
        self._clock = clock

    def now(self) -> datetime:
        """Always the same instant."""
        return self._moment

    async def sleep(self, seconds: float) -> None:
        """Wait on the real clock."""
        await self._clock.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Drawn:
    """An issue as a subscriber would get it. document: what it is made of, as in issue.json."""

    document: dict[str, Any]
    mail: mailing.Sample


async def write(
    room: Newsroom, newsletter: str, folder: Path, *, email: str | None = None, at: datetime | None = None
) -> Preview:
    """Gather, build and draw the issue, as `email` would get it, as of `at` (local to the newsletter if naive).

    Writes issue.html, issue.txt, issue.eml and issue.json into `folder`; stores nothing but gathered stories. Where too
    few stories are new, with those of the last issue; document["shown_with"] is its number, document["reason"] says so.
    Raises NotFound, AddressError, TemplateError.
    """
    await gather(room, newsletter)
    shown = await _shown(room, newsletter, at)
    if wanting := produce.lacks(room, newsletter, len(shown.issue.stories)):
        nothing: dict[str, Any] = {
            "newsletter": newsletter,
            "state": "skipped",
            "reason": wanting,
            "shown_with": None,
            "files": [],
        }
        return Preview(nothing, ())
    drawn = await _drawn(room, shown, email)
    # Not while templates are watched: asking links takes longer than a designer waits for her page.
    findings = await preflight.preflight(room, shown.known_as, publish.render(room, shown.issue))
    return _save(folder, replace(drawn, document=drawn.document | {"findings": [asdict(each) for each in findings]}))


async def gather(room: Newsroom, newsletter: str) -> None:
    """Read the lists and the sources of a newsletter."""
    config = room.settings.newsletter(newsletter)
    await membership.sync(room, config.lists)
    await gathering.gather(room, config.sources)


async def draw(
    room: Newsroom, newsletter: str, *, email: str | None = None, at: datetime | None = None
) -> Drawn | None:
    """Build and draw the issue from what was gathered, however few its stories; None when there never was a story.

    Where nothing is new, with the stories of the last issue; document["reason"] says so. Asks no source and stores
    nothing. Raises NotFound, AddressError, TemplateError.
    """
    shown = await _shown(room, newsletter, at, at_least=1)
    return await _drawn(room, shown, email) if shown.issue.stories else None


async def _shown(room: Newsroom, newsletter: str, at: datetime | None, at_least: int | None = None) -> Shown:
    if at is not None:
        zone = room.settings.zone_of(newsletter)
        room = replace(room, clock=_StoppedClock(at if at.tzinfo else at.replace(tzinfo=zone), room.clock))
    return await to_show(room, newsletter, at_least)


async def _drawn(room: Newsroom, shown: Shown, email: str | None) -> Drawn:
    rendered = publish.render(room, shown.issue)
    return Drawn(_document(shown, rendered), await _mail(room, shown.issue, rendered, email))


def with_settings_of_now(room: Newsroom) -> Newsroom:
    """The newsroom with its settings read again. Raises SettingsError, UsageError."""
    return replace(room, settings=settings.load(room.settings.root))


def state_of(room: Newsroom) -> Hashable:
    """What a preview depends on, besides the stories: equal while no template and no setting was changed."""
    try:
        found = (room.settings.root / settings.FILE).stat()
    except OSError:  # an editor is just saving it
        return None
    return found.st_mtime_ns, found.st_size, templates_state(room.templates)


async def _mail(room: Newsroom, issue: Issue, rendered: RenderedIssue, email: str | None) -> mailing.Sample:
    if email is None:
        return mailing.sample(room, issue, rendered, READER)
    person = (await membership.show(room, normalize_email(email))).subscriber
    lists = room.settings.newsletter(issue.newsletter).lists
    return mailing.sample(room, issue, rendered, person.email, person.name, mailing.topics_of(person, lists))


def _document(shown: Shown, rendered: RenderedIssue) -> dict[str, Any]:
    issue = shown.issue
    stories = [
        {"title": each.title, "teaser": each.teaser, "link": each.link, "source": each.source, "image": each.image,
         "published": each.published.isoformat(), "topics": list(each.topics), "why": each.why}
        for each in issue.stories
    ]  # fmt: skip
    return {
        "newsletter": issue.newsletter,
        "issue": issue.id or None,
        "state": issue.state.value,
        "reason": shown.reason or issue.reason,
        "shown_with": shown.shown_with,
        "subject": rendered.subject,
        "preheader": rendered.preheader,
        "stories": stories,
        "web_only": len(rendered.beyond),
    }


def _save(folder: Path, drawn: Drawn) -> Preview:
    document, mail = drawn.document, drawn.mail
    files = tuple(folder / f"issue.{kind}" for kind in ("html", "txt", "eml", "json"))
    document |= {"bytes": len(mail.message), "files": [str(file) for file in files]}
    contents = (mail.html.encode(), mail.text.encode(), mail.message, json.dumps(document, indent=2).encode())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
    except OSError as error:
        raise UsageError(f"the preview cannot be written to {folder}: {error.strerror}") from None
    return Preview(document, files)
