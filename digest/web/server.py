"""The HTTP server: its socket, its routes, its start and stop. Signals belong to the daemon, not to uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from digest.errors import UsageError
from digest.flow.newsroom import Newsroom
from digest.web import health, subscribers
from digest.web.health import Pulse
from digest.web.pages import Pages

STOP_S = 1.0
"""Seconds that open requests have when the daemon ends."""


def create(room: Newsroom, pulse: Pulse) -> FastAPI:
    """The application: all routes, wired to one site."""
    app = FastAPI(title="Digest", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(subscribers.routes(room, Pages(room)))
    app.include_router(health.routes(room, pulse))
    return app


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the daemon: it drains the sender first."""
        yield


class Server:
    """The pages of a site, served from `start` to `stop`."""

    def __init__(self, room: Newsroom, pulse: Pulse) -> None:
        self._web = room.settings.web
        config = uvicorn.Config(
            create(room, pulse),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=bool(self._web.trusted_proxies),
            forwarded_allow_ips=list(self._web.trusted_proxies),
            timeout_graceful_shutdown=int(STOP_S),
        )
        self._server = _Uvicorn(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. Raises UsageError when the port is taken."""
        listening = bound(self._web.host, self._web.port, "web.port")
        self._task = asyncio.create_task(self._server.serve(sockets=[listening]))

    async def stop(self) -> None:
        """Answer what is under way, briefly, and end."""
        if self._task is None:
            return
        self._server.should_exit = True
        await asyncio.wait({self._task}, timeout=STOP_S + 0.5)
        self._server.force_exit = True
        await self._task


def bound(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket. Raises UsageError that names the setting to change."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise UsageError(f"port {port} on {host} cannot be used ({error.strerror}); change {setting}") from None
    listening.listen(128)
    return listening
