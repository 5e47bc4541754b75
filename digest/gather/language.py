"""In which language a text is, where its source does not say (pure; py3langid is used here alone).

What is not here: languages that sources name (entry, pages).
"""

from __future__ import annotations

from functools import cache
from typing import Any

_SURE = 0.6
_LETTERS_MIN = 20
_UNSPACED_MIN = 6  # letters of scripts that write a word in one or two of them


def detected(title: str, teaser: str) -> str | None:
    """The language of `title` and `teaser` as a tag of two letters; None when the text is too short or leaves doubt."""
    text = f"{title}. {teaser}".strip(" .")
    letters = [character for character in text if character.isalpha()]
    unspaced = sum(character >= "\u0e00" for character in letters)
    if len(letters) < _LETTERS_MIN and unspaced < _UNSPACED_MIN:
        return None
    language, confidence = _identifier().classify(text)
    return str(language) if confidence >= _SURE and len(language) in {2, 3} else None


@cache
def _identifier() -> Any:
    # Here and not above: it brings numpy along, which only the process that reads feeds shall load, and only when needed.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
