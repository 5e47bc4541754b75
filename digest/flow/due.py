"""Which issues have something to send at this moment. What is not here: sending it (worker)."""

from __future__ import annotations

from datetime import datetime

from digest.flow.newsroom import Newsroom
from digest.model.hours import quiet_until
from digest.model.issue import Issue, IssueState
from digest.store import deliveries, issues
from digest.store.engine import Connection


async def due_issues(conn: Connection, room: Newsroom, only: int | None, now: datetime) -> list[Issue]:
    """What is being sent, has something due and no quiet hours, oldest slot first. only: of these, this one; None: all."""
    known = room.settings.newsletters  # one that was taken out of the settings must not stop the others
    sending = [
        each
        for each in await issues.in_states(conn, [IssueState.SENDING])
        if only in (None, each.id) and each.newsletter in known and quiet(room, each.newsletter, now) is None
    ]
    return [each for each in sending if (due := await deliveries.next_due(conn, each.id)) and due <= now]


def quiet(room: Newsroom, newsletter: str, now: datetime) -> datetime | None:
    """When the quiet hours end that keep the newsletter's issues back; None when there are none now."""
    return quiet_until(room.settings.delivery.quiet, room.settings.zone_of(newsletter), now)
