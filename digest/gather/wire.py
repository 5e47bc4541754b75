"""What goes over the pipes between Digest and its parser: frames, and stories as JSON (pure).

A frame is two lengths of four bytes, a JSON head, and raw bytes. JSON and not pickle: what comes back was made from foreign
bytes, and must not be able to be more than data.

What is not here: the pipes (parsing, child).
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from datetime import datetime
from typing import Any

from digest.model.story import RawStory

LENGTHS = struct.Struct(">II")
"""The lengths in front of a frame: of its head and of its body, in bytes."""


def packed(head: dict[str, Any], body: bytes = b"") -> bytes:
    """One frame."""
    encoded = json.dumps(head).encode("ascii")
    return LENGTHS.pack(len(encoded), len(body)) + encoded + body


def from_story(story: RawStory) -> dict[str, Any]:
    """`story` as it stands in a frame's head."""
    return asdict(story) | {"published": story.published.isoformat() if story.published else None}


def to_story(values: dict[str, Any]) -> RawStory:
    """The story that `from_story` made `values` of."""
    published = values["published"]
    return RawStory(
        **values
        | {
            "published": datetime.fromisoformat(published) if published else None,
            "topics": tuple(values["topics"]),
        }
    )
