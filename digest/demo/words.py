"""What the demo says on the terminal (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from digest.flow.gathering import SourceReport
from digest.flow.report import Report
from digest.model.issue import IssueState
from digest.model.schedule import next_slot
from digest.settings import Settings

ENDED = "\nThe demo has ended. The mails are kept in var/inbox."


def starting(settings: Settings) -> str:
    """The first line."""
    return f"{settings.site.name}: a newsroom, an inbox and the daemon, all on this machine.\n"


def gathered(reports: Sequence[SourceReport]) -> str:
    """What each source gave."""
    return "\n".join(_source(each) for each in reports)


def _source(report: SourceReport) -> str:
    if report.status == "failed":
        return f"  {report.name}: could not be read ({report.error})"
    return f"  {report.name}: {_counted(report.found, 'story', 'stories')}, {report.new or 'none'} of them new"


def became(report: Report, settings: Settings) -> str:
    """What became of an issue of the start."""
    issue = report.issue
    title = settings.newsletters[issue.newsletter].title
    if issue.state is IssueState.SENT:
        readers = _counted(report.tally.sent, "subscriber", "subscribers")
        missed = "" if not report.tally.failed else f"; {report.tally.failed} could not be reached"
        return f"  {title}, issue {issue.id}: sent to {readers}{missed}.\n    {issue.subject}"
    if issue.state is IssueState.SKIPPED and issue.reason.startswith("no new stories"):
        return f"  {title}: nothing new since the last issue, so none was sent."
    return f"  {title}, issue {issue.id}: {issue.state}{f' ({issue.reason})' if issue.reason else ''}."


def where_to_look(link: str, settings: Settings, now: datetime) -> str:
    """The one link, and what comes next."""
    return "\n".join(["", f"Look at the mails:  {link}", "", *_coming(settings, now), "Ctrl-C ends it."])


def _coming(settings: Settings, now: datetime) -> Iterator[str]:
    for name, newsletter in settings.newsletters.items():
        rhythm = settings.rhythm(name)
        slot = next_slot(rhythm, now) if rhythm else None
        if rhythm is None or slot is None:
            yield f"{newsletter.title} has no next slot: `digest send {name}` sends it."
        else:
            when = f"{slot.astimezone(rhythm.zone):%A, %-d %B at %H:%M} ({rhythm.zone})"
            yield f"The next issue of {newsletter.title} leaves on {when}."


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
