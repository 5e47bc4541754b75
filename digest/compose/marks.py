"""What news desks set before and behind a headline when they bring a story again: "UPDATE 1-", "live", 【速報】 (pure).

What is not here: whether two stories are one (republished).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_OF_VERSIONS = (
    r"updated?", r"rpt", r"refile", r"recast", r"wrapup", r"aktualisiert", r"aktualisierung", r"mis(?:e)? à jour",
    r"actualisé", r"actualización", r"actualizad[oa]", r"aggiornamento", r"aggiornat[oa]", r"bijgewerkt", r"atualização",
    r"atualizad[oa]", r"تحديث", r"محدث", r"更新", r"업데이트",
)  # fmt: skip
"""These say that a story was told before, and nothing of what is in it."""
_OF_KINDS = (
    # news wires and English papers
    r"breaking(?: news)?", r"developing", r"just in", r"correct(?:ion|ed)", r"exclusive", r"watch",
    r"live(?:[ -]?blog)?(?: updates?)?", r"as it happened", r"repeat", r"insight", r"video", r"photos?",
    # German, French, Spanish, Italian, Dutch, Portuguese
    r"eilmeldung", r"eil", r"exklusiv", r"korrektur", r"korrigiert", r"(?:live-?)ticker", r"en direct", r"direct",
    r"urgent", r"exclusif", r"vidéo", r"en vivo", r"en directo", r"última hora", r"urgente", r"exclusiv[oa]", r"vídeo",
    r"in diretta", r"ultim['’]ora", r"esclusiv[oa]", r"exclusief", r"ao vivo",
    # Arabic, Japanese, Chinese, Korean
    "عاجل", "مباشر", "حصري", "تصحيح", "فيديو", "速報", "訂正", "独自", "ライブ", "動画", "快讯", "快訊", "突发", "突發",
    "更正", "独家", "獨家", "直播", "속보", "단독", "정정", "종합",
)  # fmt: skip


def _one_of(marks: tuple[str, ...]) -> str:
    return rf"(?:{'|'.join(sorted(marks, key=len, reverse=True))})"


def _bracketed(mark: str) -> str:
    return rf"[(\[【〔「『（［]\s*{mark}\s*[)\]】〕」』）］]"


_NUMBER = r"(?:\s?\d{1,2})?"
_NAME = _one_of(_OF_VERSIONS + _OF_KINDS)
_MARK, _VERSION = _NAME + _NUMBER, _one_of(_OF_VERSIONS) + _NUMBER
_BEFORE = re.compile(rf"^\s*(?:{_bracketed(_MARK)}|{_MARK}\s*[-–—:：|/!،])\s*", re.IGNORECASE)
_BEHIND = re.compile(rf"\s*(?:{_bracketed(_MARK)}|\s[-–—|/]\s*{_NAME}|[:：|]\s*{_NAME})\s*$", re.IGNORECASE)
# A hyphen without blanks is a wire's, after capitals: "Update-Server fällt aus" begins with a word of its own.
_VERSION_BEFORE = re.compile(
    rf"^\s*(?:(?-i:(?:UPDATED?|RPT|REFILE|RECAST|WRAPUP){_NUMBER}-)|{_bracketed(_VERSION)}|{_VERSION}\s*[:：|])\s*",
    re.IGNORECASE,
)
_VERSION_BEHIND = re.compile(rf"\s*{_bracketed(_VERSION)}\s*$", re.IGNORECASE)


@lru_cache(maxsize=50_000)
def without_marks(title: str) -> str:
    """A title without its marks. One that is nothing but marks keeps the last."""
    return _without(title, _BEFORE, _BEHIND)


def for_readers(title: str) -> str:
    """A title without what only says that it was told before: nobody who reads a digest has seen the first version."""
    return _without(title, _VERSION_BEFORE, _VERSION_BEHIND)


def _without(title: str, before: re.Pattern[str], behind: re.Pattern[str]) -> str:
    text, known = unicodedata.normalize("NFC", title), None
    while text != known:
        known = text
        text = behind.sub("", before.sub("", text)) or known
    return text
