"""A sample issue as a mail: the same steps as for a real one, with links that lead nowhere.

What is not here: what must hold of it (checks).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from jinja2 import Environment

from digest.model.issue import IssueStory, RenderedIssue
from digest.render.clean import foreign, one_line, web_address
from digest.render.html import raw_html, render_issue
from digest.render.merge import Personal
from digest.render.mime import Mails
from digest.render.preflight import Look, Told
from digest.render.trial.specimens import SLOT, Specimen
from digest.settings import Newsletter, Site

READER = "reader@example.org"
_TOKEN = "sample0token0of0forty0three0letters0and0more"  # noqa: S105 - it opens nothing


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tried: a newsletter's template in one layout. name: of the newsletter."""

    name: str
    newsletter: Newsletter
    site: Site
    zone: ZoneInfo

    @property
    def layout(self) -> str:
        """classic, compact or briefing."""
        return self.newsletter.theme.layout


@dataclass(frozen=True, slots=True)
class Drawn:
    """A specimen as one reader gets it. raw: the HTML of all before inlining. stories: those in the mail, lead first."""

    specimen: Specimen
    rendered: RenderedIssue
    raw: str
    look: Look
    stories: tuple[IssueStory, ...]
    message: bytes


def draw(environment: Environment, subject: Subject, specimen: Specimen) -> Drawn:
    """Draw a specimen. Raises TemplateError."""
    values = (specimen.issue, subject.name, subject.newsletter, subject.site, specimen.language, subject.zone)
    rendered = render_issue(environment, *values)
    mails = Mails(rendered, f"1:{subject.name}:digest:sample")
    base = subject.site.url.rstrip("/")
    reader = Personal(
        READER, "", frozenset(), f"{base}/unsubscribe/{_TOKEN}", f"{base}/view/{_TOKEN}", f"{base}/preferences/{_TOKEN}"
    )
    merge = mails.merge_for(reader)
    html, text = merge.fill(reader)
    stories = tuple(story for story in specimen.issue.stories if story.position not in rendered.beyond)
    look = Look(
        subject=rendered.subject,
        preheader=rendered.preheader,
        html=html,
        text=text,
        bytes_html=len(merge.bodies(reader)[0]),
        unsubscribe_url=reader.unsubscribe_url,
        view_url=reader.view_url,
        address=subject.site.address,
        site_url=subject.site.url,
        stories=tuple(Told(foreign(story.title), web_address(story.link)) for story in stories),
        written="\n".join(web_address(story.link) for story in stories),
        left_out=len(rendered.beyond),
    )
    sent = SLOT + timedelta(seconds=5)
    message = mails.mail(reader, message_id=f"{_TOKEN}@example.org", date=sent)
    return Drawn(specimen, rendered, raw_html(environment, *values), look, stories, message)


def flat(text: str) -> str:
    """Without case and blanks: lines are wrapped in the text part."""
    return "".join(one_line(text).casefold().split())
