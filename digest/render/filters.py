"""What a mail template can do with a value: dates, directions, colours, fonts, lines of text. Pure.

What is not here: the environment (templates), the tables behind some of these (words, colours, plain).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from digest.render import words
from digest.render.colours import ink_on, readable_on
from digest.render.plain import width, wrap


@pass_context
def format_date(context: Context, value: date | datetime, style: str = "full") -> str:
    """A date in the newsletter's language: full, long, medium, short, or a CLDR skeleton such as `MMMMd`."""
    return words.format_date(value, style, str(context.get("language", "en")))


def hostname(url: str) -> str:
    """`example.org` of `https://www.example.org/a`; empty when there is none."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def label(source: str) -> str:
    """A source's name for readers: `defence-notes` is Defence Notes; a name that is written with care stays as it is."""
    return source if source != source.lower() or " " in source else source.replace("-", " ").replace("_", " ").title()


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a plain text, which empty lines part; none when it is blank."""
    found = (" ".join(part.split()) for part in text.replace("\r\n", "\n").split("\n\n"))
    return [part for part in found if part]


# -- directions --------------------------------------------------------------------------------------------------------

_RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})


def direction(language: str | None) -> str:
    """`rtl` for a language that is written from right to left, else `ltr`."""
    return "rtl" if (language or "").lower().split("-")[0] in _RIGHT_TO_LEFT else "ltr"


def direction_of(text: str) -> str | None:
    """The direction of the first letter of `text`; None when it has none (Unicode bidirectional algorithm, P2)."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in {"L", "R", "AL"}:
            return "ltr" if kind == "L" else "rtl"
    return None


@pass_context
def isolate(context: Context, text: str) -> str:
    """`text`, kept from disturbing what stands around it when it runs the other way: `<bdi>`, in plain text U+2068."""
    own = direction_of(text)
    html = bool(context.eval_ctx.autoescape)
    if own in {None, context.get("direction", "ltr")}:
        return escape(text) if html else text
    return Markup('<bdi dir="{}">{}</bdi>').format(own, text) if html else f"\u2068{text}\u2069"


# -- fonts -------------------------------------------------------------------------------------------------------------

# No name is quoted: an unquoted name of several words is valid CSS, and quotes would have to be escaped in attributes.
_STACKS = {
    "georgia": "Georgia, Times New Roman, serif",
    "charter": "Charter, Bitstream Charter, Sitka Text, Cambria, Georgia, serif",
    "palatino": "Iowan Old Style, Palatino Linotype, Palatino, Book Antiqua, Georgia, serif",
    "times": "Times New Roman, Times, serif",
    "helvetica": "Helvetica, Arial, sans-serif",
    "system": "-apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif",
    "verdana": "Verdana, Geneva, sans-serif",
}
# Scripts for which the fonts above have no letters: what every system has, without its faint or swash-like faces.
_OF_SCRIPT = {
    "arabic": "Geeza Pro, Segoe UI, Noto Naskh Arabic, Tahoma, Arial, sans-serif",
    "ja": "Hiragino Sans, Hiragino Kaku Gothic ProN, Yu Gothic, Meiryo, Noto Sans CJK JP, sans-serif",
    "ko": "Apple SD Gothic Neo, Malgun Gothic, Noto Sans CJK KR, sans-serif",
    "zh": "PingFang SC, Hiragino Sans GB, Microsoft YaHei, Noto Sans CJK SC, sans-serif",
}
_JOINED = frozenset({"ar", "ckb", "fa", "ps", "sd", "ug", "ur"})


def script(language: str) -> str:
    """`arabic`, `ja`, `ko` or `zh` where fonts, letter spacing and italics differ from Latin; else `latin`."""
    base = language.lower().split("-")[0]
    return "arabic" if base in _JOINED else base if base in _OF_SCRIPT else "latin"


def font_stack(name: str, language: str) -> str:
    """The fonts to try, in order: those of the theme's font `name`, or of the language's script where it needs its own."""
    return _OF_SCRIPT.get(script(language), _STACKS.get(name, name))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "date": format_date,
    "direction": direction,
    "direction_of": direction_of,
    "font_stack": font_stack,
    "hostname": hostname,
    "ink_on": ink_on,
    "isolate": isolate,
    "label": label,
    "paragraphs": paragraphs,
    "readable_on": readable_on,
    "script": script,
    "width": width,
    "wrap": wrap,
}
"""Every filter of ours, by its name in a template."""
