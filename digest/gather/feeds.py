"""Feeds -> stories: RSS of all ages, RDF, Atom, JSON Feed (pure; the libraries that parse feeds are used here alone).

What is not here: fetching them, the process in which this runs (parsing, child), and JSON (jsonfeed).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import feedparser

from digest.errors import GatherError
from digest.gather.dates import parse_date
from digest.gather.document import parse
from digest.gather.encodings import decode_utf8, is_mostly_utf8
from digest.gather.entry import Entry, story_of, told_apart
from digest.gather.feed_links import feed_links
from digest.gather.images import images_in, is_picture
from digest.gather.jsonfeed import read_json
from digest.gather.language import heard
from digest.gather.references import mended_bytes
from digest.model.story import RawStory
from digest.settings import Source

ITEMS_MAX = 500
"""Entries of one feed that are read."""
_ITEM_START = re.compile(rb"<(?:\w+:)?(?:item|entry)[\s>/]", re.IGNORECASE)
_OPEN_CDATA = re.compile(
    rb"(<(title|description|link|summary|content:encoded)>\s*<!\[CDATA\[(?:(?!\]\]>).){0,100000}?)(</\2>)", re.DOTALL
)
_ITEM_END = re.compile(rb"</(?:\w+:)?(?:item|entry)\s*>", re.IGNORECASE)
_ITEM_DATE = re.compile(rb"<(?:pubDate|published|updated|dc:date|issued)>([^<]{6,60})<", re.IGNORECASE)
_ANY_TIME = datetime(9000, 1, 1, tzinfo=UTC)  # which of two is older is asked, and not whether they can be
_ROOT_END = re.compile(rb"</(?:\w+:)?(?:rss|feed|rdf|channel)\s*>", re.IGNORECASE)
# RSS 1.0 content module, RFC 4287 §4.1.3, XHTML in RSS: what these hold is the article and not its summary.
_CARRIES_TEXT = re.compile(rb"<(?:content:encoded|(?:atom:)?content|xhtml:body|body)[\s>]")
_LATIN = frozenset({b"iso-8859-1", b"iso-8859-15", b"latin1", b"latin-1", b"windows-1252", b"us-ascii", b"ascii"})
_DECLARED = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["']([\w.-]+)["']""")


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as it was written. title: "" when it names none."""

    title: str
    entries: tuple[Entry, ...]


def parse_feed(
    body: bytes, content_type: str | None, url: str, source_name: str, source: Source, now: datetime
) -> list[RawStory]:
    """The stories of a feed's newest 500 entries in document order; entries without any http link are left out.

    [] for a healthy feed without entries. Raises GatherError, and nothing else, for bytes that are no feed.
    """
    feed = read_feed(body, content_type, url)
    stories = (story_of(entry, source_name, source, now, (feed.title,)) for entry in feed.entries)
    found = told_apart([story for story in stories if story is not None])
    if feed.entries and not found:
        raise GatherError("no entry of the feed has a link and a title")
    return heard(found)


def read_feed(body: bytes, content_type: str | None, url: str) -> Feed:
    """The newest 500 entries of a feed, uncleaned, in document order. Raises GatherError when there is no feed."""
    if not body.strip():
        raise GatherError("the answer is empty: no feed")
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        return _json(body, url)
    body = _first_items(_with_closed_cdata(mended_bytes(_with_known_encoding(body))))
    parsed = _parsed(body, content_type)
    entries, channel = parsed.get("entries") or [], parsed.get("feed") or {}
    if not entries and _ITEM_START.search(body):
        entries, channel = _second_try(body, channel)
    if not entries and not parsed.get("version"):
        raise GatherError(_what_it_is(body, content_type, url))
    if not entries and parsed.get("bozo") and (_ITEM_START.search(body) or not _ROOT_END.search(body)):
        raise GatherError("the feed is broken: no entry of it can be read")
    base = _joined(url, _text(channel.get("link")))
    language = _text(channel.get("language")) or None
    read = (_entry(item, base, language) for item in entries[:ITEMS_MAX])
    # A second description is kept as content too, and is no more than a teaser.
    if not _CARRIES_TEXT.search(body):
        read = (replace(entry, whole="") for entry in read)
    return Feed(_text(channel.get("title")), tuple(read))


def _json(body: bytes, url: str) -> Feed:
    found = read_json(body, url)
    if found is None:
        raise GatherError("this is JSON, but not a JSON Feed")
    return Feed(found[1], tuple(found[0][:ITEMS_MAX]))


def _with_closed_cdata(body: bytes) -> bytes:
    """`body` with CDATA ended where its element ends, if it is nowhere: else it swallows all that follows."""
    if body.count(b"<![CDATA[") <= body.count(b"]]>"):
        return body
    return _OPEN_CDATA.sub(rb"\1]]>\3", body)


def _first_items(body: bytes) -> bytes:
    """`body` without what is beyond its 500 newest items: nobody reads that, so nobody parses it.

    Feeds have the newest first; where the dates of the first and the last item say otherwise, the last 500 are kept.
    """
    ends = [match.end() for match in _ITEM_END.finditer(body)]
    if len(ends) <= ITEMS_MAX:
        return body
    start = _ITEM_START.search(body)
    if start and _is_older(body[start.start() : ends[0]], body[ends[-2] : ends[-1]]):
        return body[: start.start()] + body[ends[-ITEMS_MAX - 1] :]
    return body[: ends[ITEMS_MAX - 1]] + body[ends[-1] :]


def _is_older(item: bytes, other: bytes) -> bool:
    """Whether `item` says that it was published before `other`; False where one of them says nothing."""
    dates = [_ITEM_DATE.search(part) for part in (item, other)]
    one, two = (parse_date(found[1].decode("ascii", "replace"), _ANY_TIME) if found else None for found in dates)
    return one is not None and two is not None and one < two


def _parsed(body: bytes, content_type: str | None) -> Any:
    headers = {"content-type": content_type} if content_type else {}
    try:
        # A stream, because feedparser opens a bare str or bytes as an address or a file name. Its own sanitiser is
        # quadratic (420 KB: 10 s), and it knows fewer bases for relative links than we do: both are off.
        return feedparser.parse(
            io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except Exception as error:  # feedparser has no error tree; whatever strange bytes do to it must not stop the others
        raise GatherError("the feed is broken: something in it cannot be read") from error


def _second_try(body: bytes, channel: Any) -> tuple[list[Any], Any]:
    """What another parser finds where feedparser finds no entry; it forgives other mistakes."""
    import fastfeedparser  # hardly ever needed

    try:
        found = fastfeedparser.parse(body)
    except Exception:  # it has no error tree either, and the first parser's verdict stands
        return [], channel
    return [{**item, "summary": dict.get(item, "description")} for item in found.entries], found.feed


def _with_known_encoding(body: bytes) -> bytes:
    """UTF-16 without a byte order mark, which feedparser does not see, gets one."""
    if body[:4] == b"\x00<\x00?":
        return b"\xfe\xff" + body
    if body[:4] == b"<\x00?\x00":
        return b"\xff\xfe" + body
    named = _DECLARED.search(body[:1024])
    declared = named[1].lower() if named else b"utf-8"
    # What calls itself Latin is UTF-8 all the same where it can be read so, but for a few characters that were cut.
    return _mended_utf8(body) if declared == b"utf-8" or (declared in _LATIN and is_mostly_utf8(body)) else body


def _mended_utf8(body: bytes) -> bytes:
    """Bytes that are UTF-8 but for a few, mended: one cut character must not spoil all others of a feed."""
    text = decode_utf8(body)
    return text.encode() if text != body.decode("windows-1252", "replace") else body


def _what_it_is(body: bytes, content_type: str | None, url: str) -> str:
    """What an editor should know about bytes that hold no feed."""
    start = body[:4096].lower()
    if b"<opml" in start:
        return "this is an OPML list of feeds, not a feed"
    if b"<urlset" in start or b"<sitemapindex" in start:
        return "this is a sitemap, not a feed"
    if not any(tag in start for tag in (b"<!doctype html", b"<html", b"<body", b"<head")):
        return "this is not a feed"
    named = feed_links(parse(body, content_type), url)
    return "this is an HTML page, not a feed" + (f"; it names this feed: {named[0]}" if named else "")


# -- entries -----------------------------------------------------------------------------------------------------------


def _entry(item: Any, base: str, language: str | None) -> Entry:
    # dict.get and not item.get: feedparser's own answers `updated` with `published`, and warns about it.
    contents = tuple(_text(content.get("value")) for content in dict.get(item, "content") or ())
    texts = tuple(filter(None, (_text(dict.get(item, "summary")), *contents)))
    title_language = _text((dict.get(item, "title_detail") or {}).get("language"))
    return Entry(
        base=base,
        title=_text(dict.get(item, "title")),
        texts=texts,
        links=tuple(filter(None, _links(item))),
        guid=_text(dict.get(item, "id")) or None,
        published=tuple(filter(None, (_text(dict.get(item, name)) for name in ("published", "created", "updated")))),
        images=tuple(filter(None, (*_images(item), *(image for text in texts for image in images_in(text))))),
        language=title_language or language,
        carrier=_text((dict.get(item, "source") or {}).get("title")),
        whole=max(contents, key=len, default=""),
    )


def _links(item: Any) -> Iterator[str]:
    """Where the story may be, best first; a file to listen to or watch only when there is nothing else."""
    yield _text(dict.get(item, "feedburner_origlink"))
    links = [link for link in dict.get(item, "links") or () if _text(link.get("href"))]
    pages = [link for link in links if link.get("rel") == "alternate" and "html" in _text(link.get("type") or "html")]
    yield from (link["href"] for link in pages)
    yield _text(dict.get(item, "link"))
    yield from (link["href"] for link in links if link.get("rel") not in {"self", "enclosure", "edit", "replies"})
    if re.match(r"https?://", guid := _text(dict.get(item, "id"))):
        yield guid
    yield from (link["href"] for link in links if link.get("rel") == "enclosure")


def _images(item: Any) -> Iterator[str]:
    """Pictures that the feed names apart: media:content (widest), media:thumbnail, enclosures."""
    media = [medium for medium in dict.get(item, "media_content") or () if is_picture(medium)]
    yield from (_text(medium.get("url")) for medium in sorted(media, key=_width, reverse=True))
    yield from (_text(thumbnail.get("url")) for thumbnail in dict.get(item, "media_thumbnail") or ())
    for link in dict.get(item, "links") or ():
        if link.get("rel") == "enclosure" and is_picture(link):
            yield _text(link.get("href"))


def _width(medium: Any) -> int:
    width = _text(medium.get("width"))
    return int(width) if re.fullmatch(r"[0-9]{1,6}", width) else 0


def _joined(url: str, link: str) -> str:
    try:
        return urljoin(url, link)
    except ValueError:
        return url


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
