"""The connections that are kept open between mails.

What is not here: how many there are at a time, and who uses them (pool).
"""

from __future__ import annotations

import asyncio
import ssl

from digest.deliver.smtp import Connection, Timeouts
from digest.settings import Smtp


class Connections:
    """Idle connections, the one used last on top. tls_context: whom to trust; None = the system's authorities."""

    def __init__(self, smtp: Smtp, tls_context: ssl.SSLContext | None, timeouts: Timeouts | None) -> None:
        self._smtp = smtp
        self._tls_context = tls_context
        self._timeouts = timeouts
        self._idle: list[Connection] = []

    async def lease(self) -> Connection:
        """An idle connection that still stands, else a new one. Raises RelayRefused, Unreachable."""
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
            await connection.close()
        if self._tls_context is None and self._smtp.security != "none":  # reading the authorities is slow: once
            self._tls_context = await asyncio.to_thread(ssl.create_default_context)
        return await Connection.open(self._smtp, tls_context=self._tls_context, timeouts=self._timeouts)

    async def give_back(self, connection: Connection) -> None:
        """Keep the connection for the next mail, or close it when it is used up."""
        if connection.reusable:
            self._idle.append(connection)
        else:
            await connection.close()

    async def close(self) -> None:
        """Take leave of the server on every idle connection, at once and with a short bound."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.close() for connection in idle))
