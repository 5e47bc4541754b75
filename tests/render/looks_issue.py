"""Issues as a newsroom sends them, in several languages and shapes, for those who look: browsers, rules, people.

Every sentence is made up for the tests. The pictures are those of the demo, which `picture` serves.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from digest.demo import pictures
from digest.model.issue import AlsoIn, IssueStory
from digest.render.merge import Merge, Personal
from tests.render.sample_issue import SLOT, Renderer, a_newsletter, an_issue

LAYOUTS = ("classic", "compact", "briefing")
LANGUAGES = ("en", "de", "ar", "ja", "emoji")
SHAPES = ("full", "one", "bare", "long", "thirty")
"""full: pictures, sections, other sources, what is paid for. one: a single story. bare: headlines without teasers and
pictures. long: endless words everywhere. thirty: so many stories."""

_IMAGES = "https://images.example.org/"
_SCENES = ("strait", None, "dusk", None, None, "works", "night")

Told = tuple[str, str, str]
"""Headline, teaser, source."""

_TOLD: Mapping[str, tuple[Told, ...]] = {
    "en": (
        ("The harbour bridge closes for the winter, and the ferries come back",
         "From Monday the crossing takes eleven minutes by water. The city lends its two old ferries, adds a third from the"
         " islands, and lets passengers with a tram ticket on board.", "Harbour Post"),
        ("Three bids for the night train, and one of them is from the railwaymen themselves",
         "The line loses money between Tuesday and Thursday. The drivers' own bid leaves out the dining car and keeps the"
         " stop at the border.", "Inland Gazette"),
        ("Why the library opens at six",
         "Nurses after the night shift asked for it, and the bakers came as well. A year later the reading room is fullest"
         " before breakfast.", "Harbour Post"),
        ("A frost map drawn by schoolchildren is better than the official one",
         "Four hundred thermometers on four hundred window sills: the weather service now asks the schools before it warns"
         " the fruit growers.", "Valley Observer"),
        ("The last typewriter repairer takes an apprentice", "She is nineteen, and has a waiting list already.",
         "Inland Gazette"),
        ("Steel for the new lock arrives by the old canal",
         "Forty barges instead of nine hundred lorries: the contractor saves a road closure, and the lock keepers have"
         " more to do than in any summer.", "Works and Days"),
        ("What the observatory saw on the darkest night of the year",
         "Street lamps were switched off in nine villages for two hours. The pictures reach further than expected, and the"
         " villages want to do it again.", "Valley Observer"),
        ("Bread prices fall for the first time in six years", "", "Harbour Post"),
        ("Rain, then more rain: how to read the new river gauges",
         "Green, yellow, red, and lately violet. A short guide to four colours and to what each of them asks of you.",
         "Works and Days"),
        ("Two museums exchange their directors for a month",
         "Each of them finds the other's cellar better. What stays behind is a joint list of loans.", "Inland Gazette"),
    ),
    "de": (
        ("Die Hafenbrücke schließt für den Winter, und die Fähren kehren zurück",
         "Ab Montag dauert die Überfahrt elf Minuten. Die Stadt leiht ihre beiden alten Fähren aus, holt eine dritte von"
         " den Inseln und lässt Fahrgäste mit Straßenbahnkarte an Bord.", "Hafenpost"),
        ("Donaudampfschifffahrtsgesellschaftskapitäne verhandeln über Arbeitszeitverkürzung",
         "Beide Seiten nennen das Gespräch freundlich. Gestritten wird über die Nächte im Winterfahrplan.", "Inlandbote"),
        ("Warum die Bücherei um sechs Uhr öffnet",
         "Die Nachtschwestern hatten darum gebeten, und die Bäcker kamen mit. Ein Jahr später ist der Lesesaal vor dem"
         " Frühstück am vollsten.", "Hafenpost"),
        ("Eine Frostkarte aus der Schule ist besser als die amtliche",
         "Vierhundert Thermometer auf vierhundert Fensterbrettern: der Wetterdienst fragt jetzt zuerst die Schulen.",
         "Talbeobachter"),
        ("Die letzte Schreibmaschinenwerkstatt bildet wieder aus", "Die Warteliste ist schon lang.", "Inlandbote"),
    ),
    "ar": (
        ("جسر الميناء يُغلق طوال الشتاء والعبّارات تعود إلى العمل",
         "ابتداءً من يوم الاثنين تستغرق الرحلة إحدى عشرة دقيقة عبر الماء. تعير المدينة عبّارتيها القديمتين وتضيف ثالثة من"
         " الجزر، وتسمح لركّاب الترام بالصعود بتذاكرهم.", "بريد الميناء"),
        ("ثلاثة عروض لتشغيل القطار الليلي، أحدها من السائقين أنفسهم",
         "يخسر الخط المال بين الثلاثاء والخميس. عرض السائقين يستغني عن عربة الطعام ويُبقي على محطة الحدود.", "صحيفة الداخل"),
        ("لماذا تفتح المكتبة أبوابها في السادسة صباحاً",
         "طلبت الممرضات ذلك بعد نوبة الليل، ثم جاء الخبّازون أيضاً. وبعد عام صارت قاعة القراءة أكثر امتلاءً قبل الفطور.",
         "بريد الميناء"),
        ("خريطة صقيع رسمها تلاميذ المدارس أدقّ من الخريطة الرسمية",
         "أربعمئة ميزان حرارة على أربعمئة نافذة: دائرة الأرصاد تسأل المدارس الآن قبل أن تنبّه المزارعين.", "مرصد الوادي"),
        ("آخر مُصلح للآلات الكاتبة يستقبل متدربة", "عمرها تسع عشرة سنة ولديها قائمة انتظار.", "صحيفة الداخل"),
    ),
    "ja": (
        ("港の橋が冬のあいだ閉鎖され、渡し船が戻ってくる",
         "月曜日から対岸までは船で十一分かかる。市は古い渡し船二隻を貸し出し、島からもう一隻を借り、路面電車の切符でも乗れるように"
         "する。", "港新聞"),
        ("夜行列車に三つの入札、そのうち一つは乗務員たちから",
         "火曜から木曜のあいだ路線は赤字だ。乗務員の案は食堂車をやめ、国境の駅を残す。", "内陸日報"),
        ("図書館が朝六時に開く理由",
         "夜勤明けの看護師が求め、パン職人も来るようになった。一年後、閲覧室は朝食前がいちばん混む。", "港新聞"),
        ("子どもたちの描いた霜の地図は公式のものより正確",
         "四百の窓辺に四百の温度計。気象台は果樹農家に警報を出す前に、まず学校に尋ねるようになった。", "谷の観測者"),
        ("最後のタイプライター修理職人が弟子をとる", "弟子は十九歳で、すでに順番待ちの客がいる。", "内陸日報"),
    ),
    "emoji": (
        ("⚓ The harbour bridge closes, and the ferries 🚢 come back ❄️",
         "Eleven minutes by water 👩‍✈️, and a third boat from the islands 🏳️‍🌈.", "Harbour 📰 Post"),
        ("🚆🌙 Three bids for the night train", "One of them is from the drivers themselves 👏🏽👏🏿.", "Inland Gazette"),
        ("📚 Why the library opens at six ☕️", "", "Harbour 📰 Post"),
    ),
}  # fmt: skip
_NAMES = {"ar": "أخبار الصباح", "ja": "朝の便り", "de": "Der Morgen"}
_SECTIONS = {
    "en": ("Works", "Culture"), "de": ("Bauen", "Kultur"), "ar": ("أشغال", "ثقافة"), "ja": ("建設", "文化"),
}  # fmt: skip
_ENDLESS = "Wirtschaftsprüfungsgesellschaftsvorsitzender" + "x" * 80


def _stories(language: str, number: int) -> tuple[IssueStory, ...]:
    told = itertools.islice(itertools.cycle(_TOLD[language]), number)
    return tuple(
        IssueStory(
            story_id=100 + at, position=at, source=source, link=f"https://news.example.com/{language}/{at}",
            link_key=f"news.example.com/{language}/{at}", guid=None, title=title, title_key=title.lower(), teaser=teaser,
            published=SLOT - timedelta(hours=2 + 3 * at), topics=(), section="",
            image=f"{_IMAGES}{scene}.png" if (scene := _SCENES[at % len(_SCENES)]) else None,
        )
        for at, (title, teaser, source) in enumerate(told)
    )  # fmt: skip


def _full(language: str) -> tuple[IssueStory, ...]:
    """Ten stories with everything that a story can have; one of them is in a language that runs the other way."""
    stories = list(_stories(language, 10))
    works, culture = _SECTIONS.get(language, _SECTIONS["en"])
    for at, story in enumerate(stories):
        stories[at] = replace(
            story, minutes=(at * 3) % 8 or None, section=works if 5 <= at < 8 else culture if at >= 8 else ""
        )
    foreign = _TOLD["en" if language == "ar" else "ar"][3]
    stories[0] = replace(
        stories[0], also=(AlsoIn("Inland Gazette", "https://i.example.com/1"), AlsoIn("Radio North", ""))
    )
    stories[1] = replace(stories[1], also=(AlsoIn("Valley Observer", "https://v.example.com/1"),))
    stories[4] = replace(stories[4], topics=("sponsored",))
    stories[8] = replace(
        stories[8], title=foreign[0], teaser=foreign[1], source=foreign[2], language="en" if language == "ar" else "ar"
    )
    return tuple(stories)


def _long(language: str) -> tuple[IssueStory, ...]:
    """A headline of 300 characters, and a word that no column can hold, in every place."""
    endless = [
        replace(
            story, title=f"{story.title} {_ENDLESS} {story.title} {story.title}"[:300], source=_ENDLESS[:90],
            teaser=f"{story.teaser} {_ENDLESS}", also=(AlsoIn(_ENDLESS, "https://e.example.com/1"),), section=_ENDLESS,
        )
        for story in _stories(language, 4)
    ]  # fmt: skip
    return tuple(endless)


def stories_of(language: str, shape: str) -> tuple[IssueStory, ...]:
    """The stories of an issue in one of LANGUAGES and one of SHAPES."""
    if shape == "full":
        return _full(language)
    if shape == "long":
        return _long(language)
    if shape == "bare":
        return tuple(replace(story, teaser="", image=None) for story in _stories(language, 5))
    return _stories(language, 1 if shape == "one" else 30)


READER = Personal(
    email="reader@example.com",
    name="",
    topics=frozenset(),
    unsubscribe_url=f"https://news.example.org/unsubscribe/{'T0ken-_' * 29}",
    view_url="https://news.example.org/view/v1",
    preferences_url="https://news.example.org/preferences/p1",
)


def mail_parts(layout: str, language: str = "en", shape: str = "full", **theme: Any) -> tuple[str, str]:
    """The HTML and the text that READER gets."""
    title = _NAMES.get(language, "The Morning")
    newsletter = a_newsletter(title=title, theme={"layout": layout, **theme})
    issue = an_issue(stories_of(language, shape), intro="" if shape == "one" else _INTROS.get(language, ""))
    spoken = "en" if language == "emoji" else language
    return Merge(Renderer(newsletter=newsletter, language=spoken)(issue)).fill(READER)


_INTROS = {
    "en": "Good morning. It is a day of bridges and boats, and of people who get up early.",
    "de": "Guten Morgen. Heute geht es um Brücken, Boote und Menschen, die früh aufstehen.",
}


def mail(layout: str, language: str = "en", shape: str = "full", **theme: Any) -> str:
    """The HTML that READER gets."""
    return mail_parts(layout, language, shape, **theme)[0]


def picture(url: str) -> bytes | None:
    """The file at the address of a story's picture; None when there is none."""
    return pictures.picture(url.rpartition("/")[2].partition(".")[0])
