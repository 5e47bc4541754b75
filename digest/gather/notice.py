"""One file of a folder source -> a story: its front matter, and for what that leaves out its text (pure).

What is not here: finding and reading the files (folder), and what becomes of the story (flow).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any

import yaml
from markdown_it import MarkdownIt

from digest.errors import GatherError, one_line
from digest.gather import clean
from digest.gather.document import heading_rank, markup_of, parse, text_of
from digest.gather.encodings import decode
from digest.gather.entry import Entry, story_of
from digest.gather.identity import reader_link
from digest.model.story import RawStory
from digest.settings import Source

# A teaser is made of less; so much of a Markdown text is turned into HTML, which takes its time.
_TEXT_MAX = 5_000
_MATTER_MAX = 20_000  # characters; nobody writes so many, and YAML takes seconds for ten times as much
_PARAGRAPHS = 5  # of these the first that is long enough for a teaser is taken
_MATTER = re.compile(r"\s*^(---|\+\+\+)[ \t]*\n(.*?)^\1[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_LINK_TARGET = re.compile(r"\]\([^()]{0,2000}\)")
_KEY = re.compile(r"[\"']?(\w[\w-]{0,60})[\"']?\s*[:=]")
_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")
_YAML_ADVICE = "a text with a colon, a # or brackets in it stands in quotes"
_TOML_ADVICE = "texts stand in quotes in TOML"
_DATE_ADVICE = "2026-11-23, 2026-11-23 07:00 or 2026-11-23T07:00+01:00"
_NOTHING = {"", "~", "null"}


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was found. name: its path inside the folder, with slashes. modified: when it was last changed.

    whole: whether `content` is all of it.
    """

    name: str
    content: bytes
    modified: datetime
    whole: bool = True

    @property
    def is_html(self) -> bool:
        """Whether it is HTML rather than Markdown."""
        return self.name.lower().endswith(".html")


@dataclass(frozen=True, slots=True)
class Notice:
    """What a file says now. story: None for a draft, one whose date is to come, or one that has expired.

    settled: False when a later look may find something else in the same file: its date is to come, or it will expire.
    """

    story: RawStory | None
    settled: bool = True


@dataclass(frozen=True, slots=True)
class _Matter:
    """Front matter: values by lower-case keys. line: of the file, where it begins; lines: where its keys stand."""

    values: Mapping[str, Any]
    line: int
    lines: Mapping[str, int]

    def fault(self, key: str, words: str) -> GatherError:
        """What is wrong with a key, and where; with one that is missing, where the block begins."""
        return _fault(self.lines.get(key, self.line), words)


def _fault(line: int, words: str) -> GatherError:
    return GatherError(f"line {line}: {words}")


def read_notice(file: File, source_name: str, source: Source, now: datetime) -> Notice:
    """The story in `file`, if there is one now. Raises GatherError: "line N: what is wrong, and what to write"."""
    matter, body = _parted(_decoded(file))
    if _value(matter, "draft").lower() == "true":
        return Notice(None)
    zone = source.timezone or UTC
    published = _instant(matter, "date", zone) or min(file.modified, now)
    expires = _instant(matter, "expires", zone, whole_day=True)
    if expires is not None and expires <= now:
        return Notice(None)
    if published > now:
        return Notice(None, settled=False)
    return Notice(_story(file, matter, body, published, source_name, source, now), settled=expires is None)


def _story(
    file: File, matter: _Matter, body: str, published: datetime, name: str, source: Source, now: datetime
) -> RawStory:
    link = _link(matter)
    heading, paragraphs = _heading_and_paragraphs(body, is_html=file.is_html)
    entry = Entry(
        base=link,
        title=_value(matter, "title") or heading,
        texts=(_value(matter, "teaser", "summary"), *paragraphs),
        links=(link,),
        published=(published.isoformat(),),
        images=(_value(matter, "image"),) if _value(matter, "image") else (),
        language=_value(matter, "language") or None,
        whole=_LINK_TARGET.sub("]", body) if file.whole else "",
    )
    story = story_of(entry, name, source, now) if clean.plain(entry.title) else None
    if story is None:
        raise matter.fault("title", "it has no title: `title` in its front matter, or a heading in its text")
    topics = dict.fromkeys((*source.topics, *_listed(matter, "topics")))
    return replace(story, guid=file.name, topics=tuple(topics))


def _link(matter: _Matter) -> str:
    written = _value(matter, "link", "url")
    if not written:
        raise matter.fault(
            "link", "it has no link: readers need one to follow, as `link: https://…` in its front matter"
        )
    if reader_link(written) is None:
        key = "link" if "link" in matter.lines else "url"
        words = f"its link {one_line(written)!r} is no address: write it whole, with https:// or http:// in front"
        raise matter.fault(key, words)
    return written


# -- front matter ------------------------------------------------------------------------------------------------------


