"""People come and go: lists are read from files, subscribers added, removed, exported; an unsubscribe link is followed.

What is not here: reading a file's lines (audience/lists), pages (web/subscribers).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from digest import log
from digest.audience.lists import decoded, read_list
from digest.errors import NotFound, TokenError, UsageError
from digest.flow import notify
from digest.flow.newsroom import Newsroom
from digest.model.issue import Issue
from digest.model.subscriber import (
    Counts,
    ListEntry,
    Refusal,
    Subscriber,
    SubscriptionState,
    clean_name,
    normalize_email,
    zone_named,
)
from digest.store import deliveries, events, issues, subscribers
from digest.store.engine import Connection
from digest.tokens import Purpose

AT_ONCE = 5000
"""Lines of a list's file that are taken over in one transaction."""

_log = log.get(__name__)

# -- lists -------------------------------------------------------------------------------------------------------------


def known_lists(room: Newsroom) -> list[str]:
    """The names of the lists that a newsletter uses, sorted."""
    return sorted({name for newsletter in room.settings.newsletters.values() for name in newsletter.lists})


def check_list(room: Newsroom, name: str) -> None:
    """Raise NotFound unless some newsletter uses the list or it has a file."""
    if name not in known_lists(room) and not (room.lists_folder / f"{name}.csv").is_file():
        raise NotFound(f"there is no list {name!r}; there are: {', '.join(known_lists(room))}")


async def sync(room: Newsroom, lists: Sequence[str] | None = None, *, unchanged_too: bool = False) -> dict[str, Counts]:
    """Read the file of each of the lists (None: all) that has changed since it was last read; what it did, by list.

    unchanged_too: read the others as well.

    A list without a file is fine: its subscribers come by other ways. Raises UsageError for a file that is no list.
    """
    done = {}
    for name in known_lists(room) if lists is None else lists:
        file = room.lists_folder / f"{name}.csv"
        if file.is_file() and (counts := await _sync_file(room, name, file, unchanged_too)) is not None:
            done[name] = counts
    return done


async def refresh(room: Newsroom, lists: Sequence[str] | None = None) -> None:
    """Read what has changed of the lists (None: all) where nobody is there to be asked.

    A file that is no list keeps no issue from its readers: its list stays as it is, and the editors are told, once.
    """
    for name in known_lists(room) if lists is None else lists:
        try:
            read = await sync(room, [name])
        except UsageError as error:
            _log.error("list.unreadable", list=name, reason=str(error))
            await _tell_unreadable(room, name, str(error))
            continue
        for counts in read.values():
            _log.info("list.read", list=name, added=counts.added, updated=counts.updated, refused=len(counts.refused))
            for words in told(name, counts):
                _log.warning("list.warning", list=name, reason=words)


async def _tell_unreadable(room: Newsroom, name: str, reason: str) -> None:
    async with room.store.write() as conn:
        last = await events.latest_of_list(conn, name)
        if last is None or last.action != "list.unreadable" or last.reason != reason:
            await events.add(conn, room.clock.now(), room.actor, "list.unreadable", reason=reason, list=name)
            await notify.list_unreadable(conn, room, name, reason)


async def _sync_file(room: Newsroom, name: str, file: Path, unchanged_too: bool) -> Counts | None:
    content = _content(file)
    fingerprint = sha256(content).hexdigest()
    async with room.store.read() as conn:
        if not unchanged_too and await subscribers.file_hash(conn, name) == fingerprint:
            return None
    return await _take_over(room, name, file, content, fingerprint)


async def _fewer(conn: Connection, name: str, lines: int) -> int:
    """By how many lines the list's file is shorter than it was when it was last read."""
    last = await events.latest_of_list(conn, name)
    return max(0, (last.data.get("lines") or 0) - lines) if last else 0


def told(name: str, counts: Counts) -> list[str]:
    """What somebody who relies on the file of a list should know of its reading."""
    said = [f"subscribers/{name}.csv, line {each.line}: {each.reason}" for each in counts.refused]
    if counts.fewer:
        lines = "1 line" if counts.fewer == 1 else f"{counts.fewer} lines"
        said.append(
            f"subscribers/{name}.csv has {lines} less than before, but taking a line out removes nobody: "
            "they are still mailed; to end that: digest subscribers remove EMAIL"
        )
    return said


async def import_file(room: Newsroom, list_name: str, file: Path) -> Counts:
    """Take the subscribers of a CSV file over into a list. Raises UsageError when the file is no list, NotFound."""
    check_list(room, list_name)
    return await _take_over(room, list_name, file, _content(file), None)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None


async def _take_over(room: Newsroom, name: str, file: Path, content: bytes, fingerprint: str | None) -> Counts:
    """Into the database, some thousand at a time: a long list keeps neither the loop nor other writers waiting.

    Only when all of it is there does the file count as read.
    """
    try:
        listed = await asyncio.to_thread(lambda: read_list(decoded(content)))
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from None
    counts = Counts(refused=listed.refused)
    for start in range(0, len(listed.entries), AT_ONCE):
        async with room.store.write() as conn:
            part = listed.entries[start : start + AT_ONCE]
            counts += await subscribers.take_over(conn, name, part, room.clock.now())
    now = room.clock.now()
    async with room.store.write() as conn:
        counts += Counts(fewer=await _fewer(conn, name, len(listed.entries)) if fingerprint else 0)
        if fingerprint:
            await subscribers.record_file(conn, name, fingerprint, now)
        figures: dict[str, Any] = {"added": counts.added, "updated": counts.updated, "refused": len(counts.refused)}
        figures["lines"] = len(listed.entries) if fingerprint else None
        await events.add(conn, now, room.actor, "list.read", reason=file.name, list=name, **figures)
    return counts


