"""The few fixed words of a mail, and its dates, in the newsletter's language.

Dates are Babel's (CLDR). The words are ours: so few that a table is read more easily than catalogue files are kept. A
language without words of its own has English ones; its dates are its own all the same. What is not here: the words of
the pages (templates/web).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from string import Formatter

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date as babel_date
from babel.dates import format_skeleton


@dataclass(frozen=True, slots=True)
class Words:
    """The fixed words of one language.

    reason: why the reader gets the mail; holds {title} and {email}. also: before the names of other sources, with the
    blank or mark that parts it from them. comma: between those names. minutes: how long an article takes to read, {n} being
    the number; minutes_by_number: where the language has other forms for some numbers, by plural category.
    """

    language: str
    reason: str
    view: str
    preferences: str
    unsubscribe: str
    read_on: str
    also: str
    sponsored: str
    comma: str = ", "
    minutes: str = "{n} min read"
    minutes_by_number: Mapping[str, str] = field(default_factory=dict)

    def reading_time(self, minutes: int) -> str:
        """How long an article takes to read, in the form that the language has for that number (CLDR)."""
        form = _locale(self.language).plural_form(minutes)
        return self.minutes_by_number.get(form, self.minutes).format(n=minutes)

    @property
    def reason_parts(self) -> tuple[tuple[str, str | None], ...]:
        """The sentence cut at its fields: text, and the field that follows it ("title", "email", or None)."""
        return tuple((text, field) for text, field, _, _ in Formatter().parse(self.reason))


_ENGLISH = Words(
    "en",
    "You receive {title} at {email} because this address is subscribed to it.",
    "View in browser",
    "Your preferences",
    "Unsubscribe",
    "Continue reading",
    "Also covered by ",
    "Sponsored",
)

_ALL = (
    _ENGLISH,
    Words(
        "de",
        "Sie erhalten {title} an {email}, weil diese Adresse den Newsletter abonniert hat.",
        "Im Browser ansehen",
        "Einstellungen",
        "Abbestellen",
        "Weiterlesen",
        "Auch bei ",
        "Anzeige",
        minutes="{n} Min. Lesezeit",
    ),
    Words(
        "fr",
        "Vous recevez {title} à l’adresse {email} parce qu’elle y est abonnée.",
        "Voir dans le navigateur",
        "Vos préférences",
        "Se désabonner",
        "Lire la suite",
        "Aussi chez ",
        "Sponsorisé",
        minutes="{n} min de lecture",
    ),
    Words(
        "es",
        "Recibe {title} en {email} porque esta dirección está suscrita.",
        "Ver en el navegador",
        "Sus preferencias",
        "Darse de baja",
        "Seguir leyendo",
        "También en ",
        "Patrocinado",
        minutes="{n} min de lectura",
    ),
    Words(
        "it",
        "Riceve {title} all’indirizzo {email} perché questo indirizzo è iscritto.",
        "Apri nel browser",
        "Preferenze",
        "Annulla l’iscrizione",
        "Continua a leggere",
        "Anche su ",
        "Sponsorizzato",
        minutes="{n} min di lettura",
    ),
    Words(
        "nl",
        "U ontvangt {title} op {email} omdat dit adres erop geabonneerd is.",
        "Bekijken in de browser",
        "Voorkeuren",
        "Afmelden",
        "Lees verder",
        "Ook bij ",
        "Gesponsord",
        minutes="{n} min leestijd",
    ),
    Words(
        "ms",
        "Anda menerima {title} di {email} kerana alamat ini telah melanggannya.",
        "Lihat dalam pelayar",
        "Pilihan anda",
        "Berhenti melanggan",
        "Baca selanjutnya",
        "Juga di ",
        "Tajaan",
        minutes="{n} minit bacaan",
    ),
    Words(
        "ar",
        "تصلك {title} على {email} لأن هذا العنوان مشترك فيها.",
        "عرض في المتصفح",
        "تفضيلاتك",
        "إلغاء الاشتراك",
        "تابع القراءة",
        "أيضًا في: ",
        "محتوى مموّل",
        "، ",
        "قراءة في {n} دقيقة",
        {"one": "قراءة في دقيقة", "two": "قراءة في دقيقتين", "few": "قراءة في {n} دقائق"},
    ),
    Words(
        "ja",
        "このメールは、{email} が {title} を購読しているためお送りしています。",
        "ブラウザで見る",
        "配信設定",
        "配信停止",
        "続きを読む",
        "ほかの報道：",
        "広告",
        "、",
        "{n}分で読めます",
    ),
)
_BY_LANGUAGE = {words.language: words for words in _ALL}


def words_of(language: str) -> Words:
    """The words for a language tag such as `de-AT`; English where there are none."""
    return _BY_LANGUAGE.get(language.lower().split("-")[0], _ENGLISH)


# By plural categories (CLDR); the number stands where the language has it. `many` of Romance languages is for millions.
_MORE = {
    "en": {"one": "{} more story on the web", "other": "{} more stories on the web"},
    "de": {"one": "{} weitere Meldung im Web", "other": "{} weitere Meldungen im Web"},
    "fr": {"one": "{} autre article sur le web", "other": "{} autres articles sur le web"},
    "es": {"one": "{} noticia más en la web", "other": "{} noticias más en la web"},
    "it": {"one": "{} altra notizia sul web", "other": "{} altre notizie sul web"},
    "nl": {"one": "Nog {} bericht op het web", "other": "Nog {} berichten op het web"},
    "ms": {"other": "{} berita lagi di web"},
    "ar": {
        "one": "خبر آخر على الويب",
        "two": "خبران آخران على الويب",
        "few": "{} أخبار أخرى على الويب",
        "many": "{} خبرًا آخر على الويب",
        "other": "{} خبر آخر على الويب",
    },
    "ja": {"other": "ウェブ版にはほかに{}本の記事があります"},
}


def more_stories(number: int, language: str) -> str:
    """`3 more stories on the web`, in the words of the language; number: 1 or more."""
    own = words_of(language).language
    forms = _MORE[own]
    return forms.get(_locale(own).plural_form(number), forms["other"]).format(number)


def format_date(value: date | datetime, style: str, language: str) -> str:
    """A date in the language: `style` is full, long, medium, short, or a CLDR skeleton such as `MMMMd`."""
    locale = _locale(language)
    if style in {"full", "long", "medium", "short"}:
        return babel_date(value, style, locale)
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001
    # The wall clock's own time: Babel would turn an aware one into UTC.
    return format_skeleton(style, moment.replace(tzinfo=None), locale=locale)


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    """The locale of a language tag, without what Babel does not know of it; English where it knows nothing."""
    parts = language.split("-")
    for end in range(len(parts), 0, -1):
        # English that names no country is that of the world, day before month, and not that of the United States.
        tag = "-".join(parts[:end]) if parts[:end] != ["en"] else "en-001"
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en", "001")
