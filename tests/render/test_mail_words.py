"""Dates and fixed words in the newsletter's language."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from digest.render.merge import Merge, Personal
from digest.render.words import Words, format_date, words_of
from tests.render.sample_issue import Renderer

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
    assert all(getattr(words, field.name).strip() for field in fields(Words))
    named = {name for _, name, _, _ in Formatter().parse(words.reason) if name}
    assert named == {"title", "email"}


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
