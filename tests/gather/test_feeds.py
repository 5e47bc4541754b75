from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.errors import GatherError
from digest.gather.feeds import parse_feed
from digest.model.story import RawStory
from digest.settings import Source

URL = "https://coast.example.org/feeds/all.xml"
SOURCE = Source(kind="feed", url=URL, topics=("harbour",))

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>The Coast</title><link>https://coast.example.org/news/</link><language>en-GB</language>
<item><title>Two tugs for the old harbour - The Coast</title><link>https://coast.example.org/news/tugs?utm_source=rss</link>
<guid isPermaLink="false">tugs-1</guid><pubDate>Mon, 02 Nov 2026 08:15:30 GMT</pubDate>
<description>&lt;p&gt;The harbour board will buy two tugs from a yard up the coast.&lt;/p&gt;
&lt;img src="/p/inside.jpg"&gt;</description>
<media:content url="/p/small.jpg" medium="image" width="200"/>
<media:content url="/p/large.jpg" medium="image" width="1200"/>
<media:content url="/film.mp4" type="video/mp4" width="4000"/></item>
<item><title>Relative &amp;amp; <![CDATA[<b>bold</b>]]></title><link>ferry.html</link>
<content:encoded><![CDATA[<p>The ferry runs again.</p>
<img src="data:image/gif;base64,x"><img src="1.png" width="1">
<img src="2.png">]]></content:encoded></item>
<item><link>https://coast.example.org/untitled</link>
<description>Words that stand in for a title when nobody gave one to it.</description></item>
<item><title>Only an id</title><guid>https://coast.example.org/by-id</guid></item>
<item><title>No link at all</title></item>
<item><title>Wicked</title><link>javascript:alert(1)</link></item>
</channel></rss>"""

ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de" xml:base="https://coast.example.org/atom/">
<title>Die Küste</title><link href="https://coast.example.org/"/>
<entry><title type="html">Zwei &amp;lt;Schlepper&amp;gt;</title><link rel="self" href="self"/>
<link href="eins"/><id>tag:coast,1</id>
<published>2026-11-01T10:00:00+01:00</published><updated>2026-11-20T10:00:00Z</updated>
<summary>Der Hafen kauft zwei Schlepper im Norden.</summary></entry>
<entry xml:base="sub/"><title>Drei</title><link rel="alternate" href="drei"/>
<id>tag:coast,2</id><updated>2026-11-02T00:00:00Z</updated></entry>
</feed>"""

RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>Old</title><link>https://old.example.org/</link></channel>
<item rdf:about="https://old.example.org/1"><title>One</title><link>https://old.example.org/1</link><dc:date>2026-11-02T09:00:00Z</dc:date></item>
</rdf:RDF>"""

JSON = {
    "version": "https://jsonfeed.org/version/1.1", "title": "The Coast", "home_page_url": "/home/", "language": "en",
    "items": [
        {"id": "1", "url": "tugs", "title": "Tugs < ferries",
         "content_html": "<p>Tugs are smaller than most ferries are.</p><img src='t.jpg'>",
         "date_published": "2026-11-02T08:00:00Z", "date_modified": "2026-11-03T08:00:00Z"},
        {"id": "https://coast.example.org/2", "content_text": "A note without a title, but with <angle> brackets.",
         "image": "https://x.example.org/i.png"},
        {"id": 3, "title": "No address"}, "no item",
    ],
}  # fmt: skip


def stories(
    body: bytes | str, now: datetime, source: Source = SOURCE, content_type: str | None = None
) -> list[RawStory]:
    return parse_feed(body.encode() if isinstance(body, str) else body, content_type, URL, "coast", source, now)


def test_rss_gives_stories_in_document_order(now: datetime) -> None:
    found = stories(RSS, now)
    assert [story.link for story in found] == [
        "https://coast.example.org/news/tugs",
        "https://coast.example.org/news/ferry.html",
        "https://coast.example.org/untitled",
        "https://coast.example.org/by-id",
    ]
    tugs = found[0]
    assert tugs == RawStory(
        source="coast",
        guid="tugs-1",
        link="https://coast.example.org/news/tugs",
        link_key="https://coast.example.org/news/tugs",
        title="Two tugs for the old harbour",
        title_key="two tugs for the old harbour",
        teaser="The harbour board will buy two tugs from a yard up the coast.",
        published=datetime(2026, 11, 2, 8, 15, 30, tzinfo=UTC),
        image="https://coast.example.org/p/large.jpg",
        language="en-GB",
        topics=("harbour",),
    )


def test_markup_in_titles_is_undone_and_missing_titles_come_from_the_text(now: datetime) -> None:
    found = stories(RSS, now)
    assert found[1].title == "Relative & bold"
    assert found[1].image == "https://coast.example.org/news/2.png"
    assert found[1].published is None
    assert found[2].title == "Words that stand in for a title when nobody gave one to it."
    assert found[2].teaser == ""


def test_atom_is_read_with_its_bases_and_published_before_updated(now: datetime) -> None:
    found = stories(ATOM, now)
    assert [story.link for story in found] == [
        "https://coast.example.org/atom/eins",
        "https://coast.example.org/atom/sub/drei",
    ]
    assert [story.published for story in found] == [
        datetime(2026, 11, 1, 9, tzinfo=UTC),
        datetime(2026, 11, 2, tzinfo=UTC),
    ]
    assert (found[0].title, found[0].language) == ("Zwei <Schlepper>", "de")


def test_rdf_is_read(now: datetime) -> None:
    assert [(s.title, s.published) for s in stories(RDF, now)] == [("One", datetime(2026, 11, 2, 9, tzinfo=UTC))]


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf", b"\n  "])
def test_json_feed_is_read(now: datetime, prefix: bytes) -> None:
    found = stories(prefix + json.dumps(JSON).encode(), now)
    assert [story.link for story in found] == ["https://coast.example.org/home/tugs", "https://coast.example.org/2"]
    assert (found[0].title, found[0].guid, found[0].language) == ("Tugs < ferries", "1", "en")
    assert found[0].published == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert found[0].image == "https://coast.example.org/home/t.jpg"
    assert found[1].title == "A note without a title, but with <angle> brackets."
    assert found[1].image == "https://x.example.org/i.png"


def test_rss_as_json_is_read(now: datetime) -> None:
    feed = {"rss": {"version": "2.0", "channel": {"title": "x", "link": "https://a.example.org/", "item": [
        {"title": "One", "link": "https://a.example.org/1", "guid": {"#value": "g"},
         "pubDate": "Mon, 02 Nov 2026 08:00:00 GMT"}]}}}  # fmt: skip
    assert [(s.title, s.guid) for s in stories(json.dumps(feed), now)] == [("One", "g")]


def test_the_settings_of_a_source_name_its_language(now: datetime) -> None:
    source = Source(kind="feed", url=URL, language="nl")
    assert {story.language for story in stories(RSS, now, source)} == {"nl"}


@pytest.mark.parametrize(
    "body",
    [
        RSS.replace("</channel></rss>", ""),
        RSS.replace("&amp;amp;", "& &nope;"),
        "\n<!-- hello -->" + RSS,
        RSS.replace(' xmlns:media="http://search.yahoo.com/mrss/"', ""),
        RSS.replace("Two tugs", "Two\x01 tugs"),
        RSS.replace('encoding="utf-8"', 'encoding="x-unknown"'),
        RSS[: RSS.index("<item><title>Only an id")],
    ],
)
def test_a_malformed_feed_with_stories_is_used(now: datetime, body: str) -> None:
    found = stories(body, now)
    assert len(found) >= 3
    assert found[0].title == "Two tugs for the old harbour"


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [("windows-1252", None), ("windows-1252", "text/xml; charset=windows-1252"),
     ("utf-16", None), ("utf-16-le", None), ("utf-16-be", None)],
)  # fmt: skip
def test_encodings_are_told_apart(now: datetime, encoding: str, content_type: str | None) -> None:
    text = RSS.replace("utf-8", encoding.removesuffix("-le").removesuffix("-be")).replace("Two tugs", "Zwölf “tugs”")
    found = stories(text.encode(encoding), now, content_type=content_type)
    assert found[0].title == "Zwölf “tugs” for the old harbour"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the answer is empty"),
        (b" \n ", "the answer is empty"),
        (
            b"<!DOCTYPE html><html><head><title>Sorry</title></head><body><p>x</p></body></html>",
            "an HTML page, not a feed",
        ),
        (b"<html><body>x", "an HTML page, not a feed"),
        (b"<opml version='2.0'><body><outline/></body></opml>", "an OPML list"),
        (b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'></urlset>", "a sitemap"),
        (b"{}", "not a JSON Feed"),
        (b"[[[", "not a JSON Feed"),
        (b"not found", "this is not a feed"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "this is not a feed"),
        (b"/etc/passwd", "this is not a feed"),
        (b"https://example.org/feed", "this is not a feed"),
        (b"<rss version='2.0'><channel><title>cut off in the mid", "the feed is broken"),
    ],
)
def test_what_is_no_feed_is_named_in_plain_words(now: datetime, body: bytes, words: str) -> None:
    with pytest.raises(GatherError, match=words):
        stories(body, now)


@pytest.mark.parametrize(
    "body",
    ["<rss version='2.0'><channel><title>Quiet</title></channel></rss>", "<feed xmlns='http://www.w3.org/2005/Atom'><title>Quiet</title></feed>",
     '{"version": "https://jsonfeed.org/version/1", "title": "Quiet", "items": []}'],
)  # fmt: skip
def test_a_healthy_feed_may_be_empty(now: datetime, body: str) -> None:
    assert stories(body, now) == []


def test_entities_neither_explode_nor_read_files(now: datetime) -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    head = f'<!DOCTYPE rss [<!ENTITY e0 "lol"><!ENTITY file SYSTEM "file:///etc/passwd">{levels}]>'
    item = "<item><title>Harmless {}</title><link>https://a.example.org/{}</link></item>"
    body = f'{head}<rss version="2.0"><channel>{item.format("&file;", 1)}{item.format("&e11;", 2)}</channel></rss>'
    found = stories(body, now)
    assert not any("root:" in story.title or len(story.title) > 300 for story in found)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300) | st.text("<>rsitemlnkfd/&;\"'= {}[]:,", max_size=200).map(str.encode))
@example(b'{"items": [{"id": {}, "url": [], "attachments": 3, "image": {"a": 1}}], "title": 4}')
@example(b'{"rss": {"channel": {"item": {"guid": [], "link": 4}, "link": "http://["}}}')
@example(b"<rss><channel><item><link>http://[x</link><title>a</title></item><link>http://[</link></channel></rss>")
@example(
    b"<feed version='0.3'><entry><link href='http://[x'/>"
    b"<content type='application/octet-stream' mode='base64'>&&</content></entry></feed>"
)
def test_no_bytes_crash_the_reading_of_feeds(body: bytes) -> None:
    with contextlib.suppress(GatherError):
        found = stories(body, datetime(2026, 11, 23, tzinfo=UTC))
        assert all(story.link.startswith(("http://", "https://")) and story.title for story in found)


@pytest.mark.parametrize("head", [b'<?xml version="1.0" encoding="utf-8"?>', b""])
def test_one_cut_character_spoils_itself_and_no_other(head: bytes) -> None:
    item = "<item><title>{}</title><link>https://coast.example.org/{}</link></item>"
    items = item.format("Müller fährt über die Brücke", 1).encode() + item.format("Ein Caf?", 2).encode()
    body = head + b'<rss version="2.0"><channel>' + items.replace(b"Caf?", b"Caf\xc3") + b"</channel></rss>"
    titles = [story.title for story in parse_feed(body, None, URL, "coast", SOURCE, datetime(2026, 11, 23, tzinfo=UTC))]
    assert titles[0] == "Müller fährt über die Brücke"
    assert titles[1].startswith("Ein Caf")


def test_a_feed_that_says_it_is_latin_1_is_read_as_that() -> None:
    item = "<item><title>Zürich</title><link>https://coast.example.org/1</link></item>"
    body = f'<?xml version="1.0" encoding="iso-8859-1"?><rss version="2.0"><channel>{item}</channel></rss>'
    [story] = parse_feed(body.encode("latin-1"), None, URL, "coast", SOURCE, datetime(2026, 11, 23, tzinfo=UTC))
    assert story.title == "Zürich"
