"""One connection against a real server that misbehaves as told."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import replace
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from digest.deliver.envelope import Envelope, letter
from digest.deliver.handshake import Unreachable
from digest.deliver.smtp import Connection, Timeouts
from digest.errors import RelayRefused
from digest.model.delivery import DeliveryState, Outcome
from tests.deliver.server import (
    AUTH,
    CUT,
    DATA,
    DOT,
    EHLO,
    GREETING,
    MAIL,
    RCPT,
    RSET,
    SILENCE,
    STARTTLS,
    Server,
)
from tests.deliver.world import BODY, ENVELOPE, Tls, smtp

S = DeliveryState
HALF = "raw:25"
HALF_OF_TWO = "250-2.0.0 half of a"
GARBAGE = "what do you want?"
STALLS = {SILENCE, HALF, HALF_OF_TWO}
"""After these the client can only wait; elsewhere the limits are the real ones, so that no busy machine fails a test."""


async def sent(
    server: Server, envelope: Envelope = ENVELOPE, body: bytes = BODY, timeouts: Timeouts | None = None
) -> tuple[Outcome, bool, int]:
    """The outcome of one mail, whether the connection may be used again, how often `before_dot` was called."""
    announced: list[int] = []
    connection = await Connection.open(smtp(server.port), timeouts=timeouts)
    try:
        outcome = await connection.send(letter(envelope, body), lambda: announced.append(1))
        return outcome, connection.reusable, len(announced)
    finally:
        await connection.close()


# -- what goes right ---------------------------------------------------------------------------------------------------


async def test_a_mail_arrives_byte_for_byte_with_its_dots_stuffed() -> None:
    body = b"Subject: x\r\n\r\n.\r\n..two\r\nmid.dle\r\nQUIT\r\n"
    async with Server() as server:
        outcome, reusable, announced = await sent(server, body=body)
    assert (outcome.state, str(outcome.reply)) == (S.SENT, "250 2.0.0 queued as 4711")
    assert (reusable, announced) == (True, 1)
    assert server.taken[0].raw == b"Subject: x\r\n\r\n..\r\n...two\r\nmid.dle\r\nQUIT\r\n"
    assert server.commands() == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 200_000, 1_000_000])
async def test_a_long_mail_arrives_whole(size: int) -> None:
    body = (b".2345678\r\n" * (size // 10 + 1))[: size - 2] + b"\r\n"
    body = body.replace(b"\r\r\n", b"x\r\n")
    async with Server() as server:
        outcome, _, announced = await sent(server, body=body)
    assert (outcome.state, announced) == (S.SENT, 1)
    assert server.taken[0].raw == b"".join(
        b"." + line if line.startswith(b".") else line for line in body.splitlines(keepends=True)
    )


async def test_a_plain_server_of_another_make_takes_many_mails_over_one_connection() -> None:
    taken: list[Any] = []

    class Handler:
        async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 aiosmtpd's name
            taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
            return "250 2.0.0 ok"

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0)
    try:
        connection = await Connection.open(smtp(server.sockets[0].getsockname()[1]))
        for number in range(20):
            to = f"zoë{number}@example.net"
            outcome = await connection.send(
                letter(Envelope("b@example.org", to), b"X: y\r\n\r\n.dot\r\n"), lambda: None
            )
            assert outcome.state is S.SENT
        await connection.close()
    finally:
        server.close()
        await server.wait_closed()
    assert taken == [("b@example.org", [f"zoë{number}@example.net"], b"X: y\r\n\r\n.dot\r\n") for number in range(20)]


async def test_what_the_server_offers_is_used_on_the_wire() -> None:
    async with Server(offers=["SIZE 9999", "DSN", "SMTPUTF8", "8BITMIME"]) as server:
        outcome, _, _ = await sent(server, Envelope("b@example.org", "zoë@example.net", "id 1"), b"A: \xc3\xab\r\n")
    assert outcome.state is S.SENT
    expected = b"MAIL FROM:<b@example.org> SIZE=7 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=id+201\r\n"
    assert server.taken[0].mail == expected
    assert server.taken[0].rcpt == "RCPT TO:<zoë@example.net> NOTIFY=FAILURE\r\n".encode()


async def test_a_multi_line_reply_is_read_as_one() -> None:
    async with Server(script={RCPT: ["550-5.1.1 no such user\r\n550 5.1.1 here"]}) as server:
        outcome, _, _ = await sent(server)
    assert (outcome.state, str(outcome.reply)) == (S.FAILED, "550 5.1.1 no such user here")


async def test_an_old_server_is_greeted_with_helo() -> None:
    async with Server(script={EHLO: ["502 what?"]}) as server:
        outcome, _, _ = await sent(server)
    assert outcome.state is S.SENT
    assert server.commands()[:2] == ["EHLO", "HELO"]


# -- each phase x each misfortune --------------------------------------------------------------------------------------

REFUSED = "held"  # RelayRefused

TABLE: list[tuple[str, str, S | str, bool]] = [
    # at, what, outcome, connection usable afterwards
    (MAIL, CUT, S.PENDING, False),
    (MAIL, SILENCE, S.PENDING, False),
    (MAIL, GARBAGE, S.PENDING, False),
    (MAIL, HALF, S.PENDING, False),
    (MAIL, "421 4.3.2 going down", S.PENDING, False),
    (MAIL, "451 4.3.0 later", S.DEFERRED, True),
    (MAIL, "550 5.7.1 not you", REFUSED, False),
    (MAIL, "354 go on", S.PENDING, False),
    (RCPT, CUT, S.PENDING, False),
    (RCPT, SILENCE, S.PENDING, False),
    (RCPT, GARBAGE, S.PENDING, False),
    (RCPT, HALF, S.PENDING, False),
    (RCPT, "421 4.7.0 too many", S.PENDING, False),
    (RCPT, "450 4.2.0 greylisted", S.DEFERRED, True),
    (RCPT, "550 5.1.1 unknown", S.FAILED, True),
    (RCPT, "554 5.7.1 <x>: Relay access denied", REFUSED, False),
    (RCPT, "354 go on", S.PENDING, False),
    (RCPT, "250 ok\r\n250 ok", S.PENDING, False),  # spoke out of turn
    (DATA, CUT, S.PENDING, False),
    (DATA, SILENCE, S.PENDING, False),
    (DATA, GARBAGE, S.PENDING, False),
    (DATA, HALF, S.PENDING, False),
    (DATA, "421 4.3.2 going down", S.PENDING, False),
    (DATA, "451 4.3.0 later", S.DEFERRED, True),
    (DATA, "554 5.5.1 no valid recipients", S.FAILED, True),
    (DATA, "503 5.5.1 bad sequence", REFUSED, False),
    (DATA, "250 ok", S.PENDING, False),
    (DATA, "354 go on\r\n250 ok", S.PENDING, False),  # the reply to a dot that never left
    (DOT, CUT, S.UNCERTAIN, False),
    (DOT, SILENCE, S.UNCERTAIN, False),
    (DOT, GARBAGE, S.UNCERTAIN, False),
    (DOT, HALF, S.UNCERTAIN, False),
    (DOT, HALF_OF_TWO, S.UNCERTAIN, False),
    (DOT, "421 4.3.2 going down", S.PENDING, False),
    (DOT, "451 4.3.0 later", S.DEFERRED, True),
    (DOT, "554 5.6.0 no", S.FAILED, True),
    (DOT, "550 5.7.26 unauthenticated mail", REFUSED, False),
    (DOT, "354 go on", S.UNCERTAIN, False),
    (DOT, "250 2.0.0 queued\r\nnonsense", S.SENT, False),
    (RSET, CUT, S.SENT, True),  # never reached
]


@pytest.mark.parametrize(("at", "what", "expected", "usable"), TABLE)
async def test_each_phase_and_each_misfortune(at: str, what: str, expected: S | str, usable: bool) -> None:
    async with Server(script={at: [what]}) as server:
        if expected == REFUSED:
            with pytest.raises(RelayRefused, match=f"^127.0.0.1:{server.port} refuses us: {what[:3]}") as caught:
                await sent(server)
            assert caught.value.code == int(what[:3])
            return
        limits = replace(Timeouts(), **{at.lower(): 0.1}) if what in STALLS else None
        outcome, reusable, announced = await sent(server, timeouts=limits)
    assert (outcome.state, reusable) == (expected, usable)
    assert announced == (at in {DOT, RSET})


@pytest.mark.parametrize("reset", [CUT, SILENCE, GARBAGE, "421 bye", "500 what?"])
async def test_a_transaction_that_the_server_does_not_end_spends_the_connection_and_no_mail(reset: str) -> None:
    async with Server(script={RCPT: ["550 5.1.1 unknown"], RSET: [reset]}) as server:
        connection = await Connection.open(smtp(server.port), timeouts=Timeouts(mail=0.2))
        refused = await connection.send(letter(ENVELOPE, BODY), lambda: None)
        assert connection.reusable
        after = await connection.send(letter(ENVELOPE, BODY), lambda: None)
        assert not connection.reusable
        await connection.close()
    assert (refused.state, after.state) == (S.FAILED, S.PENDING)


async def test_after_a_refusal_the_next_mail_passes_on_the_same_connection() -> None:
    async with Server(script={RCPT: ["550 5.1.1 unknown"], DATA: ["451 later"]}) as server:
        connection = await Connection.open(smtp(server.port))
        states = [(await connection.send(letter(ENVELOPE, BODY), lambda: None)).state for _ in range(3)]
        await connection.close()
    assert states == [S.FAILED, S.DEFERRED, S.SENT]
    assert server.connections == 1
    assert server.commands().count("RSET") == 2


async def test_a_server_that_stops_reading_leaves_a_long_mail_pending_and_unannounced() -> None:
    async with Server(read_body=False) as server:
        body = b"x" * 70 + b"\r\n" + b"y" * 78 * 200_000 + b"\r\n"
        outcome, reusable, announced = await sent(server, body=body, timeouts=Timeouts(block=0.1))
    assert (outcome.state, reusable, announced) == (S.PENDING, False, 0)
    assert "takes no more data" in outcome.reply.text


async def test_a_refusal_half_way_through_the_body_counts() -> None:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        for reply in (b"250 hi", b"250 ok", b"250 ok", b"354 go on"):
            await reader.readline()
            writer.write(reply + b"\r\n")
        await reader.readexactly(100)
        writer.write(b"552 5.3.4 too big\r\n")
        await writer.drain()
        with contextlib.suppress(ConnectionError):
            while await reader.read(2**20):
                pass
        writer.transport.abort()
        gone.set()

    gone = asyncio.Event()
    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    announced: list[int] = []
    connection = await Connection.open(smtp(server.sockets[0].getsockname()[1]))
    outcome = await connection.send(letter(ENVELOPE, b"x" * 20_000_000 + b"\r\n"), lambda: announced.append(1))
    await connection.close()
    await gone.wait()
    server.close()
    await server.wait_closed()
    assert (outcome.state, str(outcome.reply), announced) == (S.FAILED, "552 5.3.4 too big", [])
    assert not connection.reusable


async def test_when_it_cannot_be_announced_the_dot_does_not_leave() -> None:
    def full() -> None:
        raise OSError("disk full")

    async with Server() as server:
        connection = await Connection.open(smtp(server.port))
        with pytest.raises(OSError, match="disk full"):
            await connection.send(letter(ENVELOPE, BODY), full)
        assert not connection.reusable
        await connection.close()
        assert server.taken == []


async def test_after_so_many_messages_a_connection_is_used_up() -> None:
    async with Server() as server:
        connection = await Connection.open(smtp(server.port, messages_per_connection=2))
        usable = []
        for _ in range(2):
            await connection.send(letter(ENVELOPE, BODY), lambda: None)
            usable.append(connection.reusable)
        await connection.close()
    assert usable == [True, False]


async def test_a_connection_that_the_server_left_is_not_reusable() -> None:
    async with Server() as server:
        connection = await Connection.open(smtp(server.port))
        await connection.send(letter(ENVELOPE, BODY), lambda: None)
    async with asyncio.timeout(1):
        while connection.reusable:  # noqa: ASYNC110 there is no event to wait for: that it is noticed is the test
            await asyncio.sleep(0)  # noqa: TID251 gives the loop a turn; no time is waited for
    await connection.close()


@pytest.mark.parametrize("bad", ["a@b\r\nRCPT TO:<c@d>", "a@b>", "<a@b", "a\0@b", "a b@c", "\u2028@b.c", "a@b\x85"])
async def test_an_unsafe_recipient_fails_and_nothing_of_it_reaches_the_wire(bad: str) -> None:
    async with Server(offers=["SMTPUTF8"]) as server:
        outcome, reusable, announced = await sent(server, Envelope("b@example.org", bad))
        with pytest.raises(RelayRefused, match="return path"):
            await sent(server, Envelope(bad, "zoe@example.net"))
    assert (outcome.state, outcome.reply.enhanced, reusable, announced) == (S.FAILED, "5.1.3", True, 0)
    assert set(server.commands()) == {"EHLO", "QUIT"}


async def test_a_server_without_smtputf8_fails_such_an_address_in_words() -> None:
    async with Server() as server:
        outcome, _, _ = await sent(server, Envelope("b@example.org", "zoë@example.net"))
    assert outcome.state is S.FAILED
    assert "does not offer SMTPUTF8" in outcome.reply.text


# -- opening -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        ({GREETING: [CUT]}, Unreachable, "closed the connection"),
        ({GREETING: [SILENCE]}, Unreachable, "does not answer"),
        ({GREETING: ["421 4.3.2 busy"]}, Unreachable, "turns us away: 421 4.3.2 busy"),
        ({GREETING: ["450 later"]}, Unreachable, "turns us away: 450 later"),
        ({GREETING: ["554 5.7.1 no"]}, RelayRefused, "turns us away: 554 5.7.1 no"),
        ({GREETING: [GARBAGE]}, Unreachable, "turns us away"),
        ({EHLO: [CUT]}, Unreachable, "closed the connection"),
        ({EHLO: [SILENCE]}, Unreachable, "does not answer"),
        ({EHLO: ["421 busy"]}, Unreachable, "421 busy"),
        ({EHLO: ["550 no"]}, RelayRefused, "550 no"),
        ({EHLO: [GARBAGE]}, Unreachable, "turns us away"),
    ],
)
async def test_a_server_that_does_not_let_us_in(script: dict[str, list[str]], kind: type, words: str) -> None:
    quick = Timeouts(session=0.2)
    async with Server(script=script) as server:
        with pytest.raises(RelayRefused) as caught:
            await Connection.open(smtp(server.port), timeouts=quick)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"127.0.0.1:{server.port} ")
    assert words in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_port_where_nobody_listens_refuses_the_connection(host: str) -> None:
    async with Server() as server:
        port = server.port
    with pytest.raises(Unreachable, match=f"^{host}:{port} refuses the connection$"):
        await Connection.open(smtp(port, host=host))


async def test_a_host_without_a_name_is_said_to_be_unknown() -> None:
    with pytest.raises(Unreachable, match="cannot be found"):
        await Connection.open(smtp(25, host="nobody.invalid"))


@pytest.mark.parametrize("implicit", [False, True])
async def test_mail_passes_through_tls_and_the_whole_body_with_it(tls: Tls, implicit: bool) -> None:
    security = "tls" if implicit else "starttls"
    offers = ["AUTH PLAIN", "STARTTLS", "SIZE 5000000"]
    async with Server(offers=offers, tls=tls.server, implicit=implicit) as server:
        settings = smtp(server.port, security=security, username="digest", password="secret")
        connection = await Connection.open(settings, tls_context=tls.client)
        for size in (100, 300_000):
            outcome = await connection.send(letter(ENVELOPE, b"x" * size + b"\r\n"), lambda: None)
            assert outcome.state is S.SENT
        await connection.close()
    assert [len(taken.raw) for taken in server.taken] == [102, 300_002]
    assert ("STARTTLS" in server.commands()) is not implicit
    assert server.commands().index("AUTH") < server.commands().index("MAIL")
    assert server.commands()[-1] == "QUIT"


@pytest.mark.parametrize("at", [RCPT, DOT])
@pytest.mark.parametrize("what", [CUT, SILENCE])
async def test_misfortunes_under_tls_end_as_in_clear(tls: Tls, at: str, what: str) -> None:
    async with Server(tls=tls.server, implicit=True, script={at: [what]}) as server:
        settings, limits = smtp(server.port, security="tls"), replace(Timeouts(), **{at.lower(): 0.1})
        connection = await Connection.open(settings, tls_context=tls.client, timeouts=limits)
        outcome = await connection.send(letter(ENVELOPE, BODY), lambda: None)
        await connection.close()
    assert outcome.state is (S.UNCERTAIN if at == DOT else S.PENDING)


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_certificate_of_an_unknown_authority_is_refused(tls: Tls, implicit: bool) -> None:
    async with Server(offers=["STARTTLS"], tls=tls.server, implicit=implicit) as server:
        settings = smtp(server.port, security="tls" if implicit else "starttls")
        with pytest.raises(RelayRefused, match="certificate that cannot be trusted") as caught:
            await Connection.open(settings)
    assert type(caught.value) is RelayRefused


async def test_a_certificate_for_another_host_is_refused(tls: Tls) -> None:
    async with Server(tls=tls.server, implicit=True) as server:
        settings = smtp(server.port, host="127.0.0.2", security="tls")
        server_on_all = await asyncio.start_server(server._meet, "127.0.0.2", server.port, ssl=tls.server)
        with pytest.raises(RelayRefused, match="certificate that cannot be trusted"):
            await Connection.open(settings, tls_context=tls.client)
        server_on_all.close()
        await server_on_all.wait_closed()


async def test_a_server_without_starttls_is_refused_and_hears_no_password() -> None:
    async with Server(offers=["AUTH PLAIN LOGIN"]) as server:
        settings = smtp(server.port, security="starttls", username="digest", password="secret")
        with pytest.raises(RelayRefused, match="STARTTLS") as caught:
            await Connection.open(settings, tls_context=ssl.create_default_context())
    assert type(caught.value) is RelayRefused
    assert "AUTH" not in server.commands()


async def test_a_server_that_refuses_starttls_is_refused(tls: Tls) -> None:
    async with Server(offers=["STARTTLS"], tls=tls.server, script={STARTTLS: ["454 4.7.0 not now"]}) as server:
        with pytest.raises(RelayRefused, match="454") as caught:
            await Connection.open(smtp(server.port, security="starttls"), tls_context=tls.client)
    assert type(caught.value) is RelayRefused


async def test_a_password_is_never_sent_in_clear_but_on_this_machine() -> None:
    with pytest.raises(RelayRefused, match="never sent without TLS"):
        await Connection.open(smtp(25, host="192.0.2.1", username="digest", password="secret"))
    async with Server(offers=["AUTH PLAIN"]) as server:
        settings = smtp(server.port, username="digest", password="secret")
        await (await Connection.open(settings)).close()
    assert "AUTH" in server.commands()


@pytest.mark.parametrize("reply", ["535 5.7.8 wrong", "454 4.7.0 try later", "530 5.7.0 no", "550 no"])
async def test_a_refused_password_is_about_us(reply: str) -> None:
    async with Server(offers=["AUTH PLAIN LOGIN"], always={AUTH: reply}) as server:
        settings = smtp(server.port, username="digest", password="secret")
        with pytest.raises(RelayRefused, match="user name and password") as caught:
            await Connection.open(settings)
    assert type(caught.value) is RelayRefused
    assert caught.value.code == int(reply[:3])
    assert "secret" not in str(caught.value)


async def test_a_server_that_offers_no_login_is_refused() -> None:
    async with Server() as server:
        with pytest.raises(RelayRefused, match="AUTH"):
            await Connection.open(smtp(server.port, username="digest", password="secret"))
