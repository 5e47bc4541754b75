"""A section with stories is never called empty, whatever its stories lack; one without is found in the same mail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from digest.render.preflight import Look, check_mail
from digest.render.trial.mails import Subject, draw
from digest.render.trial.specimens import Specimen, issue_of
from tests.render.sample_issue import SITE, Renderer, a_newsletter

SECTIONS = ["", "At sea", "At sea", "On land", ""]


def look_at(layout: str, lacking: dict[str, Any]) -> Look:
    issue = issue_of("en", 5, lambda story: replace(story, section=SECTIONS[story.position], **lacking))
    subject = Subject("sample", a_newsletter(theme={"layout": layout}), SITE, ZoneInfo("Europe/London"))
    return draw(Renderer().environment(), subject, Specimen("", "en", issue)).look


def told(look: Look) -> list[str]:
    return [each.message for each in check_mail(look) if each.check == "sections"]


@pytest.mark.parametrize("layout", ["classic", "compact", "briefing"])
@pytest.mark.parametrize(
    "lacking", [{}, {"link": ""}, {"teaser": "", "image": None}, {"link": "", "teaser": "", "image": None, "also": ()}]
)
def test_a_section_with_stories_is_not_empty(layout: str, lacking: dict[str, Any]) -> None:
    look = look_at(layout, lacking)
    assert told(look) == []
    bare = look.html.replace("</body>", "<h2>Nowhere</h2></body>")
    assert told(replace(look, html=bare)) == ["nothing stands under the heading 'Nowhere'"]
