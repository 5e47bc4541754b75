"""Everything that `digest check` looks at, all faults at once, each with its remedy.

What is not here: the settings themselves; they are checked as they are read (settings.load).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

from digest.audience.lists import decoded, read_list
from digest.deliver.smtp import Connection
from digest.errors import DigestError, GatherError, RelayRefused, TemplateError, UsageError
from digest.flow import gathering, membership, publish
from digest.flow.newsroom import Newsroom
from digest.gather.fetch import Fetcher
from digest.gather.lead import can_read_articles
from digest.gather.sources import read_source
from digest.model.issue import REGULAR, Issue, IssueState, IssueStory
from digest.model.subscriber import domain_of
from digest.settings import is_loopback, not_yet


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `check` found. level: "error" or "warning"."""

    level: str
    key: str
    value: str
    message: str


async def check(room: Newsroom) -> list[Finding]:
    """Look at templates, lists, sources and the mail server of a site whose settings hold. Sends and stores nothing."""
    found = [*_settings(room), *_templates(room), *_lists(room)]
    async for finding in _reachable(room):
        found.append(finding)
    return found


def _settings(room: Newsroom) -> list[Finding]:
    found = [Finding("warning", key, "set", "this version does not act on it yet") for key in not_yet(room.settings)]
    url = room.settings.site.url
    if url.startswith("http:") and not is_loopback(url):
        found.append(Finding("warning", "site.url", url, "subscribers' links should begin with https://"))
    if not room.settings.site.address:
        found.append(
            Finding("warning", "site.address", "", "many countries require a postal address in every newsletter")
        )
    wanting = [name for name, source in room.settings.sources.items() if source.fetch_article]
    if wanting and not can_read_articles():
        remedy = "the first paragraphs of articles need an extra: pip install 'digest-mailer[articles]'"
        found.append(Finding("warning", f"sources.{wanting[0]}.fetch_article", "true", remedy))
    return [*found, *_alignment(room)]


def _alignment(room: Newsroom) -> list[Finding]:
    """DMARC asks that the signing domain and the sender's are of one organisation (RFC 9989 §4.4)."""
    if (dkim := room.settings.smtp.dkim) is None:
        return []
    return [
        Finding("warning", f"newsletters.{name}.from", newsletter.from_.email,
                f"smtp.dkim signs for {dkim.domain}: a sender of another domain fails DMARC by this signature")
        for name, newsletter in room.settings.newsletters.items()
        if not is_within(domain_of(newsletter.from_.email), dkim.domain)
    ]  # fmt: skip


def is_within(domain: str, parent: str) -> bool:
    """Whether `domain` is `parent` or lies below it."""
    return domain == parent or domain.endswith(f".{parent}")


def _templates(room: Newsroom) -> list[Finding]:
    found = []
    for name, newsletter in room.settings.newsletters.items():
        try:
            publish.render(room, _sample(name))
        except TemplateError as error:
            found.append(Finding("error", f"newsletters.{name}.template", newsletter.template, str(error)))
    return found


def _sample(name: str) -> Issue:
    """An issue of three plain stories: enough to run every line of an ordinary template."""
    day = datetime(2026, 1, 1, 7, tzinfo=UTC)
    stories = tuple(
        IssueStory(
            story_id=number, position=number, source="sample", link=f"https://example.org/{number}",
            link_key=f"https://example.org/{number}", guid=None, title=f"Sample story {number}", title_key="",
            teaser="A sentence that stands where a teaser will stand.", published=day,
        )
        for number in range(3)
    )  # fmt: skip
    return Issue(0, name, REGULAR, day, IssueState.DRAFT, scheduled=False, stories=stories)


def _lists(room: Newsroom) -> list[Finding]:
    found = []
    for name in membership.known_lists(room):
        file = room.lists_folder / f"{name}.csv"
        if not file.is_file():
            found.append(Finding("warning", f"subscribers/{name}.csv", "missing", "a newsletter names this list"))
            continue
        try:
            listed = read_list(decoded(file.read_bytes()))
        except (UsageError, OSError) as error:
            found.append(Finding("error", f"subscribers/{name}.csv", "unreadable", str(error)))
            continue
        found += [
            Finding("warning", f"subscribers/{name}.csv, line {refusal.line}", "refused", refusal.reason)
            for refusal in listed.refused
        ]
    return found


async def _reachable(room: Newsroom) -> AsyncIterator[Finding]:
    async with gathering.fetcher(room) as fetcher:
        findings = await asyncio.gather(_relay(room), *(_source(room, fetcher, name) for name in room.settings.sources))
    for finding in findings:
        if finding:
            yield finding


async def _relay(room: Newsroom) -> Finding | None:
    smtp = room.settings.smtp
    try:
        connection = await Connection.open(smtp, tls_context=room.tls)
    except (RelayRefused, DigestError) as error:
        return Finding("error", "smtp", f"{smtp.host}:{smtp.port}", str(error))
    await connection.close()
    return None


async def _source(room: Newsroom, fetcher: Fetcher, name: str) -> Finding | None:
    # Whether it answers is asked, and not the pages of all its stories.
    source = room.settings.sources[name].model_copy(update={"fetch_article": False})
    try:
        read = await read_source(fetcher, name, source, None, room.clock.now(), parsers=room.parsers)
    except GatherError as error:
        return Finding("error", f"sources.{name}", source.url or str(source.path), str(error))
    if read.warnings:
        return Finding("warning", f"sources.{name}", str(source.path), "; ".join(read.warnings))
    if read.found == 0 and read.status == "ok":
        return Finding("warning", f"sources.{name}", source.url or str(source.path), "answers, but has no stories now")
    return None
