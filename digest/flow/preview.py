"""The mail as it would be sent, written to files: the same bytes, with links that do nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from digest.clock import Clock
from digest.errors import UsageError
from digest.flow import gathering, mailing, membership, produce, publish
from digest.flow.newsroom import Newsroom
from digest.model.issue import Issue, RenderedIssue
from digest.model.subscriber import normalize_email

READER = "reader@example.org"
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


async def write(
    room: Newsroom, newsletter: str, folder: Path, *, email: str | None = None, at: datetime | None = None
) -> Preview:
    """Gather, build and draw the issue, as `email` would get it, as of `at` (local to the newsletter if naive).

    Writes issue.html, issue.txt, issue.eml and issue.json into `folder`; stores nothing but gathered stories. Raises
    NotFound, AddressError, TemplateError.
    """
    config = room.settings.newsletter(newsletter)
    await membership.sync(room, config.lists)
    await gathering.gather(room, config.sources)
    if at is not None:
        zone = room.settings.zone_of(newsletter)
        room = replace(room, clock=_StoppedClock(at if at.tzinfo else at.replace(tzinfo=zone), room.clock))
    issue = await produce.preview(room, newsletter)
    if wanting := produce.lacks(room, newsletter, len(issue.stories)):
        return Preview({"newsletter": newsletter, "state": "skipped", "reason": wanting, "files": []}, ())
    rendered = publish.render(room, issue)
    return _save(folder, _document(newsletter, issue, rendered), await _mail(room, issue, rendered, email))


async def _mail(room: Newsroom, issue: Issue, rendered: RenderedIssue, email: str | None) -> mailing.Sample:
    if email is None:
        return mailing.sample(room, issue, rendered, READER)
    person = (await membership.show(room, normalize_email(email))).subscriber
    lists = room.settings.newsletter(issue.newsletter).lists
    return mailing.sample(room, issue, rendered, person.email, person.name, mailing.topics_of(person, lists))


def _document(newsletter: str, issue: Issue, rendered: RenderedIssue) -> dict[str, Any]:
    stories = [
        {"title": each.title, "teaser": each.teaser, "link": each.link, "source": each.source, "image": each.image,
         "published": each.published.isoformat(), "topics": list(each.topics), "why": each.why}
        for each in issue.stories
    ]  # fmt: skip
    return {
        "newsletter": newsletter,
        "issue": issue.id or None,
        "state": issue.state.value,
        "reason": issue.reason,
        "subject": rendered.subject,
        "preheader": rendered.preheader,
        "stories": stories,
    }


def _save(folder: Path, document: dict[str, Any], mail: mailing.Sample) -> Preview:
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
