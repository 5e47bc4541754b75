"""Is an issue fit to be sent? The mail as a reader would get it is checked, its links are asked, earlier ones are compared.

    issue, rendered -> Look -> findings of render/preflight; + links, + earlier issues

Errors block, warnings want a yes, advice informs. What is not here: the checks of the mail itself (render/preflight), and
what follows from a finding (cli).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from datetime import timedelta

from digest import log
from digest.audience.rule import audience_of
from digest.flow import gathering, mailing, membership, produce, publish
from digest.flow.links import check_links
from digest.flow.newsroom import Newsroom
from digest.flow.showing import to_show
from digest.model.issue import BEFORE_APPROVAL, Issue, IssueStory, RenderedIssue
from digest.render.clean import one_line, web_address
from digest.render.preflight import Finding, Level, Look, Told, check_mail, in_order, not_checked
from digest.render.preflight.support import shares
from digest.store import issues, precedents
from digest.store.precedents import Precedent

READER = "reader@example.org"
STALE = timedelta(days=2)
"""A lead older than this, counted from the slot, is no news; or half the newsletter's `max_age`, if that is more."""
MOST_S = 30.0
"""For each part: one that takes longer has a fault."""

_log = log.get(__name__)


async def preflight(room: Newsroom, issue: Issue, rendered: RenderedIssue) -> list[Finding]:
    """Everything that is to be said before an issue is sent, errors first. Takes up to five seconds; stores nothing.

    A part that fails by a fault of ours is a warning, and the others are told all the same.
    """
    parts = {
        "the mail": _of_mail(room, issue, rendered),
        "lead and subject": _of_precedents(room, issue, rendered),
        "links": _of_links(room, issue, rendered),
    }
    found = await asyncio.gather(*(_guarded(issue, what, part) for what, part in parts.items()))
    return in_order(finding for part in found for finding in part)


