"""Dates as sources write them -> instants in UTC (pure).

What is not here: what to do with a story that has no date (flow: first seen), and the present time, which is an argument.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

# Older dates, and 1970-01-01 above all, are how software says "unknown".
_EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
_FUTURE = timedelta(hours=1)  # clocks are wrong by that much; beyond it the date is no date of publication

_ZONES_IN_HOURS: dict[str, float] = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "mez": 1, "met": 1, "cest": 2, "mesz": 2,
    "mest": 2, "eet": 2, "eest": 3, "sast": 2, "cat": 2, "wat": 1, "eat": 3, "msk": 3, "msd": 4, "trt": 3, "idt": 3,
    "gst": 4, "irst": 3.5, "pkt": 5, "ist": 5.5, "npt": 5.75, "bdt": 6, "ict": 7, "wib": 7, "wita": 8, "wit": 9, "sgt": 8,
    "hkt": 8, "myt": 8, "pht": 8, "awst": 8, "jst": 9, "kst": 9, "acst": 9.5, "acdt": 10.5, "aest": 10,
    "aedt": 11, "nzst": 12, "nzdt": 13, "nst": -3.5, "ndt": -2.5, "ast": -4, "adt": -3, "est": -5, "edt": -4, "et": -5,
    "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "pt": -8,
    "akst": -9, "akdt": -8, "hst": -10, "hast": -10, "brt": -3,
    "art": -3, "clt": -4, "clst": -3, "pet": -5, "cot": -5, "vet": -4,
}  # fmt: skip

# The beginnings by which months are known, in the languages that feeds were seen in.
_MONTHS: tuple[tuple[str, ...], ...] = (
    ("jan", "ene", "gen", "jän", "янв", "sty", "led", "oca"),
    ("feb", "fev", "fév", "fäb", "фев", "lut", "úno", "şub"),
    ("mar", "mär", "maa", "mrt", "мар"),
    ("apr", "avr", "abr", "апр", "kwi", "dub", "nis"),
    ("may", "mai", "mag", "maj", "mei", "мая", "май", "kvě"),
    ("jun", "juin", "giu", "июн", "cze", "haz"),
    ("jul", "juil", "lug", "июл", "lip", "tem"),
    ("aug", "aoû", "aou", "ago", "авг", "sie", "ağu"),
    ("sep", "set", "сен", "wrz", "zář", "eyl"),
    ("oct", "okt", "ott", "out", "окт", "paź", "říj", "eki"),
    ("nov", "ноя", "lis", "kas"),
    ("dec", "déc", "dez", "dic", "des", "дек", "gru", "pro", "ara"),
)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?=\D|$)")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?)?(?=\D|$)")
_TIME = re.compile(r"(?<!\d)(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?\s*([ap]\.?m\b\.?)?", re.IGNORECASE)
_HOUR_ONLY = re.compile(r"(?<!\d)(\d{1,2})\s*([ap])\.?m\b\.?", re.IGNORECASE)
_OFFSET = re.compile(r"(?:gmt|utc)?\s*([+-])\s?(\d{1,2}):?(\d\d)?(?!\d)", re.IGNORECASE)
_NUMERIC = re.compile(r"(?<!\d)(\d{1,2})[/. -](\d{1,2})[/. -](\d{4}|\d{2})(?!\d)")
_WORD = re.compile(r"[^\W\d_]{2,}\.?")


class _Day(NamedTuple):
    year: int
    month: int
    day: int


def parse_date(text: str | None, now: datetime) -> datetime | None:
    """The instant that `text` names, aware and in UTC; None when it names none that a story could have.

    None also for an instant more than an hour after `now`, and for anything before 1995. A missing zone counts as UTC, a
    missing time as midnight. Day and month as bare numbers are day first, unless the weekday or the numbers say otherwise.
    """
    found = _instant(" ".join(text[:200].split())) if text else None
    if found is None or not _EARLIEST <= found <= now + _FUTURE:
        return None
    return found


def _instant(text: str) -> datetime | None:
    try:
        return _epoch(text) or _exact(text) or _tolerant(text)
    except (ValueError, OverflowError):
        return None


def _epoch(text: str) -> datetime | None:
    """Seconds or milliseconds since 1970."""
    if not re.fullmatch(r"[0-9]{9,10}|[0-9]{13}", text):
        return None
    return datetime.fromtimestamp(int(text[:10]) if len(text) != 9 else int(text), UTC)


def _exact(text: str) -> datetime | None:
    """ISO 8601 as the standard library knows it; a year alone, or one with a week, is left to the others."""
    try:
        found = datetime.fromisoformat(text) if len(text) >= 10 else None
    except ValueError:
        return None
    if found is None or _strange_offset(found):
        return None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)


def _strange_offset(found: datetime) -> bool:
    offset = found.utcoffset()
    return offset is not None and abs(offset) > timedelta(hours=14)


def _tolerant(text: str) -> datetime | None:
    text = _spelled_out(text)
    day, rest = _iso_day(text) or _worded_day(text) or _numeric_day(text) or (None, "")
    if day is None:
        return None
    hours, minutes, seconds, rest = _time(rest)
    # The time is added to the day, so that 24:00 is the next midnight.
    time = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    wall = datetime(_full_year(day.year), day.month, day.day, tzinfo=UTC) + time
    return wall.replace(tzinfo=_zone(rest)).astimezone(UTC)


def _spelled_out(text: str) -> str:
    """Chinese and Japanese dates in numbers: 2026年11月23日 10:05."""
    text = re.sub(r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日", r"\1-\2-\3 ", text)
    return re.sub(r"(?:下午|午後)\s*(\d{1,2}:\d\d(?::\d\d)?)", r"\1 pm", text)


def _full_year(year: int) -> int:
    if year >= 100:
        return year
    return year + (2000 if year < 70 else 1900)


# -- days: each returns the day and the text that is left, or None -----------------------------------------------------


def _iso_day(text: str) -> tuple[_Day, str] | None:
    if match := _COMPACT.match(text):
        time = f" {match[4]}:{match[5]}:{match[6] or '00'} " if match[4] else " "
        return _Day(int(match[1]), int(match[2]), int(match[3])), time + text[match.end() :]
    match = _ISO.search(text)
    if not match:
        return None
    return _Day(int(match[1]), int(match[2]), int(match[3] or 1)), text[match.end() :].lstrip("Tt ")


def _worded_day(text: str) -> tuple[_Day, str] | None:
    """29 March 2026, March 29th, 2026, 29-Mar-26, Mar. 2026."""
    for word in _WORD.finditer(text):
        month = _month(word[0])
        if month is None:
            continue
        before = re.search(
            r"(?<![\d:])(\d{1,2})(?:st|nd|rd|th|er|º|ª)?[\s.,-]*(?:de\s+)?$", text[: word.start()], re.IGNORECASE
        )
        after = re.match(
            r"[\s.,-]*(?:de\s+)?(?:(\d{1,2})(?:st|nd|rd|th)?[\s.,-]+)?(\d{4}|\d{2})(?![\d:])", text[word.end() :]
        )
        if not after or (len(after[2]) == 2 and not (before or after[1])):
            continue  # "mar., 01 déc. 2020": mardi, not March 2001
        day = int(before[1]) if before else int(after[1] or 1)
        left = text[: before.start() if before else word.start()] + " " + text[word.end() + after.end() :]
        return _Day(int(after[2]), month, day), left
    return None


def _month(word: str) -> int | None:
    """The month whose name begins as `word` does. Weekdays that begin alike (mar. = mardi) are told by what follows."""
    folded = word.casefold().rstrip(".")
    return next((i for i, starts in enumerate(_MONTHS, 1) if folded.startswith(starts) and len(folded) >= 3), None)


def _numeric_day(text: str) -> tuple[_Day, str] | None:
    match = _NUMERIC.search(text)
    if not match:
        return None
    first, second, year = int(match[1]), int(match[2]), int(match[3])
    left = text[: match.start()] + " " + text[match.end() :]
    readings = [_Day(year, second, first), _Day(year, first, second)]
    possible = [reading for reading in readings if 1 <= reading.month <= 12]
    named = text[:3].casefold()
    right = [reading for reading in possible if named in _WEEKDAYS and _weekday(reading) == named]
    return next(((reading, left) for reading in right + possible), None)


def _weekday(day: _Day) -> str:
    return _WEEKDAYS[datetime(_full_year(day.year), day.month, day.day, tzinfo=UTC).weekday()]


# -- times and zones ---------------------------------------------------------------------------------------------------


def _time(text: str) -> tuple[int, int, int, str]:
    """Hours, minutes, seconds (0 where none are named), and the text that is left."""
    if match := _TIME.search(text):
        hours, minutes, seconds, half = int(match[1]), int(match[2]), int(match[3] or 0), (match[4] or "").lower()
    elif match := _HOUR_ONLY.search(text):
        hours, minutes, seconds, half = int(match[1]), 0, 0, match[2].lower()
    else:
        return 0, 0, 0, text
    if half:
        hours = hours % 12 + (12 if half.startswith("p") else 0)
    if hours > 24 or minutes > 59 or seconds > 60:
        raise ValueError("no time of day")
    return hours, minutes, seconds, text[: match.start()] + " " + text[match.end() :]


def _zone(text: str) -> tzinfo:
    """The zone named in what is left of a date; UTC when there is none, or one that nobody knows."""
    if match := _OFFSET.search(text):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0)) * (-1 if match[1] == "-" else 1)
        return timezone(offset) if abs(offset) <= timedelta(hours=14) else UTC
    if match := re.search(r"\b[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+\b", text):
        try:
            return ZoneInfo(match[0])
        except (OSError, ValueError, KeyError):
            return UTC
    words = re.findall(r"[a-z]+", text.casefold())
    hours = next((_ZONES_IN_HOURS[word] for word in reversed(words) if word in _ZONES_IN_HOURS), 0.0)
    return timezone(timedelta(hours=hours))
