"""From a newsletter's settings to the rule that says who gets it."""

from __future__ import annotations

from digest.model.subscriber import Audience
from digest.settings import Newsletter


def audience_of(name: str, newsletter: Newsletter) -> Audience:
    """Everyone on the newsletter's lists who has not left it."""
    return Audience(name, newsletter.lists)
