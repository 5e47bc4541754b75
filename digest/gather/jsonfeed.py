"""JSON Feed 1 and 1.1, and RSS written as JSON (pure).

What is not here: XML feeds (feeds), which is also the way in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urljoin

from digest.gather.entry import Entry
from digest.gather.images import images_in


def read_json(body: bytes, url: str) -> tuple[list[Entry], str] | None:
    """The entries and the feed's own title; None when `body` is no JSON that holds a feed."""
    try:
        found = json.loads(body.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    channel = _dict(_dict(found.get("rss")).get("channel"))
    if isinstance(channel.get("item"), list | dict):
        return _rss_in_json(channel, url), _text(channel.get("title"))
    if isinstance(found.get("items"), list) and ("jsonfeed" in _text(found.get("version")) or "title" in found):
        return _json_feed(found, url), _text(found.get("title"))
    return None


def _json_feed(feed: dict[str, object], url: str) -> list[Entry]:
    base = _joined(url, _text(feed.get("home_page_url")))
    language = _text(feed.get("language")) or None
    return [_item(_dict(item), base, language) for item in _list(feed.get("items")) if isinstance(item, dict)]


def _item(item: dict[str, object], base: str, language: str | None) -> Entry:
    html = _text(item.get("content_html"))
    guid = _text(item.get("id"))
    texts = (_text(item.get("summary")), html, _escaped(_text(item.get("content_text"))))
    return Entry(
        base=base,
        title=_escaped(_text(item.get("title"))),
        texts=tuple(filter(None, texts)),
        links=tuple(filter(None, (_text(item.get("url")), _text(item.get("external_url")), _linked(guid)))),
        guid=guid or None,
        published=tuple(filter(None, (_text(item.get("date_published")), _text(item.get("date_modified"))))),
        images=tuple(filter(None, (*_pictures(item), *images_in(html)))),
        language=_text(item.get("language")) or language,
        whole=html or _escaped(_text(item.get("content_text"))),
    )


def _pictures(item: dict[str, object]) -> Iterator[str]:
    yield _text(item.get("image"))
    yield _text(item.get("banner_image"))
    for attachment in map(_dict, _list(item.get("attachments"))):
        if _text(attachment.get("mime_type")).startswith("image/"):
            yield _text(attachment.get("url"))


def _rss_in_json(channel: dict[str, object], url: str) -> list[Entry]:
    """The elements of RSS 2.0 as keys; attributes have a # in front (github.com/scripting/Scripting-News)."""
    items = channel["item"]
    base = _joined(url, _text(channel.get("link")))
    return [_rss_item(item, base) for item in (items if isinstance(items, list) else [items]) if isinstance(item, dict)]


def _rss_item(item: dict[str, object], base: str) -> Entry:
    raw = item.get("guid")
    guid = _text(_dict(raw).get("#value")) if isinstance(raw, dict) else _text(raw)
    return Entry(
        base=base,
        title=_text(item.get("title")),
        texts=tuple(filter(None, (_text(item.get("description")),))),
        links=tuple(filter(None, (_text(item.get("link")), _linked(guid)))),
        guid=guid or None,
        published=tuple(filter(None, (_text(item.get("pubDate")),))),
        images=tuple(images_in(_text(item.get("description")))),
    )


def _linked(guid: str) -> str:
    return guid if guid.startswith(("http://", "https://")) else ""


def _joined(url: str, home: str) -> str:
    try:
        return urljoin(url, home)
    except ValueError:
        return url


def _escaped(text: str) -> str:
    """Text that the format declares as plain, for a reader that expects HTML: its < are no tags."""
    return text.replace("<", "&lt;")


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value) if isinstance(value, str) or abs(value) < 10**18 else ""


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
