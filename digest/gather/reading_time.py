"""How long an article takes to read (pure).

What is not here: where its whole text comes from (feeds, articles, notice). A teaser says nothing of the length of what is
behind it, so no teaser comes here.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from digest.gather.clean import is_cut

WORDS_A_MINUTE = 265
SIGNS_A_MINUTE = 500  # Chinese, Japanese, Korean
LETTERS_A_MINUTE = 1_000  # Thai, Lao, Burmese, Khmer: a word there has some four letters
WHOLE_MIN = 0.5
"""Minutes; what is shorter and calls itself an article's text is its beginning as a rule."""

_MARKUP_MAX = 1_000_000  # characters; the longest of articles have a tenth
_UNSEEN = re.compile(r"<(/?)(?:script|style|template|noscript|svg|iframe|figcaption)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_SIGN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
_LETTER = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
# Up to the next blank or dash: the vowel signs of Indic words are no letters to `\w`.
_WORD = re.compile(r"[^\W_][^\s–—]*")


def minutes_of(markup: str) -> int | None:
    """Minutes, at least one, for an article's whole text (HTML or plain). None when this is no whole article.

    265 words, or 500 characters of Chinese, Japanese and Korean, a minute: the figures of Medium and of Miniflux
    (internal/reader/readingtime), which readers know from elsewhere; measured were 238 words of English non-fiction (M.
    Brysbaert: How many words do we read per minute?, 2019), so that nobody is promised too little by more than a tenth.
    """
    text = _text(markup[:_MARKUP_MAX])
    exact = _minutes(text)
    return None if exact < WHOLE_MIN or is_cut(text) else max(1, int(exact + 0.5))


def _minutes(text: str) -> float:
    """Each script by its own measure: what is mixed is counted by parts."""
    spaced = _LETTER.sub(" ", _SIGN.sub(" ", text))
    words = sum(1 for _ in _WORD.finditer(spaced))
    signs, letters = len(_SIGN.findall(text)), len(_LETTER.findall(text))
    return words / WORDS_A_MINUTE + signs / SIGNS_A_MINUTE + letters / LETTERS_A_MINUTE


def _text(markup: str) -> str:
    """What a reader sees of it; in one walk, for foreign markup may be of any shape."""
    return html.unescape(_TAG.sub(" ", " ".join(_seen(markup))))


def _seen(markup: str) -> Iterator[str]:
    """The parts that are not inside scripts, styles and the like."""
    end, hidden = 0, False
    for tag in _UNSEEN.finditer(markup):
        if not hidden:
            yield markup[end : tag.start()]
        end, hidden = tag.end(), not (tag[1] or tag[0].endswith("/>"))
    if not hidden:
        yield markup[end:]
