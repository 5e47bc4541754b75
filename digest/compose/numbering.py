"""What counts in a title: numbers in figures, words and Roman numerals, single letters, days, months, parts.

Two titles of one source that are alike but for these are two instalments of a series, two scores, two days of a live
report: never one story told twice. Stricter than facts, which lets a number be missing, because two sources that tell of
one event round and leave out; one source that repeats itself does not.
What is not here: whether two stories are one (republished, cluster).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from digest.compose.numerals import FIGURES
from digest.model.calendar_words import AMBIGUOUS, MONTHS, WEEKDAYS

Numbering = tuple[str, ...]
"""What counts in a title, in one spelling, sorted."""

_FIGURES = re.compile(r"\d+(?:[.,]\d+)*")
_GROUPED = re.compile(r"(?<=\d)[,.'’\u00a0\u202f](?=\d{3}(?!\d))")
_WORD = re.compile(r"[^\W\d_]+")
_ROMAN = re.compile(r"(?=[IVX])(X{0,3})(IX|IV|V?I{0,3})")
# Plan B, Group C, Annex d; an article is none of these.
_LETTER = re.compile(r"(?<![\w'’.-])(?!a\b|\A[AI]\b)[A-Za-z](?![\w'’.-])")
_HAN = re.compile("[〇一二三四五六七八九十百千]")
# 上, 中, 下 and their like number the parts of a series in Japanese and Chinese papers, in brackets or at the end.
_PARTS = re.compile(r"[(\[【〈《]([上中下前後后]|前[編篇]|[中後后][編篇])[)\]】〉》]|([上中下])$|([前中後后][編篇])")
_JAPANESE_DAY = re.compile(r"([月火水木金土日])曜|(?:星期|周|週)([一二三四五六日天])|([월화수목금토일])요일")

_ORDINALS = (
    "first erste ersten erster erstes premier première primer primera primero primo prima primeiro primeira eerste الأول "
    "الأولى",
    "second zweite zweiten zweiter zweites deuxième seconde segundo segunda secondo seconda tweede الثاني الثانية",
    "third dritte dritten dritter drittes troisième tercer tercera tercero terzo terza terceiro terceira derde الثالث "
    "الثالثة",
    "fourth vierte vierten vierter viertes quatrième cuarto cuarta quarto quarta vierde الرابع الرابعة",
    "fifth fünfte fünften fünfter fünftes cinquième quinto quinta vijfde الخامس الخامسة",
    "sixth sechste sechsten sechster sechstes sixième sexto sexta sesto sesta zesde السادس السادسة",
)
_NAMED = (
    {word: figure for words in FIGURES.values() for word, figure in words.items()}
    | {word: str(value) for value, row in enumerate(_ORDINALS, 1) for word in row.split()}
    | {name: days[0] for days in WEEKDAYS for name in days}
    | {name: months[0] for months in MONTHS for name in months}
)
# Verbs and other common words, unless they are written as names are.
_NAMES_ONLY = AMBIGUOUS | {"mai", "second", "seconda", "secondo", "prima", "primo"}
_HAN_DAYS = {"月": "monday", "火": "tuesday", "水": "wednesday", "木": "thursday", "金": "friday", "土": "saturday",
             "日": "sunday", "一": "monday", "二": "tuesday", "三": "wednesday", "四": "thursday", "五": "friday",
             "六": "saturday", "天": "sunday", "월": "monday", "화": "tuesday", "수": "wednesday", "목": "thursday",
             "금": "friday", "토": "saturday", "일": "sunday"}  # fmt: skip


@lru_cache(maxsize=50_000)
def numbering(title: str) -> Numbering:
    """What counts in a title; empty where nothing does."""
    text = _GROUPED.sub("", unicodedata.normalize("NFKC", title))
    found = [_plain(figures) for figures in _FIGURES.findall(text)]
    found += [letter.casefold() for letter in _LETTER.findall(text)]
    found += [value for word in _WORD.findall(text) if (value := _of_word(word)) is not None]
    found += [f"part {''.join(match)[0]}" for match in _PARTS.findall(text)]
    found += [_HAN_DAYS["".join(match)] for match in _JAPANESE_DAY.findall(text)]
    found += _HAN.findall(_JAPANESE_DAY.sub("", text))
    return tuple(sorted(found))


def _plain(figures: str) -> str:
    """A number in one spelling, of any script: ٤١ is 41, 21.70 is 21.7."""
    try:
        return f"{float(figures.replace(',', '.')):g}"
    except ValueError:  # 1.2.3, a version or a date
        return figures


def _of_word(word: str) -> str | None:
    folded = word.casefold()
    if folded in _NAMES_ONLY and not word[0].isupper():
        return None
    if (known := _NAMED.get(folded)) is not None:
        return known
    # A single letter is rather somebody's initial; I is a word.
    return str(_roman(word)) if len(word) > 1 and _ROMAN.fullmatch(word) else None


def _roman(numeral: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10}[letter] for letter in numeral]
    return sum(-value if value < max(values[at:]) else value for at, value in enumerate(values))
