"""HTML or text of unknown cleanliness -> plain text, teasers and titles fit for a mail (pure).

What is not here: finding the text (feeds, pages), and HTML output: nothing that leaves this module is markup.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable

import nh3

TEASER_MAX = 280
TEASER_MIN = 20
TITLE_MAX = 300
# nh3's time grows with the square of the nesting (measured: 100,000 levels, 31 s); a teaser needs far less than this.
_HTML_MAX = 20_000

_BLOCKS = (
    "address|article|aside|blockquote|br|caption|center|dd|details|div|dl|dt|figure|footer|form|h[1-6]|header|hr|img|li|"
    "main|nav|ol|option|p|pre|section|summary|table|tbody|td|tfoot|th|thead|tr|ul"
)
_BLOCK_TAG = re.compile(rf"(?=</?(?:{_BLOCKS})\b)", re.IGNORECASE)
_MARKUP = re.compile(r"<[A-Za-z/!?]")
# After one unescaping: tags that nobody writes about, so that they can only be markup which was escaped once too often.
_ESCAPED_MARKUP = re.compile(
    r"</(?:p|div|span|a|b|i|em|strong|ul|ol|li|h[1-6])>|<(?:br|img|p|div)\b[^<>]*>", re.IGNORECASE
)
_UNSEEN = frozenset(
    {
        "script",
        "style",
        "template",
        "noscript",
        "iframe",
        "object",
        "svg",
        "math",
        "select",
        "button",
        "figcaption",
        "title",
    }
)
_CONTROLS = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f\x80-\x9f\xad\u061c\u180e\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0001-\U000e007f]"
)
# Joiners belong between letters (Persian, Hindi) and inside emoji; anywhere else they are junk.
_STRAY_JOINER = re.compile("(?:^|(?<=[\\s\x21-\x7e]))[\u200c\u200d]+|[\u200c\u200d]+(?=[\\s\x21-\x7e]|$)")
_CP1252 = {
    code: bytes([code]).decode("cp1252") for code in range(0x80, 0xA0) if code not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
}


def plain(markup: str) -> str:
    """The text of `markup` (HTML or text), on one line: block ends are spaces, entities undone, also those escaped twice.

    Control characters, lone surrogates, invisible junk and bidirectional overrides are gone. Looks at 20,000 characters.
    """
    text = _text_of(markup[:_HTML_MAX])
    if _ESCAPED_MARKUP.search(text):
        text = _text_of(text)
    elif "&" in text:
        text = html.unescape(text)
    return _printable(text)


def title(markup: str, sources: Iterable[str] = ()) -> str:
    """A headline: plain text of at most 300 characters, without the name of its source at the end (" - The Paper").

    "" when nothing but punctuation stands there ("...", "-"): nobody could follow such a link.
    """
    text = plain(markup)
    if all(unicodedata.category(character)[0] in "PZ" for character in text):
        return ""
    for name in map(plain, sources):
        suffix = re.search(rf".\s+[-–—|·»]\s*({re.escape(name)})$", text, re.IGNORECASE) if name else None
        text = text[: suffix.start() + 1] if suffix else text
    return text if len(text) <= TITLE_MAX else _cut_at_word(text, TITLE_MAX)


def teaser(markup: str, headline: str) -> str:
    """The short text under `headline`: boilerplate off, cut at a sentence end at most 280 characters, else at a word with …

    "" when it would have fewer than 20 characters, or say only what the headline says.
    """
    whole = _without_dateline(_without_title(_without_tails(plain(markup)), headline))
    body = _ELLIPSIS_TAIL.sub("", whole)
    if len(body) <= TEASER_MAX and body == whole:
        text = body
    else:
        end = _last_sentence_end(body[: TEASER_MAX + 20])
        text = body[:end] if end else _cut_at_word(body, TEASER_MAX)
    return "" if len(text) < TEASER_MIN or _same(text, headline) else text


def opening(markup: str, limit: int) -> str:
    """The first words of `markup` as plain text, at most `limit` characters."""
    text = plain(markup)
    return text if len(text) <= limit else _cut_at_word(text, limit)


# -- text --------------------------------------------------------------------------------------------------------------


def _text_of(markup: str) -> str:
    """Tags away, entities undone once."""
    if not _MARKUP.search(markup):
        return html.unescape(markup)
    # CDATA inside HTML would count as a comment, and a lone surrogate cannot be handed to Rust.
    whole = markup.replace("<![CDATA[", " ").replace("]]>", " ").encode("utf-8", "replace").decode()
    return html.unescape(nh3.clean(_BLOCK_TAG.sub(" ", whole), tags=set(), clean_content_tags=set(_UNSEEN)))


def _printable(text: str) -> str:
    text = unicodedata.normalize("NFC", _CONTROLS.sub("", text.translate(_CP1252)))
    return " ".join(_STRAY_JOINER.sub("", " ".join(text.split())).split())


def _same(one: str, other: str) -> bool:
    """Equal but for case, spaces and punctuation."""
    return _letters(one) == _letters(other)


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


# -- boilerplate -------------------------------------------------------------------------------------------------------

_AFTER_SENTENCE = r"(?:^|(?<=[.!?…\])\"'”’»。！？>])\s*|\s+[|–—-]\s+)"
_LEAD_ON = (
    "continue reading|read more|read the (?:full|whole|rest|original|complete)|keep reading|read on\\b|"
    "click here to|full story|learn more|find out more"
)
_LEAD_ON_ALONE = (
    "Continue [Rr]eading|Read [Mm]ore|READ MORE|Weiterlesen|Mehr lesen|Lire la suite|Leer más|Lees verder|Leggi tutto|"
    "Läs mer|Les mer|Czytaj więcej|Читать далее|続きを読む|阅读全文"
)
_TAILS = (
    re.compile(r"\s*The post .{1,300}? (?:first )?appeared (?:first )?on .{1,200}$"),
    re.compile(r"\s*This (?:article|story|post) (?:was )?(?:originally |first )*(?:appeared|published) .{1,200}$"),
    re.compile(r"\s*Der Beitrag .{1,300}? erschien zuerst auf .{1,200}$"),
    re.compile(rf"{_AFTER_SENTENCE}[\[(]?(?i:{_LEAD_ON})[^.!?…]{{0,150}}[.…»→›>\])]*$"),
    re.compile(rf"\s*[\[(]?\b(?:{_LEAD_ON_ALONE})[\s.…»→›>\])]*$"),
    re.compile(r"\s*submitted by /u/\S+(?: to r/\S+)?\s*\[link\]\s*\[comments\]$"),
)
_ELLIPSIS_TAIL = re.compile(r"\s*(?:\[\s*(?:…|\.\.\.)\s*\]|\(\s*(?:…|\.\.\.)\s*\)|…|\.\.\.)$")


def is_cut(text: str) -> bool:
    """Whether plain text ends as an excerpt does: with … or a call to read on. A line of the site's software may follow."""
    end = " ".join(text[-1_000:].split())
    for tail in _TAILS[:3]:
        end = tail.sub("", end)
    return bool(_ELLIPSIS_TAIL.search(end)) or any(tail.search(end) for tail in _TAILS[3:5])


