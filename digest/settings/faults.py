"""What is wrong in settings, in the user's words: pydantic's errors translated, and faults between keys.

What is not here: reading (reading).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError

from digest.errors import Fault
from digest.settings.tables import (
    Bounces,
    Breaker,
    DeliverySettings,
    Desk,
    Dkim,
    DomainPace,
    Gather,
    Newsletter,
    Rank,
    Section,
    Select,
    Settings,
    Site,
    Smtp,
    Source,
    StoreSettings,
    StoryLimits,
    Theme,
    Warmup,
    Web,
)


def of_validation(error: ValidationError) -> list[Fault]:
    """Every fault that pydantic found, but those that only follow from another."""
    details = error.errors()
    return [_fault(detail) for detail in details if not _follows(detail, details)]


def _follows(detail: Any, details: Iterable[Any]) -> bool:
    """Whether a list is too short only because its faulty entries were not counted."""
    place = detail["loc"]
    return detail["type"] == "too_short" and any(
        other["loc"][: len(place)] == place and len(other["loc"]) > len(place) for other in details
    )


def discreet(fault: Fault) -> Fault:
    """The fault without its value where that is, or was meant to be, a secret: faults are shown and logged."""
    last = fault.key.lower().replace("__", ".").rpartition(".")[2]
    secret = re.search(r"pass|pw|secret", last) or fault.key in {"store.url", "DIGEST_STORE__URL"}
    is_file = last.endswith("_file")
    return replace(fault, value="(not shown)") if secret and not is_file and fault.value is not None else fault


def one_per_key(faults: list[Fault]) -> list[Fault]:
    """The faults without those whose key was already named."""
    return list({fault.key: fault for fault in reversed(faults)}.values())


def crossed(raw: Mapping[str, Any]) -> Iterator[Fault]:
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
        theme = newsletter.get("theme")
        if isinstance(theme, dict) and "logo_dark" in theme and "logo" not in theme:
            yield Fault(
                f"newsletters.{name}.theme.logo", None, "must be given too: logo_dark takes its place in the dark"
            )
    delivery = raw.get("delivery")
    warmup = delivery.get("warmup") if isinstance(delivery, dict) else None
    titles = sorted(newsletters) if isinstance(newsletters, dict) else []
    for name in warmup if isinstance(warmup, dict) else ():
        if name not in titles:
            yield Fault(f"delivery.warmup.{name}", name, f"one of [newsletters]: {', '.join(titles)}")
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
        return unknown(location, value)
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


def unknown(location: list[str], value: object) -> Fault:
    """A key that is none, with a hint at the one that was probably meant."""
    return Fault(".".join(location), value, f"unknown key{_meant(location)}")


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
    "warmup": {"*": Warmup},
    "sections": {"*": Section}, "theme": Theme,
}  # fmt: skip


def _table_at(table: Any, part: str) -> Any:
    return table["*"] if isinstance(table, dict) else _NESTED.get(part)