async def listing(room: Newsroom, list_name: str | None) -> AsyncGenerator[dict[str, Any]]:
    """Every subscription, of one list or of all, streamed. Raises NotFound for a list that is not known."""
    if list_name is not None:
        check_list(room, list_name)
    names = ("list", "email", "name", "state", "topics", "language", "timezone", "since")
    async with room.store.read() as conn, contextlib.aclosing(subscribers.listing(conn, list_name)) as rows:
        async for row in rows:
            yield dict(zip(names, row, strict=True))


async def export(room: Newsroom, list_name: str | None) -> AsyncGenerator[tuple[str, ...]]:
    """Rows (email, name, topics, language, timezone) of everyone who is subscribed, streamed. Raises NotFound."""
    async with contextlib.aclosing(listing(room, list_name)) as rows:
        async for row in rows:
            if row["state"] == SubscriptionState.CONFIRMED:
                topics = ";".join(row["topics"])
                yield (row["email"], row["name"], topics, row["language"] or "", row["timezone"] or "")


# -- one person --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """A subscriber with what was sent to her."""

    subscriber: Subscriber
    history: tuple[dict[str, object], ...]


async def show(room: Newsroom, email: str) -> Person:
    """Everything that is known of an address. Raises NotFound, AddressError."""
    async with room.store.read() as conn:
        subscriber = await _known(conn, email)
        return Person(subscriber, tuple(await deliveries.history(conn, subscriber.id)))


async def _known(conn: Connection, email: str) -> Subscriber:
    subscriber = await subscribers.by_email(conn, normalize_email(email))
    if subscriber is None:
        raise NotFound(f"{email} is not known here")
    return subscriber


async def add(
    room: Newsroom, list_name: str, email: str, name: str = "", topics: Sequence[str] = (), timezone: str | None = None
) -> Counts:
    """Subscribe an address because an editor says so; one who had left the list is back.

    An opt-out from a newsletter, a bounce or a complaint stands: only the subscriber can undo it, and one who must not be
    mailed is refused. Raises AddressError, NotFound; UsageError for a time zone that there is not.
    """
    check_list(room, list_name)
    if timezone and zone_named(timezone) is None:
        raise UsageError(f"{timezone!r} is not a time zone of the IANA list such as Europe/London")
    entry = ListEntry(1, normalize_email(email), clean_name(name), tuple(topics), None, timezone)
    now = room.clock.now()
    async with room.store.write() as conn:
        before = await subscribers.by_email(conn, entry.email)
        if before and before.suppressed:
            return Counts(refused=(Refusal(1, f"{entry.email} must not be mailed ({before.suppressed})"),))
        counts = await subscribers.take_over(conn, list_name, [entry], now)
        person = await _known(conn, entry.email)
        if any(each.list == list_name and each.state is SubscriptionState.LEFT for each in person.subscriptions):
            await subscribers.rejoin(conn, list_name, person.id, now)
            counts = Counts(updated=1)
        await events.add(conn, now, room.actor, "subscriber.added", list=list_name, subscriber=person.id)
    return counts


async def remove(room: Newsroom, list_name: str, email: str) -> bool:
    """End a subscription because an editor says so; say whether there was one. Raises NotFound for an unknown address."""
    check_list(room, list_name)
    now = room.clock.now()
    async with room.store.write() as conn:
        person = await _known(conn, email)
        left = await subscribers.leave_list(conn, list_name, person.id, now)
        if left:
            await events.add(conn, now, room.actor, "subscriber.removed", list=list_name, subscriber=person.id)
        return left


# -- leaving by a link -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Link:
    """What an unsubscribe or view link names. subscriber: None for a preview's or a test's link."""

    issue: Issue | None
    newsletter: str | None
    subscriber: Subscriber | None


async def follow(room: Newsroom, purpose: Purpose, token: str) -> Link:
    """Whom and what a link names; changes nothing. Raises TokenError."""
    issue_id, subscriber_id = pair(room.signer.verify(purpose, token))
    async with room.store.read() as conn:
        subscriber = await subscribers.by_id(conn, subscriber_id)
        try:
            issue = await issues.get(conn, issue_id)
        except NotFound:
            return Link(None, None, subscriber)
    return Link(issue, issue.newsletter, subscriber)


def pair(numbers: tuple[int, ...]) -> tuple[int, int]:
    """The issue and the subscriber that a link's token names. Raises TokenError when it names something else."""
    if len(numbers) != 2:
        raise TokenError("this link is not valid")
    return numbers[0], numbers[1]


async def unsubscribe(room: Newsroom, token: str) -> Link:
    """She leaves the newsletter, at once and also in mid-send; a second time changes nothing. Raises TokenError."""
    link = await follow(room, Purpose.UNSUBSCRIBE, token)
    if link.issue is None or link.newsletter is None or link.subscriber is None:
        return link
    now = room.clock.now()
    async with room.store.write() as conn:
        if await subscribers.opt_out(conn, link.newsletter, link.subscriber.id, link.issue.id, now):
            await deliveries.skip_subscriber(conn, link.subscriber.id, link.newsletter, "unsubscribed", now)
            await room.log(conn, "subscriber.left", link.issue, subscriber=link.subscriber.id)
    return link


async def come_back(room: Newsroom, token: str) -> Link:
    """She takes back that she left. Raises TokenError."""
    link = await follow(room, Purpose.UNSUBSCRIBE, token)
    if link.newsletter is None or link.subscriber is None or link.issue is None:
        return link
    async with room.store.write() as conn:
        if await subscribers.withdraw_opt_out(conn, link.newsletter, link.subscriber.id):
            await room.log(conn, "subscriber.returned", link.issue, subscriber=link.subscriber.id)
    return link
