"""One connection to the mail server, driven so that "certainly not sent" and "perhaps sent" stay apart.

Three ways, by what the server offers and by `smtp.mode`:

    plain      MAIL > RCPT > DATA > body                  four round trips a mail
    pipeline   MAIL RCPT DATA > body                      two (RFC 2920)
    overlap    body, and the next mail's MAIL RCPT DATA   one: RFC 2920 §3.1 lets a text be the first item of a group

What is not here: opening (handshake), which mail goes where and trying again (pool, hand), what a reply means (retry), the
commands' words (envelope).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from digest.deliver.envelope import Extensions, Letter, mail_command, rcpt_command, refusal, sender_fault
from digest.deliver.handshake import shake_hands, where
from digest.deliver.replies import Broken, Line
from digest.deliver.retry import Phase, classify, refuses_us
from digest.errors import RelayRefused
from digest.model.delivery import DeliveryState, Outcome, Reply
from digest.settings import Smtp

BLOCK = 128 * 1024
"""Bytes of a body that are written at once: most mails whole. Only the last block counts as handed over."""

Mode = Literal["overlap", "pipeline", "plain"]


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


Upcoming = Callable[[], Letter | None]


def _nothing() -> None:
    return None


class Connection:
    """One conversation; one task at a time may `send`. Made by `open`."""

    def __init__(self, line: Line, offered: Extensions, smtp: Smtp, timeouts: Timeouts) -> None:
        self._line = line
        self._offered = offered
        self._smtp = smtp
        self._timeouts = timeouts
        self._mode = mode_of(smtp.mode, offered)
        self._phase = Phase.MAIL
        self._messages = 0
        self._spent = False
        self._travelling: Letter | None = None  # its envelope went with the body before
        self._unfinished = False  # a refused transaction is to be ended before the next

    @classmethod
    async def open(
        cls, smtp: Smtp, *, tls_context: ssl.SSLContext | None = None, timeouts: Timeouts | None = None
    ) -> Connection:
        """Connect, greet, start TLS and log in as the settings say. Raises what `shake_hands` raises."""
        timeouts = timeouts or Timeouts()
        return cls(*await shake_hands(smtp, tls_context, timeouts.session), smtp, timeouts)

    @property
    def phase(self) -> Phase:
        """How far the last `send` came."""
        return self._phase

    @property
    def reusable(self) -> bool:
        """Whether any mail may be sent here next."""
        return not self._spent and self._travelling is None and self._line.alive and self._room > 0

    def carries(self, letter: Letter) -> bool:
        """Whether this very letter's envelope is under way here, so that it must be sent here next, or not at all."""
        return not self._spent and self._travelling is letter

    @property
    def _room(self) -> int:
        return self._smtp.messages_per_connection - self._messages

    async def send(self, letter: Letter, before_dot: Callable[[], None], upcoming: Upcoming = _nothing) -> Outcome:
        """Send one letter.

        before_dot: called once when the server waits for the body and before its last bytes are written; when it raises,
        the dot is not sent. upcoming: asked, at most once, for the letter that will be sent next, whose envelope travels
        with this body; see `carries`. Never raises for a broken line: PENDING says that nothing was sent, UNCERTAIN that
        nobody knows. Raises RelayRefused when the server refuses us (the
        mail was not sent then). Ask `reusable` afterwards.
        """
        if self._travelling is not letter:  # one that travels has been looked at
            if fault := sender_fault(letter.envelope):
                raise RelayRefused(f"not sent: {fault}")
            if refused := refusal(letter, self._offered):
                return Outcome(DeliveryState.FAILED, refused)
        try:
            reply = await self._transaction(letter, before_dot, upcoming)
        except Broken as broken:
            reply = Reply(0, str(broken))
        except BaseException:
            self.abort("given up by us")
            raise
        self._messages += 1
        return self._concluded(reply)

    async def close(self) -> None:
        """QUIT, wait a moment for the answer, close. Never raises for a broken line."""
        if self._travelling is not None:  # the server waits for a body that shall not come
            self.abort("given up by us")
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

    # -- one transaction -----------------------------------------------------------------------------------------------

    async def _transaction(self, letter: Letter, before_dot: Callable[[], None], upcoming: Upcoming) -> Reply:
        """The reply that ended it: to the dot, or the first that did not say "go on"."""
        ask = self._one_by_one if self._mode == "plain" else self._in_a_group
        reply = await ask(letter)
        if reply.code != 354 or self._phase is not Phase.DATA:
            return reply
        return await self._hand_over(letter.body, before_dot, upcoming)

    async def _one_by_one(self, letter: Letter) -> Reply:
        mail, rcpt = self._commands(letter)
        if self._unfinished:
            await self._ended(await self._ask(Phase.MAIL, b"RSET\r\n", self._timeouts.mail))
        self._unfinished = True
        reply = await self._ask(Phase.MAIL, mail, self._timeouts.mail)
        if reply.code // 100 == 2:
            reply = await self._ask(Phase.RCPT, rcpt, self._timeouts.rcpt)
        if reply.code // 100 == 2 and self._phase is Phase.RCPT:
            reply = await self._ask(Phase.DATA, b"DATA\r\n", self._timeouts.data)
        return reply

    async def _ask(self, phase: Phase, command: bytes, seconds: float) -> Reply:
        self._phase = phase
        self._line.check()
        self._line.write(command)
        return await self._line.reply(seconds)

    async def _in_a_group(self, letter: Letter) -> Reply:
        """RFC 2920 §3.1: all of the envelope at once; each answer is still read for itself."""
        self._phase = Phase.MAIL
        if self._travelling is not letter:
            self._line.check()
            self._line.write(self._group(letter))
        self._travelling = None
        if self._unfinished:
            await self._ended(await self._line.reply(self._timeouts.mail))
        self._unfinished = True
        for phase, seconds in ((Phase.MAIL, self._timeouts.mail), (Phase.RCPT, self._timeouts.rcpt)):
            self._phase = phase
            reply = await self._line.reply(seconds)
            if reply.code // 100 != 2:
                await self._read_off(reply)
                return reply
        self._phase = Phase.DATA
        return await self._line.reply(self._timeouts.data)

    async def _read_off(self, refused: Reply) -> None:
        """Read what the rest of the group is answered with. Nothing can have been sent, whatever that is."""
        if refused.code == 421 or refused.code // 100 not in {4, 5}:
            return  # the line is of no use any more
        try:
            if self._phase is Phase.MAIL:
                self._no_more_than_refused(refused, await self._line.reply(self._timeouts.rcpt))
            data = await self._line.reply(self._timeouts.data)
            if data.code == 354 and self._phase is Phase.RCPT:
                # RFC 2920 §3.1: DATA was accepted although the only recipient was refused; a lone dot ends it, unsent.
                self._line.write(b".\r\n")
                await self._line.reply(self._timeouts.dot)
            else:
                self._no_more_than_refused(refused, data)
        except Broken as broken:
            self.abort(str(broken))

    def _no_more_than_refused(self, first: Reply, then: Reply) -> None:
        if then.code // 100 not in {4, 5}:
            raise Broken(f"the server's replies do not fit together: {first}, then {then}")

    async def _ended(self, reply: Reply) -> None:
        """The transaction that was refused has ended (RFC 5321 §4.1.1.5), or this line is of no use."""
        self._unfinished = False
        if reply.code // 100 != 2:
            self.abort(f"the server does not end a transaction: {reply}")
            raise Broken(f"the server does not end a transaction: {reply}")

    def _group(self, letter: Letter) -> bytes:
        mail, rcpt = self._commands(letter)
        return b"".join((b"RSET\r\n" if self._unfinished else b"", mail, rcpt, b"DATA\r\n"))

    def _commands(self, letter: Letter) -> tuple[bytes, bytes]:
        return mail_command(letter, self._offered), rcpt_command(letter.envelope, self._offered)

    async def _hand_over(self, body: bytes, before_dot: Callable[[], None], upcoming: Upcoming) -> Reply:
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
        self._unfinished = False  # the dot ends the transaction, whatever it is answered with
        following = self._next(upcoming)
        before_dot()
        self._phase = Phase.DOT
        self._line.write(b"".join((body[start:] if start else body, b".\r\n", following)))
        return await self._line.reply(self._timeouts.dot)

    def _next(self, upcoming: Upcoming) -> bytes:
        """The envelope that may travel with this body; nothing where there is none."""
        if self._mode != "overlap" or self._room < 2 or (letter := upcoming()) is None:
            return b""
        if sender_fault(letter.envelope) or refusal(letter, self._offered):
            return b""  # it will be told so when it is sent
        self._travelling = letter
        return self._group(letter)

    def _concluded(self, reply: Reply) -> Outcome:
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
        return outcome


def mode_of(wanted: str, offered: Extensions) -> Mode:
    """The way to send: the fastest that the server bears, or a slower one if the settings say so."""
    if "pipelining" not in offered or wanted == "plain":
        return "plain"
    return "pipeline" if wanted == "pipeline" else "overlap"
