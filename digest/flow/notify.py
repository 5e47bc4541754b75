"""Notes to the editors in `desk.notify`: queued in the transaction of what they tell of, sent like every message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from digest.flow.newsroom import Newsroom
from digest.model.issue import Issue, IssueState
from digest.model.subscriber import Mailbox, domain_of
from digest.render.mime import plain_message
from digest.store import messages
from digest.store.engine import Connection
from digest.tokens import Purpose


async def review_opened(conn: Connection, room: Newsroom, issue: Issue, broken: Sequence[tuple[str, str]] = ()) -> None:
    """Tell the editors that a planned issue is ready to be looked at. Manual sends have their editor already.

    broken: the sources that brought nothing to it, and why.
    """
    if not issue.scheduled:
        return
    newsletter = room.settings.newsletter(issue.newsletter)
    slot = issue.slot.astimezone(room.settings.zone_of(issue.newsletter))
    fate = "goes out" if newsletter.review == "auto" else "is held unless somebody approves it"
    lines = [
        f"Issue {issue.id} of {newsletter.title} is ready for review.",
        f"On {slot:%A, %-d %B at %H:%M} ({slot.tzname()}) it {fate}.",
        "",
        *(f"{story.position + 1}. {story.title}\n   {story.link}" for story in issue.stories),
        "",
        *(f"The source {name} failed: {reason}" for name, reason in broken),
        *([""] if broken else []),
        f"To look:    digest issues show {issue.id}",
        f"To approve: digest issues approve {issue.id}",
        f"To stop it: digest issues hold {issue.id}",
    ]
    await _note(conn, room, issue, f"{newsletter.title}: issue {issue.id} is ready for review", "\n".join(lines))


async def unfit(conn: Connection, room: Newsroom, issue: Issue, findings: Sequence[str]) -> None:
    """Tell the editors what preflight says of an issue, a line each; errors keep it back, warnings do not."""
    newsletter = room.settings.newsletter(issue.newsletter)
    kept_back = any(each.startswith("Error") for each in findings)
    lines = [
        f"Preflight has looked at issue {issue.id} of {newsletter.title}:",
        "",
        *(f"- {each}" for each in findings),
        "",
        "It is not sent before the errors are mended." if kept_back else "It goes out all the same.",
        "",
        f"To look:    digest issues show {issue.id}",
        f"To mend it: digest issues edit {issue.id}",
        f"To check:   digest preflight {issue.id}",
    ]
    about = "is not fit to be sent" if kept_back else "should be looked at"
    await _note(conn, room, issue, f"{newsletter.title}: issue {issue.id} {about}", "\n".join(lines))


async def ended(conn: Connection, room: Newsroom, issue: Issue, state: IssueState, reason: str) -> None:
    """Tell the editors that an issue has ended, or has stopped, and why.

    Nobody is told of a newsletter that is no longer in the settings: it has no sender any more.
    """
    if issue.newsletter not in room.settings.newsletters:
        return
    title = room.settings.newsletter(issue.newsletter).title
    slot = issue.slot.astimezone(room.settings.zone_of(issue.newsletter))
    lines = [
        f"Issue {issue.id} of {title}, planned for {slot:%A, %-d %B, %H:%M} ({slot.tzname()}), is {state}.",
        *([reason if state is IssueState.SENT else f"Reason: {reason}"] if reason else []),
        "",
        f"More: digest issues report {issue.id}",
    ]
    await _note(conn, room, issue, f"{title}: issue {issue.id} is {state}", "\n".join(lines))


async def missed(conn: Connection, room: Newsroom, skipped: Sequence[Issue], reason: str) -> None:
    """Tell the editors once of all slots of a newsletter that went by unserved."""
    if len(skipped) == 1:
        await ended(conn, room, skipped[0], IssueState.SKIPPED, reason)
        return
    first, last = skipped[0], skipped[-1]
    title, zone = room.settings.newsletter(last.newsletter).title, room.settings.zone_of(last.newsletter)
    span = f"from {first.slot.astimezone(zone):%-d %B, %H:%M} to {last.slot.astimezone(zone):%-d %B, %H:%M %Z}"
    lines = [
        f"{len(skipped)} issues of {title} were skipped, planned {span}.",
        f"Reason: {reason}",
        "",
        "More: digest issues list",
    ]
    await _note(conn, room, last, f"{title}: {len(skipped)} issues were missed", "\n".join(lines))


async def list_unreadable(conn: Connection, room: Newsroom, name: str, reason: str) -> None:
    """Tell the editors that the file of a list is no list any more; mail goes on to those who were on it."""
    reader = next(each for each in room.settings.newsletters.values() if name in each.lists)
    lines = [
        f"The file of the list {name} cannot be read: {reason}",
        "Issues go to those who were on the list before, until it is mended.",
        "",
        "To try again: digest subscribers sync",
    ]
    await _send(conn, room, reader.from_, 0, f"The list {name} cannot be read", "\n".join(lines))


async def source_failing(conn: Connection, room: Newsroom, name: str, since: datetime, error: str) -> None:
    """Tell the editors that a source has failed for long, or for good. Nobody is told of one that no newsletter reads."""
    readers = [each for each in room.settings.newsletters.values() if name in each.sources]
    if not readers:
        return
    lines = [
        f"The source {name} has brought nothing since {since:%A, %-d %B, %H:%M} (UTC).",
        f"Reason: {error}",
        f"It is read by: {', '.join(each.title for each in readers)}",
        "",
        f"To look: digest sources try {name}",
    ]
    number = int.from_bytes(sha256(name.encode()).digest()[:6], "big")
    await _send(conn, room, readers[0].from_, number, f"The source {name} fails", "\n".join(lines))


async def _note(conn: Connection, room: Newsroom, issue: Issue, subject: str, text: str) -> None:
    await _send(conn, room, room.settings.newsletter(issue.newsletter).from_, issue.id, subject, text)


async def _send(conn: Connection, room: Newsroom, sender: Mailbox, number: int, subject: str, text: str) -> None:
    """Queue a note to every editor. number: of what it tells."""
    now = room.clock.now()
    for address in room.settings.desk.notify:
        # The number of the message is not known yet; the instant in microseconds makes its id unique all the same.
        token = room.signer.sign(Purpose.MESSAGE_ID, number, int(now.timestamp() * 1_000_000), hash_of(address))
        content = plain_message(
            sender=sender,
            to=Mailbox("", address),
            subject=subject,
            text=text,
            message_id=f"{token}@{domain_of(sender.email)}",
            date=now,
            language="en",
            smtputf8=not address.isascii(),
        )
        await messages.add(conn, messages.Kind.NOTE, sender.email, address, room.signed(content), now)


def hash_of(address: str) -> int:
    """A number for an address that is the same in every process, and another for every other address."""
    return int.from_bytes(sha256(address.encode()).digest()[:8], "big")
