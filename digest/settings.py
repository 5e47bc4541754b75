"""settings.toml + DIGEST_* environment + secret files -> one frozen Settings; all faults at once.

The tables and keys are listed in docs/settings.md. What is not here: acting on a value; reading any other file of the site.
Every model is frozen: settings are read once and never change under a running process.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from digest.errors import AddressError, Fault, SettingsError, UsageError
from digest.model.schedule import Rhythm, interval
from digest.model.subscriber import Mailbox, normalize_email, parse_mailbox

FILE = "settings.toml"

# -- kinds of values ---------------------------------------------------------------------------------------------------

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_LONGEST = timedelta(days=3660)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise ValueError('a duration such as "90s", "15m", "12h" or "3d"')
    try:
        span = timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError:
        span = timedelta.max
    if span > _LONGEST:
        raise ValueError(f"a duration of at most {_LONGEST.days} days")
    return span


def _longer_than_nothing(span: timedelta) -> timedelta:
    if not span:
        raise ValueError('a duration longer than nothing, such as "15m"')
    return span


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (OSError, ValueError, KeyError):
        raise ValueError('a time zone of the IANA list, such as "Europe/London" or "UTC"') from None


def _cron(value: object) -> str:
    try:
        CronSim(str(value), _ANY_DAY)
    except CronSimError:
        raise ValueError('five cron fields, such as "0 7 * * mon-fri" (minute hour day month weekday)') from None
    if len(str(value).split()) != 5:
        raise ValueError('five cron fields, such as "0 7 * * mon-fri" (minute hour day month weekday)')
    return str(value)


def _url(value: object) -> str:
    if not isinstance(value, str) or not _is_web_address(value):
        raise ValueError("an address that starts with http:// or https://, without user, password or blanks")
    return value


def _is_web_address(text: str) -> bool:
    # urlsplit drops tabs and line ends; we hand the text on as it stands, into the headers of mails among others.
    if not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username and parts.port != 0
    except ValueError:
        return False


def _store_url(value: object) -> str:
    text = str(value)
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"sqlite", "postgresql"} and parts.port != 0  # asking for the port checks it
    except ValueError:
        known = False
    if not known or not text.startswith(("sqlite:///", "postgresql://")) or text == "sqlite:///":
        raise ValueError('"sqlite:///FILE" or "postgresql://user:password@host/database"')
    return text


def _mailbox(value: object) -> Mailbox:
    try:
        return value if isinstance(value, Mailbox) else parse_mailbox(str(value))
    except AddressError as error:
        raise ValueError(f'a sender such as "The Paper <news@example.org>"; {error.reason}') from None


def _email(value: object) -> str:
    try:
        return normalize_email(str(value))
    except AddressError as error:
        raise ValueError(f'an address such as "name@example.org"; {error.reason}') from None


def _language(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", value):
        raise ValueError('a language tag such as "en" or "en-GB"')
    return value


_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # cronsim wants a start; only the expression is looked at

Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(str)]
Span = Annotated[Duration, AfterValidator(_longer_than_nothing)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone), PlainSerializer(str)]
Cron = Annotated[str, BeforeValidator(_cron)]
Url = Annotated[str, BeforeValidator(_url)]
StoreUrl = Annotated[str, BeforeValidator(_store_url)]
Sender = Annotated[Mailbox, BeforeValidator(_mailbox), PlainSerializer(str)]
Email = Annotated[str, BeforeValidator(_email)]
Language = Annotated[str, BeforeValidator(_language)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, Field(min_length=1)]


# -- tables ------------------------------------------------------------------------------------------------------------


class _Table(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True, allow_inf_nan=False
    )


class Site(_Table):
    """[site]: the public face."""

    name: Text
    url: Url
    address: str = ""
    timezone: Zone = ZoneInfo("UTC")
    language: Language = "en"
    secret_file: Path = Path("var/secret")


class StoreSettings(_Table):
    """[store]: the database."""

    url: StoreUrl = Field(default="sqlite:///var/digest.db", repr=False)


class Dkim(_Table):
    """[smtp.dkim]: signing by Digest itself."""

    domain: Text
    selector: Text
    key_file: Path


class DomainPace(_Table):
    """[smtp.domains."example.com"]: limits for one recipient domain."""

    rate: float = Field(default=0, ge=0)
    connections: int = Field(default=10, ge=1, le=1000)


class Smtp(_Table):
    """[smtp]: the relay. rate: messages a second, 0 = as fast as the server takes them."""

    host: Text
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = Field(default=None, repr=False)
    return_path: Email | None = None
    connections: int = Field(default=10, ge=1, le=1000)
    messages_per_connection: int = Field(default=500, ge=1)
    rate: float = Field(default=0, ge=0)
    mode: Literal["auto", "overlap", "pipeline", "plain"] = "auto"
    uncertain: Literal["hold", "resend"] = "hold"
    domains: dict[str, DomainPace] = {}
    dkim: Dkim | None = None


class Breaker(_Table):
    """[delivery.breaker]: stop when so many of any 200 fail."""

    max_failed: int = Field(default=100, ge=1, le=200)


class DeliverySettings(_Table):
    """[delivery]: how an issue leaves."""

    workers: int = Field(default=1, ge=1, le=64)
    give_up: Span = timedelta(hours=12)
    grace: Duration = timedelta()
    warmup: dict[str, Any] | None = None
    quiet: Annotated[str, Field(pattern=r"^\d\d:\d\d-\d\d:\d\d$")] | None = None
    breaker: Breaker = Breaker()


class Web(_Table):
    """[web]: where the daemon listens."""

    host: Text = "127.0.0.1"
    port: Port = 8000
    trusted_proxies: tuple[str, ...] = ()


class Desk(_Table):
    """[desk]: the editors."""

    notify: tuple[Email, ...] = ()


class Gather(_Table):
    """[gather]: how sources are asked. private_hosts: the only hosts on private addresses that may be fetched."""

    every: Span = timedelta(minutes=15)
    pause: Duration = timedelta(seconds=1)
    private_hosts: tuple[str, ...] = ()
    user_agent: Text = "Digest/0.1"


class Select(_Table):
    """[sources.NAME.select]: where the stories of a page are; `within` is a heading's text, else a CSS selector."""

    within: Text | None = None
    item: Text
    title: Text | None = None
    link: Text | None = None
    teaser: Text | None = None
    date: Text | None = None
    image: Text | None = None
    url_include: Text | None = None
    url_exclude: Text | None = None
    limit: int = Field(default=50, ge=1, le=500)


