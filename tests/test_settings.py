"""settings.toml and the environment: what is read, what is refused, and that docs/settings.md tells all of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_origin
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from digest.errors import Fault, SettingsError, UsageError
from digest.model.schedule import Rhythm
from digest.model.subscriber import Mailbox
from digest.settings import Settings, is_loopback, load, not_yet

REPOSITORY = Path(__file__).parents[1]

LEAST = """
[site]
name = "Defence Notes"
url = "https://notes.example.org"
[smtp]
host = "smtp.example.org"
[sources.wire]
kind = "feed"
url = "https://news.example.com/feed.xml"
[newsletters.defence-notes]
title = "Defence Notes"
from = "Defence Notes <news@example.org>"
sources = ["wire"]
lists = ["readers"]
"""
"""The last table is the newsletter's: what is appended belongs to it unless it begins another."""


def read(folder: Path, text: str = LEAST, environ: Mapping[str, str] | None = None) -> Settings:
    (folder / "settings.toml").write_text(text, encoding="utf-8")
    return load(folder, environ or {})


def faults(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> tuple[Fault, ...]:
    with pytest.raises(SettingsError) as caught:
        read(folder, text, environ)
    assert str(caught.value).count("\n") == len(caught.value.faults)
    return caught.value.faults


def with_newsletter(line: str) -> str:
    return LEAST + line + "\n"


def with_smtp(*lines: str) -> str:
    return LEAST.replace("[sources.wire]", "\n".join([*lines, "[sources.wire]"]))


# -- what is read ------------------------------------------------------------------------------------------------------


def test_the_sample_site_loads_and_acts_on_all_that_it_says() -> None:
    settings = load(REPOSITORY, {})
    assert (settings.root, sorted(settings.newsletters)) == (REPOSITORY, ["defence-notes"])
    assert settings.newsletter("defence-notes").from_ == Mailbox("Defence Notes", "news@example.org")
    assert not_yet(settings) == []


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert (settings.smtp.port, settings.smtp.security, settings.store.url) == (
        587,
        "starttls",
        "sqlite:///var/digest.db",
    )
    assert settings.rhythm("defence-notes") is None
    assert settings.language_of("defence-notes") == "en"
    assert settings.path(settings.site.secret_file) == tmp_path / "var/secret"
    assert not_yet(settings) == []


def test_a_newsletter_may_have_a_zone_and_a_language_of_its_own(tmp_path: Path) -> None:
    text = with_newsletter(
        'schedule = "0 7 * * *"\ntimezone = "Asia/Tokyo"\nlanguage = "ja"\nskip_dates = [2026-12-25]'
    )
    settings = read(tmp_path, text)
    zone = ZoneInfo("Asia/Tokyo")
    assert settings.rhythm("defence-notes") == Rhythm(
        "0 7 * * *", zone, timedelta(minutes=45), timedelta(hours=2), frozenset({date(2026, 12, 25)})
    )
    assert settings.language_of("defence-notes") == "ja"


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        ("", timedelta(hours=72)),
        ('schedule = "0 7 * * *"', timedelta(hours=72)),
        ('schedule = "0 7 * * mon"', timedelta(days=14)),
        ('schedule = "0 7 * * mon"\nstories = { max_age = "5h" }', timedelta(hours=5)),
    ],
    ids=["by hand", "daily", "weekly", "as set"],
)
def test_the_oldest_story_is_72_hours_or_twice_the_interval_or_as_set(
    tmp_path: Path, schedule: str, wanted: timedelta
) -> None:
    settings = read(tmp_path, with_newsletter(schedule))
    assert settings.max_age("defence-notes", datetime(2026, 11, 23, tzinfo=UTC)) == wanted


