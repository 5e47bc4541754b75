"""Whether the demo stays on this machine, and where on it: hosts and ports out of the settings.

What is not here: what is served there (newsroom, inbox, pages).
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from digest.errors import UsageError
from digest.settings import Settings, is_this_machine
from digest.web.serving import bound

NEWSROOM = ("127.0.0.1", 8010)
"""Where the newsroom is when no source has an address."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something listens, and the setting that says so."""

    host: str
    port: int
    setting: str

    @property
    def url(self) -> str:
        """Its address in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def check_stays_here(settings: Settings) -> None:
    """Raise UsageError that names every setting which leads away from this machine."""
    away = [f"  {key} = {value!r}" for key, value, host in _hosts(settings) if not is_this_machine(host)]
    if away:
        raise UsageError(
            "the demo sends nothing outside this machine, but these settings lead away from it:\n"
            + "\n".join(away)
            + "\nUse 127.0.0.1 there, or run the demo in a new site: `digest init DIR`."
        )


def check_inbox_suffices(settings: Settings) -> None:
    """Raise UsageError when the settings ask more of the mail server than our inbox can do."""
    if settings.smtp.security != "none":
        raise UsageError(
            f'smtp.security = {settings.smtp.security!r}, but the demo\'s inbox has no certificate; use "none"'
        )
    if settings.smtp.username:
        raise UsageError("smtp.username is set, but the demo's inbox knows no users; leave user and password out")


def _hosts(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """(key, value, host) of every setting with a host in it. A password in the database's address is not shown."""
    yield "site.url", settings.site.url, urlsplit(settings.site.url).hostname or ""
    yield "smtp.host", settings.smtp.host, settings.smtp.host
    yield "web.host", settings.web.host, settings.web.host
    for name, source in settings.sources.items():
        if source.url:
            yield f"sources.{name}.url", source.url, urlsplit(source.url).hostname or ""
    if host := urlsplit(settings.store.url).hostname:
        yield "store.url", host, host


def newsroom_place(settings: Settings) -> Place:
    """Where the first source expects the newsroom; sources on other ports are somebody else's to serve."""
    for name, source in settings.sources.items():
        if source.url:
            parts = urlsplit(source.url)
            return Place(parts.hostname or "", parts.port or 80, f"sources.{name}.url")
    return Place(*NEWSROOM, "sources.NAME.url")


def listening_places(settings: Settings) -> tuple[socket.socket, socket.socket]:
    """Sockets for the newsroom and the inbox; the daemon's port is seen to be free.

    Raises UsageError that names the setting to change.
    """
    place = newsroom_place(settings)
    with contextlib.ExitStack() as opened:
        newsroom = opened.enter_context(bound(place.host, place.port, _settings_of_port(settings, place)))
        inbox = opened.enter_context(bound(settings.smtp.host, settings.smtp.port, "smtp.port"))
        bound(settings.web.host, settings.web.port, "web.port").close()
        opened.pop_all()
        return newsroom, inbox


def _settings_of_port(settings: Settings, place: Place) -> str:
    """The setting, or settings, in which the newsroom's port stands."""
    named = [
        f"sources.{name}.url"
        for name, source in settings.sources.items()
        if source.url and (urlsplit(source.url).port or 80) == place.port
    ]
    return " and ".join(named) or place.setting
