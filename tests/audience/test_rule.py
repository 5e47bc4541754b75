"""From a newsletter to the rule that says who gets it."""

from __future__ import annotations

from digest.audience.rule import audience_of
from digest.model.subscriber import Audience
from digest.settings import Newsletter


def test_a_newsletter_goes_to_everyone_on_its_lists() -> None:
    values = {"title": "Notes", "from": "news@example.org", "sources": ["wire"], "lists": ["readers", "staff"]}
    assert audience_of("notes", Newsletter.model_validate(values)) == Audience("notes", ("readers", "staff"))