@pytest.mark.parametrize(
    ("text", "span"),
    [("90s", 90), ("15m", 900), ("12h", 43200), ("3d", 259200), ("1.5h", 5400), (" 2 m ", 120), ("0s", 0)],
)
def test_durations_are_seconds_minutes_hours_or_days(tmp_path: Path, text: str, span: int) -> None:
    settings = read(tmp_path, with_newsletter(f'cutoff = "{text}"'))
    assert settings.newsletters["defence-notes"].cutoff == timedelta(seconds=span)


def test_settings_never_change_once_they_are_read(tmp_path: Path) -> None:
    settings = read(tmp_path)
    for table, key in ((settings, "site"), (settings.smtp, "port"), (settings.newsletters["defence-notes"], "title")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(table, key, "other")


def test_an_unknown_newsletter_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no newsletter 'morning'; there are: defence-notes"):
        read(tmp_path).newsletter("morning")


# -- the environment and secret files ----------------------------------------------------------------------------------


def test_the_environment_has_the_last_word(tmp_path: Path) -> None:
    environ = {
        "DIGEST_SMTP__HOST": "relay.example.org",
        "DIGEST_SMTP__PORT": "465",
        "DIGEST_STORE__URL": "postgresql://user:word@db.example.org/digest",
        "DIGEST_NEWSLETTERS__DEFENCE_NOTES__REVIEW": "required",
        "DIGEST_NEWSLETTERS__DEFENCE_NOTES__LISTS": '["staff", "readers"]',
        "DIGEST_NEWSLETTERS__DEFENCE_NOTES__STORIES": '{"min": 1}',
        "DIGEST_NEWSLETTERS__DEFENCE_NOTES__FROM": "other@example.org",
        "SMTP__HOST": "not ours",
    }
    settings = read(tmp_path, environ=environ)
    newsletter = settings.newsletters["defence-notes"]
    assert (settings.smtp.host, settings.smtp.port) == ("relay.example.org", 465)
    assert settings.store.url == "postgresql://user:word@db.example.org/digest"
    assert (newsletter.review, newsletter.lists, newsletter.stories.min) == ("required", ("staff", "readers"), 1)
    assert str(newsletter.from_) == "other@example.org"


def test_digest_site_and_digest_now_are_no_settings(tmp_path: Path) -> None:
    environ = {"DIGEST_SITE": "/elsewhere", "DIGEST_NOW": "2026-11-23T06:59:00+00:00"}
    assert read(tmp_path, environ=environ) == read(tmp_path)


def test_a_fault_in_the_environment_is_named_like_any_other(tmp_path: Path) -> None:
    environ = {"DIGEST_SMTP__PROT": "25", "DIGEST_SITE__NAME__FIRST": "x", "DIGEST_GATHER__EVERY": "[15"}
    assert faults(tmp_path, LEAST, environ) == (
        Fault("DIGEST_SITE__NAME__FIRST", "x", "names a key inside something that is no table"),
        Fault("gather.every", "[15", 'a duration such as "90s", "15m", "12h" or "3d"'),
        Fault("smtp.prot", "25", "unknown key; did you mean 'port'?"),
    )


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("pass word\n")
    (tmp_path / "database").write_text("sqlite:////srv/digest.db\n")
    text = with_smtp('username = "news"', 'password_file = "secret"', "[store]", 'url_file = "database"')
    settings = read(tmp_path, text)
    assert (settings.smtp.password, settings.store.url) == ("pass word", "sqlite:////srv/digest.db")


def test_a_password_in_the_environment_stands_above_a_file_in_the_settings(tmp_path: Path) -> None:
    text = with_smtp('username = "news"', 'password_file = "missing"')
    assert read(tmp_path, text, {"DIGEST_SMTP__PASSWORD": "word"}).smtp.password == "word"


def test_the_environment_may_name_a_secret_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("word")
    environ = {"DIGEST_SMTP__PASSWORD_FILE": "secret", "DIGEST_SMTP__USERNAME": "news"}
    assert read(tmp_path, environ=environ).smtp.password == "word"


@pytest.mark.parametrize("name", ["missing", ".", "a\\u0000b", "binary"])
def test_a_secret_file_that_cannot_be_read_is_a_fault(tmp_path: Path, name: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    found = faults(tmp_path, with_smtp(f'password_file = "{name}"'))
    assert [fault.key for fault in found] == ["smtp.password_file"]
    assert found[0].value == name.replace("\\u0000", "\0")
    assert found[0].allowed.startswith("must be a file that can be read")


SECRET = "hunter2"


def test_no_secret_shows_when_settings_are_printed(tmp_path: Path) -> None:
    text = with_smtp('username = "news"', f'password = "{SECRET}"', "[store]", f'url = "postgresql://u:{SECRET}@h/d"')
    assert SECRET not in repr(read(tmp_path, text)) + str(read(tmp_path, text).smtp)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (with_smtp('username = "u"', f'passwrd = "{SECRET}"', 'password = "x"'), "smtp.passwrd"),
        (with_smtp('username = "u"', f'password = ["{SECRET}"]'), "smtp.password"),
        (with_smtp("[store]", f'url = "mysql://user:{SECRET}@host/db"'), "store.url"),
        (with_smtp("[store]", f'url = "postgresql://user:{SECRET}@host:x/db"'), "store.url"),
    ],
)
def test_no_secret_shows_in_a_fault(tmp_path: Path, text: str, key: str) -> None:
    found = faults(tmp_path, text)
    assert [fault.key for fault in found] == [key]
    assert SECRET not in str(SettingsError("settings.toml", found)) + repr(found)


