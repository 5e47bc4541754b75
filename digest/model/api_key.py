"""A key by which a program pushes stories to one source.

What is not here: making and checking one (flow/pushing), its row (store/api_keys).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key. source: the one source that it may push to. key_hash: SHA-256 in hexadecimal. used_at: None = never."""

    name: str
    source: str
    key_hash: str
    created_at: datetime
    used_at: datetime | None = None
