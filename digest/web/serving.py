"""An HTTP server from socket to stop. Signals belong to whoever runs it (the daemon drains first), not to uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Collection, Iterator

import uvicorn
from fastapi import FastAPI

from digest.errors import UsageError

STOP_S = 1.0
"""Seconds that open requests have at the end."""


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


@contextlib.asynccontextmanager
async def serving(app: FastAPI, listening: socket.socket, trusted_proxies: Collection[str] = ()) -> AsyncIterator[None]:
    """Serve the application on a listening socket; leaving the block ends it, whatever a browser still holds open.

    trusted_proxies: addresses whose word on who asks, and how, is taken.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=int(STOP_S),
    )
    server = _Uvicorn(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.wait({task}, timeout=STOP_S + 0.5)
        server.force_exit = True
        await task


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