# -- faults ------------------------------------------------------------------------------------------------------------


def test_all_faults_are_reported_at_once_each_with_key_value_and_what_is_allowed(tmp_path: Path) -> None:
    text = """
colour = "red"
[site]
name = ""
url = "ftp://notes.example.org"
timezone = "Mars/Olympus"
language = "plain English"
[smtp]
port = 70000
security = "ssl"
username = "news"
[gather]
every = "often"
[sources.wire]
kind = "telegraph"
weight = 0
[sources.page]
kind = "page"
url = "https://news.example.com/"
[newsletters.defence-notes]
title = "Defence Notes"
from = "news"
sources = ["wire", "wires"]
lists = []
schedule = "7 o'clock"
skip_dates = ["Christmas"]
shedule = "0 7 * * *"
stories = { min = 5, max = 4 }
local_time = "sometimes"
"""
    found = faults(tmp_path, text)
    names = "bounces, delivery, desk, gather, newsletters, site, smtp, sources, store, web"
    assert [(fault.key, fault.value, fault.allowed) for fault in found] == [
        ("colour", "red", f"unknown key; known here: {names}"),
        ("gather.every", "often", 'a duration such as "90s", "15m", "12h" or "3d"'),
        (
            "newsletters.defence-notes.from",
            "news",
            'a sender such as "The Paper <news@example.org>"; it is not of the form name@domain',
        ),
        ("newsletters.defence-notes.lists", [], "at least one entry"),
        ("newsletters.defence-notes.local_time", "sometimes", "true or false"),
        (
            "newsletters.defence-notes.schedule",
            "7 o'clock",
            'five cron fields, such as "0 7 * * mon-fri" (minute hour day month weekday)',
        ),
        ("newsletters.defence-notes.shedule", "0 7 * * *", "unknown key; did you mean 'schedule'?"),
        ("newsletters.defence-notes.skip_dates.0", "Christmas", "dates such as 2026-12-25"),
        ("newsletters.defence-notes.sources.1", "wires", "one of [sources]: page, wire"),
        ("newsletters.defence-notes.stories.min", 5, "not more than stories.max"),
        ("site.language", "plain English", 'a language tag such as "en" or "en-GB"'),
        ("site.name", "", "must not be empty"),
        ("site.timezone", "Mars/Olympus", 'a time zone of the IANA list, such as "Europe/London" or "UTC"'),
        (
            "site.url",
            "ftp://notes.example.org",
            "an address that starts with http:// or https://, without user, password or blanks",
        ),
        ("smtp.host", None, "must be given"),
        ("smtp.password", None, "username and password are given together or not at all"),
        ("smtp.port", 70000, "less than or equal to 65535"),
        ("smtp.security", "ssl", "one of 'starttls', 'tls' or 'none'"),
        ("sources.page.select", None, "must be given (where the stories are; at least `item`)"),
        ("sources.wire.kind", "telegraph", "one of 'feed', 'page', 'folder' or 'push'"),
        ("sources.wire.weight", 0, "greater than 0"),
    ]


