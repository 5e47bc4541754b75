"""What a mail is drawn from, as one text for the snapshot: whatever changes afterwards, it is drawn as it was approved.

What is not here: drawing (html, personal).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from pydantic import TypeAdapter

from digest.model.issue import Issue
from digest.settings import Newsletter, Site
from digest.settings.values import Zone


@dataclass(frozen=True, slots=True)
class Frozen:
    """An issue, what it is shown by, and the sources of all templates by their names."""

    issue: Issue
    newsletter: Newsletter
    site: Site
    language: str
    zone: Zone
    subject: str
    preheader: str
    templates: dict[str, str]


def freeze(frozen: Frozen) -> str:
    """As JSON."""
    return json.dumps(_adapter().dump_python(frozen, mode="json", by_alias=True))


def thaw(text: str) -> Frozen:
    """The inverse of `freeze`; settings that there are no more are passed over."""
    return _adapter().validate_python(json.loads(text), extra="ignore")


@cache
def _adapter() -> TypeAdapter[Frozen]:
    return TypeAdapter(Frozen)
