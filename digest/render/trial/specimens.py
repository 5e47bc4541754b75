"""Sample issues: long and short, in four languages, with much and with little, and with what a hostile feed would say.

Every sentence and address is made up. What is not here: drawing them (mails).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from digest.model.issue import SPONSORED, AlsoIn, Issue, IssueState, IssueStory

SLOT = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
LENGTHS = (1, 5, 30, 60)
LANGUAGES = ("en", "de", "ar", "ja")

_TOLD = {
    "en": (
        ("Harbour opens its new quay a week early", "Two ferries can moor at once from Monday; the pier is for anglers."),
        ("Council votes on the tram to the hospital", "Eleven of nineteen seats are needed. The mayor counts on ten."),
        ("Library stays open on Sundays", "A trial of six months, paid for by the readers’ club."),
        ("Bridge closed for a night", "Engineers look at the cables between midnight and five."),
        ("What the budget leaves for schools", "Roofs first, then computers: the list of the works department."),
        ("A choir looks for basses", ""),
    ),
    "de": (
        ("Hafen eröffnet den neuen Kai eine Woche früher", "Ab Montag können zwei Fähren zugleich anlegen."),
        ("Stadtrat stimmt über Straßenbahn zum Krankenhaus ab", "Elf von neunzehn Stimmen sind nötig."),
        ("Bücherei bleibt sonntags geöffnet", "Ein Versuch von sechs Monaten, bezahlt vom Leserverein."),
        ("Verkehrsinfrastrukturfinanzierungsgesellschaft prüft Brücke", "Die Seile werden nachts untersucht."),
        ("Was der Haushalt für Schulen übrig lässt", "Erst die Dächer, dann die Rechner."),
        ("Ein Chor sucht Bässe", ""),
    ),
    "ar": (
        ("الميناء يفتتح رصيفه الجديد قبل أسبوع من الموعد", "تستطيع عبّارتان الرسو معًا ابتداءً من يوم الاثنين."),
        ("المجلس يصوّت على خط الترام إلى المستشفى", "يلزم أحد عشر صوتًا من تسعة عشر."),
        ("المكتبة تفتح أبوابها أيام الأحد", "تجربة لستة أشهر على نفقة نادي القرّاء."),
        ("إغلاق الجسر ليلة واحدة", "يفحص المهندسون الكابلات بين منتصف الليل والخامسة."),
        ("ما تتركه الميزانية للمدارس", "الأسقف أولًا ثم الحواسيب."),
        ("جوقة تبحث عن أصوات", ""),
    ),
    "ja": (
        ("港の新しい岸壁が予定より一週間早く開く", "月曜日から二隻のフェリーが同時に接岸できる。"),
        ("市議会、病院への路面電車を採決", "十九議席のうち十一の賛成が必要だ。"),
        ("図書館が日曜日も開館", "読者の会の費用で半年間試す。"),
        ("橋を一晩通行止め", "技術者が深夜から朝五時までケーブルを調べる。"),
        ("予算は学校に何を残すか", "まず屋根、それからコンピューター。"),
        ("合唱団が低音の歌い手を募集", ""),
    ),
}  # fmt: skip
_SECTIONS = {"en": "Town and harbour", "de": "Stadt und Hafen", "ar": "المدينة والميناء", "ja": "街と港"}
_TOPICS = ("town", "harbour", "culture")

_HOSTILE = (
    ("</style><script>alert(1)</script>--><![endif]--><b>bold", '"><img src=x onerror=alert(1)> {{ 7 * 7 }} {% raw %}'),
    ("None of them {{ subscriber.email }} \u202eturned round\u202c", "A line\r\nSubject: x\x00\x92 \u2028and \ud800 more"),
    (f"{'unbreakable' * 12}", f"https://example.org/{'deep/' * 40}"),
    ("مرحبا mixed עברית with 日本語 and 👩‍✈️🏳️‍🌈", "<!--[if mso]><table><tr><td><![endif]--> &amp; &lt;b&gt; &#0;"),
    (".", "From here\n.\n..\n-- \n=20"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Specimen:
    """A sample issue. name: what is told of it. language: of its newsletter."""

    name: str
    language: str
    issue: Issue


def issue_of(language: str, number: int, change: Callable[[IssueStory], IssueStory] = lambda story: story) -> Issue:
    """So many stories in a language, each with picture and topic, the second told by others too, as `change` has them."""
    return Issue(
        id=1,
        newsletter="sample",
        edition="regular",
        slot=SLOT,
        state=IssueState.REVIEW,
        stories=tuple(change(_story(language, position)) for position in range(number)),
    )


def _story(language: str, position: int) -> IssueStory:
    told = _TOLD[language]
    title, teaser = told[position % len(told)]
    # Beyond the first round each headline is told apart, so that their order can be.
    title = title if position < len(told) else f"{title} ({position + 1})"
    return IssueStory(
        story_id=position + 1,
        position=position,
        source="harbour-news" if position % 2 else "The Town Gazette",
        link=f"https://news.example.org/{language}/{position + 1}?from=digest&part={position % 3}",
        link_key=f"news.example.org/{language}/{position + 1}",
        guid=None,
        title=title,
        title_key=title.casefold(),
        teaser=teaser,
        published=SLOT - timedelta(hours=position % 40 + 1),
        image=f"https://images.example.org/{position + 1}.jpg",
        topics=(_TOPICS[position % 3],),
        also=(AlsoIn("Evening Post", "https://post.example.com/1"), AlsoIn("Radio Quay", "")) if position == 1 else (),
    )


def specimens() -> tuple[Specimen, ...]:
    """Every kind of issue that a template must stand."""
    plain = [
        Specimen(f"{number} {'story' if number == 1 else 'stories'}, {language}", language, issue_of(language, number))
        for language in LANGUAGES
        for number in LENGTHS
    ]
    return (*plain, *_special())


def _special() -> tuple[Specimen, ...]:
    return (
        _english("no pictures", 5, lambda story: replace(story, image=None)),
        _english("no teasers", 5, lambda story: replace(story, teaser="")),
        _english("no links, no topics", 5, lambda story: replace(story, link="", topics=())),
        _english("hostile text", 5, _hostile),
        _english("sponsored", 5, lambda story: replace(story, topics=(SPONSORED,)) if story.position == 2 else story),
        _english("another language", 5, _foreign),
        *(_sections(language) for language in LANGUAGES),
    )


def _english(name: str, number: int, change: Callable[[IssueStory], IssueStory]) -> Specimen:
    return Specimen(name, "en", issue_of("en", number, change))


def _hostile(story: IssueStory) -> IssueStory:
    title, teaser = _HOSTILE[story.position % len(_HOSTILE)]
    return replace(
        story, title=title, teaser=teaser, source='<i>"x"</i>{{ y }}', section="{% if %}</td>" if story.position else "",
        link=f"https://news.example.org/{story.position}?q=\"><b>{{{{ z }}}}",
        image="javascript:alert(1)" if story.position % 2 else story.image,
    )  # fmt: skip


def _foreign(story: IssueStory) -> IssueStory:
    title, teaser = _TOLD["ar"][story.position % 6]
    return replace(story, title=title, teaser=teaser, language="ar") if story.position % 2 else story


def _sections(language: str) -> Specimen:
    title = _SECTIONS[language]

    def placed(story: IssueStory) -> IssueStory:
        return replace(
            story, section=["", title, f"{title} 2", ""][min(story.position // 4, 3)] if story.position else ""
        )

    issue = replace(issue_of(language, 14, placed), intro="Good morning.\n\nA second paragraph & more.")
    return Specimen(f"sections, {language}", language, issue)