def test_an_empty_file_says_which_tables_must_be_given(tmp_path: Path) -> None:
    assert [str(fault) for fault in faults(tmp_path, "")] == [
        f"{table} is missing: must be given" for table in ("newsletters", "site", "smtp", "sources")
    ]


@pytest.mark.parametrize(
    ("text", "key", "meant"),
    [
        (with_smtp('hots = "x"'), "smtp.hots", "host"),
        (with_newsletter("stories = { minimum = 3 }"), "newsletters.defence-notes.stories.minimum", "min"),
        (with_newsletter("rank = { exlude = [] }"), "newsletters.defence-notes.rank.exlude", "exclude"),
        (
            with_newsletter('sections = [{ title = "A", topics = ["a"], topic = "b" }]'),
            "newsletters.defence-notes.sections.0.topic",
            "topics",
        ),
        (with_newsletter('frm = "x"'), "newsletters.defence-notes.frm", "from"),
        (with_smtp('[smtp.domains."x.org"]', "rat = 1"), "smtp.domains.x.org.rat", "rate"),
        (
            LEAST.replace('kind = "feed"', 'kind = "page"\nselect = { item = "li", headline = "h3", lnk = "a" }'),
            "sources.wire.select.lnk",
            "link",
        ),
        (LEAST.replace("[smtp]", "[web]\nport = 80\nhosts = 1\n[smtp]"), "web.hosts", "host"),
    ],
)
def test_an_unknown_key_is_answered_with_the_one_that_was_meant(
    tmp_path: Path, text: str, key: str, meant: str
) -> None:
    said = {fault.key: fault.allowed for fault in faults(tmp_path, text)}
    assert said[key] == f"unknown key; did you mean {meant!r}?"


def test_the_folder_of_the_site_is_no_key(tmp_path: Path) -> None:
    assert [fault.key for fault in faults(tmp_path, 'root = "/"\n' + LEAST)] == ["root"]


def test_a_table_that_is_none_is_a_fault(tmp_path: Path) -> None:
    text = LEAST.replace('[smtp]\nhost = "smtp.example.org"', "").replace("[site]", "smtp = 5\n[site]", 1)
    assert [str(fault) for fault in faults(tmp_path, text)] == ["smtp = 5: a table"]


def test_a_name_with_blanks_is_refused(tmp_path: Path) -> None:
    found = faults(tmp_path, with_newsletter('[newsletters."Defence Notes"]'))
    assert found[0] == Fault("newsletters.Defence Notes", "Defence Notes", "letters a-z, digits, - and _ only")


def test_two_sources_with_faults_are_each_named(tmp_path: Path) -> None:
    text = LEAST.replace('url = "https://news.example.com/feed.xml"', "") + '[sources.papers]\nkind = "folder"\n'
    assert [str(fault) for fault in faults(tmp_path, text)] == [
        "sources.papers.path is missing: must be given (the folder with the files)",
        "sources.wire.url is missing: must be given (where the source is)",
    ]