def _without_tails(text: str) -> str:
    """`text` without the lines that site software hangs on it."""
    for _ in range(3):
        shorter = text
        for tail in _TAILS:
            shorter = tail.sub("", shorter).rstrip()
        if shorter == text:
            break
        text = shorter
    return text


_AGENCIES = (
    "Reuters|AP|AFP|dpa|ANSA|EFE|Xinhua|TASS|Bloomberg|UPI|PTI|ots|SID|KNA|epd|APA|ATS|Lusa|NTB|TT|Ritzau|STT|CNW"
)
_DAY = r"(?:[A-Z][a-z]{2,8}\.? \d{1,2}|\d{1,2}\.? [A-Z][a-z]{2,8}\.?)(?:,? \d{4})?"
_PLACE = r"[^\W\d_a-z][^\Wa-z]*(?:[ '’./-]{1,2}[^\W\d_a-z][^\Wa-z]*){0,4}"  # in capitals
_DATELINE = re.compile(
    rf"(?:{_PLACE}(?:, [A-Z][\w.]+(?: [A-Z][\w.]+)?)?"
    rf"(?:,? {_DAY}(?: \([^()]{{2,40}}\)| /[^/]{{2,40}}/)?| \([^()]{{2,40}}\))"
    rf"|{_PLACE}(?=\s*[—–]\s*[A-Z“\"])"
    rf"|[A-Z][\w.'’-]+(?:[ /][A-Z][\w.'’-]+){{0,3}}(?:, {_DAY})? \((?:{_AGENCIES})\b[^()]{{0,30}}\))"
    r"\s*(?:[—–]|--?)\s+"
)


