"""An issue into its rendered snapshot: subject, preheader, HTML with inlined styles, text; once for all subscribers.

What does not live here: one subscriber's mail (merge, mime), the environment and its filters (templates), what is done to
the words of others (clean).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from itertools import accumulate, groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment

from digest.errors import TemplateError
from digest.model.issue import AlsoIn, Issue, IssueStory, RenderedIssue
from digest.model.subscriber import domain_of
from digest.render.clean import clean, foreign, one_line, web_address
from digest.render.filters import direction
from digest.render.inline import inline
from digest.render.length import beyond
from digest.render.pieces import cut
from digest.render.slots import MORE, Slot, SubscriberSlots, choose_nonce, damage
from digest.render.templates import MARKS, Marks, render_file, render_string
from digest.render.words import words_of
from digest.settings import Newsletter, Site

_INDENT = re.compile(r"[ \t]*\n\s*")
# Inside a tag only: in a text, quotes stand as they are.
_STYLE = re.compile(r'<[a-z][^<>]* style="[^"]*"')
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
_GAPS = re.compile(r"\n{3,}")


def render_issue(
    environment: Environment,
    issue: Issue,
    name: str,
    newsletter: Newsletter,
    site: Site,
    language: str,
    zone: ZoneInfo,
    *,
    subject: str | None = None,
) -> RenderedIssue:
    """Render `issue` of the newsletter called `name`.

    zone: in which dates are shown. subject: an editor's own, as plain text; None or blank: the newsletter's template.
    The same arguments give the same bytes, in every process. Raises TemplateError. No side effects.
    """
    nonce, context = _drawing(environment, issue, name, newsletter, site, language, zone, subject)
    stories, groups = context["stories"], context["sections"]
    html = _html(environment, f"mail/{newsletter.template}.html.j2", context, nonce)
    text = _text(environment, f"mail/{newsletter.template}.txt.j2", context, nonce)
    headings = below(groups)
    return RenderedIssue(
        nonce=nonce,
        newsletter=name,
        subject=context["subject"],
        preheader=context["preheader"],
        html=html,
        text=text,
        from_=str(newsletter.from_),
        reply_to=str(newsletter.reply_to) if newsletter.reply_to else None,
        list_title=newsletter.title,
        list_id=f"{name}.{domain_of(newsletter.from_.email)}",
        language=language,
        topics=(*(story.topics for story in stories), *(group.topics for group in groups)),
        everyone=frozenset(number for number, each in enumerate([*stories, *groups]) if _for_everyone(number, each)),
        headings=headings,
        beyond=beyond(html, text, nonce, stories, headings, site.url),
    )


def raw_html(
    environment: Environment,
    issue: Issue,
    name: str,
    newsletter: Newsletter,
    site: Site,
    language: str,
    zone: ZoneInfo,
) -> str:
    """The HTML of `render_issue` as its template makes it, before styles are inlined. Raises TemplateError."""
    _, context = _drawing(environment, issue, name, newsletter, site, language, zone, None)
    return clean(render_file(environment, f"mail/{newsletter.template}.html.j2", context))


def _drawing(
    environment: Environment,
    issue: Issue,
    name: str,
    newsletter: Newsletter,
    site: Site,
    language: str,
    zone: ZoneInfo,
    subject: str | None,
) -> tuple[str, dict[str, Any]]:
    """The nonce of an issue, and everything that its templates get."""
    stories = _in_order(issue, zone)
    if not stories:
        raise TemplateError(f"newsletters.{name}", None, f"issue {issue.id} has no stories to render")
    nonce = choose_nonce(_content(issue, stories, name, newsletter, site))
    context = _shared(issue, stories, newsletter, site, language, zone)
    context["subject"] = _subject(environment, name, newsletter, context, subject)
    context["preheader"] = one_line(_string(environment, name, "preheader", newsletter.preheader, context))
    return nonce, context | _slots(nonce) | {MARKS: Marks(nonce, [*stories, *context["sections"], MORE])}


def subject_of(
    environment: Environment,
    issue: Issue,
    name: str,
    newsletter: Newsletter,
    site: Site,
    language: str,
    zone: ZoneInfo,
) -> str:
    """The subject alone, as `render_issue` would have it; the newsletter's title while there are no stories.

    Raises TemplateError.
    """
    if not (stories := _in_order(issue, zone)):
        return one_line(newsletter.title)
    context = _shared(issue, stories, newsletter, site, language, zone)
    return _subject(environment, name, newsletter, context, issue.subject)


def _for_everyone(number: int, part: IssueStory | Group) -> bool:
    """The lead, pinned stories, and those without a topic, which nobody could follow; a heading above one of these."""
    if isinstance(part, Group):
        return any(_for_everyone(story.position, story) for story in part.stories)
    return number == 0 or part.pinned or not part.topics


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


# -- what a template gets ----------------------------------------------------------------------------------------------


def _in_order(issue: Issue, zone: ZoneInfo) -> tuple[IssueStory, ...]:
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


def _shared(
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


def _slots(nonce: str) -> dict[str, Any]:
    return {
        "subscriber": SubscriberSlots(Slot("name", nonce), Slot("email", nonce)),
        "unsubscribe_url": Slot("unsubscribe_url", nonce),
        "view_url": Slot("view_url", nonce),
        "preferences_url": Slot("preferences_url", nonce),
        "number": Slot("number", nonce),
        MORE: Slot(MORE, nonce),
    }


def _content(issue: Issue, stories: Sequence[IssueStory], name: str, newsletter: Newsletter, site: Site) -> str:
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


# -- the four texts ----------------------------------------------------------------------------------------------------


def _string(environment: Environment, name: str, key: str, source: str, context: Mapping[str, Any]) -> str:
    return render_string(environment, source, f"newsletters.{name}.{key}", context)


def _subject(
    environment: Environment, name: str, newsletter: Newsletter, context: Mapping[str, Any], own: str | None
) -> str:
    """One line, never empty."""
    text = one_line(own or "") or one_line(_string(environment, name, "subject", newsletter.subject, context))
    return text or one_line(newsletter.title)


def _html(environment: Environment, template: str, context: Mapping[str, Any], nonce: str) -> str:
    rendered = clean(render_file(environment, template, context))
    inlined = _dense(clean(inline(rendered, template)))
    _check(rendered, inlined, nonce, True, template)
    return inlined


def _text(environment: Environment, template: str, context: Mapping[str, Any], nonce: str) -> str:
    rendered = clean(render_file(environment, template, context))
    tidy = _GAPS.sub("\n\n", _TRAILING.sub("", rendered)).strip("\n") + "\n"
    _check(rendered, tidy, nonce, False, template)
    return tidy


def _check(before: str, after: str, nonce: str, html: bool, template: str) -> None:
    if fault := damage(before, after, nonce, html):
        raise TemplateError(template, None, fault)
    cut(after, nonce, html, template)


def _dense(html: str) -> str:
    """Without indentation: a tenth less to send. A template with <pre> keeps its blanks."""
    if "<pre" in html or "<textarea" in html:
        return f"{html.strip()}\n"
    return f"{_STYLE.sub(_tight, _INDENT.sub(chr(10), html)).strip()}\n"


def _tight(style: re.Match[str]) -> str:
    return style[0].replace("; ", ";")