def test_a_folder_is_seen_from_the_site_and_by_its_clock(tmp_path: Path) -> None:
    text = LEAST.replace("[smtp]", 'timezone = "America/New_York"\n[smtp]', 1)
    text += '[sources.notices]\nkind = "folder"\npath = "notices"\n'
    text += '[sources.abroad]\nkind = "folder"\npath = "/srv/abroad"\ntimezone = "Asia/Tokyo"\n'
    sources = read(tmp_path, text).sources
    assert (sources["notices"].path, str(sources["notices"].timezone)) == (tmp_path / "notices", "America/New_York")
    assert (sources["abroad"].path, str(sources["abroad"].timezone)) == (Path("/srv/abroad"), "Asia/Tokyo")
    assert sources["wire"].timezone is None


def test_a_push_source_needs_neither_url_nor_path(tmp_path: Path) -> None:
    assert read(tmp_path, LEAST + '[sources.cms]\nkind = "push"\n').sources["cms"].url is None


def test_a_page_that_is_an_article_needs_no_rules(tmp_path: Path) -> None:
    settings = read(tmp_path, LEAST.replace('kind = "feed"', 'kind = "page"\ninclude_article = true'))
    assert settings.sources["wire"].select is None


def test_a_password_without_a_username_is_a_fault(tmp_path: Path) -> None:
    assert [fault.key for fault in faults(tmp_path, with_smtp('password = "x"'))] == ["smtp.username"]


DURATION = 'a duration such as "90s", "15m", "12h" or "3d"'
LONGER = 'a duration longer than nothing, such as "15m"'
CRON = 'five cron fields, such as "0 7 * * mon-fri" (minute hour day month weekday)'
ZONE = 'a time zone of the IANA list, such as "Europe/London" or "UTC"'
SENDER = 'a sender such as "The Paper <news@example.org>"; '
ADDRESS = "an address that starts with http:// or https://, without user, password or blanks"
LANGUAGE = 'a language tag such as "en" or "en-GB"'


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ('cutoff = "15 minutes"', DURATION),
        ('cutoff = "-15m"', DURATION),
        ("cutoff = 15", DURATION),
        ("cutoff = true", DURATION),
        ('cutoff = ""', DURATION),
        ('cutoff = "99999999999999d"', "a duration of at most 3660 days"),
        ('schedule = "@daily"', CRON),
        ('schedule = "0 0 7 * * *"', CRON),
        ('schedule = "61 7 * * *"', CRON),
        ('schedule = "0 7 30 2 *"', CRON),
        ("schedule = 7", CRON),
        ('timezone = ""', ZONE),
        ('timezone = "../etc/passwd"', ZONE),
        ("timezone = 1", ZONE),
        ('timezone = "a\\u0000b"', ZONE),
        ('from = "The Paper\\r\\nBcc: x <news@example.org>"', f"{SENDER}the name holds a control character"),
        ('from = "The Paper <news\\n@example.org>"', f"{SENDER}it holds a control character"),
        ('from = "The Paper <news@example.org> again"', f"{SENDER}it is not of the form Name <name@domain>"),
        ('from = ["news@example.org"]', None),
        ('reply_to = "desk@example"', f"{SENDER}the domain has no dot"),
        ('language = "en_GB"', LANGUAGE),
        ("language = 5", LANGUAGE),
        ('template = "../../etc/passwd"', "letters a-z, digits, - and _ only"),
        ('review = "Auto"', "one of 'auto', 'required' or 'second'"),
        ("title = 5", "a text in quotes"),
        ('lists = "readers"', "a list in brackets"),
        ('lists = ["Readers!"]', "letters a-z, digits, - and _ only"),
        ("sources = []", "at least one entry"),
        ("skip_dates = 2026-12-25", "a list in brackets"),
        ("skip_dates = [2026-12-25T07:00:00]", "dates such as 2026-12-25"),
        ("theme = { accent = 5 }", 'a colour such as "#8c1d18"'),
        ('theme = { accent = "red" }', 'a colour such as "#8c1d18"'),
        ('theme = { layout = "fancy" }', "one of 'classic', 'compact' or 'briefing'"),
        ('theme = { font = "Comic Sans" }', None),
        ('theme = { logo = "javascript:alert(1)" }', ADDRESS),
        (
            'theme = { logo_dark = "https://example.org/l.png" }',
            "must be given too: logo_dark takes its place in the dark",
        ),
        ('theme = { acent = "#8c1d18" }', "unknown key; did you mean 'accent'?"),
        ('theme = "red"', "a table"),
        ("rank = { boost = { naval = 0 } }", "greater than 0"),
        ('stories = { half_life = "0s" }', LONGER),
        ('stories = { max_age = "0h" }', LONGER),
        ("stories = { max = 2.5 }", "a whole number"),
        ("stories = { min = 0 }", "greater than or equal to 1"),
    ],
)
def test_a_value_of_the_wrong_kind_is_answered_with_the_right_kind(
    tmp_path: Path, line: str, allowed: str | None
) -> None:
    key = line.partition(" = ")[0]
    kept = re.sub(rf"(?m)^{key} = .*\n", "", LEAST.partition("[newsletters")[2])
    found = faults(tmp_path, LEAST.partition("[newsletters")[0] + "[newsletters" + kept + line + "\n")
    assert {fault.key.removeprefix("newsletters.defence-notes.").partition(".")[0] for fault in found} == {key}
    assert allowed in {None, found[0].allowed}
    assert len(found) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://exa\\nmple.org", "https://example.org/\\r\\nBcc: x", "https://exam ple.org", "http://[::1", "http://",
        "http://x.org:99999", "https://user@example.org", "//example.org", "mailto:a@example.org", "javascript:alert(1)",
        "https://example.org/\\u2028", "https://example.org/?a=b", "https://example.org/#x",
    ],
)  # fmt: skip
def test_an_address_that_is_none_or_could_break_a_header_is_refused(tmp_path: Path, url: str) -> None:
    found = faults(tmp_path, LEAST.replace("https://notes.example.org", url))
    assert [fault.key for fault in found] == ["site.url"]


