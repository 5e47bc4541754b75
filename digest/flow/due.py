"""Which issues have something to send now.

What is not here: claiming it (worker), when somebody looks (send, daemon).
"""

from __future__ import annotations

from datetime import datetime

from digest.flow.newsroom import Newsroom
from digest.model.issue import Issue, IssueState
from digest.store import deliveries, issues
from digest.store.engine import Connection


async def due_issues(conn: Connection, room: Newsroom, only: int | None, now: datetime) -> list[Issue]:
    """What is being sent and has something due, oldest slot first. only: of these, this one; None: all."""
    known = room.settings.newsletters  # one that was taken out of the settings must not stop the others
    sending = [
        each
        for each in await issues.in_states(conn, [IssueState.SENDING])
        if only in (None, each.id) and each.newsletter in known
    ]
    return [each for each in sending if (due := await deliveries.next_due(conn, each.id)) and due <= now]
