"""One connection to the mail server: opened by aiosmtplib, then driven command by command. The only home of aiosmtplib.

aiosmtplib connects, greets, starts TLS and logs in; after that we take its transport over, since its `sendmail` raises the
same error whether the connection broke before or after the final dot, and only the one may be sent again.
What is not here: which mail goes where and trying again (pool), what a reply means (retry), the commands' words (envelope).
"""

from __future__ import annotations

import asyncio
import errno
import functools
import ipaddress
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import aiosmtplib

from digest.deliver.envelope import Envelope, Extensions, mail_command, rcpt_command, refusal, sender_fault, stuffed
from digest.deliver.replies import Broken, Line
from digest.deliver.retry import Phase, classify, refuses_us
from digest.errors import RelayRefused
from digest.model.delivery import DeliveryState, Outcome, Reply
from digest.settings import Smtp

BLOCK = 64 * 1024
"""Bytes of a body that are written at once; only the last block counts as handed over."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for the server; the defaults are those of RFC 5321 §4.5.3.2 but for two."""

    session: float = 60  # connecting, greeting, EHLO, TLS, AUTH. §4.5.3.2.1 says 300, for mail exchangers under load
    mail: float = 300  # §4.5.3.2.2
    rcpt: float = 300  # §4.5.3.2.3
    data: float = 120  # §4.5.3.2.4
    block: float = 180  # §4.5.3.2.5
    dot: float = 600  # §4.5.3.2.6: less makes doubles
    quit: float = 2  # the RFC has none: nothing depends on the answer


class Unreachable(RelayRefused):
    """No connection for now, or it was lost: trying again soon may help."""


