"""Which titles name a column that comes again and again ("Weekly roundup") rather than a story.

One rule for all who ask: a column's title is no story's name, neither in the pool nor in the memory nor in an issue (pure).
What is not here: when two titles are the same (gather/identity), and how alike they are (compose/likeness).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]+")
_POSSESSIVE = re.compile(r"['’ʼ]s?\b")

_COLUMN_WORDS = """weekly daily monthly morning evening midday nightly week weekend day today tomorrow yesterday
    month year roundup round wrap recap review digest briefing brief bulletin newsletter headline top story stories news
    latest link read reading podcast episode editorial letter opinion calendar diary agenda event obituary obituaries
    correction update live blog photo picture gallery quiz quizzes crossword cartoon horoscope weather forecast market watch
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september
    october november december wochenrückblick rückblick wochenschau presseschau überblick nachrichten woche tag morgen abend
    revue presse semaine resumen semana noticias edition issue number vol part"""
_BETWEEN = """a an and at by for from in of on our the this to up with your
    am an auf aus das dem den der des die ein eine für im in mit und vom von zum zur à au d de des du en et l la le les un
    une del el los las por y"""
_KNOWN = frozenset(f"{_COLUMN_WORDS} {_BETWEEN}".split())


@lru_cache(maxsize=50_000)
def is_column(title: str) -> bool:
    """Whether a title has no word but those of calendars and news desks, in the singular or the plural, and numbers."""
    folded = _POSSESSIVE.sub("", unicodedata.normalize("NFKC", title).casefold())
    return all(word in _KNOWN or word.removesuffix("s") in _KNOWN for word in _WORD.findall(folded))
