"""What makes two alike headlines tell of different things: another number of the same unit, another day, another quarter.

What is not here: how alike two texts are (likeness), which titles name a column rather than a story (model/titles).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from digest.model.calendar_words import AMBIGUOUS, MONTHS, WEEKDAYS

Facts = dict[str, frozenset[str]]
"""Kind of fact, such as "day" or "%", to the values that a title gives it."""

_DIGITS = r"\d+(?:[.,]\d+)*"
_CURRENCY = r"(?:us\$|a\$|c\$|rm|rs|chf|eur|usd|gbp|[$€£¥₹₽₩₪])"
_AMOUNT = re.compile(rf"({_CURRENCY})\s?({_DIGITS})\s?([^\W\d_]+)?")
_WITH_UNIT = re.compile(rf"(?<![0-9a-z.,])({_DIGITS})(?:\s?(%|[^\W\d_]+))?")
_LABELLED = re.compile(r"\b([^\W\d_]+)[\s.#]{0,2}(\d+)\b")
_QUARTER = re.compile(r"\b(?:q[1-4]|[1-4]q|h[12]|[12]h)\b")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_YEAR = re.compile(r"(?:19|20)\d\d")

_SCALES = {
    "bn": "billion", "b": "billion", "bln": "billion", "milliarden": "billion", "mrd": "billion", "milliards": "billion",
    "m": "million", "mn": "million", "mln": "million", "millionen": "million", "mio": "million", "millions": "million",
    "billions": "billion", "percent": "%", "pct": "%", "prozent": "%", "pc": "%", "th": "", "st": "", "nd": "", "rd": "",
}  # fmt: skip
_LABELS = {
    name: names[0]
    for names in (
        ("day", "tag", "jour", "día", "dia", "giorno", "dag"),
        ("week", "woche", "semaine", "semana", "settimana"),
        ("part", "teil", "partie", "parte", "deel"),
        ("episode", "ep", "folge", "épisode", "episodio"),
        ("round", "runde", "matchday", "spieltag"),
        ("issue", "no", "nr", "number", "ausgabe", "vol", "volume", "edition", "chapter", "kapitel", "season", "phase",
         "stage", "test", "game", "lot", "batch", "block", "article", "section", "chapter", "level"),
    )
    for name in names
}  # fmt: skip
_ORDINALS = {"first": "1", "second": "2", "third": "3", "fourth": "4", "1st": "1", "2nd": "2", "3rd": "3", "4th": "4",
             "erstes": "1", "zweites": "2", "drittes": "3", "viertes": "4", "ersten": "1", "zweiten": "2",
             "dritten": "3", "vierten": "4"}  # fmt: skip
_PERIOD = re.compile(rf"\b({'|'.join(_ORDINALS)})[\s-](quarter|half|quartal|halbjahr)\b")
_DATED = {name: ("weekday", days[0]) for days in WEEKDAYS for name in days} | {
    name: ("month", months[0]) for months in MONTHS for name in months if name not in AMBIGUOUS
}
_WORD = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=50_000)
def facts_of(title: str) -> Facts:
    """The numbers of a title by their unit or label, its weekdays, months and quarters."""
    text = _GROUPED.sub("", unicodedata.normalize("NFKC", title).casefold())
    found: dict[str, set[str]] = {}
    for kind, value in _facts(text):
        found.setdefault(kind, set()).add(value)
    return {kind: frozenset(values) for kind, values in found.items()}


def _facts(text: str) -> list[tuple[str, str]]:
    found = [("half" if "h" in match[0] else "quarter", match[0].strip("qh")) for match in _QUARTER.finditer(text)]
    found += [("half" if "h" in match[2] else "quarter", _ORDINALS[match[1]]) for match in _PERIOD.finditer(text)]
    found += [_DATED[word] for word in _WORD.findall(text) if word in _DATED]
    found += [(_LABELS[match[1]], match[2]) for match in _LABELLED.finditer(text) if match[1] in _LABELS]
    amounts = [(match.start(2), match[2], "money " + _unit(match[3])) for match in _AMOUNT.finditer(text)]
    taken = {start for start, _, _ in amounts}
    found += [(unit, number) for _, number, unit in amounts]
    for match in _WITH_UNIT.finditer(text):
        if match.start(1) not in taken:
            found.append(("year" if _YEAR.fullmatch(match[1]) else _unit(match[2]), match[1]))
    return found


def _unit(word: str | None) -> str:
    """A number's unit in one spelling; of an unspaced script, its first character: 41日 is a day of anything."""
    if not word:
        return ""
    if word[0] >= "\u3040":
        return word[0]
    unit = _SCALES.get(word, word)
    return unit if unit in {"", "%"} else unit.removesuffix("s")


def contradict(one: str, other: str) -> bool:
    """Whether two titles hold different values of the same kind and none in common."""
    first, second = facts_of(one), facts_of(other)
    return any(not _agree(values, second[kind]) for kind, values in first.items() if kind in second)


def _agree(some: frozenset[str], others: frozenset[str]) -> bool:
    """Whether a value is in both; 21.7 agrees with 21.70 and with 22, to which it is rounded."""
    return bool(some & others) or any(_same_number(one, other) for one in some for other in others)


def _same_number(one: str, other: str) -> bool:
    try:
        a, b = float(one.replace(",", ".")), float(other.replace(",", "."))
    except ValueError:
        return False
    if a == b:
        return True
    rough, fine, fine_text = (a, b, other) if len(one) < len(other) else (b, a, one)
    return "." in fine_text.replace(",", ".") and round(fine) == rough
