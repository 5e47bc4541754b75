"""One fault of the server, at each step of the conversation, in each way of speaking: what becomes of the mail that was
struck, and of its neighbours on the same connection.

Before the final dot nothing was sent, so the mail leaves later or has a reply of its own; behind it the mail is in doubt
unless a reply came. Nothing is ever sent twice. What is not here: one connection's details (test_smtp), the pool's patience
(test_pool).
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from itertools import product

import pytest
import trustme

from digest.deliver.envelope import Envelope
from digest.deliver.hand import Outgoing
from digest.deliver.journal import Journal, replay
from digest.deliver.pool import Pool
from digest.deliver.smtp import Timeouts
from digest.errors import RelayRefused
from digest.model.delivery import DeliveryState
from tests.deliver.strict import SESSION, Fault, Kind, Step, StrictServer
from tests.deliver.world import FakeClock, Ledger, Tls, smtp

MODES = ("plain", "pipeline", "overlap")
VICTIM = 1
S = DeliveryState
K = Kind

QUICK = Timeouts(session=0.4, mail=0.4, rcpt=0.4, data=0.4, block=0.4, dot=0.4, quit=0.1)
"""Where the server falls silent the client can only wait."""
PATIENT = Timeouts(quit=0.1)
"""Elsewhere the limits are the real ones, so that no busy machine fails a test."""

REFUSED = "the run ends, and nobody is marked"
TRIED_AGAIN = S.SENT
"""Certainly not sent by the broken conversation, and sent by the next."""

EXPECTED: dict[Step, dict[Kind, S | str]] = {
    Step.MAIL: {K.LATER: S.DEFERRED, K.NEVER: REFUSED},
    Step.RCPT: {K.LATER: S.DEFERRED, K.NEVER: S.FAILED},
    Step.DATA: {K.LATER: S.DEFERRED, K.NEVER: S.FAILED},
    Step.BODY: {K.LATER: S.DEFERRED, K.NEVER: S.FAILED},
    Step.DOT: {
        K.CUT: S.UNCERTAIN, K.LATER: S.DEFERRED, K.NEVER: S.FAILED, K.GARBAGE: S.UNCERTAIN, K.NOTHING: S.UNCERTAIN,
        K.HALF: S.UNCERTAIN, K.WRONG: S.UNCERTAIN,
    },
}  # fmt: skip
"""What becomes of the mail that was struck; TRIED_AGAIN where nothing is said."""

CELLS = [cell for cell in product(EXPECTED, Kind) if cell[0] is not Step.BODY]
IN_BODY = [K.CUT, K.LATER, K.NEVER, K.CLOSING, K.GARBAGE, K.NOTHING, K.HALF]
IN_SESSION = [cell for cell in product(SESSION, Kind) if cell != (Step.GREETING, K.EARLY)]
SILENT = {K.NOTHING, K.HALF}
# aiosmtplib reads these; whether it gives up or tries again, nobody is marked and nothing is sent twice.
EITHER = {*product(SESSION, (K.GARBAGE, K.TWO, K.EARLY, K.WRONG)), (Step.EHLO, K.NEVER)}
HOLDS = {*product((Step.GREETING, Step.STARTTLS, Step.AUTH), (K.NEVER,)), (Step.AUTH, K.LATER)}

LONG = b"x" * 996 + b"\r\n"


def body_of(number: int, lines: int = 0) -> bytes:
    """A mail that names its reader, so that one in another's envelope is seen; with dots where they must be stuffed."""
    return b"To: r%d@example.net\r\n\r\n.\r\n..mail %d\r\n" % (number, number) + LONG * lines


def outgoing(number: int, lines: int = 0) -> Outgoing:
    envelope = Envelope(f"bounce+{number}@example.org", f"r{number}@example.net")
    return Outgoing(7, number, envelope, lambda: body_of(number, lines))


async def mails(numbers: list[int], long: dict[int, int]) -> AsyncIterator[Outgoing]:
    for number in numbers:
        yield outgoing(number, long.get(number, 0))


