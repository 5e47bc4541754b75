"""An issue into its rendered snapshot: subject, preheader, HTML with inlined styles, text; once for all subscribers.

Templates that ask for a subscriber's values are drawn here for a reader without a name. What does not live here: drawing
them for each (personal), one subscriber's mail (merge, mime), what a template gets (values), the environment and its
filters (templates), what is done to the words of others (clean).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment

from digest.errors import TemplateError
from digest.model.issue import Issue, IssueStory, RenderedIssue
from digest.model.subscriber import domain_of
from digest.render.clean import clean, one_line
from digest.render.frozen import Frozen, freeze
from digest.render.inline import inline
from digest.render.known import known_slots
from digest.render.length import beyond
from digest.render.merge import Personal
from digest.render.pieces import cut, places
from digest.render.slots import ValueAsked, choose_nonce, damage
from digest.render.templates import render_file, render_string, sources_of
from digest.render.values import Group, below, content, in_order, marks, shared, slots
from digest.settings import Newsletter, Site

NOBODY = "reader@example.org"
"""The address of the reader whom a mail that differs by subscriber is drawn for while there is no subscriber."""
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
    drawn, asked = _for_all(environment, newsletter.template, context, nonce, site)
    html, text = finish(drawn, newsletter.template, nonce)
    headings = below(groups)
    texts = {name: context[name] for name in ("subject", "preheader")}
    if asked:
        _try_somebody(environment, newsletter.template, context, nonce, site)
    return RenderedIssue(
        nonce=nonce,
        newsletter=name,
        **texts,
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
        personal=freeze(Frozen(issue, newsletter, site, language, zone, **texts, templates=sources_of(environment)))
        if asked
        else None,
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
    nonce, context = _drawing(environment, issue, name, newsletter, site, language, zone, None)
    return _for_all(environment, newsletter.template, context, nonce, site)[0][0]


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
    stories = in_order(issue, zone)
    if not stories:
        raise TemplateError(f"newsletters.{name}", None, f"issue {issue.id} has no stories to render")
    nonce = choose_nonce(content(issue, stories, name, newsletter, site))
    context = shared(issue, stories, newsletter, site, language, zone)
    context["subject"] = _subject(environment, name, newsletter, context, subject)
    context["preheader"] = one_line(_string(environment, name, "preheader", newsletter.preheader, context))
    return nonce, context | slots(nonce) | marks(nonce, context)


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
    if not (stories := in_order(issue, zone)):
        return one_line(newsletter.title)
    context = shared(issue, stories, newsletter, site, language, zone)
    return _subject(environment, name, newsletter, context, issue.subject)


def _for_everyone(number: int, part: IssueStory | Group) -> bool:
    """The lead, pinned stories, and those without a topic, which nobody could follow; a heading above one of these."""
    if isinstance(part, Group):
        return any(_for_everyone(story.position, story) for story in part.stories)
    return number == 0 or part.pinned or not part.topics


# -- the four texts ----------------------------------------------------------------------------------------------------


def _string(environment: Environment, name: str, key: str, source: str, context: Mapping[str, Any]) -> str:
    return render_string(environment, source, f"newsletters.{name}.{key}", context)


def _subject(
    environment: Environment, name: str, newsletter: Newsletter, context: Mapping[str, Any], own: str | None
) -> str:
    """One line, never empty."""
    text = one_line(own or "") or one_line(_string(environment, name, "subject", newsletter.subject, context))
    return text or one_line(newsletter.title)


def draw(environment: Environment, template: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """HTML and text as the newsletter's `template` makes them. Raises TemplateError."""
    html, text = (render_file(environment, f"mail/{template}.{part}.j2", context) for part in ("html", "txt"))
    return clean(html), clean(text)


def finish(drawn: tuple[str, str], template: str, nonce: str) -> tuple[str, str]:
    """What `draw` gives, styles inlined and tidied; every value stands where it can be filled in. Raises TemplateError."""
    return _html(drawn[0], f"mail/{template}.html.j2", nonce), _text(drawn[1], f"mail/{template}.txt.j2", nonce)


def _html(drawn: str, template: str, nonce: str) -> str:
    inlined = _dense(clean(inline(drawn, template)))
    _check(drawn, inlined, nonce, True, template)
    return inlined


def _text(drawn: str, template: str, nonce: str) -> str:
    tidy = _GAPS.sub("\n\n", _TRAILING.sub("", drawn)).strip("\n") + "\n"
    _check(drawn, tidy, nonce, False, template)
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


# -- templates that ask for a subscriber's values ----------------------------------------------------------------------


def _for_all(
    environment: Environment, template: str, context: dict[str, Any], nonce: str, site: Site
) -> tuple[tuple[str, str], bool]:
    """What is drawn for all; or for a reader without a name, and True, where the templates ask who she is."""
    try:
        return draw(environment, template, context), False
    except TemplateError as error:
        if not isinstance(error.__cause__, ValueAsked):
            raise
    return draw(environment, template, context | known_slots(nonce, nobody(site))[0]), True


def _try_somebody(environment: Environment, template: str, context: dict[str, Any], nonce: str, site: Site) -> None:
    """Draw for a reader with a name, and look where it comes out. Raises TemplateError when that is no safe place."""
    probe = choose_nonce(nonce)
    somebody = _reader(site, f"{probe}@example.org", f"{probe}:& {probe}")
    html, _ = finish(draw(environment, template, context | known_slots(nonce, somebody)[0]), template, nonce)
    where = f"mail/{template}.html.j2"
    place = places(html, where)
    for match in re.finditer(probe, html, re.IGNORECASE):
        if place(match.start()) == "link" and html.startswith(":", match.end()):
            raise TemplateError(where, None, "a subscriber's name stands in a link as it is; write it with | urlencode")


def nobody(site: Site) -> Personal:
    """The reader without a name."""
    return _reader(site, NOBODY, "")


def _reader(site: Site, email: str, name: str) -> Personal:
    base = site.url.rstrip("/")
    return Personal(email, name, frozenset(), *(f"{base}/{page}/0" for page in ("unsubscribe", "view", "preferences")))
