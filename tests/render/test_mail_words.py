"""Dates and fixed words in the newsletter's language."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from digest.render.merge import Merge, Personal
from digest.render.words import Words, format_date, words_of
from tests.render.sample_issue import Renderer, a_newsletter, an_issue, six_stories

LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "ms", "ar", "ja"]


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", "Monday, 23 November 2026"),
        ("en-US", "Monday, November 23, 2026"),
        ("de", "Montag, 23. November 2026"),
        ("de-AT", "Montag, 23. November 2026"),
        ("fr", "lundi 23 novembre 2026"),
        ("es", "lunes, 23 de noviembre de 2026"),
        ("ms", "Isnin, 23 November 2026"),
        ("ar", "الاثنين، 23 نوفمبر 2026"),
        ("ja", "2026年11月23日月曜日"),
        ("xx", "Monday, 23 November 2026"),
        ("de-x-a-b-c", "Montag, 23. November 2026"),
    ],
)
def test_a_date_is_written_as_the_language_does(language: str, shown: str) -> None:
    assert format_date(date(2026, 11, 23), "full", language) == shown


def test_a_skeleton_chooses_the_parts_and_the_language_their_order() -> None:
    assert format_date(date(2026, 11, 3), "MMMMd", "en") == "3 November"
    assert format_date(date(2026, 11, 3), "MMMMd", "ja") == "11月3日"


def test_a_date_is_that_of_the_clock_it_was_given_in() -> None:
    late = datetime(2026, 11, 23, 20, 0, tzinfo=UTC).astimezone(ZoneInfo("Asia/Tokyo"))
    assert format_date(late, "MMMMd", "en") == "24 November"
    assert format_date(late, "long", "en") == "24 November 2026"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_word(language: str) -> None:
    words = words_of(f"{language}-001")
    assert words.language == language
    assert all(getattr(words, field.name).strip() for field in fields(Words) if field.name != "minutes_by_number")
    named = {name for _, name, _, _ in Formatter().parse(words.reason) if name}
    assert named == {"title", "email"}


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ["1 min read", "4 min read"]),
        ("de-AT", ["1 Min. Lesezeit", "4 Min. Lesezeit"]),
        ("fr", ["1 min de lecture", "4 min de lecture"]),
        ("es", ["1 min de lectura", "4 min de lectura"]),
        ("it", ["1 min di lettura", "4 min di lettura"]),
        ("nl", ["1 min leestijd", "4 min leestijd"]),
        ("ms", ["1 minit bacaan", "4 minit bacaan"]),
        ("ja", ["1分で読めます", "4分で読めます"]),
        ("xx", ["1 min read", "4 min read"]),
        ("ar", ["قراءة في دقيقة", "قراءة في 4 دقائق", "قراءة في دقيقتين", "قراءة في 11 دقيقة", "قراءة في 101 دقيقة"]),
    ],
)
def test_a_reading_time_has_the_form_of_its_number(language: str, shown: list[str]) -> None:
    numbers = (1, 4, 2, 11, 101)[: len(shown)]
    assert [words_of(language).reading_time(number) for number in numbers] == shown


@pytest.mark.parametrize("layout", ["classic", "briefing", "compact"])
def test_a_story_says_how_long_it_takes_to_read_where_that_is_known(layout: str, reader: Personal) -> None:
    first, *rest = six_stories()
    renderer = Renderer(newsletter=a_newsletter(theme={"layout": layout}))
    html, text = Merge(renderer(an_issue((replace(first, minutes=4), *rest)))).fill(reader)
    assert html.count("</span> · <bdi>23 November · 4 min read</bdi></p>") == 1
    assert text.count("· 23 November · 4 min read\n") == 1
    assert (html.count("min read"), text.count("min read")) == (1, 1)


def test_a_language_without_words_has_english_ones() -> None:
    assert words_of("tlh") == words_of("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_parts_speak_the_newsletters_language(language: str, reader: Personal) -> None:
    html, text = Merge(Renderer(language=language)()).fill(reader)
    words = words_of(language)
    for part in (html, text):
        assert words.unsubscribe in part
        assert words.preferences in part
        assert words.view in part
        assert format_date(date(2026, 11, 23), "full", language) in part
    before, after = words.reason.replace("{title}", "").split("{email}")
    flat = " ".join(text.replace("\u2068", "").replace("\u2069", "").replace("Defence Notes", "").split())
    assert " ".join(f"{before.strip()} reader@example.com{after}".split()) in flat


def test_english_words_in_another_language_say_that_they_are_english(reader: Personal) -> None:
    html, _ = Merge(Renderer(language="he")()).fill(reader)
    assert '<td class="edge foot plain" align="left" lang="en" dir="ltr"' in html
