"""One file with front matter -> a story: every key, every fault, every way of writing it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import GatherError
from digest.gather.notice import File, Notice, read_notice
from digest.model.story import RawStory
from digest.settings import Source

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
CHANGED = NOW - timedelta(hours=5)
LINK = "link: https://harbour.example.org/day"
PARAGRAPH = "On Saturday the gates are open from nine to five, rain or shine."


def source(**more: Any) -> Source:
    return Source.model_validate({"kind": "folder", "path": "notices"} | more)


def notice(content: str | bytes, name: str = "day.md", **more: Any) -> Notice:
    whole = content.encode() if isinstance(content, str) else content
    return read_notice(File(name, whole, CHANGED), "notices", source(**more), NOW)


def story(content: str | bytes, name: str = "day.md", **more: Any) -> RawStory:
    found = notice(content, name, **more).story
    assert found is not None
    return found


def yaml(*lines: str, body: str = f"# Open day at the harbour\n\n{PARAGRAPH}\n") -> str:
    return "\n".join(["---", LINK, *lines, "---", body])


def fault(content: str | bytes) -> str:
    with pytest.raises(GatherError) as caught:
        notice(content)
    return str(caught.value)


# -- what a file says --------------------------------------------------------------------------------------------------

EVERYTHING = RawStory(
    source="notices",
    guid="day.md",
    link="https://harbour.example.org/day",
    link_key="https://harbour.example.org/day",
    title="Open day: all welcome",
    title_key="open day all welcome",
    teaser="See the old cranes at work for once.",
    published=datetime(2026, 11, 22, 6, 30, tzinfo=UTC),
    image="https://harbour.example.org/crane.jpg",
    language="nb",
    topics=("town", "harbour", "families"),
)


def test_front_matter_in_yaml_says_everything() -> None:
    text = yaml(
        'title: "Open day: all welcome"', "date: 2026-11-22 07:30:00 +0100", "teaser: See the old cranes at work for once.",
        "image: /crane.jpg", "language: nb", "topics: [harbour, families, town]", "layout: post", "weight: 3",
    )  # fmt: skip
    assert story(text, topics=("town",)) == EVERYTHING


def test_front_matter_in_toml_says_the_same() -> None:
    text = (
        '+++\ntitle = "Open day: all welcome"\nurl = "https://harbour.example.org/day?utm_source=x"\n'
        'date = 2026-11-22T07:30:00+01:00\nsummary = "See the old cranes at work for once."\nimage = "/crane.jpg"\n'
        'language = "nb"\ntopics = ["harbour", "families"]\n[params]\nlayout = "post"\n+++\n'
    )
    assert story(text, topics=("town",)) == EVERYTHING


def test_what_front_matter_leaves_out_is_in_the_text() -> None:
    found = story(yaml(body=f"Not yet.\n\n## Open *day* at the [harbour](/x)\n\n![a crane](c.jpg)\n\n{PARAGRAPH}\n"))
    assert (found.title, found.teaser) == ("Open day at the harbour", PARAGRAPH)
    assert (found.published, found.topics, found.image, found.language) == (CHANGED, (), None, None)


def test_a_heading_is_no_teaser_and_a_text_without_paragraphs_is_one() -> None:
    assert story(yaml(body="# Open day at the harbour\n")).teaser == ""
    assert story(yaml("title: Open day", body=f"- {PARAGRAPH}\n- More.\n")).teaser == PARAGRAPH


def test_html_is_read_as_html() -> None:
    body = (
        f"<html><head><title>Site</title><style>p {{}}</style></head><h1>Open &amp; free</h1><p></p><p>{PARAGRAPH}</p>"
    )
    found = story(yaml(body=body), "day.HTML")
    assert (found.title, found.teaser) == ("Open & free", PARAGRAPH)
    assert story(yaml("title: Open day", body=f"<div>{PARAGRAPH}</div>"), "day.html").teaser == PARAGRAPH


def test_markup_of_a_notice_never_reaches_a_mail() -> None:
    found = story(
        yaml("title: <b>Open</b> day<script>x()</script>", body=f"<script>y()</script>\n\n{PARAGRAPH}<i>!</i>")
    )
    assert (found.title, found.teaser) == ("Open day", f"{PARAGRAPH}!")


def test_topics_may_be_one_text_with_commas() -> None:
    assert story(yaml("topics: harbour, families,")).topics == ("harbour", "families")


def test_norwegian_is_no_negation() -> None:
    assert story(yaml("language: no", "title: Yes", "image: ~")).language == "no"
    assert (story(yaml("title: Yes")).title, story(yaml("title: 2026")).title) == ("Yes", "2026")


# -- dates -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-11-22", "2026-11-22T05:00+00:00"),
        ("2026-11-22 07:30", "2026-11-22T12:30+00:00"),
        ("2026-11-22T07:30:15", "2026-11-22T12:30:15+00:00"),
        ("2026-11-22T07:30Z", "2026-11-22T07:30+00:00"),
        ('"2026-11-22 07:30 -0800"', "2026-11-22T15:30+00:00"),
        ("2026-07-01 07:30", "2026-07-01T11:30+00:00"),
    ],
)
def test_a_date_without_a_zone_is_by_the_clock_of_the_source(written: str, instant: str) -> None:
    found = story(yaml(f"date: {written}"), timezone="America/New_York")
    assert found.published == datetime.fromisoformat(instant)


def test_toml_knows_dates_of_its_own() -> None:
    head = '+++\nlink = "https://harbour.example.org/day"\ntitle = "Open day"\n'
    for written, instant in (("2026-11-22", "2026-11-22T00:00Z"), ("2026-11-22T07:30:00", "2026-11-22T07:30Z")):
        assert story(f"{head}date = {written}\n+++\n").published == datetime.fromisoformat(instant)


def test_before_its_date_a_notice_is_no_story_and_will_be_looked_at_again() -> None:
    assert notice(yaml("date: 2026-11-23 07:01")) == Notice(None, settled=False)
    assert notice(yaml("date: 2026-11-23 07:00")).settled


def test_a_notice_that_expires_is_looked_at_again_until_it_has() -> None:
    assert notice(yaml("expires: 2026-11-23 07:00")) == Notice(None)
    later = notice(yaml("expires: 2026-11-23 07:01"))
    assert (later.story is not None, later.settled) == (True, False)


def test_a_bare_day_of_expiry_is_still_part_of_its_life() -> None:
    assert notice(yaml("expires: 2026-11-23")).story is not None
    assert notice(yaml("expires: 2026-11-22")) == Notice(None)


def test_a_file_from_the_future_counts_as_changed_now() -> None:
    late = File("day.md", yaml().encode(), NOW + timedelta(days=1))
    found = read_notice(late, "notices", source(), NOW).story
    assert found is not None
    assert found.published == NOW


def test_a_draft_is_no_story() -> None:
    assert notice(yaml("draft: true")) == Notice(None)
    assert notice('+++\ndraft = true\ntitle = "Unfinished"\n+++\n') == Notice(None)
    assert notice(yaml("draft: false")).story is not None


# -- bytes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_are_told_apart(encoding: str, ends: str) -> None:
    text = yaml("title: Tür und Tor – offen", body="Am Samstag stehen die Tore für alle Bürger weit offen.\n")
    found = story(text.replace("\n", ends).encode(encoding))
    assert (found.title, found.teaser) == (
        "Tür und Tor – offen", "Am Samstag stehen die Tore für alle Bürger weit offen.",
    )  # fmt: skip


def test_a_charset_that_a_markdown_text_speaks_of_is_not_its_own() -> None:
    assert story(yaml("title: Tür auf", "note: charset=iso-8859-5")).title == "Tür auf"


# -- faults ------------------------------------------------------------------------------------------------------------


NO_MATTER = "line 1: it has no front matter: a block between two lines of --- (YAML) or +++ (TOML) at its top"
NO_LINK = "line 1: it has no link: readers need one to follow, as `link: https://…` in its front matter"
NO_TITLE = "it has no title: `title` in its front matter, or a heading in its text"
WHOLE = "is no address: write it whole, with https:// or http:// in front"
DATES = "write 2026-11-23, 2026-11-23 07:00 or 2026-11-23T07:00+01:00"
TOPICS = "line 3: `topics` in its front matter must be a list of texts, such as `topics: [harbour, town]`"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", NO_MATTER),
        ("# Open day\n", NO_MATTER),
        ("---\ntitle: Open day\n", "line 1: its front matter has no end: put a second line of --- below it"),
        ("\n\n+++\ntitle = 'Open day'\n---\n", "line 3: its front matter has no end: put a second line of +++ below it"),
        ("---\n- a\n- b\n---\n", "line 1: its front matter is no list of keys with values, such as `title: Open day`"),
        ("---\n---\n", NO_LINK),
        (yaml("a: b\n" * 5000),
         "line 1: its front matter is longer than 20000 characters: the text belongs below its last line"),
        ("---\ntitle: Open day\nlink: ~\n---\n", NO_LINK.replace("line 1", "line 3")),
        ("\n---\ntitle: Open day\nlink: /day\n---\n", f"line 4: its link '/day' {WHOLE}"),
        ("---\nURL: javascript:alert(1)\ntitle: Open day\n---\n", f"line 2: its link 'javascript:alert(1)' {WHOLE}"),
        (yaml(body="Only a text that goes on for a while."), f"line 1: {NO_TITLE}"),
        (yaml("title: <br>"), f"line 3: {NO_TITLE}"),
        (yaml("title: [a, b]"), "line 3: `title` in its front matter must be one text, and no list: `title: …`"),
        (yaml("topics: {a: b}"), TOPICS),
        (yaml("topics: [[a], b]"), TOPICS),
        (yaml("note: x", "date: tomorrow"), f"line 4: `date` in its front matter is 'tomorrow'; {DATES}"),
        (yaml("expires: 9999-12-31"), f"line 3: `expires` in its front matter is '9999-12-31'; {DATES}"),
    ],
)  # fmt: skip
def test_a_fault_is_told_in_words(content: str, said: str) -> None:
    assert fault(content) == said


YAML_QUOTES = "a text with a colon, a # or brackets in it stands in quotes"
TOML_QUOTES = "texts stand in quotes in TOML"


@pytest.mark.parametrize(
    ("content", "line", "remedy"),
    [
        (yaml("title: Open day: all welcome"), 3, YAML_QUOTES),
        (yaml("title: !!python/object/apply:os.system [ls]", "x: {"), 5, YAML_QUOTES),
        (yaml("title: \x00"), 1, YAML_QUOTES),
        ("---\n" + "[" * 5000 + "\n---\n", 1, YAML_QUOTES),
        ("+++\nlink = 'x'\ntitle = Open day\n+++\n", 3, TOML_QUOTES),
        ("+++\na = " + "[" * 5000 + "\n+++\n", 1, TOML_QUOTES),
        ("+++\na = [\n+++\n", 1, TOML_QUOTES),
    ],
)
def test_front_matter_that_cannot_be_read_is_told(content: str, line: int, remedy: str) -> None:
    said = fault(content)
    assert said.startswith(f"line {line}: its front matter cannot be read (")
    assert said.endswith(f"): {remedy}")


def test_a_tag_of_python_is_only_text() -> None:
    assert "system" not in str(notice(yaml("title: Open day", "x: !!python/object/apply:os.system [ls]")).story)


@given(
    st.binary(max_size=300)
    | st.text(max_size=200).map(lambda text: f"---\nlink: https://a.test/\n{text}\n---\nx".encode())
)
def test_whatever_the_bytes_there_is_a_story_or_a_fault(content: bytes) -> None:
    for name in ("a.md", "a.html"):
        try:
            found = notice(content, name).story
        except GatherError:
            continue
        assert found is None or (found.title and found.link.startswith("http"))
