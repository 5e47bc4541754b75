"""A second opinion on inlining: css-inline, another parser and another cascade, styles each element as premailer does."""

from __future__ import annotations

import re
from collections.abc import Callable
from zoneinfo import ZoneInfo

import css_inline
import pytest
from lxml.html import HtmlElement

from digest.render.preflight.cascade import Cascade
from digest.render.preflight.page import Page
from digest.render.slots import tokens
from digest.render.trial.mails import Drawn, Subject, draw
from digest.render.trial.specimens import Specimen, specimens
from tests.render.sample_issue import SHIPPED, SITE, Renderer, a_newsletter

SPECIMENS = {each.name: each for each in specimens()}
# css-inline reads as HTML 5 says, which puts a tbody into every table; libxml2, under premailer, does not.
_OF_THE_PARSER = {"tbody"}


def drawn(specimen: Specimen, layout: str, renderer: Renderer | None = None) -> Drawn:
    subject = Subject("sample", a_newsletter(theme={"layout": layout}), SITE, ZoneInfo("Europe/London"))
    return draw((renderer or Renderer()).environment(), subject, specimen)


def by_premailer(mail: Drawn) -> str:
    return re.sub(tokens(mail.rendered.nonce, html=True), "", mail.rendered.html)


def by_css_inline(mail: Drawn) -> str:
    """The template's own HTML through css-inline, with the same blocks left alone."""
    raw = re.sub(tokens(mail.rendered.nonce, html=True), "", mail.raw)
    other = css_inline.CSSInliner(load_remote_stylesheets=False)
    return other.inline(raw.replace('data-premailer="ignore"', 'data-css-inline="ignore"'))


def styled(html: str) -> list[tuple[object, str | None, dict[str, str]]]:
    """Each element with what stands in its style attribute. Style blocks are taken out: a rule that an inliner left
    behind would style the element all the same."""
    page = Page(re.sub(r"(?s)<style.*?</style>", "", html))
    cascade = Cascade(page)

    def of(element: HtmlElement) -> tuple[object, str | None, dict[str, str]]:
        return element.tag, element.get("class"), cascade.declared(element)

    return [of(each) for each in page.elements() if each.tag not in _OF_THE_PARSER]


@pytest.mark.parametrize("layout", ["classic", "compact", "briefing"])
@pytest.mark.parametrize("name", ["5 stories, en", "5 stories, ar", "hostile text", "sponsored", "sections, de"])
def test_two_inliners_style_every_element_alike(name: str, layout: str) -> None:
    mail = drawn(SPECIMENS[name], layout)
    ours, theirs = styled(by_premailer(mail)), styled(by_css_inline(mail))
    assert sum(bool(style) for _, _, style in ours) > 30
    assert ours == theirs


def test_the_second_opinion_differs_where_premailer_is_wrong(in_site: Callable[..., Renderer]) -> None:
    """premailer counts an attribute in a selector for nothing; such rules are not in the shipped sheets."""
    odd = (SHIPPED / "mail/digest.html.j2").read_text().replace("</body>", '<s title="t">x</s></body>')
    odd = odd.replace("</head>", "<style>s[title] { color: #111111; } s { color: #222222; }</style></head>")
    mail = drawn(SPECIMENS["1 story, en"], "classic", in_site(digest_html=odd))
    (ours,) = (style for tag, _, style in styled(by_premailer(mail)) if tag == "s")
    (theirs,) = (style for tag, _, style in styled(by_css_inline(mail)) if tag == "s")
    assert (ours, theirs) == ({"color": "#222"}, {"color": "#111"})
