"""Mails to be checked: the shipped one as a reader gets it, and small ones with one fault each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from digest.render.merge import Merge, Personal
from digest.render.preflight import CHECKS, Finding, Look, Page, Told
from tests.render.sample_issue import SITE, Renderer, six_stories

LEAVE, VIEW = "https://news.example.org/unsubscribe/u1", "https://news.example.org/view/v1"
READER = Personal("reader@example.com", "", frozenset(), LEAVE, VIEW, "https://news.example.org/preferences/p1")

Check = Callable[..., list[Finding]]


@pytest.fixture(scope="session")
def shipped() -> Look:
    """The sample issue in the shipped template."""
    rendered = Renderer()()
    merge = Merge(rendered)
    html, text = merge.fill(READER)
    return Look(
        subject=rendered.subject,
        preheader=rendered.preheader,
        html=html,
        text=text,
        bytes_html=len(merge.bodies(READER)[0]),
        unsubscribe_url=LEAVE,
        view_url=VIEW,
        address=SITE.address,
        site_url=SITE.url,
        stories=tuple(Told(story.title, story.link) for story in six_stories()),
    )


@pytest.fixture
def check(shipped: Look) -> Check:
    """Runs one check, by its name, on a page; what else differs from the shipped mail is given by keyword."""

    def run(name: str, html: str | None = None, **changes: Any) -> list[Finding]:
        if html is not None:
            changes["html"] = html if "<html" in html else page(html)
        look = replace(shipped, **changes)
        (wanted,) = [each for each in CHECKS if each.__name__ == name]
        return list(wanted(look, Page(look.html)))

    return run


def page(body: str, head: str = "") -> str:
    """A whole page; its body begins in line 3."""
    start = f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>x</title>{head}</head><body>'
    return f"{start}\n{body}\n</body></html>"
