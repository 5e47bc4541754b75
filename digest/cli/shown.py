"""An issue as people and programs see it: its line in the list, and all of it.

Imported only when one is shown. What is not here: the commands (issues).
"""

from __future__ import annotations

from typing import Any

from digest.cli.runner import emit, say
from digest.flow import publish, report
from digest.flow.newsroom import Newsroom
from digest.model.issue import Issue, IssueStory


def line(issue: Issue) -> dict[str, Any]:
    """What every listing of issues says of one."""
    return {
        "id": issue.id,
        "newsletter": issue.newsletter,
        "edition": issue.edition,
        "slot": issue.slot,
        "state": issue.state,
        "reason": issue.reason,
        "subject": issue.subject,
    }


def local(room: Newsroom, issue: Issue) -> str:
    """Its slot on the clock of its newsletter."""
    zone = room.settings.zone_of(issue.newsletter) if issue.newsletter in room.settings.newsletters else None
    return f"{issue.slot.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"


async def show(room: Newsroom, issue_id: int, as_json: bool) -> None:
    """Show an issue: its stories with the reasons, and what happened to it."""
    issue = publish.with_subject(room, await publish.get(room, issue_id))
    happened = await report.history(room, issue_id)
    if as_json:
        names = ("email", "outcome", "code", "reply")
        missing = [dict(zip(names, each, strict=True)) for each in await report.not_reached(room, issue_id)]
        stories = [_story(story) for story in issue.stories]
        emit(line(issue) | {"intro": issue.intro, "stories": stories, "events": happened, "not_reached": missing})
        return
    reason = f": {issue.reason}" if issue.reason else ""
    say(f"Issue {issue.id} of {issue.newsletter}, {local(room, issue)}, {issue.state}{reason}")
    say(f"Subject: {issue.subject or '(it cannot be drawn)'}")
    if issue.intro:
        say(f"Intro: {issue.intro}")
    section = ""
    for story in issue.stories:
        if story.position and story.section != section:
            section = story.section
            say(f"-- {section or 'no section'}")
        say(f"{story.position + 1:3}. {story.title}\n     {story.source}, {story.link}\n     {story.why}")
    for name, error in _broken(happened).items():
        say(f"Warning: the source {name} failed when the issue was built: {error}")
    for event in happened:
        say(f"{event['at']:%Y-%m-%d %H:%M:%S} {event['actor']}: {event['action']} {event['reason']}".rstrip())


def _story(story: IssueStory) -> dict[str, Any]:
    return {
        "id": story.story_id,
        "title": story.title,
        "teaser": story.teaser,
        "link": story.link,
        "source": story.source,
        "published": story.published,
        "image": story.image,
        "topics": story.topics,
        "section": story.section,
        "also": [{"source": each.source, "link": each.link} for each in story.also],
        "pinned": story.pinned,
        "factors": dict(story.factors),
        "why": story.why,
    }


def _broken(happened: list[dict[str, Any]]) -> dict[str, str]:
    """The sources that failed when the issue was last built, and why."""
    built = [event["broken"] for event in happened if "broken" in event]
    return built[-1] if built else {}