async def _guarded(issue: Issue, what: str, part: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(MOST_S):
            return await part
    except Exception as error:  # whatever is wrong with us, it says nothing against the issue
        _log.exception("preflight.fault", issue=issue.id, part=what)
        return [not_checked(what, error)]


async def _of_mail(room: Newsroom, issue: Issue, rendered: RenderedIssue) -> list[Finding]:
    async with room.store.read() as conn:
        known = await precedents.domains(
            conn, audience_of(issue.newsletter, room.settings.newsletter(issue.newsletter))
        )
    look = _look(room, issue, rendered, shares(known))
    # Parsing takes a tenth of a second, which other work of this loop should not wait for.
    return [*await asyncio.to_thread(check_mail, look), *_one_by_one(room, issue, rendered)]


async def _of_links(room: Newsroom, issue: Issue, rendered: RenderedIssue) -> list[Finding]:
    async with room.store.read() as conn:
        namers = await gathering.namers(conn, room, issue.stories)
    named = [(story.link, namers[story.story_id]) for story in issue.stories]
    nobody = mailing.Mailing(room, issue.id, rendered).personal(mailing.NOBODY, READER, "", frozenset())
    return await check_links(room, named, nobody.unsubscribe_url)


async def _of_precedents(room: Newsroom, issue: Issue, rendered: RenderedIssue) -> list[Finding]:
    async with room.store.read() as conn:
        before = await precedents.latest(conn, issue.newsletter, but=issue.id)
    return [*_lead(room, issue), *_repeated(issue, rendered, before)]


def _look(room: Newsroom, issue: Issue, rendered: RenderedIssue, known: dict[str, float]) -> Look:
    made = mailing.Mailing(room, issue.id, rendered)
    reader = made.personal(mailing.NOBODY, READER, "", frozenset())
    merge = made.merge_for(reader)
    html, text = merge.fill(reader)
    ordered = sorted(issue.stories, key=lambda story: story.position)
    stories = [story for number, story in enumerate(ordered) if number not in rendered.beyond]
    site = room.settings.site
    return Look(
        subject=rendered.subject,
        preheader=rendered.preheader,
        html=html,
        text=text,
        bytes_html=len(merge.bodies(reader)[0]),
        unsubscribe_url=reader.unsubscribe_url,
        view_url=reader.view_url,
        address=site.address,
        site_url=site.url,
        stories=tuple(Told(one_line(story.title), story.link) for story in stories),
        written="\n".join([issue.intro, issue.subject or "", *map(_words, stories)]),
        left_out=len(rendered.beyond),
        themed="theme" in room.settings.newsletter(issue.newsletter).model_fields_set,
        shares=known,
    )


def _one_by_one(room: Newsroom, issue: Issue, rendered: RenderedIssue) -> Iterator[Finding]:
    made = mailing.Mailing(room, issue.id, rendered)
    two = (
        made.personal(number, f"{name}@example.org", name, frozenset()) for number, name in enumerate(("anna", "ben"))
    )
    if len({made.merge_for(each) for each in two}) == 2:
        message = (
            "the templates print a subscriber's values through a filter, or joined to other words: each mail is inlined by "
            "itself, some tens a second; a condition around a value that is printed as it is costs nothing"
        )
        yield Finding(Level.ADVICE, "speed", message)


def _words(story: IssueStory) -> str:
    """What others have written: braces in it are no leftover of a template, in a link neither."""
    return "\n".join([story.title, story.teaser, web_address(story.link)])


def _lead(room: Newsroom, issue: Issue) -> Iterator[Finding]:
    lead = min(issue.stories, key=lambda story: story.position, default=None)
    if lead is None:
        return
    age = issue.slot - lead.published
    if age > max(STALE, room.settings.max_age(issue.newsletter, issue.slot) / 2):
        yield Finding(Level.WARNING, "lead", f"the lead is {age.days} days old: {lead.title!r}", lead.link)


def _repeated(issue: Issue, rendered: RenderedIssue, before: Sequence[Precedent]) -> Iterator[Finding]:
    lead = min(issue.stories, key=lambda story: story.position, default=None)
    for each in before:
        if lead and _same_lead(lead, each):
            message = f"issue {each.issue_id} had the same lead: {lead.title!r}"
            yield Finding(Level.WARNING, "lead", message, lead.link)
            break
    for each in before:
        if rendered.subject == each.subject:
            message = (
                f"issue {each.issue_id} had the same subject; Gmail puts both into one thread and hides what is alike"
            )
            yield Finding(Level.WARNING, "subject", message, rendered.subject)
            break


def _same_lead(lead: IssueStory, before: Precedent) -> bool:
    """Titles of columns have no key, and are no sign of anything."""
    if lead.link_key == before.lead_link_key:
        return True
    return bool(lead.title_key) and lead.title_key == before.lead_title_key


# -- what is to be checked ---------------------------------------------------------------------------------------------


async def of_issue(room: Newsroom, issue_id: int) -> list[Finding]:
    """Check an issue by its number: as it was frozen, else as it would be now. Raises NotFound, TemplateError."""
    async with room.store.read() as conn:
        issue = await issues.get(conn, issue_id)
        rendered = await issues.snapshot(conn, issue_id) if issue.state not in BEFORE_APPROVAL else None
    return await preflight(room, issue, rendered or publish.render(room, issue))


async def of_newsletter(room: Newsroom, name: str) -> tuple[str, list[Finding] | None]:
    """Check the issue that `send` would send; where it lacks stories, with those of the last issue, as a preview does.

    What it lacks, "" if nothing, and the findings; None if there is nothing to check. Stores nothing but gathered stories.
    Raises NotFound, TemplateError.
    """
    config = room.settings.newsletter(name)
    await membership.sync(room, config.lists)
    await gathering.gather(room, config.sources)
    shown = await to_show(room, name)
    if wanting := produce.lacks(room, name, len(shown.issue.stories)):
        return wanting, None
    return shown.reason, await preflight(room, shown.known_as, publish.render(room, shown.issue))