@pytest.mark.parametrize("line", ["rate = inf", "rate = nan", "rate = -1", 'rate = "fast"', "connections = 0"])
def test_numbers_are_numbers_within_their_range(tmp_path: Path, line: str) -> None:
    assert [fault.key for fault in faults(tmp_path, with_smtp(line))] == [f"smtp.{line.partition(' ')[0]}"]


def test_what_is_no_toml_or_no_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    assert "line 2" in str(faults(tmp_path, "[site]\nname = \n")[0].value)
    (tmp_path / "settings.toml").write_bytes(b'[site]\nname = "\xff"\n')
    with pytest.raises(SettingsError, match="must be valid TOML in UTF-8"):
        load(tmp_path, {})


def test_a_folder_without_settings_is_no_site(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not a site: it has no settings.toml. `digest init DIR` makes one"):
        load(tmp_path, {})
    (tmp_path / "settings.toml").mkdir()
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load(tmp_path, {})


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8000", True), ("http://127.9.9.9", True), ("http://[::1]:80/", True),
        ("http://localhost/x", True), ("https://example.org", False), ("http://192.168.1.1", False),
    ],
)  # fmt: skip
def test_loopback_is_this_machine_only(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


# -- docs/settings.md --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A documented key. marked: the row, or what its heading says of the whole table, has "not yet in effect"."""

    default: str
    marked: bool


def documented() -> dict[str, Row]:
    """The keys that docs/settings.md describes."""
    rows: dict[str, Row] = {}
    table, intro_marked = "", False
    for line in (REPOSITORY / "docs/settings.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            table, intro_marked = line.lstrip("# "), False
        elif cells := re.fullmatch(r"\| `(\w+)` \| (.+?)(?<!\\) \| (.+?)(?<!\\) \| (.+) \|", line):
            key = f"{table}.{cells[1]}"
            assert key not in rows, f"{key} is documented twice"
            rows[key] = Row(cells[2].replace(r"\|", "|"), intro_marked or "not yet in effect" in line.lower())
        elif not line.startswith("|"):
            intro_marked = intro_marked or "not yet in effect" in line
    return rows


def fields(model: type[BaseModel], table: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of the settings with its pydantic field; NAME stands for any name, [] for an entry of a list."""
    for name, field in model.model_fields.items():
        if (model, name) == (Settings, "root"):
            continue
        key = f"{table}{field.alias or name}"
        inner = _table_in(field.annotation)
        if inner is None:
            yield key, field
        else:
            suffix, inner_model = inner
            yield from fields(inner_model, f"{key}{suffix}.")


def _table_in(annotation: Any) -> tuple[str, type[BaseModel]] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "", annotation
    suffixes = {dict: ".NAME", tuple: "[]"}
    for argument in get_args(annotation):
        if isinstance(argument, type) and issubclass(argument, BaseModel):
            return suffixes.get(get_origin(annotation), ""), argument
    return None


IN_FILES = {"smtp.password_file", "store.url_file"}


def test_every_key_is_documented_and_every_documented_key_exists() -> None:
    assert sorted(documented()) == sorted({key for key, _ in fields(Settings)} | IN_FILES)


def test_the_documented_defaults_are_the_real_ones() -> None:
    rows = documented()
    wrong = {key: rows[key].default for key, field in fields(Settings) if not _is_default(rows[key].default, field)}
    assert wrong == {}


def _is_default(cell: str, field: Any) -> bool:
    if cell in {"must be given", "none"}:
        return bool(field.is_required()) if cell == "must be given" else field.default is None
    value = tomllib.loads(f"value = {cell[1:-1]}")["value"]
    return bool(TypeAdapter(field.rebuild_annotation()).validate_python(value) == field.default)


NOT_YET = """
[smtp.domains."example.com"]
rate = 5
connections = 2
[delivery]
quiet = "22:00-06:00"
warmup = { defence-notes = { first = 100 } }
breaker = { max_failed = 50 }
[bounces]
listen = "127.0.0.1:2525"
[sources.papers]
kind = "feed"
url = "https://papers.example.com/feed.xml"
fetch_article = true
identity = "title"
[newsletters.other]
title = "Other"
from = "news@example.org"
sources = ["papers"]
lists = ["readers"]
weekly = "0 7 * * sun"
local_time = true
withdrawn = "drop"
track = "clicks"
rank = { boost = { naval = 2.0 } }
sections = [{ title = "Naval", topics = ["naval"] }]
"""


def test_what_is_marked_as_not_yet_in_effect_is_what_check_warns_of(tmp_path: Path) -> None:
    settings = read(tmp_path, with_smtp('mode = "pipeline"', 'uncertain = "resend"') + NOT_YET)
    named = [re.sub(r"^smtp\.domains\..*\.", "smtp.domains.NAME.", key) for key in not_yet(settings)]
    warned = {re.sub(r"^(sources|newsletters)\.[\w-]+", r"\1.NAME", key) for key in named}
    marked = {key for key, row in documented().items() if row.marked}
    assert marked == {key for key in documented() if any(_is_of(key, each) for each in warned)}
    assert all(any(_is_of(key, each) for key in marked) for each in warned)


def _is_of(key: str, table: str) -> bool:
    return key == table or re.match(rf"{re.escape(table)}[.\[]", key) is not None


@pytest.mark.parametrize("rule", ["url_include", "url_exclude"])
def test_a_rule_for_links_that_is_no_regular_expression_is_a_fault(tmp_path: Path, rule: str) -> None:
    page = '[sources.page]\nkind = "page"\nurl = "https://example.org/"\nselect = { item = "li", %s = "%s" }\n'
    [fault] = faults(tmp_path, LEAST + page % (rule, "/news/(2026"))
    assert (fault.key, fault.value) == (f"sources.page.select.{rule}", "/news/(2026")
    assert fault.allowed.startswith("a part of a link or a regular expression")
    assert read(tmp_path, LEAST + page % (rule, "/news/[0-9]+")).sources["page"].select is not None
