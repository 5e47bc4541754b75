"""The tables of settings.toml as frozen models; docs/settings.md lists the same keys.

What is not here: reading the file (reading), and acting on a value.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from digest.errors import UsageError
from digest.model.schedule import Rhythm, interval
from digest.settings.values import (
    BaseUrl,
    Colour,
    Cron,
    Domain,
    Duration,
    Email,
    Language,
    LinkRule,
    Name,
    Port,
    Selector,
    Sender,
    Span,
    StoreUrl,
    Text,
    Url,
    Zone,
)


class _Table(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True, allow_inf_nan=False
    )


class Site(_Table):
    """[site]: the public face."""

    name: Text
    url: BaseUrl
    address: str = ""
    timezone: Zone = ZoneInfo("UTC")
    language: Language = "en"
    secret_file: Path = Path("var/secret")


class StoreSettings(_Table):
    """[store]: the database."""

    url: StoreUrl = Field(default="sqlite:///var/digest.db", repr=False)


class Dkim(_Table):
    """[smtp.dkim]: signing by Digest itself."""

    domain: Domain
    selector: Selector
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


class Warmup(_Table):
    """[delivery.warmup.NAME]: so many mails of a newsletter on its first day, and how many times more on each further."""

    first: int = Field(ge=1)
    factor: float = Field(default=1.5, ge=1, le=10)


class DeliverySettings(_Table):
    """[delivery]: how an issue leaves."""

    workers: int = Field(default=1, ge=1, le=64)
    give_up: Span = timedelta(hours=12)
    grace: Duration = timedelta()
    warmup: dict[Name, Warmup] = {}
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
    url_include: LinkRule | None = None
    url_exclude: LinkRule | None = None
    limit: int = Field(default=50, ge=1, le=500)


class Source(_Table):
    """[sources.NAME]: a feed, a section page, a folder, or what is pushed. timezone: None = the site's."""

    kind: Literal["feed", "page", "folder", "push"]
    url: Url | None = None
    path: Path | None = None
    timezone: Zone | None = None
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


class Theme(_Table):
    """newsletters.NAME.theme: how its mail looks. font: None = that of the layout. logo_dark: for dark grounds."""

    layout: Literal["classic", "compact", "briefing"] = "classic"
    accent: Colour = "#8c1d18"
    font: Literal["georgia", "charter", "palatino", "times", "helvetica", "system", "verdana"] | None = None
    logo: Url | None = None
    logo_dark: Url | None = None


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
    theme: Theme = Theme()
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

    @field_validator("sources")
    @classmethod
    def _at_home(cls, sources: dict[str, Source], info: ValidationInfo) -> dict[str, Source]:
        """Folders, seen from the site and by its clock."""
        root, site = info.data.get("root", Path()), info.data.get("site")
        return {
            name: source.model_copy(update={"path": root / source.path, "timezone": source.timezone or site.timezone})
            if source.kind == "folder" and source.path and site
            else source
            for name, source in sources.items()
        }

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
        if (each := self.newsletters[name]).schedule is None:
            return None
        return Rhythm(each.schedule, self.zone_of(name), each.cutoff, each.late, each.skip_dates)

    def max_age(self, name: str, now: datetime) -> timedelta:
        """How old a story may be: as set, else 72 h or twice the interval, whichever is more."""
        rhythm, least = self.rhythm(name), timedelta(hours=72)
        usual = max(least, 2 * interval(rhythm, now)) if rhythm else least
        return self.newsletters[name].stories.max_age or usual

    def path(self, relative: Path) -> Path:
        """A path of the settings, made absolute."""
        return self.root / relative
