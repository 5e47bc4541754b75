"""Which titles name a column that comes again and again ("Weekly roundup") rather than a story.

One rule for all who ask: a column's title is no story's name, neither in the pool nor in the memory nor in an issue (pure).
What is not here: when two titles are the same (gather/identity), how alike they are (compose/likeness), what two
instalments of a series differ in (compose/numbering).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from digest.model.calendar_words import MONTHS, WEEKDAYS

_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u064b-\u065f\u0670])*")
_POSSESSIVE = re.compile(r"['’ʼ](?:s\b|(?!\w))")
_ROMAN = re.compile(r"[ivx]+")
# Scripts that write no blanks: a title of these is one word, and is known by its pieces.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]+")

_COLUMN_WORDS = """weekly daily monthly morning evening midday nightly week weekend day today tomorrow yesterday
    month year roundup round wrap recap review digest briefing brief bulletin newsletter headline top story stories news
    latest link read reading podcast episode editorial letter opinion calendar diary agenda event obituary obituaries
    correction update live blog photo picture gallery quiz quizzes crossword cartoon horoscope weather forecast market watch
    edition issue number vol volume part chapter instalment glance
    wochenrückblick rückblick wochenschau tagesschau presseschau überblick nachrichten meldungen kurzmeldungen woche
    wochenende tag tages tageshoroskop heute morgen mittag abend bild bilder bildern fotos ausgabe folge teil kapitel
    leitartikel kommentar leserbriefe wetter wettervorhersage termine terminkalender vorschau kreuzworträtsel rätsel
    horoskop newsticker ticker liveticker kurz kompakt
    revue presse semaine jour jours aujourd hui matin soir matinale journal nouvelles actualité actualités actu actus info
    infos bref brève brèves résumé récap point rendez-vous rendez vous édito éditorial courrier lecteurs météo agenda
    images photos horoscope mots croisés numéro partie épisode lettre
    resumen semana semanal día diario diaria hoy mañana tarde noticia noticias boletín titular titulares portada portadas
    agenda efemérides editorial cartas lector tiempo pronóstico imágenes fotos fotogalería horóscopo crucigrama número
    parte capítulo episodio entrega claves actualidad
    settimana settimanale giorno giornata oggi mattina sera notizie rassegna stampa bollettino riassunto meteo oroscopo
    foto cruciverba editoriale lettere numero puntata
    weekoverzicht weekend dag vandaag ochtend avond nieuws nieuwsoverzicht krant weer weerbericht horoscoop foto's deel
    semanal diário hoje manhã noite notícias resumo boletim manchetes horóscopo palavras cruzadas
    أسبوع أسبوعي أسبوعية أسبوعيا يوم يومي يومية يوميا اليوم أخبار خبر نشرة موجز ملخص حصاد صحف صحافة صباح مساء صباحية مسائية
    عناوين أبرز أهم جولة طقس حالة صور كاريكاتير افتتاحية رأي بريد قراء عدد حلقة جزء"""
_BETWEEN = """a an and at by for from in of on our the this to up with your
    am an auf aus das dem den der des die ein eine für im in mit und vom von zum zur
    à au ce cette d dans de des du en et l la le les par s un une que qu
    al del el las los por y
    di dei del della e il i in
    het van op
    da do dos das o os
    في من على و عن إلى هذا هذه"""
_KNOWN = frozenset(f"{_COLUMN_WORDS} {_BETWEEN}".split()) | {
    name for names in (*WEEKDAYS, *MONTHS) for name in names if name != "mars"
}
_PIECES = re.compile(
    "(?:週刊|週間|月刊|日刊|毎日|毎週|今週|今日|本日|昨日|明日|今月|先週|来週|朝刊|夕刊|今朝|今夜|朝|夕方|夜|主要|主な|最新|ニュース|"
    "トピックス|まとめ|一覧|ダイジェスト|ヘッドライン|速報|天気|予報|天気予報|社説|コラム|訃報|お知らせ|号外|占い|運勢|カレンダー|"
    "フォト|ギャラリー|写真|動画|ランキング|連載|特集|読者|投稿|声|人事|書評|曜日?|第|回|号|版|上|中|下|前編|後編|中編|編|年|"
    "の|は|を|と|で|へ|に|から|まで|[〇一二三四五六七八九十百日月火水木金土]|"
    "每日|每周|每週|本周|本週|今天|昨天|明天|周刊|週刊|周报|週報|日报|日報|早报|早報|晚报|晚報|早间|晚间|新闻|新聞|要闻|要聞|头条|頭條|"
    "摘要|汇总|彙總|回顾|回顧|盘点|盤點|天气|天氣|预报|預報|社论|社論|简报|簡報|快讯|快訊|图集|圖集|星期|周|週|期|天|的|与|和)+"
)


@lru_cache(maxsize=50_000)
def is_column(title: str) -> bool:
    """Whether a title has no word but those of calendars and news desks, in the singular or the plural, and numbers.

    In English, German, French, Spanish, Italian, Dutch, Portuguese, Arabic, Japanese and Chinese. A title without any word
    is one too: a date, a score.
    """
    folded = _POSSESSIVE.sub("", unicodedata.normalize("NFKC", title).casefold())
    return all(map(_is_known, _WORD.findall(folded)))


def _is_known(word: str) -> bool:
    if word in _KNOWN or word.removesuffix("s") in _KNOWN or _ROMAN.fullmatch(word):
        return True
    if _UNSPACED.fullmatch(word):
        return _PIECES.fullmatch(word) is not None
    # Arabic writes "and", "the", "of" and the like as part of the word.
    return word[0] >= "\u0600" and re.sub("^(?:و|ل|ب)?(?:ال|ل)?", "", word) in _KNOWN