class Relay:
    """Sends `count` mails as flow does: what comes back as pending is pulled again."""

    def __init__(
        self,
        server: StrictServer,
        clock: FakeClock,
        journal: Journal,
        trusts: ssl.SSLContext | None = None,
        **settings: object,
    ) -> None:
        self.server, self.journal = server, journal
        silent = server.fault is not None and server.fault.kind in SILENT
        self.pool = Pool(
            smtp(server.port, **({"connections": 1} | settings)), clock, elapsed_s=clock.elapsed_s,
            timeouts=QUICK if silent else PATIENT, tls_context=trusts,
        )  # fmt: skip
        self.outcomes: dict[int, S] = {}
        self.refusal = ""

    async def send(self, count: int, long: dict[int, int] | None = None) -> None:
        waiting = list(range(count))
        try:
            for _ in range(4):
                ledger = Ledger()
                try:
                    await self.pool.run(mails(waiting, long or {}), self.journal, ledger.record)
                finally:
                    self.outcomes |= ledger.states()
                    told = {key[1]: outcome.state for key, outcome in replay(self.journal.path).items()}
                    assert told == self.outcomes
                waiting = [number for number, state in self.outcomes.items() if state is S.PENDING]
        except RelayRefused as refusal:
            self.refusal = str(refusal)
        finally:
            await self.pool.close()

    def holds(self, long: dict[int, int] | None = None) -> None:
        """What is true whatever the server does: once each and whole, or certainly not, or named as in doubt."""
        numbers = [taken.number for taken in self.server.taken]
        assert len(numbers) == len(set(numbers)), "sent twice"
        for taken in self.server.taken:
            assert taken.content == body_of(taken.number, (long or {}).get(taken.number, 0))
            assert self.outcomes[taken.number] in {S.SENT, S.UNCERTAIN}
        assert {number for number, state in self.outcomes.items() if state is S.SENT} <= set(numbers)
        assert self.server.faults_of_client == []


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.slow
@pytest.mark.parametrize(("step", "kind"), CELLS)
async def test_a_fault_strikes_one_mail_and_spares_its_neighbours(
    clock: FakeClock, journal: Journal, mode: str, step: Step, kind: Kind
) -> None:
    async with StrictServer(Fault(step, kind, VICTIM)) as server:
        relay = Relay(server, clock, journal, mode=mode)
        await relay.send(4)
    assert server.struck
    relay.holds()
    if (expected := EXPECTED[step].get(kind, TRIED_AGAIN)) is REFUSED:
        assert "refuses us" in relay.refusal
        assert relay.outcomes.pop(0) is S.SENT
        assert set(relay.outcomes.values()) == {S.PENDING}
    else:
        assert relay.outcomes == {0: S.SENT, VICTIM: expected, 2: S.SENT, 3: S.SENT}


@pytest.mark.slow
@pytest.mark.parametrize("kind", IN_BODY)
@pytest.mark.parametrize("lines", [60, 12_000])
async def test_a_fault_in_mid_body(clock: FakeClock, journal: Journal, mode: str, lines: int, kind: Kind) -> None:
    """A short body is on its way with its dot when the fault strikes; the end of a long one is still in our hands."""
    long = {VICTIM: lines}
    async with StrictServer(Fault(Step.BODY, kind, VICTIM)) as server:
        relay = Relay(server, clock, journal, mode=mode)
        await relay.send(4, long)
    assert server.struck
    relay.holds(long)
    expected = {EXPECTED[Step.BODY].get(kind, TRIED_AGAIN)}
    if lines < 1000 and kind not in {K.LATER, K.NEVER, K.CLOSING}:
        expected = {S.UNCERTAIN}
    assert relay.outcomes.pop(VICTIM) in expected
    assert relay.outcomes == {0: S.SENT, 2: S.SENT, 3: S.SENT}


@pytest.mark.slow
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("answer", ["503 5.5.1 no valid recipients", "554 no valid recipients", "354 go on"])
async def test_after_a_refused_recipient_the_next_mail_passes_whatever_the_server_says_to_data_and_rset(
    clock: FakeClock, journal: Journal, mode: str, kind: Kind, answer: str
) -> None:
    """A pipelining client has sent DATA by then (RFC 2920 §3.1); 354 wants an empty body or the connection's end."""
    fault = Fault(Step.RSET, kind)
    async with StrictServer(fault, refused=frozenset({VICTIM}), data_after_refusal=answer) as server:
        relay = Relay(server, clock, journal, mode=mode)
        await relay.send(4)
    relay.holds()
    assert relay.outcomes == {0: S.SENT, VICTIM: S.FAILED, 2: S.SENT, 3: S.SENT}


@pytest.mark.slow
@pytest.mark.parametrize("kind", Kind)
async def test_what_is_said_to_quit_changes_nothing(clock: FakeClock, journal: Journal, mode: str, kind: Kind) -> None:
    async with StrictServer(Fault(Step.QUIT, kind)) as server:
        relay = Relay(server, clock, journal, mode=mode, messages_per_connection=2)
        await relay.send(4)
    relay.holds()
    assert relay.outcomes == dict.fromkeys(range(4), S.SENT)


