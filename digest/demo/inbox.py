"""A mail server that keeps what it is given: SMTP in, Maildir out. It forwards nothing.

It speaks SMTPUTF8 and takes lines as long as the standard allows, no longer, so that a mail which it takes would be taken
elsewhere too. What is not here: the folder (maildir), looking at mails (pages).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import weakref
from collections.abc import AsyncIterator

from aiosmtpd.smtp import SMTP, Envelope, Session

from digest import log
from digest.demo.maildir import Maildir

SIZE_MAX = 32 * 1024 * 1024

_log = log.get(__name__)


class _Keeper:
    """What aiosmtpd calls when a mail has come."""

    def __init__(self, maildir: Maildir) -> None:
        self._maildir = maildir

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Keep the mail; only then is it accepted."""
        try:
            self._maildir.add(envelope.original_content or b"", envelope.mail_from or "", tuple(envelope.rcpt_tos))
        except OSError as error:
            _log.error("inbox.full", reason=str(error))
            return "452 4.3.1 The inbox cannot be written"
        return "250 2.0.0 Kept"


@contextlib.asynccontextmanager
async def receiving(maildir: Maildir, listening: socket.socket) -> AsyncIterator[None]:
    """Take mails in on a listening socket; leaving the block hangs up on whoever is still there."""
    loop = asyncio.get_running_loop()
    guests: weakref.WeakSet[SMTP] = weakref.WeakSet()
    keeper = _Keeper(maildir)

    def welcome() -> SMTP:
        # A host name of our own: aiosmtpd would ask the name service for one.
        guest = SMTP(
            keeper,
            hostname="inbox.localhost",
            ident="Digest demo",
            data_size_limit=SIZE_MAX,
            enable_SMTPUTF8=True,
            loop=loop,
        )
        guests.add(guest)
        return guest

    server = await loop.create_server(welcome, sock=listening)
    try:
        yield
    finally:
        server.close()
        for guest in list(guests):
            if guest.transport is not None:
                guest.transport.close()