class Connection:
    """One conversation; one task at a time may `send`. Made by `open`."""

    def __init__(self, line: Line, offered: Extensions, smtp: Smtp, timeouts: Timeouts) -> None:
        self._line = line
        self._offered = offered
        self._smtp = smtp
        self._timeouts = timeouts
        self._phase = Phase.MAIL
        self._messages = 0
        self._spent = False

    @classmethod
    async def open(
        cls, smtp: Smtp, *, tls_context: ssl.SSLContext | None = None, timeouts: Timeouts | None = None
    ) -> Connection:
        """Connect, greet, start TLS and log in as the settings say.

        tls_context: whom to trust; None = the system's authorities. A password is never sent without TLS, but to this very
        machine. Raises Unreachable when another try may help, else RelayRefused; both name the server and the reason.
        """
        timeouts = timeouts or Timeouts()
        _guard_password(smtp)
        if tls_context is None and smtp.security != "none":
            tls_context = await asyncio.to_thread(ssl.create_default_context)
        client = aiosmtplib.SMTP(
            hostname=smtp.host,
            port=smtp.port,
            use_tls=smtp.security == "tls",
            start_tls=smtp.security == "starttls",
            username=smtp.username,
            password=smtp.password,
            tls_context=tls_context,
            local_hostname=await asyncio.to_thread(_own_name),
            timeout=timeouts.session,
        )
        try:
            await client.connect()
            await _greet(client)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            raise _explained(error, smtp) from error
        # After connect() aiosmtplib holds the transport that reads and writes; its annotation is the base class.
        line = Line(cast(asyncio.Transport, client.transport))
        return cls(line, dict(client.esmtp_extensions), smtp, timeouts)

    @property
    def phase(self) -> Phase:
        """How far the last `send` came."""
        return self._phase

    @property
    def reusable(self) -> bool:
        """Whether another mail may be sent here."""
        return not self._spent and self._line.alive and self._messages < self._smtp.messages_per_connection

    async def send(self, envelope: Envelope, data: bytes, before_dot: Callable[[], None]) -> Outcome:
        """Send one mail: MAIL, RCPT, DATA and the body, one after the other.

        data: CRLF bytes. before_dot: called once when the server waits for the body and before its last bytes are written;
        when it raises, the dot is not sent. Never raises for a broken line: PENDING says that nothing was sent, UNCERTAIN
        that nobody knows; bytes that are not fit for the wire are FAILED. Raises RelayRefused when the server refuses us
        (the mail was not sent then). Ask `reusable` afterwards.
        """
        if fault := sender_fault(envelope):
            raise RelayRefused(f"not sent: {fault}")
        if refused := refusal(envelope, data, self._offered):
            return Outcome(DeliveryState.FAILED, refused)
        try:
            body = stuffed(data)
        except ValueError as error:
            return Outcome(DeliveryState.FAILED, Reply(554, f"5.6.0 not sent: {error}"))
        try:
            reply = await self._transaction(envelope, data, body, before_dot)
        except Broken as broken:
            reply = Reply(0, str(broken))
        except BaseException:
            self.abort("given up by us")
            raise
        self._messages += 1
        return await self._concluded(reply)

    async def close(self) -> None:
        """QUIT, wait a moment for the answer, close. Never raises for a broken line."""
        try:
            self._line.check()
            self._line.write(b"QUIT\r\n")
            await self._line.reply(self._timeouts.quit)
        except Broken:
            pass  # it is over either way
        finally:
            self._spent = True
            self._line.close()

    def abort(self, why: str) -> None:
        """Drop the connection at once; a `send` under way returns PENDING or UNCERTAIN."""
        self._spent = True
        self._line.abort(why)

    async def _transaction(self, envelope: Envelope, data: bytes, body: bytes, before_dot: Callable[[], None]) -> Reply:
        """The reply that ended it: to the dot, or the first that did not say "go on"."""
        limits = self._timeouts
        reply = await self._ask(Phase.MAIL, mail_command(envelope, data, self._offered), limits.mail)
        if reply.code // 100 == 2:
            reply = await self._ask(Phase.RCPT, rcpt_command(envelope, self._offered), limits.rcpt)
        if reply.code // 100 == 2 and self._phase is Phase.RCPT:
            reply = await self._ask(Phase.DATA, b"DATA\r\n", limits.data)
        if reply.code != 354 or self._phase is not Phase.DATA:
            return reply
        return await self._hand_over(body, before_dot)

    async def _ask(self, phase: Phase, command: bytes, seconds: float) -> Reply:
        self._phase = phase
        self._line.check()
        self._line.write(command)
        return await self._line.reply(seconds)

    async def _hand_over(self, body: bytes, before_dot: Callable[[], None]) -> Reply:
        self._phase = Phase.BODY
        start = 0
        while len(body) - start > BLOCK:
            self._line.check()
            self._line.write(body[start : start + BLOCK])
            start += BLOCK
            await self._line.drained(self._timeouts.block)
            if early := self._line.early_reply():  # refused half-way, such as "too big"
                return early
        self._line.check()
        before_dot()
        self._phase = Phase.DOT
        self._line.write(body[start:] + b".\r\n")
        return await self._line.reply(self._timeouts.dot)

    async def _concluded(self, reply: Reply) -> Outcome:
        """The outcome, the connection left ready for the next mail or marked as spent."""
        outcome = classify(reply, self._phase)
        refused = refuses_us(reply, self._phase)
        # A body that was cut short, and a 421, leave nothing to go on with.
        if refused or self._phase is Phase.BODY or outcome.state in {DeliveryState.PENDING, DeliveryState.UNCERTAIN}:
            self._spent = True
        if self._phase is Phase.BODY:
            self.abort("the body was cut short")
        if refused:
            raise RelayRefused(f"{where(self._smtp)} refuses us: {reply}", code=reply.code)
        if self._phase in {Phase.RCPT, Phase.DATA} and not self._spent:
            await self._reset()
        return outcome

    async def _reset(self) -> None:
        """End the transaction that was refused (RFC 5321 §4.1.1.5); what comes of it does not change the outcome."""
        try:
            self._line.check()
            self._line.write(b"RSET\r\n")
            reply = await self._line.reply(self._timeouts.mail)
        except Broken:
            self._spent = True
        else:
            self._spent = reply.code // 100 != 2


def where(smtp: Smtp) -> str:
    """The server as an editor knows it from settings.toml."""
    return f"{smtp.host}:{smtp.port}"


# -- opening -----------------------------------------------------------------------------------------------------------


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