class Source(_Table):
    """[sources.NAME]: a feed, a section page or a folder."""

    kind: Literal["feed", "page", "folder"]
    url: Url | None = None
    path: Path | None = None
    weight: float = Field(default=1.0, gt=0, le=100)
    topics: tuple[Text, ...] = ()
    language: Language | None = None
    include: tuple[Text, ...] = ()
    exclude: tuple[Text, ...] = ()
    include_article: bool = False
    fetch_article: bool = False
    identity: Literal["auto", "guid", "link", "title"] = "auto"
    select: Select | None = None


class StoryLimits(_Table):
    """newsletters.NAME.stories: how many, how old. max_age: None = 72 h or twice the interval, whichever is more."""

    min: int = Field(default=3, ge=1, le=100)
    max: int = Field(default=12, ge=1, le=100)
    per_source: int = Field(default=4, ge=1, le=100)
    max_age: Span | None = None
    half_life: Span = timedelta(hours=18)


class Rank(_Table):
    """newsletters.NAME.rank: words that lift a story, let it in or keep it out."""

    boost: dict[str, Annotated[float, Field(gt=0, le=100)]] = {}
    include: tuple[Text, ...] = ()
    exclude: tuple[Text, ...] = ()


class Section(_Table):
    """[[newsletters.NAME.sections]]: a heading with the stories of some topics."""

    title: Text
    topics: tuple[Text, ...]
    max: int = Field(default=12, ge=1, le=100)


class Newsletter(_Table):
    """[newsletters.NAME]: a recurring publication. schedule: None = by hand only."""

    title: Text
    from_: Sender = Field(alias="from")
    reply_to: Sender | None = None
    sources: tuple[str, ...] = Field(min_length=1)
    lists: tuple[Name, ...] = Field(min_length=1)
    subject: Text = "{{ lead.title }}"
    preheader: str = "{{ stories[1:3] | map(attribute='title') | join(' · ') }}"
    schedule: Cron | None = None
    weekly: Cron | None = None
    timezone: Zone | None = None
    language: Language | None = None
    template: Name = "digest"
    theme: dict[str, str] = {}
    cutoff: Duration = timedelta(minutes=45)
    review: Literal["auto", "required", "second"] = "auto"
    late: Duration = timedelta(hours=2)
    skip_dates: frozenset[date] = frozenset()
    local_time: bool = False
    withdrawn: Literal["warn", "drop"] = "warn"
    track: Literal["none", "clicks"] = "none"
    stories: StoryLimits = StoryLimits()
    rank: Rank = Rank()
    sections: tuple[Section, ...] = ()


