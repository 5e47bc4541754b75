"""Columns are known by their words."""

from __future__ import annotations

import pytest

from digest.model.titles import is_column


@pytest.mark.parametrize(
    ("title", "column"),
    [
        ("Weekly roundup", True),
        ("Weekly news roundup and market calendar", True),
        ("weekly news roundup and markets calendar", True),
        ("Morning briefing, 23 November 2026", True),
        ("The week in review", True),
        ("Today’s weather forecast for the weekend", True),
        ("Presseschau", True),
        ("Navy weekly", False),
        ("Shipyard opens", False),
        ("Market hall opens on Sunday in Harbour Street", False),
        ("Das Wochenende in Bildern", True),
        ("Die Nachrichten am Morgen, 23. November", True),
        ("Bundeswehr am Morgen", False),
        ("Revue de presse du lundi 23 novembre", True),
        ("L’actualité du jour en images", True),
        ("La Marine du jour", False),
        ("Resumen de noticias de la semana", True),
        ("La Armada de la semana", False),
        ("موجز أخبار الأسبوع", True),
        ("نشرة الأخبار المسائية ٢٣ نوفمبر", True),
        ("أخبار الجيش", False),
        ("今日のニュース", True),
        ("11月24日（火）の天気予報", True),
        ("週間ニュースまとめ 第12回", True),
        ("今日の護衛艦", False),
        ("今日要闻", True),
        ("Part XII", True),
        ("Probe reaches Mars", False),
    ],
)
def test_a_column_is_known_by_its_words(title: str, column: bool) -> None:
    assert is_column(title) is column
