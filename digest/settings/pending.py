"""Keys that the settings know and this version does not act on: nobody shall rely on them unawares."""

from __future__ import annotations

from digest.settings.tables import Bounces, Settings


def not_yet(settings: Settings) -> list[str]:
    """Keys that are set and known, but without effect in this version; `digest check` names them."""
    found = [
        ("bounces", settings.bounces != Bounces()),
    ]
    for name, source in settings.sources.items():
        found += [
            (f"sources.{name}.identity", source.identity != "auto"),
        ]
    for name, newsletter in settings.newsletters.items():
        found += [
            (f"newsletters.{name}.weekly", newsletter.weekly is not None),
            (f"newsletters.{name}.track", newsletter.track != "none"),
        ]
    return [key for key, is_set in found if is_set]