class Bounces(_Table):
    """[bounces]: where mail that comes back is taken in."""

    listen: str | None = None
    imap: dict[str, Any] | None = None


class Settings(_Table):
    """Everything an operator decides. root: the site's folder; relative paths in the file are relative to it."""

    root: Path
    site: Site
    smtp: Smtp
    sources: dict[Name, Source] = Field(min_length=1)
    newsletters: dict[Name, Newsletter] = Field(min_length=1)
    store: StoreSettings = StoreSettings()
    delivery: DeliverySettings = DeliverySettings()
    web: Web = Web()
    desk: Desk = Desk()
    gather: Gather = Gather()
    bounces: Bounces = Bounces()

    def newsletter(self, name: str) -> Newsletter:
        """The newsletter called `name`; raises UsageError that lists the names there are."""
        if name not in self.newsletters:
            raise UsageError(f"there is no newsletter {name!r}; there are: {', '.join(sorted(self.newsletters))}")
        return self.newsletters[name]

    def language_of(self, name: str) -> str:
        """The newsletter's language, else the site's."""
        return self.newsletters[name].language or self.site.language

    def zone_of(self, name: str) -> ZoneInfo:
        """The newsletter's time zone, else the site's."""
        return self.newsletters[name].timezone or self.site.timezone

    def rhythm(self, name: str) -> Rhythm | None:
        """When the newsletter comes out; None when by hand only."""
        newsletter = self.newsletters[name]
        if newsletter.schedule is None:
            return None
        return Rhythm(
            newsletter.schedule, self.zone_of(name), newsletter.cutoff, newsletter.late, newsletter.skip_dates
        )

    def max_age(self, name: str, now: datetime) -> timedelta:
        """How old a story may be: as set, else 72 h or twice the interval, whichever is more."""
        if (fixed := self.newsletters[name].stories.max_age) is not None:
            return fixed
        rhythm = self.rhythm(name)
        return max(timedelta(hours=72), 2 * interval(rhythm, now)) if rhythm else timedelta(hours=72)

    def path(self, relative: Path) -> Path:
        """A path of the settings, made absolute."""
        return self.root / relative


# -- reading -----------------------------------------------------------------------------------------------------------


