"""An issue of six stories, and what is needed to render it. Every sentence and address in it is made up for the tests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment

from digest.model.issue import Issue, IssueState, IssueStory, RenderedIssue
from digest.render.html import render_issue
from digest.render.templates import environment
from digest.settings import Newsletter, Site

SHIPPED = Path(__file__).parents[2] / "templates"
SLOT = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
_IMAGES = "https://images.example.org/"


def _story(number: int, title: str, teaser: str, **more: Any) -> IssueStory:
    values: dict[str, Any] = {
        "story_id": 100 + number,
        "position": number,
        "source": "Defence Notes",
        "link": f"https://news.example.com/notes/{number}?ref=digest&part={number}",
        "link_key": f"news.example.com/notes/{number}",
        "guid": None,
        "title": title,
        "title_key": title.lower(),
        "teaser": teaser,
        "published": SLOT - timedelta(hours=5 * number + 2),
        "topics": ("procurement",),
    }
    return IssueStory(**(values | more))


def six_stories() -> tuple[IssueStory, ...]:
    """A lead with a picture, then teasers with and without."""
    return (
        _story(
            0,
            "Malaysia sets aside RM21.70 billion for defence",
            "The allocation for next year puts patrol ships and radar first, and leaves the question of new fighters "
            "for the plan that follows.",
            image=f"{_IMAGES}lead.png",
        ),
        _story(
            1,
            "DroneShield doubles its footprint in the United States",
            "A second site will assemble counter-drone equipment closer to its largest customer; the company expects "
            "the first units before the summer.",
            source="Defence Wire",
            image=f"{_IMAGES}two.png",
            topics=("industry",),
        ),
        _story(
            2,
            "GAO: frigate schedule rests on a design that is still moving",
            "The auditors count the drawings that changed after steel had been cut, and advise the navy to wait before "
            "it orders the next two ships.",
        ),
        _story(
            3,
            "Canada narrows its search for new submarines",
            "Two bidders remain. Ottawa wants the first boat in the water by 2035, and the crews trained before that.",
            source="Defence Wire",
            topics=("industry", "navy"),
        ),
        _story(
            4,
            "Palantir and Boeing join data from a dozen plants",
            "Under the agreement, production lines for aircraft and satellites will report to one system, which is to "
            "show shortages a week earlier than today.",
            image=f"{_IMAGES}five.png",
            topics=("industry",),
        ),
        _story(5, "Patrol vessels: what the yards can deliver, and when", "", topics=("navy",)),
    )


def an_issue(stories: tuple[IssueStory, ...] | None = None, intro: str = "") -> Issue:
    """Issue 7, under review."""
    return Issue(
        id=7,
        newsletter="defence-notes",
        edition="regular",
        slot=SLOT,
        state=IssueState.REVIEW,
        intro=intro,
        stories=six_stories() if stories is None else stories,
    )


def a_newsletter(**changes: Any) -> Newsletter:
    """The newsletter of the sample site."""
    values = {
        "title": "Defence Notes",
        "from": "Defence Notes <news@example.org>",
        "sources": ("defence-notes",),
        "lists": ("defence-notes",),
    }
    return Newsletter.model_validate(values | changes)


SITE = Site(name="Defence Notes", url="https://news.example.org", address="1 Sample Street, London")


@dataclass(frozen=True)
class Renderer:
    """Renders the sample issue, with whatever a test changes about it."""

    folders: tuple[Path, ...] = (SHIPPED,)
    newsletter: Newsletter = field(default_factory=a_newsletter)
    language: str = "en"

    def environment(self) -> Environment:
        return environment(self.folders)

    def __call__(self, issue: Issue | None = None, *, subject: str | None = None, **changes: Any) -> RenderedIssue:
        newsletter = a_newsletter(**changes) if changes else self.newsletter
        zone = ZoneInfo("Europe/London")
        return render_issue(
            self.environment(),
            issue or an_issue(),
            "defence-notes",
            newsletter,
            SITE,
            self.language,
            zone,
            subject=subject,
        )

    def with_story(self, **changes: Any) -> RenderedIssue:
        """The sample issue with another lead."""
        first, *rest = six_stories()
        return self(an_issue((replace(first, **changes), *rest)))
