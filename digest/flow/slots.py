"""What the planned slots of a newsletter ask for, done when they ask; and letting go what is approved.

What is due is decided by model/schedule from the slots, the time and what the database knows; so a restart, a jump of the
clock or a second daemon changes nothing. What is not here: who wakes us (daemon/timetable), the acts (produce, publish,
clearance).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from digest import log
from digest.errors import IllegalMove, TemplateError
from digest.flow import clearance, gathering, membership, notify, produce, publish, withdrawal
from digest.flow.newsroom import Newsroom
from digest.flow.putting_back import reason_for
from digest.model.issue import OPEN, Issue, IssueState
from digest.model.schedule import Due, Duty, Rhythm, due, slots
from digest.store import issues, lineage
from digest.store.engine import Connection

MISSED = "missed: nobody was here to send it, and a later slot has come"

_S = IssueState
_log = log.get(__name__)


async def look_at(room: Newsroom, name: str) -> None:
    """Do for one newsletter what its slots ask for at this moment."""
    rhythm = room.settings.rhythm(name)
    if rhythm is None:
        return
    known, since, put_back_at = await _known_slots(room, name, rhythm)
    asking = [
        each for each in due(rhythm, since, room.clock.now()) if each.slot not in known or known[each.slot] in OPEN
    ]
    await _skip_missed(room, name, [each.slot for each in asking if each.duty is Duty.SUPERSEDED])
    for each in asking:
        if each.duty is Duty.SEND and put_back_at and each.slot <= put_back_at:
            await _hold(room, name, each.slot, reason_for("a copy of the database was put back after this slot"))
        elif each.duty is not Duty.SUPERSEDED:
            await _serve(room, name, each)


async def _known_slots(
    room: Newsroom, name: str, rhythm: Rhythm
) -> tuple[dict[datetime, IssueState], datetime, datetime | None]:
    """The slots that have an issue, the instant after which slots are to be looked at, and that of a backup put back.

    That is before the oldest slot with something left to do; else the newest slot; else the beginning of the schedule.
    """
    async with room.store.read() as conn:
        since = await issues.schedule_since(conn, name, _words(rhythm))
        known = await issues.scheduled_slots(conn, name)
        put_back_at = await lineage.put_back_at(conn)
    if since is None:
        since = await _begin(room, name, rhythm, known)
    waiting = [slot for slot, state in known.items() if state in OPEN]
    if waiting:
        return known, max(since, min(waiting) - timedelta(seconds=1)), put_back_at
    return known, max(since, max(known, default=since)), put_back_at


def _words(rhythm: Rhythm) -> str:
    """By what a schedule is recognised as the one that held before."""
    return f"{rhythm.cron} {rhythm.zone}"


async def _begin(room: Newsroom, name: str, rhythm: Rhythm, known: dict[datetime, IssueState]) -> datetime:
    """A new schedule, or a changed one, holds from now on: it never plans into the past.

    What the one before it had built goes on where the new one has that slot too; else it is skipped, with that reason.
    """
    now = room.clock.now()
    built = [slot for slot, state in known.items() if state in {_S.DRAFT, _S.REVIEW}]
    kept = [slot for slot in built if now - slot <= rhythm.late and _has(rhythm, slot)]
    for slot in set(built) - set(kept):
        await _skip(room, name, slot, "the schedule has changed: this slot is none any more")
        known[slot] = _S.SKIPPED
    since = min([now, *(slot - timedelta(seconds=1) for slot in kept)])
    async with room.store.write() as conn:
        await issues.begin_schedule(conn, name, _words(rhythm), since)
    return since


def _has(rhythm: Rhythm, slot: datetime) -> bool:
    return slot in slots(rhythm, slot - timedelta(seconds=1), slot)


async def _serve(room: Newsroom, name: str, each: Due) -> None:
    if each.duty is Duty.SKIP_DATE:
        await _skip(
            room, name, each.slot, f"{each.slot.astimezone(room.settings.zone_of(name)):%-d %B %Y} is a skipped date"
        )
    elif each.duty is Duty.BUILD:
        await _build(room, name, each.slot)
    elif each.duty is Duty.SEND:
        await _send_at_slot(room, name, each.slot)
    else:
        await _hold(room, name, each.slot, _too_late(room.clock.now() - each.slot))


async def _skip(room: Newsroom, name: str, slot: datetime, reason: str) -> None:
    async with room.store.write() as conn:
        if issue := await _unsent(conn, room, name, slot):
            await produce.skip(conn, room, issue, reason)


async def _skip_missed(room: Newsroom, name: str, missed: Sequence[datetime]) -> None:
    """Slots that a later one has overtaken: each ends with its reason, and the editors are told once of all."""
    if not missed:
        return
    async with room.store.write() as conn:
        issues_missed = [issue for slot in missed if (issue := await _unsent(conn, room, name, slot))]
        for issue in issues_missed:
            await produce.skip(conn, room, issue, MISSED, tell=False)
        if issues_missed:
            await notify.missed(conn, room, issues_missed, MISSED)


async def _unsent(conn: Connection, room: Newsroom, name: str, slot: datetime) -> Issue | None:
    """The issue of a slot that nobody has approved, made if need be; None when somebody has decided about it."""
    await issues.create(conn, name, slot, room.clock.now(), scheduled=True)
    issue = await issues.of_slot(conn, name, slot)
    return issue if issue and issue.state in {_S.DRAFT, _S.REVIEW} else None


async def _build(room: Newsroom, name: str, slot: datetime) -> None:
    """The cutoff has come: the issue is built, and its editors hear what preflight finds while they can mend it."""
    async with room.store.read() as conn:
        before = await issues.of_slot(conn, name, slot)
    issue = await _ensure_built(room, name, slot)
    if issue.state is _S.REVIEW and (before is None or before.state is _S.DRAFT):
        await clearance.foretell(room, issue)


async def _ensure_built(room: Newsroom, name: str, slot: datetime) -> Issue:
    """The issue of the slot, gathered for and built when it has none; one that was built before is left as it is."""
    async with room.store.read() as conn:
        issue = await issues.of_slot(conn, name, slot)
    if issue is None:
        await membership.refresh(room, room.settings.newsletters[name].lists)
        await gathering.gather(room, room.settings.newsletters[name].sources)
        return await produce.draft(room, name, slot, scheduled=True)
    if issue.state is _S.DRAFT and not issue.reason:  # whoever began to build it was cut off
        return await produce.build(room, issue)
    return issue


async def _send_at_slot(room: Newsroom, name: str, slot: datetime) -> None:
    """The slot has come: what is approved leaves (see let_go), what nobody stopped is approved, the rest is held."""
    issue = await _ensure_built(room, name, slot)
    if issue.state is _S.DRAFT:
        # It lacked stories at the cutoff; whatever has come since counts.
        await gathering.gather(room, room.settings.newsletters[name].sources)
        issue = await produce.build(room, issue)
    if issue.state is _S.DRAFT:
        await produce.give_up(room, issue)
    elif issue.state is _S.REVIEW:
        await _approve_or_hold(room, issue)


async def _approve_or_hold(room: Newsroom, issue: Issue) -> None:
    if room.settings.newsletters[issue.newsletter].review != "auto":
        second = room.settings.newsletters[issue.newsletter].review == "second"
        await publish.hold(room, issue.id, "two editors have not approved it" if second else "nobody has approved it")
        return
    await membership.refresh(room, room.settings.newsletters[issue.newsletter].lists)
    try:
        await _look_again(room, issue)
        await clearance.approve_or_rebuild(room, issue.id)
    except TemplateError as error:
        _log.error("issue.failed", issue=issue.id, reason=str(error))
    except IllegalMove as error:
        # Another daemon, or an editor, was faster; what they did stands.
        _log.info("issue.moved", issue=issue.id, reason=str(error))


async def _look_again(room: Newsroom, issue: Issue) -> None:
    """Ask once more whether the stories still stand; nobody is there to be warned, so it goes into the event log."""
    issue, warnings = await withdrawal.look_again(room, issue)
    if warnings:
        async with room.store.write() as conn:
            await room.log(conn, "issue.stories_withdrawn", issue, reason="; ".join(warnings))


async def _hold(room: Newsroom, name: str, slot: datetime, reason: str) -> None:
    issue = await _ensure_built(room, name, slot)
    if issue.state is _S.DRAFT:
        issue = await produce.build(room, issue)
    if issue.state is _S.DRAFT:
        await produce.give_up(room, issue)
    elif issue.state is _S.REVIEW:
        await publish.hold(room, issue.id, reason)


def _too_late(late: timedelta) -> str:
    return f"it was due {late.total_seconds() / 3600:.1f} h ago, too late to be sent unasked"


async def let_go(room: Newsroom) -> bool:
    """Let approved issues leave whose time has come, hold those that missed it; whether a sender has something to do."""
    now = room.clock.now()
    async with room.store.read() as conn:
        approved = await issues.in_states(conn, [_S.APPROVED])
        sending = await issues.in_states(conn, [_S.SENDING])
    departed = False
    for issue in [*approved, *sending]:
        if issue.newsletter not in room.settings.newsletters:
            await publish.hold(room, issue.id, "its newsletter is no longer in the settings")
        elif issue.state is _S.APPROVED and issue.not_before and issue.not_before <= now:
            await _leave(room, issue, now - issue.not_before)
            departed = True
    return departed or bool(sending)


async def _leave(room: Newsroom, issue: Issue, late: timedelta) -> None:
    limit = room.settings.newsletter(issue.newsletter).late
    try:
        if late > limit:
            await publish.hold(room, issue.id, _too_late(late))
        else:
            await publish.start(room, issue.id)
    except IllegalMove as error:
        _log.info("issue.moved", issue=issue.id, reason=str(error))
