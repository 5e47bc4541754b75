"""What a mail says and how, in the shapes that issues take: one story or thirty, other languages, nothing but headlines."""

from __future__ import annotations

import pytest

from digest.render.preflight import Level, Look, Told, check_mail
from tests.render.looks_issue import LANGUAGES, LAYOUTS, READER, SHAPES, mail, mail_parts, stories_of


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_shape_of_an_issue_draws_an_error_or_a_warning_about_its_design(layout: str, shape: str) -> None:
    for language in LANGUAGES:
        html, text = mail_parts(layout, language, shape)
        stories = tuple(Told(story.title, story.link) for story in stories_of(language, shape))
        look = Look(
            "Bridges and boats", "Ferries come back", html, text, len(html), READER.unsubscribe_url, READER.view_url,
            "1 Sample Street, London", stories=stories,
        )  # fmt: skip
        assert [each for each in check_mail(look) if each.level is not Level.ADVICE] == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_words_of_the_mail_keep_their_direction_in_a_story_that_runs_the_other_way(layout: str) -> None:
    html = mail(layout)
    assert html.count('<bdi lang="en" dir="ltr">22 November') == (layout != "compact")
    assert html.count('<bdi lang="en"') == (layout != "compact")
