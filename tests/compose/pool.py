"""Stories to choose from, and the rules of a newsletter with one source."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from digest.compose.select import Rules
from digest.model.story import Story

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def story(number: int, *, hours: float = 0, **more: Any) -> Story:
    """A story with a teaser, published and first seen so many hours ago, by `wire`."""
    values: dict[str, Any] = {
        "id": number,
        "source": "wire",
        "guid": None,
        "link": f"https://news.example.com/{number}",
        "link_key": f"news.example.com/{number}",
        "title": f"Story {number}",
        "title_key": f"story {number}",
        "teaser": f"What story {number} tells.",
        "published": NOW - timedelta(hours=hours),
        "first_seen": NOW - timedelta(hours=hours),
    }
    return Story(**values | more)


def rules(sources: Iterable[str] = ("wire",), **more: Any) -> Rules:
    values: dict[str, Any] = {
        "now": NOW,
        "since": None,
        "max_age": timedelta(hours=72),
        "half_life": timedelta(hours=18),
        "min": 3,
        "max": 12,
        "per_source": 4,
        "weights": dict.fromkeys(sources, 1.0),
    }
    return Rules(**values | more)
