"""Opening a connection: connect, greet, TLS, log in. The only home of aiosmtplib, which does all of it.

After that its transport is taken over (replies), since its `sendmail` raises the same error whether the connection broke
before or after the final dot, and only the one may be sent again. What is not here: sending mails (smtp).
"""

from __future__ import annotations

import asyncio
import errno
import functools
import ipaddress
import re
import socket
import ssl
from typing import Any, cast

import aiosmtplib

from digest.deliver.envelope import Extensions
from digest.deliver.replies import Line
from digest.deliver.retry import Phase, refuses_us
from digest.errors import RelayRefused
from digest.model.delivery import Reply
from digest.settings import Smtp


class Unreachable(RelayRefused):
    """No connection for now, or it was lost: trying again soon may help."""


class _Client(aiosmtplib.SMTP):
    """Remembers a 4yz to EHLO: aiosmtplib says HELO then, and finds no STARTTLS where there would have been one later."""

    put_off: aiosmtplib.SMTPHeloError | None = None

    async def ehlo(self, *arguments: Any, **options: Any) -> aiosmtplib.SMTPResponse:
        """See aiosmtplib."""
        try:
            return await super().ehlo(*arguments, **options)
        except aiosmtplib.SMTPHeloError as error:
            self.put_off = error if error.code // 100 == 4 else None
            raise


async def shake_hands(smtp: Smtp, tls_context: ssl.SSLContext | None, timeout_s: float) -> tuple[Line, Extensions]:
    """Connect, greet, start TLS and log in as the settings say: the open line, and what the server offers on it.

    tls_context: whom to trust; None = the system's authorities. A password is never sent without TLS, but to this very
    machine. Raises Unreachable when another try may help, else RelayRefused; both name the server and the reason.
    """
    _guard_password(smtp)
    if tls_context is None and smtp.security != "none":
        tls_context = await asyncio.to_thread(ssl.create_default_context)
    client = _Client(
        hostname=smtp.host,
        port=smtp.port,
        use_tls=smtp.security == "tls",
        start_tls=smtp.security == "starttls",
        username=smtp.username,
        password=smtp.password,
        tls_context=tls_context,
        local_hostname=await asyncio.to_thread(_own_name),
        timeout=timeout_s,
    )
    try:
        await client.connect()
        await _greet(client)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise _explained(client.put_off or error, smtp) from error
    # After connect() aiosmtplib holds the transport that reads and writes; its annotation is the base class.
    return Line(cast(asyncio.Transport, client.transport)), dict(client.esmtp_extensions)


def where(smtp: Smtp) -> str:
    """The server as an editor knows it from settings.toml."""
    return f"{smtp.host}:{smtp.port}"


async def _greet(client: aiosmtplib.SMTP) -> None:
    """EHLO once more, after TLS and AUTH (RFC 3207 §4.2): what is offered may have changed. HELO where it is unknown."""
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError as error:
        if error.code not in {500, 502, 504}:
            raise
        await client.helo()


def _guard_password(smtp: Smtp) -> None:
    """Refuse to send a password in clear; on loopback nobody listens."""
    if smtp.username is not None and smtp.security == "none" and not _loopback(smtp.host):
        raise RelayRefused(
            f'{where(smtp)}: a password is never sent without TLS; set smtp.security to "starttls" or "tls"'
        )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@functools.cache
def _own_name() -> str:
    """Our name for EHLO: a domain, or an address literal where this machine has none (RFC 5321 §4.1.4)."""
    name = socket.getfqdn()
    return name if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) else "[127.0.0.1]"


def _explained(error: Exception, smtp: Smtp) -> RelayRefused:
    """What a library's error means, in a sentence for editors."""
    tls = _tls_error(error)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return RelayRefused(f"{where(smtp)} shows a certificate that cannot be trusted: {tls.verify_message}")
    if tls is not None:
        return RelayRefused(f"{where(smtp)}: no TLS connection could be made ({tls.reason or tls})")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _refused(error, smtp)
    if isinstance(error, OSError):  # aiosmtplib's own connection and timeout errors are among them
        return Unreachable(f"{where(smtp)} {_unreachable(error)}")
    return RelayRefused(f"{where(smtp)}: {error}")


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__
    return error


def _refused(error: aiosmtplib.SMTPResponseException, smtp: Smtp) -> RelayRefused:
    reply = Reply(max(error.code, 0), " ".join(error.message.split()))
    if isinstance(error, aiosmtplib.SMTPAuthenticationError) and reply.code != 421:
        return RelayRefused(f"{where(smtp)} does not accept the user name and password: {reply}", code=reply.code)
    # 454 to STARTTLS ends here too: TLS is not to be had (RFC 3207 §4).
    kind = RelayRefused if refuses_us(reply, Phase.TLS) else Unreachable
    return kind(f"{where(smtp)} turns us away: {reply}", code=reply.code or None)


def _unreachable(error: OSError) -> str:
    text, cause = str(error), error.__cause__
    if isinstance(error, TimeoutError) or isinstance(cause, TimeoutError):
        return "does not answer"
    if isinstance(cause, socket.gaierror):
        return "cannot be found: no such name in the DNS"
    # Several addresses, all refused, come as one text without errno.
    if isinstance(cause, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in text:
        return "refuses the connection"
    if isinstance(error, aiosmtplib.SMTPServerDisconnected) or isinstance(cause, aiosmtplib.SMTPServerDisconnected):
        return "closed the connection before it was ready for mail"
    return f"cannot be reached: {cause or error}"
