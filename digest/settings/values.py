"""The kinds of values that settings have: durations, addresses, zones, cron expressions; each refused in the user's words.

What is not here: which key has which (tables).
"""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from digest.errors import AddressError, UsageError
from digest.model.subscriber import Mailbox, domain_of, normalize_email, parse_mailbox

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_SELECTOR = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
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


def _base(url: str) -> str:
    if any(mark in url for mark in "?#"):
        raise ValueError("an address that ends in a path: links to subscribers' pages begin with it")
    return url


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


def _domain(value: object) -> str:
    try:
        return domain_of(normalize_email(f"postmaster@{value}"))
    except AddressError as error:
        raise ValueError(f'a domain such as "example.org"; {error.reason}') from None


def _selector(value: object) -> str:
    if not isinstance(value, str) or not _SELECTOR.fullmatch(value):
        raise ValueError('a label such as "digest1": letters, digits and - (RFC 6376 §3.1)')
    return value


def _language(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", value):
        raise ValueError('a language tag such as "en" or "en-GB"')
    return value


def _colour(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", value):
        raise ValueError('a colour such as "#8c1d18"')
    digits = value[1:].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def _link_rule(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"a part of a link or a regular expression (a ? alone is written [?]); {error}") from None
    return value


_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # cronsim wants a start; only the expression is looked at

Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(lambda span: f"{span.total_seconds()}s")]
Span = Annotated[Duration, AfterValidator(_longer_than_nothing)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone), PlainSerializer(str)]
Cron = Annotated[str, BeforeValidator(_cron)]
Url = Annotated[str, BeforeValidator(_url)]
BaseUrl = Annotated[Url, AfterValidator(_base)]
StoreUrl = Annotated[str, BeforeValidator(_store_url)]
Sender = Annotated[Mailbox, BeforeValidator(_mailbox), PlainSerializer(str)]
Domain = Annotated[str, BeforeValidator(_domain)]
Selector = Annotated[str, BeforeValidator(_selector)]
Email = Annotated[str, BeforeValidator(_email)]
Colour = Annotated[str, BeforeValidator(_colour)]
Language = Annotated[str, BeforeValidator(_language)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, Field(min_length=1)]
LinkRule = Annotated[Text, AfterValidator(_link_rule)]


def dkim_names(domain: str, selector: str) -> tuple[str, str]:
    """Domain and selector as [smtp.dkim] takes them. Raises UsageError."""
    try:
        return _domain(domain), _selector(selector)
    except ValueError as error:
        raise UsageError(f"{domain!r} and {selector!r} cannot be signed for; needed is {error}") from None


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