def load(root: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of the site in `root`.

    Raises SettingsError with every fault found, UsageError when there is no such site.
    """
    raw = _read(root / FILE)
    where = str(root / FILE)
    faults = [*_merge_environment(raw, environ), *_read_secret_files(root, raw), *_crossed(raw)]
    if "root" in raw:  # it is ours: the folder in which the file stands
        faults.append(Fault("root", raw["root"], f"unknown key{_meant(['root'])}"))
    try:
        settings = Settings.model_validate({**raw, "root": root.resolve()})
    except ValidationError as error:
        details = error.errors()
        faults += [_fault(detail) for detail in details if not _follows(detail, details)]
    if faults:
        raise SettingsError(where, sorted(map(_discreet, _one_per_key(faults)), key=lambda fault: fault.key))
    return settings


def _follows(detail: Any, details: Iterable[Any]) -> bool:
    """Whether a list is too short only because its faulty entries were not counted."""
    place = detail["loc"]
    return detail["type"] == "too_short" and any(
        other["loc"][: len(place)] == place and len(other["loc"]) > len(place) for other in details
    )


def _discreet(fault: Fault) -> Fault:
    """The fault without its value where that is, or was meant to be, a secret: faults are shown and logged."""
    last = fault.key.lower().replace("__", ".").rpartition(".")[2]
    secret = re.search(r"pass|pw|secret", last) or fault.key in {"store.url", "DIGEST_STORE__URL"}
    is_file = last.endswith("_file")
    return replace(fault, value="(not shown)") if secret and not is_file and fault.value is not None else fault


def _one_per_key(faults: list[Fault]) -> list[Fault]:
    """The faults without those whose key was already named."""
    return list({fault.key: fault for fault in reversed(faults)}.values())


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"{file.parent} is not a site: it has no {FILE}. `digest init DIR` makes one, `--site DIR` names one."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(str(file), [Fault("the file", str(error), "must be valid TOML in UTF-8")]) from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None


_SECRETS = (("smtp", "password"), ("store", "url"))
"""The keys that may also stand in a file, which `KEY_file` names."""


def _merge_environment(raw: dict[str, Any], environ: Mapping[str, str]) -> Iterator[Fault]:
    """DIGEST_SMTP__PASSWORD=x is smtp.password = x; only names with a double underscore are ours."""
    for name, value in sorted(environ.items()):
        path = name.removeprefix("DIGEST_").split("__")
        if not name.startswith("DIGEST_") or len(path) < 2:
            continue
        table: Any = raw
        for part in path[:-1]:
            table = table.setdefault(_existing(table, part), {})
            if not isinstance(table, dict):
                yield Fault(name, value, "names a key inside something that is no table")
                break
        else:
            key = _existing(table, path[-1])
            table[key] = _environment_value(value)
            # The environment has the last word, also over the file that settings.toml names for a secret.
            if (path[0].lower(), key) in _SECRETS:
                table.pop(f"{key}_file", None)


def _existing(table: Mapping[str, Any], part: str) -> str:
    """The key of `table` that an environment variable means: case and dash/underscore do not count."""
    wanted = part.lower()
    return next((key for key in table if key.lower().replace("-", "_") == wanted.replace("-", "_")), wanted)


def _environment_value(value: str) -> Any:
    if value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _read_secret_files(root: Path, raw: dict[str, Any]) -> Iterator[Fault]:
    """smtp.password_file = "x" is smtp.password = what stands in x."""
    for table_name, key in _SECRETS:
        table = raw.get(table_name)
        if not isinstance(table, dict) or f"{key}_file" not in table:
            continue
        file = str(table.pop(f"{key}_file"))
        try:
            table[key] = (root / file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a file name with a NUL
            yield Fault(f"{table_name}.{key}_file", file, f"must be a file that can be read ({error})")


def _crossed(raw: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults between keys, found on the raw tables so that they are reported along with all the others."""
    sources, newsletters = raw.get("sources"), raw.get("newsletters")
    known = sorted(sources) if isinstance(sources, dict) else []
    for name, source in sources.items() if isinstance(sources, dict) else ():
        if isinstance(source, dict):
            yield from _source_faults(f"sources.{name}", source)
    for name, newsletter in newsletters.items() if isinstance(newsletters, dict) else ():
        if not isinstance(newsletter, dict):
            continue
        listed = newsletter.get("sources")
        for index, source in enumerate(listed if isinstance(listed, list) else ()):
            if source not in known:
                yield Fault(f"newsletters.{name}.sources.{index}", source, f"one of [sources]: {', '.join(known)}")
        limits = newsletter.get("stories")
        if isinstance(limits, dict) and _more(limits.get("min", 3), limits.get("max", 12)):
            yield Fault(f"newsletters.{name}.stories.min", limits.get("min", 3), "not more than stories.max")
    smtp = raw.get("smtp")
    if isinstance(smtp, dict) and bool(smtp.get("username")) != bool(smtp.get("password")):
        missing = "password" if smtp.get("username") else "username"
        yield Fault(f"smtp.{missing}", None, "username and password are given together or not at all")


def _source_faults(key: str, source: Mapping[str, Any]) -> Iterator[Fault]:
    kind = source.get("kind")
    if kind in {"feed", "page"} and "url" not in source:
        yield Fault(f"{key}.url", None, "must be given (where the source is)")
    if kind == "folder" and "path" not in source:
        yield Fault(f"{key}.path", None, "must be given (the folder with the files)")
    if kind == "page" and "select" not in source and not source.get("include_article"):
        yield Fault(f"{key}.select", None, "must be given (where the stories are; at least `item`)")


def _more(a: object, b: object) -> bool:
    return isinstance(a, int) and isinstance(b, int) and a > b


_ALLOWED = {
    "missing": "must be given",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "a text in quotes",
    "string_too_short": "must not be empty",
    "too_short": "at least one entry",
    "tuple_type": "a list in brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "path_type": "a path in quotes",
    "date_from_datetime_parsing": "dates such as 2026-12-25",
    "date_from_datetime_inexact": "dates such as 2026-12-25",
    "date_parsing": "dates such as 2026-12-25",
    "date_type": "dates such as 2026-12-25",
    "finite_number": "a number",
    "frozen_set_type": "a list in brackets",
}


def _fault(detail: Any) -> Fault:
    """A pydantic error in the user's words: key, value, what is allowed."""
    location = [str(part) for part in detail["loc"] if part != "[key]"]
    key = ".".join(location) or "the file"
    kind, context = detail["type"], detail.get("ctx", {})
    value = None if kind == "missing" else detail["input"]
    if kind == "extra_forbidden":
        return Fault(key, value, f"unknown key{_meant(location)}")
    if kind == "literal_error":
        return Fault(key, value, f"one of {context['expected']}")
    if kind == "string_pattern_mismatch":
        return Fault(
            key, value, "letters a-z, digits, - and _ only" if "a-z0-9" in context["pattern"] else "22:00-06:00"
        )
    if kind == "value_error":
        return Fault(key, value, str(context["error"]))
    if kind in {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}:
        return Fault(key, value, detail["msg"].removeprefix("Input should be "))
    return Fault(key, value, _ALLOWED.get(kind, detail["msg"]))


def _meant(location: list[str]) -> str:
    """A hint at the key that was probably meant."""
    table: Any = Settings
    for part in location[:-1]:
        table = _table_at(table, part)
        if table is None:
            return ""
    if not (isinstance(table, type) and issubclass(table, BaseModel)):
        return ""
    names = [field.alias or name for name, field in table.model_fields.items() if name != "root"]
    close = difflib.get_close_matches(location[-1], names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known here: {', '.join(sorted(names))}"


_NESTED: dict[str, Any] = {
    "site": Site, "store": StoreSettings, "smtp": Smtp, "delivery": DeliverySettings, "web": Web, "desk": Desk,
    "gather": Gather, "bounces": Bounces, "select": Select, "stories": StoryLimits, "rank": Rank, "dkim": Dkim,
    "breaker": Breaker, "sources": {"*": Source}, "newsletters": {"*": Newsletter}, "domains": {"*": DomainPace},
    "sections": {"*": Section},
}  # fmt: skip


def _table_at(table: Any, part: str) -> Any:
    return table["*"] if isinstance(table, dict) else _NESTED.get(part)


def is_loopback(url: str) -> bool:
    """Whether a URL can only lead to this machine."""
    return is_this_machine(urlsplit(url).hostname or "")


def is_this_machine(host: str) -> bool:
    """Whether a host can only be this machine. A name that merely begins like a loopback address is none."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


# -- what this version does not do yet ---------------------------------------------------------------------------------


def not_yet(settings: Settings) -> list[str]:
    """Keys that are set and known, but without effect in this version; `digest check` names them."""
    found = [
        ("smtp.dkim", settings.smtp.dkim is not None),
        ("smtp.domains", bool(settings.smtp.domains)),
        ("smtp.uncertain", settings.smtp.uncertain != "hold"),
        ("smtp.mode", settings.smtp.mode not in {"auto", "plain"}),
        ("delivery.workers", settings.delivery.workers > 1),
        ("delivery.warmup", settings.delivery.warmup is not None),
        ("delivery.quiet", settings.delivery.quiet is not None),
        ("delivery.breaker", settings.delivery.breaker != Breaker()),
        ("bounces", settings.bounces != Bounces()),
    ]
    for name, source in settings.sources.items():
        found += [
            (f"sources.{name}.kind", source.kind == "folder"),
            (f"sources.{name}.fetch_article", source.fetch_article),
            (f"sources.{name}.identity", source.identity != "auto"),
        ]
    for name, newsletter in settings.newsletters.items():
        found += [
            (f"newsletters.{name}.weekly", newsletter.weekly is not None),
            (f"newsletters.{name}.local_time", newsletter.local_time),
            (f"newsletters.{name}.withdrawn", newsletter.withdrawn != "warn"),
            (f"newsletters.{name}.track", newsletter.track != "none"),
        ]
    return [key for key, is_set in found if is_set]
