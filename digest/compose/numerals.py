"""Numbers as headlines write them in words, by language, so that "four ships" and "4 ships" are the same (pure).

Words that are articles or verbs far more often than numbers are left out.
"""

from __future__ import annotations

_ONE_TO_TWELVE = {
    "en": "one two three four five six seven eight nine ten eleven twelve",
    "de": "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "fr": "- deux trois quatre cinq six sept huit neuf dix onze douze",
    "es": "- dos tres cuatro cinco seis siete ocho nueve diez - doce",
    "it": "- due tre quattro cinque sei sette otto nove dieci undici dodici",
    "nl": "- twee drie vier vijf zes zeven acht negen tien elf twaalf",
    "pt": "- dois três quatro cinco seis sete oito nove dez onze doze",
    "sv": "- två tre fyra fem sex sju åtta nio tio elva tolv",
    "ar": "واحد اثنان ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة عشرة",
}

FIGURES = {
    tag: {word: str(value) for value, word in enumerate(words.split(), 1) if word != "-"}
    for tag, words in _ONE_TO_TWELVE.items()
}
"""By language: the word, casefolded, to its figure."""
