"""One hand of the pool: takes mails one after the other, keeps a connection, and tries again while there is patience.

What is not here: how many hands there are and where mails come from (pool), the conversation (smtp).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from digest import log
from digest.deliver.envelope import Envelope, Letter, letter
from digest.deliver.handshake import Unreachable, where
from digest.deliver.retry import Phase
from digest.deliver.smtp import Connection
from digest.errors import RelayRefused
from digest.model.delivery import DeliveryState, Outcome, Reply

if TYPE_CHECKING:
    from digest.deliver.pool import Run

CUTS = 3
"""So often one mail may lose its connection from RCPT on before the mail itself is suspected and deferred."""

UNTRIED = Outcome(DeliveryState.PENDING, Reply(0, "stopped before it was tried"))
"""Said of nothing: whoever asked for the mail still has it."""
_TROUBLE = frozenset({DeliveryState.PENDING, DeliveryState.UNCERTAIN})
_ABOUT_MAIL = frozenset({Phase.RCPT, Phase.DATA, Phase.BODY, Phase.DOT})

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One mail to send.

    build: its CRLF bytes, asked for just before they leave; or how it ends if it shall not leave after all. fit: what
    `envelope.letter` says.
    """

    issue_id: int
    subscriber_id: int
    envelope: Envelope
    build: Callable[[], bytes | Outcome]
    fit: bool = False


class Hand:
    """One of the run's hands."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._connection: Connection | None = None
        self._busy = False
        self._following: Outgoing | None = None  # its envelope travels already
        self._letter: Letter | None = None

    async def work(self) -> None:
        """Deliver until there are no more mails."""
        try:
            while (mail := await self._next()) is not None:
                if (outcome := await self._deliver(mail)) is not UNTRIED:
                    self._run.conclude(mail, outcome)
        except Exception as error:
            self._run.fail(error)
        finally:
            await self._let_go()

    def drop(self) -> None:
        """Give up what is under way at once."""
        if self._connection is not None and self._busy:
            self._connection.abort("stopped by us")

    async def _next(self) -> Outgoing | None:
        following, self._following = self._following, None
        if following is None:
            self._letter = None
            following = await self._run.next()
        return following

    async def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._run.pool.connections.give_back(connection)

    # -- one mail ------------------------------------------------------------------------------------------------------

    async def _deliver(self, mail: Outgoing) -> Outcome:
        """Try until there is an outcome, the server loses our patience, or the run is halted."""
        run, outcome, cuts = self._run, UNTRIED, 0
        while not run.halted:
            begun = run.patience.round
            outcome, phase = await self._attempt(mail)
            if outcome.state not in _TROUBLE:
                run.patience.clear()
                return outcome
            cuts += phase in _ABOUT_MAIL
            borne = run.failure is None and self._borne(begun, outcome)
            if not borne or outcome.state is DeliveryState.UNCERTAIN:
                return outcome
            if cuts >= CUTS:  # others pass: this mail may be what breaks the line
                return Outcome(DeliveryState.DEFERRED, outcome.reply)
            await run.pause(run.patience.wait_s(run.pool.elapsed_s()))
        return outcome

    async def _attempt(self, mail: Outgoing) -> tuple[Outcome, Phase]:
        """One try, and how far it came. What is no outcome ends the run: the mail is PENDING then."""
        try:
            return await self._send(mail)
        except Exception as error:
            if not isinstance(error, Unreachable):
                self._run.fail(error)
            return _untried(error), Phase.GREETING

    async def _send(self, mail: Outgoing) -> tuple[Outcome, Phase]:
        connection = await self._standing()
        if connection is None or self._run.forced:
            return UNTRIED, Phase.GREETING
        self._run.add_hand()
        made = self._letter if self._letter and connection.carries(self._letter) else _letter_of(mail)
        if isinstance(made, Outcome):
            return made, Phase.GREETING
        announce = partial(self._run.journal.announce, mail.issue_id, mail.subscriber_id)
        self._letter, self._busy = None, True
        try:
            return await connection.send(made, announce, self._upcoming), connection.phase
        finally:
            self._busy = False

    async def _standing(self) -> Connection | None:
        """The connection for the next letter; None when the run was forced to its end before there was one."""
        before = self._connection
        if before and (before.reusable or (self._letter and before.carries(self._letter))):
            return before
        self._connection = None
        if before is not None:
            await self._run.pool.connections.give_back(before)
        self._connection = await self._run.unless_forced(self._run.pool.connections.lease())
        return self._connection

    def _upcoming(self) -> Letter | None:
        """The letter whose envelope shall travel with the body that leaves now."""
        # There is one in hand already when the mail before it is tried again.
        mail, self._following = self._following or self._run.next_now(), None
        while mail is not None:
            made = _letter_of(mail)
            if isinstance(made, Letter):
                self._following, self._letter = mail, made
                return made
            self._run.conclude(mail, made)
            mail = self._run.next_now()
        return None

    def _borne(self, begun: int, outcome: Outcome) -> bool:
        """Count the trouble; when it is too much the run fails."""
        run = self._run
        if run.halted or run.patience.strike(begun, run.pool.elapsed_s()):
            return True
        reply, place = outcome.reply, where(run.pool.smtp)
        said = str(reply) if place in reply.text else f"{place} keeps breaking off: {reply}"
        run.fail(RelayRefused(said, code=reply.code or None))
        return False


def _letter_of(mail: Outgoing) -> Letter | Outcome:
    """Its letter, or how it ended: what spoils one mail must not hold up all the others."""
    try:
        data = mail.build()
    except Exception as error:
        _log.exception("mail.unbuilt", issue=mail.issue_id, subscriber=mail.subscriber_id)
        return Outcome(DeliveryState.FAILED, Reply(0, f"not built: {str(error) or type(error).__name__}"))
    if isinstance(data, Outcome):
        return data
    try:
        return letter(mail.envelope, data, fit=mail.fit)
    except ValueError as error:
        return Outcome(DeliveryState.FAILED, Reply(554, f"5.6.0 not sent: {error}"))


def _untried(error: Exception) -> Outcome:
    code = error.code if isinstance(error, RelayRefused) else None
    return Outcome(DeliveryState.PENDING, Reply(code or 0, str(error)))
