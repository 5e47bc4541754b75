"""What the templates of a mail get: the issue fit for a mail, its groups, and what is the same for every subscriber.

What is not here: drawing with them (html), a subscriber's own values (slots, known).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from itertools import accumulate, groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from digest.model.issue import AlsoIn, Issue, IssueStory
from digest.render.clean import clean, foreign, web_address
from digest.render.filters import direction
from digest.render.slots import MORE, Slot, SubscriberSlots
from digest.render.templates import MARKS, Marks
from digest.render.words import words_of
from digest.settings import Newsletter, Site


@dataclass(frozen=True, slots=True)
class Group:
    """Stories behind the lead that stand together. title: of their section; "" for those that belong to none."""

    title: str
    stories: tuple[IssueStory, ...]

    @property
    def topics(self) -> tuple[str, ...]:
        """Whoever follows one of these gets a story of the group."""
        return tuple(dict.fromkeys(topic for story in self.stories for topic in story.topics))


def groups_of(stories: Sequence[IssueStory]) -> tuple[Group, ...]:
    """The stories behind the lead, by section, in their order."""
    parts = groupby(stories[1:], key=lambda story: story.section)
    return tuple(Group(foreign(title), tuple(members)) for title, members in parts)


def below(groups: Sequence[Group]) -> tuple[tuple[int, ...], ...]:
    """The numbers of the stories below each heading; the lead is 0, and behind it the groups stand in their order."""
    ends = tuple(accumulate((len(group.stories) for group in groups), initial=1))
    return tuple(tuple(range(start, end)) for start, end in pairwise(ends))


def in_order(issue: Issue, zone: ZoneInfo) -> tuple[IssueStory, ...]:
    """The stories, lead first, fit for a mail: no control characters, only web links, times in `zone`."""
    ordered = sorted(issue.stories, key=lambda story: story.position)
    return tuple(
        replace(
            story,
            title=foreign(story.title),
            teaser=foreign(story.teaser),
            source=foreign(story.source),
            also=tuple(AlsoIn(foreign(each.source), web_address(each.link)) for each in story.also),
            link=web_address(story.link),
            image=web_address(story.image or "") or None,
            language=foreign(story.language or "") or None,
            published=story.published.astimezone(zone),
        )
        for story in ordered
    )


def shared(
    issue: Issue,
    stories: Sequence[IssueStory],
    newsletter: Newsletter,
    site: Site,
    language: str,
    zone: ZoneInfo,
) -> dict[str, Any]:
    """The values that are the same for every subscriber."""
    date = issue.slot.astimezone(zone)
    intro = clean(issue.intro)
    return {
        "issue": replace(issue, slot=date, intro=intro, stories=tuple(stories)),
        "newsletter": newsletter,
        "theme": newsletter.theme,
        "site": site,
        "lead": stories[0],
        "stories": stories,
        "sections": groups_of(stories),
        "intro": intro,
        "date": date,
        "language": language,
        "direction": direction(language),
        "words": words_of(language),
    }


def slots(nonce: str) -> dict[str, Any]:
    """A subscriber's values and a story's number, to be printed and nothing else."""
    return {
        "subscriber": SubscriberSlots(Slot("name", nonce), Slot("email", nonce)),
        "unsubscribe_url": Slot("unsubscribe_url", nonce),
        "view_url": Slot("view_url", nonce),
        "preferences_url": Slot("preferences_url", nonce),
        "number": Slot("number", nonce),
        MORE: Slot(MORE, nonce),
    }


def marks(nonce: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """What numbers the blocks of stories, headings and `more`."""
    return {MARKS: Marks(nonce, [*context["stories"], *context["sections"], MORE])}


def content(issue: Issue, stories: Sequence[IssueStory], name: str, newsletter: Newsletter, site: Site) -> str:
    """Everything of an issue that may reach its mail; what the nonce is made of."""
    texts = [name, issue.edition, issue.slot.astimezone(UTC).isoformat(), issue.intro, newsletter.title]
    texts += [newsletter.subject, newsletter.preheader, site.name, site.url, site.address]
    for story in stories:
        texts += [story.title, story.teaser, story.link, story.source, story.image or "", story.published.isoformat()]
        texts += [
            story.section,
            str(story.minutes),
            *(text for each in story.also for text in (each.source, each.link)),
        ]
    return "\n".join(texts)