@pytest.mark.slow
@pytest.mark.parametrize(("step", "kind"), IN_SESSION)
async def test_a_fault_before_the_first_mail_marks_nobody(
    clock: FakeClock, journal: Journal, tls: Tls, step: Step, kind: Kind
) -> None:
    offers = ("PIPELINING", "STARTTLS", "AUTH PLAIN LOGIN")
    login = {"security": "starttls", "username": "news", "password": "secret"}
    async with StrictServer(Fault(step, kind), offers=offers, tls=[tls.server]) as server:
        relay = Relay(server, clock, journal, tls.client, **login)
        await relay.send(3)
    assert server.struck
    relay.holds()
    assert not any(line[:4] in {b"AUTH", b"MAIL"} for line in server.in_clear)
    refused = bool(relay.refusal)
    assert (step, kind) in EITHER or refused == ((step, kind) in HOLDS)
    assert set(relay.outcomes.values()) == ({S.PENDING} if refused else {S.SENT})


# -- particular servers ------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_reply_that_came_before_its_dot_is_not_that_dots_reply(
    clock: FakeClock, journal: Journal, mode: str
) -> None:
    async with StrictServer(Fault(Step.DOT, K.EARLY, VICTIM), at_dot={VICTIM: "554 5.7.0 no"}) as server:
        relay = Relay(server, clock, journal, mode=mode)
        await relay.send(3)
    assert relay.outcomes == {0: S.SENT, VICTIM: S.FAILED, 2: S.SENT}


@pytest.mark.slow
@pytest.mark.parametrize("offers", [(), ("8BITMIME",), ("PIPELINING",)])
async def test_nobody_is_hurried_who_does_not_offer_it(
    clock: FakeClock, journal: Journal, mode: str, offers: tuple[str, ...]
) -> None:
    async with StrictServer(offers=offers) as server:
        relay = Relay(server, clock, journal, mode=mode)
        await relay.send(20)
    relay.holds()
    assert relay.outcomes == dict.fromkeys(range(20), S.SENT)
    assert server.hasty == (mode != "plain" and "PIPELINING" in offers)


async def test_a_certificate_that_changes_between_connections_stops_the_run_and_marks_nobody(
    clock: FakeClock, journal: Journal, tls: Tls, stranger: Tls
) -> None:
    offers = ("PIPELINING", "STARTTLS")
    async with StrictServer(offers=offers, tls=[tls.server, stranger.server]) as server:
        relay = Relay(
            server, clock, journal, security="starttls", trusts=tls.client, messages_per_connection=2
        )  # fmt: skip
        await relay.send(5)
    relay.holds()
    assert "certificate" in relay.refusal
    states = list(relay.outcomes.values())
    assert states.count(S.SENT) == 2
    assert set(states[2:]) <= {S.PENDING}
    assert not any(line[:4] == b"MAIL" for line in server.in_clear)


@pytest.fixture
def stranger() -> Tls:
    """An authority that the client does not know."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(server)
    return Tls(server, ssl.create_default_context())


@pytest.mark.slow
async def test_a_refusal_of_us_at_a_dot_marks_nobody_though_the_next_envelope_has_travelled(
    clock: FakeClock, journal: Journal, mode: str
) -> None:
    async with StrictServer(at_dot=dict.fromkeys(range(4, 20), "550 5.7.26 unauthenticated")) as server:
        relay = Relay(server, clock, journal, mode=mode, connections=2)
        await relay.send(20)
    relay.holds()
    assert "unauthenticated" in relay.refusal
    assert {number for number, state in relay.outcomes.items() if state is S.SENT} == set(range(4))
    assert set(relay.outcomes.values()) == {S.SENT, S.PENDING}


@pytest.mark.slow
async def test_a_server_that_is_full_defers_everybody_and_doubles_nobody(
    clock: FakeClock, journal: Journal, mode: str
) -> None:
    async with StrictServer(at_dot=dict.fromkeys(range(5, 12), "452 4.3.1 the disk is full")) as server:
        relay = Relay(server, clock, journal, mode=mode, connections=3)
        await relay.send(12)
    relay.holds()
    assert relay.outcomes == {number: S.SENT if number < 5 else S.DEFERRED for number in range(12)}


@pytest.mark.slow
@pytest.mark.parametrize(("step", "kind"), list(product((Step.RCPT, Step.DATA, Step.DOT), (K.CUT, K.NEVER, K.TWO))))
async def test_with_several_connections_the_fault_of_one_is_not_the_others(
    clock: FakeClock, journal: Journal, mode: str, step: Step, kind: Kind
) -> None:
    async with StrictServer(Fault(step, kind, 17)) as server:
        relay = Relay(server, clock, journal, mode=mode, connections=4)
        await relay.send(60)
    relay.holds()
    expected = dict.fromkeys(range(60), S.SENT) | {17: EXPECTED[step].get(kind, TRIED_AGAIN)}
    assert dict(sorted(relay.outcomes.items())) == expected
