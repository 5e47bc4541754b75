"""A text as the terms by which it is compared: words without endings, in any script.

Latin, Cyrillic, Greek, Arabic and Indic words lose their endings (Snowball, by language); Chinese, Japanese and Korean,
and Thai and its neighbours, are taken as pairs of characters; words that every text has are left out,
and small numbers are figures.
What is not here: how much a term counts (likeness), numbers and their units (facts).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from threading import Lock

import snowballstemmer

from digest.compose.numerals import FIGURES

_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0dff"
# Scripts without blanks between words, and Hangul, whose particles hang on to the word.
_PAIRED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"\d+(?:[.,]\d+)*|[{_PAIRED}]+|[^\W\d_{_PAIRED}](?:[^\W\d_{_PAIRED}]|[{_MARKS}])*")
_PAIRS = re.compile(rf"[{_PAIRED}]+")
_POSSESSIVE = re.compile(r"['’ʼ]s\b")
_APOSTROPHE = re.compile(r"(?<=\w)['’ʼ](?=\w)")
_INITIALS = re.compile(r"\b(?:[a-z]\.){2,}")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_VOWEL_SIGNS = re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]")

_NO_FIGURES: dict[str, str] = {}

_STEMMING = Lock()
"""A stemmer has the word that it works on in itself, and two issues may be composed at once."""
_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "nb": "norwegian", "ne": "nepali",
    "nl": "dutch", "nn": "norwegian", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
_EMPTY = {
    "en": """a about after against all also amid among an and any are as at be been before being between both but by can
        could did do does down during each for from had has have he her here his how i if in into is it its just may might
        more most must my new no nor not of off on once only or other our out over own per said same say says she should
        so some such than that the their then there these they this those through to too under until up us very via vs
        was we were what when where which while who whom why will with would you your""",
    "de": """aber alle als am an auch auf aus bei bis da das dass dem den der des die doch durch ein eine einem einen
        einer
        eines er es für gegen hat haben hatte ich ihr im in ist ja kann kein keine mehr mit nach nicht noch nun nur ob
        oder seit sein seine sich sie sind so über um und uns unter vom von vor war warum was weiter wenn werden wie
        will wir wird zu zum zur zwischen""",
    "fr": """à au aux avec ce ces cette comme contre d dans de des du elle en entre est et être eu il ils je l la le
        les leur
        lui mais ne nous on ou où par pas plus pour qu que qui s sa sans se ses si son sont sous sur un une vers""",
    "es": """a al ante como con contra de del desde donde el ella en entre era es esta este esto fue ha han hasta la
        las le lo
        los más mi no nos o para pero por que qué se según ser si sin sobre son su sus también tras un una y ya""",
    "it": """a ad ai al alla alle anche che chi ci come con contro da dal dalla dei del della delle di dopo e è ed
        fra gli ha
        i il in la le lo ma ne nei nel nella non o per più quando se si sono su sul sulla tra un una uno""",
    "nl": """aan als bij dat de die dit door een en er het hij hun ik in is maar met na naar niet nog of om ook onder
        op over
        te tegen tot uit van voor was wat we wel wij worden wordt ze zich zijn zo""",
    "pt": """a ao aos as às com como contra da das de do dos e é em entre foi já mais mas na nas não no nos o os ou
        para pela
        pelo por que se sem ser seu sob sobre sua também um uma""",
    "sv": "att av de den det efter en ett för från har i inte med mot när och om på sig som till under vid är",
    "ru": """а без бы был были было в во для до его ее если же за и из или их к как когда ко на над не него нет ни но о об
        он она они от по под при с со так также то у уже что чтобы это""",
    "ar": """أن إلى إن التي الذي الى ان أو بعد بين حول خلال ذلك على عن عند في قال قبل قد كان كانت كل لا لم ما مع من
        منذ نحو
        هذا هذه هو هي و""",
    "he": "או אחרי אך אל אם את בין גם הוא היא הם זה זו יותר כי כל לא לפני מה מי נגד על עד עוד עם של",
}  # fmt: skip


def terms(text: str, language: str | None = None) -> list[str]:
    """The terms of `text` in their order, repeated as they repeat.

    language: its tag; None, or one without a stemmer, counts as English for Latin letters. The same
    text gives the same terms.
    """
    tag = (language or "en").lower().split("-")[0]
    return [term for token in _TOKEN.findall(_folded(text)) for term in _of_token(token, tag)]


def _folded(text: str) -> str:
    """Case, width, possessives and vowel signs away; `U.S.` is `us.`, 21,700 is 21700."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if not folded.isascii():
        folded = _VOWEL_SIGNS.sub("", folded)
    folded = _APOSTROPHE.sub(" ", _POSSESSIVE.sub("", folded))
    folded = _INITIALS.sub(lambda match: f"{match[0].replace('.', '')}. ", folded)
    return _GROUPED.sub("", folded)


@lru_cache(maxsize=200_000)
def _of_token(token: str, tag: str) -> tuple[str, ...]:
    """The terms of a token; kept, because most tokens were met before and stemming takes its time."""
    if token[0] >= "\u0e00" and _PAIRS.fullmatch(token):
        return tuple(token[at : at + 2] for at in range(max(1, len(token) - 1)))
    if token in _empty_words(tag) or (len(token) == 1 and token.isascii() and not token.isdigit()):
        return ()
    if token[0].isdigit():
        return (token,)
    return (FIGURES.get(tag, _NO_FIGURES).get(token) or _stem(token, tag),)


@cache
def _empty_words(tag: str) -> frozenset[str]:
    """English ones among all: names and loans of English are everywhere, and a short word is rarely a loss."""
    return frozenset(_EMPTY["en"].split()) if tag not in _EMPTY else frozenset(_EMPTY[tag].split())


@cache
def _stemmer(tag: str) -> snowballstemmer.stemmer:
    return snowballstemmer.stemmer(_STEMMERS[tag])


def _stem(word: str, tag: str) -> str:
    """A folded word without its ending; as it is where its language has no stemmer, or it is too short to have one."""
    if word.isascii() and tag not in _STEMMERS:
        tag = "en"
    if tag not in _STEMMERS or len(word) <= 3:
        return word
    with _STEMMING:
        return str(_stemmer(tag).stemWord(word))
