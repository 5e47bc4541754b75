"""What a new issue is compared with: earlier leads and subjects of its newsletter, and where its readers are."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from digest.model.issue import IssueState
from digest.model.subscriber import Audience
from digest.store.engine import Connection
from digest.store.recipients import eligible
from digest.store.tables import issue_stories, issues, subscribers

_GONE_OUT = (IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED, IssueState.SENT)


@dataclass(frozen=True, slots=True)
class Precedent:
    """An earlier issue: its subject, its lead."""

    issue_id: int
    subject: str
    lead_title_key: str
    lead_link_key: str


async def latest(conn: Connection, newsletter: str, but: int, limit: int = 10) -> list[Precedent]:
    """The last issues of a newsletter that went out or are about to, newest first. but: an issue that is left out."""
    lead = (issue_stories.c.issue_id == issues.c.id) & (issue_stories.c.position == 0)
    query = (
        select(issues.c.id, issues.c.subject, issue_stories.c.title_key, issue_stories.c.link_key)
        .join(issue_stories, lead)
        .where(issues.c.newsletter == newsletter, issues.c.state.in_(_GONE_OUT), issues.c.id != but)
        .order_by(issues.c.slot.desc(), issues.c.id.desc())
        .limit(limit)
    )
    return [Precedent(row[0], row[1] or "", row[2], row[3]) for row in await conn.execute(query)]


async def last(conn: Connection, newsletter: str, edition: str) -> int | None:
    """The last issue of an edition that went out or is about to; None if there is none."""
    query = (
        select(issues.c.id)
        .where(issues.c.newsletter == newsletter, issues.c.edition == edition, issues.c.state.in_(_GONE_OUT))
        .order_by(issues.c.slot.desc(), issues.c.id.desc())
        .limit(1)
    )
    found: int | None = (await conn.execute(query)).scalar()
    return found


async def domains(conn: Connection, audience: Audience) -> list[tuple[str, int]]:
    """How many recipients are at each domain, most first."""
    position = func.strpos if conn.dialect.name == "postgresql" else func.instr
    # No local part holds an @: what stands after the first one is the domain.
    domain = func.substr(subscribers.c.email_key, position(subscribers.c.email_key, "@") + 1).label("domain")
    number = func.count()
    query = (
        select(domain, number)
        .where(subscribers.c.id.in_(eligible(audience)))
        .group_by(domain)
        .order_by(number.desc(), domain)
    )
    return [(str(row[0]), int(row[1])) for row in await conn.execute(query)]