def _without_dateline(text: str) -> str:
    """`text` without the place, day and agency that it begins with: "LONDON, Nov 3 (Agency) — "."""
    match = _DATELINE.match(text)
    return text[match.end() :] if match and len(text) - match.end() >= TEASER_MIN else text


def _without_title(text: str, headline: str) -> str:
    """`text` without a copy of the headline in front, if enough is left to stand alone."""
    if len(headline) < TEASER_MIN or not text.casefold().startswith(headline.casefold()):
        return text
    rest = re.sub(r"^[\s.:|–—-]+", "", text[len(headline) :])
    apart = re.match(r"\s*[.:|–—!?-]|\s+[A-Z\"“]", text[len(headline) :])
    return rest if apart and len(rest) >= TEASER_MIN else text


# -- sentences ---------------------------------------------------------------------------------------------------------

_SENTENCE_MIN = 40  # a shorter first sentence followed by a long one says less than the words up to the limit
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s|$)|[。！？]+[」』”）]*")
_ABBREVIATIONS = frozenset({
    "mr", "mrs", "ms", "mx", "dr", "prof", "gen", "lt", "col", "maj", "capt", "cmdr", "cdr", "adm", "sgt", "cpl",
    "brig", "pvt", "rep", "reps", "sen", "sens", "gov", "pres", "hon", "rev", "fr", "st", "mt", "ft", "jr", "sr",
    "inc", "ltd", "co", "corp", "bros", "plc", "llc", "dept", "univ", "assn", "est", "approx", "ca", "cf", "vs",
    "v", "etc", "al", "vol", "vols", "pp", "p", "fig", "figs", "sec", "art", "jan", "feb", "mar", "apr", "jun",
    "jul", "aug", "sep", "sept", "oct", "nov", "dec", "mon", "tue", "tues", "wed", "thu", "thurs", "fri", "e.g",
    "i.e", "a.m", "p.m", "bzw", "z.b", "d.h", "u.a", "nr", "usw", "mme", "mlle", "sra", "sig", "ing", "dipl",
})  # fmt: skip
_BEFORE_NUMBER = frozenset({"no", "nos", "nr", "art", "vol", "p", "pp", "fig", "sec"})


def _last_sentence_end(text: str) -> int:
    """Where the last whole sentence of `text` ends, within the limit; 0 when there is none worth cutting at."""
    ends = [m.end() for m in _SENTENCE_END.finditer(text) if m.end() <= TEASER_MAX and _ends_sentence(text, m)]
    return ends[-1] if ends and ends[-1] >= _SENTENCE_MIN else 0


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    if match[0][0] in "。！？":
        return True
    following = text[match.end() :].lstrip()
    if following[:1].islower():
        return False
    if not match[0].startswith(".") or match[0].startswith(".."):
        return True
    word = re.split(r"[\s(\[\"'“‘«/–—]", text[: match.start()])[-1]
    return not _is_abbreviation(word, following)


def _is_abbreviation(word: str, following: str) -> bool:
    """`word` stood before a full stop: Lt., U.S., J., No. 7."""
    folded = word.casefold()
    if folded in _BEFORE_NUMBER and following[:1].isdigit():
        return True
    single = len(word) == 1 and word.isalpha()
    initials = re.fullmatch(r"(?:\w\.)+\w{1,2}", word) is not None
    return single or initials or folded in _ABBREVIATIONS


def _cut_at_word(text: str, limit: int) -> str:
    """At most `limit` characters of `text`, ending after a word, with … for what is missing."""
    room = text[: limit - 1]
    if len(text) >= limit and not text[limit - 1 : limit].isspace():
        head = room.rpartition(" ")[0]
        # Text without spaces (Chinese, Thai) is cut where it must be, but not before a mark or inside a joined emoji.
        room = head if len(head) > limit // 2 else _whole_characters(room, text)
    return re.sub(r"[\s,;:.…–—-]+$", "", room) + "…"


def _whole_characters(room: str, text: str) -> str:
    end = len(room)
    while end > 1 and (unicodedata.category(text[end])[0] == "M" or "\u200d" in text[end - 1 : end + 1]):
        end -= 1
    return room[:end]
