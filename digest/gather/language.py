"""In which language a text is, where its source does not say (pure; py3langid is used here alone).

Only feeds and pages ask for it, for they are read in a process of their own: numpy has no place in any other.
What is not here: languages that sources name (entry, pages).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

from digest.model.story import RawStory

_SURE = 0.6
_LETTERS_MIN = 20
_COMPACT_MIN = 6  # letters of scripts that say more with each of them: Hebrew, Arabic, and all from Thai on
_OF_ONE_SCRIPT = (  # what is written in these is in this language, but for a rounding error
    ("ja", re.compile("[\u3040-\u30ff]"), 0.07),  # Japanese may be mostly Chinese characters, Chinese has no kana
    ("ko", re.compile("[\uac00-\ud7af]"), 0.3),
    ("th", re.compile("[\u0e00-\u0e7f]"), 0.5),
    ("el", re.compile("[\u0370-\u03ff]"), 0.5),
    ("he", re.compile("[\u0590-\u05ff]"), 0.5),
)


def heard(stories: Iterable[RawStory]) -> list[RawStory]:
    """The stories, each without a language in the one that its words are in."""
    return [s if s.language else replace(s, language=detected(s.title, s.teaser)) for s in stories]


def detected(title: str, teaser: str) -> str | None:
    """The language of `title` and `teaser` as a tag of two letters; None when the text is too short or leaves doubt."""
    text = f"{title}. {teaser}".strip(" .")
    letters = sum(character.isalpha() for character in text)
    compact = sum("\u0590" <= character <= "\u06ff" or character >= "\u0e00" for character in text)
    if letters < _LETTERS_MIN and compact < _COMPACT_MIN:
        return None
    for tag, script, share in _OF_ONE_SCRIPT:
        if len(script.findall(text)) > letters * share:
            return tag
    language, confidence = _identifier().classify(text)
    return str(language) if confidence >= _SURE and len(language) in {2, 3} else None


@cache
def _identifier() -> Any:
    # Here and not above: it brings numpy along, which only the process that reads feeds shall load, and only when needed.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