def _decoded(file: File) -> str:
    """The text with plain line ends. Markdown names no encoding: a byte order mark, UTF-8, else windows-1252."""
    if file.is_html:
        text = decode(file.content, None)
    elif file.content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        text = decode(file.content, "charset=utf-16")
    else:
        try:
            text = file.content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = file.content.decode("windows-1252", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parted(text: str) -> tuple[_Matter, str]:
    """Front matter, and the text after it."""
    match = _MATTER.match(text)
    if match is None:
        if text.lstrip().startswith(("---\n", "+++\n")):
            line = text[: len(text) - len(text.lstrip())].count("\n") + 1
            raise _fault(line, f"its front matter has no end: put a second line of {text.lstrip()[:3]} below it")
        raise _fault(1, "it has no front matter: a block between two lines of --- (YAML) or +++ (TOML) at its top")
    line = text.count("\n", 0, match.start(1)) + 1
    if len(match[2]) > _MATTER_MAX:
        words = f"its front matter is longer than {_MATTER_MAX} characters: the text belongs below its last line"
        raise _fault(line, words)
    matter = _loaded(match[2], line, is_toml=match[1] == "+++")
    if not isinstance(matter, dict):
        raise _fault(line, "its front matter is no list of keys with values, such as `title: Open day`")
    values = {str(key).lower(): value for key, value in matter.items()}
    return _Matter(values, line, _lines(match[2], line)), text[match.end() :]


def _lines(matter: str, first: int) -> dict[str, int]:
    """In which line of the file each key stands; `first` is that of the mark above the block."""
    found: dict[str, int] = {}
    for number, line in enumerate(matter.split("\n"), first + 1):
        if key := _KEY.match(line):
            found.setdefault(key[1].lower(), number)
    return found


def _loaded(matter: str, line: int, *, is_toml: bool) -> Any:
    try:
        return _toml(matter) if is_toml else _yaml(matter)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or error
        words = "nested too deeply" if isinstance(error, RecursionError) else one_line(str(problem))
        told = _TOML_PLACE.search(words)
        inside = mark.line + 1 if mark else int(told[1] or 0) if told else 0
        advice = _TOML_ADVICE if is_toml else _YAML_ADVICE
        words = f"its front matter cannot be read ({_TOML_PLACE.sub('', words)[:120]}): {advice}"
        raise _fault(line + inside, words) from error


def _toml(text: str) -> Any:
    return tomllib.loads(text)


def _yaml(text: str) -> Any:
    # With the basic loader every value is text, list or table: `language: no` is Norwegian, and nothing is ever built.
    return yaml.load(text, Loader=yaml.BaseLoader) or {}  # noqa: S506 - knows fewer types than the safe loader


def _value(matter: _Matter, *keys: str) -> str:
    """The first of `keys` that is filled in, as text; "" when none is."""
    for key in keys:
        value = matter.values.get(key, "")
        if isinstance(value, (list, dict)):
            raise matter.fault(key, f"`{key}` in its front matter must be one text, and no list: `{key}: …`")
        text = _written(value)
        if text not in _NOTHING:
            return text
    return ""


def _written(value: Any) -> str:
    """A value of TOML as YAML would have it."""
    return value.isoformat() if isinstance(value, date) else str(value).strip()


def _listed(matter: _Matter, key: str) -> Iterable[str]:
    """A list of texts, or one text with commas."""
    value = matter.values.get(key, [])
    entries = value if isinstance(value, (list, dict)) else _value(matter, key).split(",")
    if isinstance(entries, dict) or any(isinstance(each, (list, dict)) for each in entries):
        raise matter.fault(
            key, f"`{key}` in its front matter must be a list of texts, such as `{key}: [harbour, town]`"
        )
    return [one_line(str(each)) for each in entries if one_line(str(each))]


def _instant(matter: _Matter, key: str, zone: tzinfo, *, whole_day: bool = False) -> datetime | None:
    """The instant under `key`; without a zone by the clock of `zone`. whole_day: a bare date means the end of that day."""
    text = _value(matter, key)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(re.sub(r"\s+(?=[+-]\d\d:?\d\d$)", "", text))
        if whole_day and len(text) <= len("2026-11-23"):
            found += timedelta(days=1)
        return found.replace(tzinfo=found.tzinfo or zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise matter.fault(key, f"`{key}` in its front matter is {text[:60]!r}; write {_DATE_ADVICE}") from None


# -- text --------------------------------------------------------------------------------------------------------------


def _heading_and_paragraphs(body: str, *, is_html: bool) -> tuple[str, tuple[str, ...]]:
    """The first heading as text, and as HTML the first paragraphs that say something, else all there is."""
    markup = body if is_html else MarkdownIt("commonmark").render(body[:_TEXT_MAX])
    if not markup.strip():
        return "", ()
    tree = parse(markup.encode("utf-8", "replace"), "text/html; charset=utf-8")
    heading = next((text_of(each) for each in tree.iter() if heading_rank(each) and text_of(each)), "")
    telling = islice((each for each in tree.iter("p", "li") if text_of(each)), _PARAGRAPHS)
    return heading, tuple(map(markup_of, telling)) or (markup_of(tree),)
