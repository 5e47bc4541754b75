"""Feeds of every age and kind of damage, one short case each: what is told apart, mended, or refused in plain words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import GatherError
from digest.gather import feeds
from digest.gather.encodings import decode_utf8
from digest.gather.feeds import ITEMS_MAX, parse_feed, read_feed
from digest.gather.images import image_address
from digest.model.story import RawStory
from digest.settings import Source

URL = "https://coast.example.org/feeds/all.xml"
SOURCE = Source(kind="feed", url=URL)
NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'

ATOM_03 = 'feed version="0.3" xmlns="http://purl.org/atom/ns#"'


def item(n: int, more: str = "", title: str = "Two tugs came into the old harbour") -> str:
    return f"<item><title>{title} {n}</title><link>https://coast.example.org/{n}</link>{more}</item>"


def rss(items: str, root: str = 'rss version="2.0"', before: str = "") -> str:
    head = "<channel><title>The Coast</title><link>https://coast.example.org/</link>"
    return f"{before}<{root}>{head}{items}</channel></{root.split()[0]}>"


def atom(entries: str, root: str = 'feed xmlns="http://www.w3.org/2005/Atom"') -> str:
    return f"<{root}><title>The Coast</title>{entries}</feed>"


def entry(more: str) -> str:
    return atom(f"<entry><title>Two tugs came into harbour</title><id>tag:1</id>{more}</entry>")


def stories(body: str | bytes, content_type: str | None = None, **source: Any) -> list[RawStory]:
    data = body if isinstance(body, bytes) else body.encode()
    return parse_feed(data, content_type, URL, "coast", SOURCE.model_copy(update=source), NOW)


def links(body: str | bytes) -> list[str]:
    return [story.link.removeprefix("https://coast.example.org/") for story in stories(body)]


# -- kinds and damage ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (rss(item(1), "rss"), ["1"]),
        (rss(item(1), 'rss version="0.91"', '<!DOCTYPE rss SYSTEM "http://my.netscape.com/rss-0.91.dtd">'), ["1"]),
        (rss(item(1), 'rss version="0.92"'), ["1"]),
        (f'<rdf:RDF {RDF} xmlns="http://my.netscape.com/rdf/simple/0.9/"><channel/>{item(1)}</rdf:RDF>', ["1"]),
        (f'<rdf:RDF {RDF} xmlns="http://purl.org/rss/1.0/"><channel/><item rdf:about="https://coast.example.org/1">'
         "<title>Two tugs came</title></item></rdf:RDF>", ["1"]),
        (atom("<entry><title>Two</title><link href='1'/></entry>", ATOM_03), ["feeds/1"]),
        (atom("<entry><title>Two tugs came</title><link href='/1'/></entry>", "feed"), ["1"]),
        ('<CHANNEL HREF="https://coast.example.org/"><ITEM HREF="https://coast.example.org/1"><TITLE>Two</TITLE></ITEM>'
         "</CHANNEL>", ["1"]),
        (rss(item(1)).upper().replace("HTTPS://COAST.EXAMPLE.ORG", "https://coast.example.org"), ["1"]),
        (rss(f"<item><title>Two tugs</title><link>https://coast.example.org/0</link>{item(1)}</item>"), ["0", "1"]),
        (f"<rss version='2.0'><channel>{item(1)}</channel><channel>{item(2)}</channel></rss>", ["1", "2"]),
        (f"<rss version='2.0'><channel><title>x</title></channel>{item(1)}</rss>", ["1"]),
        ("<?xml" + rss(item(1), before="<?xml version='1.0'?>"), ["1"]),
        ("\n <!-- hello -->" + rss(item(1), before="<?xml version='1.0'?>"), ["1"]),
        (rss(item(1, "<dc:date>2026-11-01</dc:date><media:thumbnail url='x'/>")), ["1"]),
        (rss(item(1, title="&nope; &eacute; a & b \x01 c")), ["1"]),
        (rss("<item><title><![CDATA[Two</title><link>https://coast.example.org/1</link></item>" + item(2)), ["1", "2"]),
        (rss(item(1) + item(2))[:-40], ["1"]),
    ],
)  # fmt: skip
def test_every_kind_of_feed_is_read_and_much_damage_forgiven(body: str, found: list[str]) -> None:
    assert links(body) == found


@pytest.mark.parametrize(
    ("encoding", "declared", "content_type"),
    [
        ("utf-8", None, "text/xml"),
        ("utf-8", "utf-8", "text/xml; charset=iso-8859-1"),
        ("utf-8", None, "application/xml; charset=us-ascii"),
        ("utf-8", "iso-8859-1", None),
        ("utf-8", "utf-16", None),
        ("utf-8", "x-unknown", None),
        ("utf-8-sig", "iso-8859-1", None),
        ("windows-1252", "utf-8", None),
        ("windows-1252", "utf-8", "text/xml; charset=utf-8"),
        ("windows-1252", "iso-8859-1", None),
        ("utf-16", "utf-8", None),
        ("utf-16-le", "utf-16", None),
        ("utf-16-be", "utf-16", None),
        ("utf-32", "utf-32", None),
    ],
)
def test_a_wrong_unknown_or_missing_encoding_makes_no_mojibake(
    encoding: str, declared: str | None, content_type: str | None
) -> None:
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    title = "Zwölf “Züge” für die Küste – 5 €"
    body = (declaration + rss(item(1, title=title))).encode(encoding)
    assert [story.title for story in stories(body, content_type)] == [f"{title} 1"]


@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1252", "utf-8", None])
@pytest.mark.parametrize("content_type", [None, "text/xml; charset=iso-8859-1", "text/xml"])
@pytest.mark.parametrize("cut", [b"Q\xc3", b"5\xe2\x82", b"tugs\xf0\x9f\x9a"])
def test_utf_8_that_calls_itself_latin_and_has_cut_characters_is_no_mojibake(
    declared: str | None, content_type: str | None, cut: bytes
) -> None:
    before = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    items = item(1, title="Zwölf Züge für die Küste") + item(2, title="CUT")
    body = rss(items, before=before).encode().replace(b"CUT", cut)
    whole, half = stories(body, content_type)
    assert whole.title == "Zwölf Züge für die Küste 1"
    assert half.title == f"{cut[:1].decode() if cut[:1] != b't' else 'tugs'}\ufffd 2"
    # Cut off at its end: in the middle of a character, as a size limit does.
    (first, *_) = stories(body[: body.index(cut) + len(cut)], content_type)
    assert first.title == "Zwölf Züge für die Küste 1"


def test_windows_1252_within_utf_8_is_read_as_both() -> None:
    body = rss(item(1, title="Łódź über żółw")).encode().replace("ü".encode(), "“".encode("windows-1252"))
    assert stories(body)[0].title == "Łódź “ber żółw 1"


def test_what_is_html_by_mistake_names_the_feed_in_its_head() -> None:
    page = "<!doctype html><head><link rel=alternate type='application/rss+xml' href='/rss'></head><body>x"
    with pytest.raises(
        GatherError, match=r"an HTML page, not a feed; it names this feed: https://coast\.example\.org/rss$"
    ):
        stories(page)


@pytest.mark.parametrize(
    "body", ["<rss><channel>" + "<!--" * 20_000 + item(1), "<rss><channel><title>cut off in the mid"]
)
def test_a_feed_none_of_whose_items_can_be_read_is_broken_and_not_empty(body: str) -> None:
    with pytest.raises(GatherError, match="the feed is broken"):
        stories(body)


@pytest.mark.parametrize(
    "body",
    [
        rss(item(1), before="")[:-20] + "<x>" * 20_000,
        rss(item(1, f"<description>{'&lt;div>' * 20_000}</description>")),
        rss(item(1, f"<description>{'&lt;!--' * 20_000}</description>")),
        rss(item(1, f"<description>{'<![CDATA[' * 20_000}</description>")),
        rss(item(1, f"<description>{'word &lt;b> ' * 300_000}</description>")),
        rss(item(1, title="Ships " + "&amp;" * 200_000)),
        rss(item(1, title="word " * 500_000)),
    ],
    ids=["deep", "deep html", "comments", "cdata", "5 MB item", "entities", "long title"],
)
def test_floods_give_the_story_and_no_more_than_a_story(body: str) -> None:
    [story] = stories(body)
    assert story.link == "https://coast.example.org/1"
    assert len(story.title) <= 300
    assert len(story.teaser) <= 280


@pytest.mark.parametrize("kind", ["rss", "atom", "json"])
def test_only_the_first_items_of_a_very_long_feed_are_parsed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 3 * ITEMS_MAX
    bodies = {
        "rss": rss("".join(item(n) for n in range(count))),
        "atom": atom("".join(f"<entry><title>One</title><id>{n}</id></entry>" for n in range(count))),
        "json": '{"title":"x","items":[' + ",".join(f'{{"id":"{n}","url":"/{n}"}}' for n in range(count)) + "]}",
    }
    seen = []
    parsed = feeds._parsed

    def measured(body: bytes, content_type: str | None) -> Any:
        seen.append(len(body))
        return parsed(body, content_type)

    monkeypatch.setattr(feeds, "_parsed", measured)
    assert len(read_feed(bodies[kind].encode(), None, URL).entries) == ITEMS_MAX
    assert all(size < len(bodies[kind]) / 2 for size in seen)


def test_of_a_long_feed_with_the_oldest_first_the_newest_are_parsed() -> None:
    date = "<pubDate>{:%a, %d %b %Y %H:%M:%S GMT}</pubDate>"
    items = [item(n, date.format(NOW - timedelta(hours=700 - n))) for n in range(ITEMS_MAX + 100)]
    found = stories(rss("".join(items)))
    assert [story.title.rpartition(" ")[2] for story in found] == [str(n) for n in range(100, ITEMS_MAX + 100)]


@pytest.mark.parametrize(
    ("srcset", "widest"),
    [("/s.jpg 300w, /l.jpg 900w, /m.jpg 600w", "/l.jpg"), ("/s.jpg 1x,/l.jpg 2x", "/l.jpg"), ("/only.jpg", "/only.jpg"),
     ("/a,b.jpg 1x, /c,d.jpg 1.5x", "/c,d.jpg"), (" , ", None), ("x" * 1_000_000, "x" * 20_000)],
)  # fmt: skip
def test_of_a_set_of_pictures_the_widest_is_taken_and_floods_cost_nothing(srcset: str, widest: str | None) -> None:
    assert image_address({"srcset": srcset}) == widest


# -- entries -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "link"),
    [
        ("<link>  https://coast.example.org/a  </link>", "a"),
        ("<link>https://coast.example.org/a\nb</link>", "ab"),
        ("<link>https://coast.example.org/a b</link>", "a%20b"),
        ("<link>//coast.example.org/a</link>", "a"),
        ("<link>a</link>", "a"),
        ("<link>/a?utm_source=rss&amp;b=1</link>", "a?b=1"),
        ("<link>javascript:alert(1)</link><guid>https://coast.example.org/g</guid>", "g"),
        ("<guid>https://coast.example.org/g</guid>", "g"),
        ('<guid isPermaLink="false">https://coast.example.org/g</guid><link>/a</link>', "a"),
        ('<enclosure url="/a.mp3" type="audio/mpeg"/>', "a.mp3"),
        ('<enclosure url="/a.mp3" type="audio/mpeg"/><link>/a</link>', "a"),
        ('<link>/go</link><feedburner:origLink xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0">/a'
         "</feedburner:origLink>", "a"),
    ],
)  # fmt: skip
def test_the_link_of_an_item_is_found_wherever_it_stands(more: str, link: str) -> None:
    assert links(rss(f"<item><title>Two tugs came into harbour</title>{more}</item>")) == [link]


@pytest.mark.parametrize(
    ("more", "link"),
    [
        ('<link rel="enclosure" href="/a.mp3"/><link rel="self" href="/s"/><link href="/a"/>', "a"),
        (
            '<link rel="alternate" type="application/json" href="/j"/><link rel="alternate" type="text/html" href="/a"/>',
            "a",
        ),
        ('<link rel="alternate" href="/a" hreflang="en"/><link rel="alternate" href="/b" hreflang="de"/>', "a"),
        ('<link xml:base="https://coast.example.org/sub/" href="a"/>', "sub/a"),
    ],
)
def test_of_several_links_the_page_for_readers_is_taken(more: str, link: str) -> None:
    assert links(entry(more)) == [link]


def test_an_id_that_many_items_share_is_none_and_a_link_as_id_is_compared_as_a_link() -> None:
    shared = rss("".join(item(n, "<guid>one</guid>") for n in range(3)))
    assert [story.guid for story in stories(shared)] == [None, None, None]
    one, other = (
        stories(rss(item(1, f"<guid>{guid}</guid>")))[0].guid
        for guid in ("http://coast.example.org/?p=1&amp;utm_source=rss", "https://www.coast.example.org/?p=1")
    )
    assert one == other == "https://coast.example.org?p=1"
    assert [story.guid for story in stories(rss(item(1, "<guid></guid>") + item(2)))] == [None, None]


def test_a_title_or_link_that_all_items_share_identifies_none_of_them() -> None:
    titles = rss("".join(f"<item><title>The news of the town</title><link>/{n}</link></item>" for n in range(3)))
    assert {story.title_key for story in stories(titles)} == {""}
    twice = rss("".join(f"<item><title>The news of the town</title><link>/{n}</link></item>" for n in range(2)))
    assert {story.title_key for story in stories(twice)} == {"the news of the town"}
    home = rss("".join(f"<item><title>Tug number {n} came in</title><link>/</link></item>" for n in range(3)))
    assert len({story.link_key for story in stories(home)}) == 3
    assert stories(home) == stories(home)


def test_an_aggregator_names_the_paper_which_is_taken_off_the_title() -> None:
    link = "<link>https://news.google.com/rss/articles/CBMi?oc=5</link>"
    source = '<source url="https://paper.example.org">The Paper</source>'
    [story] = stories(rss(f"<item><title>Two tugs came in - The Paper</title>{link}{source}</item>"))
    assert (story.title, story.link) == ("Two tugs came in", "https://news.google.com/rss/articles/CBMi?oc=5")


@pytest.mark.parametrize(
    ("dates", "published"),
    [
        ("<pubDate>Mon, 23 Nov 2026 07:59:00 GMT</pubDate>", datetime(2026, 11, 23, 7, 59, tzinfo=UTC)),
        ("<pubDate>Mon, 23 Nov 2026 08:30:00 GMT</pubDate>", None),
        ("<pubDate>Thu, 01 Jan 1970 00:00:00 GMT</pubDate>", None),
        ("<pubDate>Sun, 02 Jan 1994 00:00:00 GMT</pubDate>", None),
        ("<pubDate></pubDate>", None),
        ("", None),
    ],
)
def test_a_date_that_cannot_be_is_no_date(dates: str, published: datetime | None) -> None:
    assert stories(rss(item(1, dates)))[0].published == published


MEDIA = '<media:content url="{}" medium="image" {}/>'
ENCLOSED = '<enclosure url="/e.jpg" type="image/jpeg"/>'


@pytest.mark.parametrize(
    ("more", "image"),
    [
        (MEDIA.format("/s.jpg", 'width="300"') + MEDIA.format("/l.jpg", 'width="900"'), "l.jpg"),
        ('<media:thumbnail url="/t.jpg"/>' + ENCLOSED, "t.jpg"),
        (ENCLOSED + '<description>&lt;img src="/i.jpg"&gt;</description>', "e.jpg"),
        (MEDIA.format("/1x1.gif", 'width="1"') + '<description>&lt;img src="/i.jpg"&gt;</description>', "i.jpg"),
        (MEDIA.format("https://0.gravatar.com/avatar/x", "") + ENCLOSED, "e.jpg"),
        (
            '<description>&lt;img src="data:image/gif;base64,x"&gt;&lt;img src="/i.png" width="120"&gt;'
            '&lt;img src="/j.png"&gt;</description>',
            "j.png",
        ),
    ],
)
def test_the_picture_is_the_best_that_the_item_names(more: str, image: str) -> None:
    body = rss(item(1, more), 'rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"')
    assert stories(body)[0].image == f"https://coast.example.org/{image}"


@pytest.mark.parametrize(
    ("declared", "text", "language"),
    [
        ("en_GB", "Zwei Schlepper kamen am Montag in den alten Hafen", "en-GB"),
        ("", "Zwei Schlepper kamen am Montag in den alten Hafen der Stadt", "de"),
        ("not a tag!", "Deux remorqueurs sont arrivés lundi dans le vieux port", "fr"),
        ("und", "防衛省は新しい護衛艦の建造を月曜日に発注した", "ja"),
        ("", "הצי קיבל ספינה חדשה בנמל", "he"),
        ("", "F-35", None),
    ],
)
def test_the_language_is_that_which_is_named_else_that_which_is_heard(
    declared: str, text: str, language: str | None
) -> None:
    channel = f"<language>{declared}</language>"
    body = rss(f"{channel}<item><title>{text}</title><link>/1</link></item>")
    assert stories(body)[0].language == language


def test_titles_of_every_shape_are_titles() -> None:
    shapes = [
        "TWO TUGS",
        "שתי ספינות גוררות",
        "Tug \U0001f6a2 in",
        "&lt;b&gt;Two&lt;/b&gt; tugs",
        "A &amp;amp;amp; B",
        "x " * 1000,
    ]
    found = [stories(rss(f"<item><title>{shape}</title><link>/1</link></item>"))[0].title for shape in shapes]
    assert found[:5] == ["TWO TUGS", "שתי ספינות גוררות", "Tug \U0001f6a2 in", "Two tugs", "A & B"]
    assert len(found[5]) <= 300


def test_no_nul_and_no_half_character_leaves_the_parser() -> None:
    bad = "a\\u0000b\\ud800c"
    entry = (
        f'"id":"{bad}","url":"https://a.test/{bad}","title":"{bad}","image":"/{bad}","content_text":"{bad} and more"'
    )
    body = f'{{"title":"x","language":"e\\u0000","items":[{{{entry}}}]}}'
    [story] = stories(body)
    text = repr([story.guid, story.link, story.link_key, story.title, story.teaser, story.image, story.language])
    assert "\\x00" not in text
    assert "\\ud800" not in text
    text.encode()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("&#xD800;", "\ufffd"),
        ("&#x110000; &#99999999999;", "\ufffd \ufffd"),
        ("&#" + "9" * 5000 + ";", "\ufffd"),
        ("&#0;&#x1b;&#xFFFF;", "\ufffd\ufffd\ufffd"),
        ("<![CDATA[&#XDFFF;]]>", "\ufffd"),
        ("&amp;#xD800;", "\ufffd"),
        ("&#x10000;&#128674;&#0000146;&#xE9;", "\U00010000\U0001f6a2’é"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_a_reference_to_no_character_costs_that_character_alone(written: str, read: str, encoding: str) -> None:
    items = item(1, title=f"Tugs {written} in") + item(2, title="Ferries in")
    body = rss(items, before=f'<?xml version="1.0" encoding="{encoding}"?>').encode(encoding)
    assert [story.title for story in stories(body)] == [f"Tugs {read} in 1", "Ferries in 2"]


def test_a_parser_that_breaks_is_told_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise UnicodeError

    monkeypatch.setattr("feedparser.parse", broken)
    with pytest.raises(GatherError, match=r"^the feed is broken: something in it cannot be read$"):
        stories(rss(item(1)))


@pytest.mark.parametrize(
    "cut", [b"\xe2", b"\xe2\x80", b"\xf0\x9f", b"\xf0\x9f\x9a", b"\xed\xa0\x80", b"\xc3", b"\xe6\x97"]
)
@pytest.mark.parametrize("name", ["Börse", "Łódź é ü", "Tugs"])
def test_a_character_cut_by_the_end_of_a_title_is_no_mojibake(cut: bytes, name: str) -> None:
    rest = item(2, title="Zwölf Züge für die Küste")
    body = rss("<item><title>NAME in!CUT</title><link>/1</link></item>" + rest).encode()
    body = body.replace(b"NAME", name.encode()).replace(b"CUT", cut)
    assert [story.title for story in stories(body)] == [f"{name} in!\ufffd", "Zwölf Züge für die Küste 2"]


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from([b"\xe2\x80", b"\xf0\x9f"]))
def test_no_half_of_a_character_is_read_as_two_others(before: str, after: str, cut: bytes) -> None:
    text = decode_utf8(before.encode("utf-8", "replace") + b"." + cut + b"<" + after.encode("utf-8", "replace"))
    assert ".\ufffd<" in text
