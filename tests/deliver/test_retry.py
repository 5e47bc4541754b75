from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.deliver.retry import LONGEST_DELAY, Phase, classify, gives_up, next_try, refuses_us
from digest.model.delivery import DeliveryState, Reply

S = DeliveryState
NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "text", "phase", "state", "about_us"),
    [
        (250, "2.0.0 queued", Phase.DOT, S.SENT, False),
        (450, "4.2.0 greylisted", Phase.RCPT, S.DEFERRED, False),
        (451, "4.3.0 try later", Phase.MAIL, S.DEFERRED, False),
        (452, "4.3.1 disk full", Phase.DOT, S.DEFERRED, False),
        (550, "5.1.1 no such user", Phase.RCPT, S.FAILED, False),
        (501, "5.1.3 bad address", Phase.RCPT, S.FAILED, False),
        (552, "5.3.4 too big", Phase.MAIL, S.FAILED, False),
        (553, "5.6.7 no SMTPUTF8 here", Phase.MAIL, S.FAILED, False),
        (554, "5.6.0 no", Phase.DOT, S.FAILED, False),
        (550, "5.7.1 she takes no mail from outside", Phase.RCPT, S.FAILED, False),
        (550, "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", Phase.RCPT, S.FAILED, False),
        (421, "4.3.2 going down", Phase.RCPT, S.PENDING, False),
        (421, "4.7.0 too many messages", Phase.DOT, S.PENDING, False),
        (0, "lost", Phase.BODY, S.PENDING, False),
        (0, "lost", Phase.DOT, S.UNCERTAIN, False),
        (354, "go on", Phase.DOT, S.UNCERTAIN, False),
        (354, "go on", Phase.MAIL, S.PENDING, False),
        (250, "ok", Phase.DATA, S.PENDING, False),
        (554, "5.3.2 no service", Phase.GREETING, S.PENDING, True),
        (535, "5.7.8 wrong password", Phase.AUTH, S.PENDING, True),
        (454, "4.7.0 temporary failure", Phase.AUTH, S.PENDING, True),
        (454, "4.7.0 TLS not available", Phase.TLS, S.PENDING, True),
        (454, "4.7.0 slow down", Phase.RCPT, S.DEFERRED, False),
        (530, "5.7.0 authentication required", Phase.MAIL, S.PENDING, True),
        (550, "5.7.1 sender refused", Phase.MAIL, S.PENDING, True),
        (550, "5.7.1 relaying denied", Phase.RCPT, S.PENDING, True),
        (554, "5.7.1 <zoe@example.net>: Relay access denied", Phase.RCPT, S.PENDING, True),
        (550, "relay not permitted", Phase.RCPT, S.PENDING, True),
        (550, "5.7.515 access denied, sending domain fails", Phase.DOT, S.PENDING, True),
        (550, "5.7.26 unauthenticated", Phase.DOT, S.PENDING, True),
        (550, "5.1.8 sender address rejected: domain not found", Phase.RCPT, S.PENDING, True),
        (503, "5.5.1 bad sequence", Phase.DATA, S.PENDING, True),
    ],
)
def test_a_reply_means(code: int, text: str, phase: Phase, state: S, about_us: bool) -> None:
    reply = Reply(code, text)
    assert (classify(reply, phase).state, refuses_us(reply, phase)) == (state, about_us)


WORDS = ["relay", "relaying", "spf", "dkim", "dmarc", "spamhaus", "authentication", "sender", "zoe"]
_name = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).flatmap(
    lambda words: st.sampled_from(["-", ".", "+", "_"]).map(lambda link: link.join(words))
)
_address = st.builds(lambda local, host: f"{local}@{host.replace('+', '-').replace('_', '-')}.example", _name, _name)
ABOUT_HER = [
    "<{}> user unknown",
    "5.7.1 <{}>: Recipient address rejected: Access denied",
    "5.7.1 {}: recipient rejected",
    "5.7.1 no mailbox ({}) here",
    "unknown user {}, sorry",
    '5.7.1 "the relay"@{} unknown',
]
ABOUT_US = ["5.7.1 <{}>: Relay access denied", "{}: relaying denied", "5.7.1 no authentication, no mail for <{}>"]


@given(address=_address, text=st.sampled_from(ABOUT_HER), code=st.sampled_from([550, 551, 553, 554]))
def test_what_a_reader_calls_herself_never_holds_an_issue(address: str, text: str, code: int) -> None:
    host = address.partition("@")[2]
    assert not refuses_us(Reply(code, text.format(address)), Phase.RCPT)
    assert not refuses_us(Reply(code, f"5.7.1 {host} takes no mail from outside"), Phase.RCPT)


@given(address=_address, text=st.sampled_from(ABOUT_US))
def test_what_is_said_of_us_holds_whatever_the_reader_is_called(address: str, text: str) -> None:
    assert refuses_us(Reply(550, text.format(address)), Phase.RCPT)


@pytest.mark.parametrize(
    ("text", "about_us"),
    [
        ("5.7.1 mailrelayed to nobody", False),
        ("5.7.1 jo takes mail of authenticated senders only", False),
        ("5.7.1 client was not authenticated", True),
        ("5.7.1 unauthenticated mail is not accepted", True),
        ("5.7.1 Client host [192.0.2.1] blocked using a list", True),
        ("5.7.1 192.0.2.1 is blacklisted", True),
        ("5.7.1 sender rejected", True),
        ("5.7.1 the sender was denied", True),
        ("5.7.1 failed DMARC-policy", True),
    ],
)
def test_only_whole_words_tell_whom_a_refusal_is_about(text: str, about_us: bool) -> None:
    assert refuses_us(Reply(550, text), Phase.RCPT) == about_us


@given(code=st.integers(-5, 1200), text=st.text(max_size=40), phase=st.sampled_from(Phase))
def test_only_a_200_to_the_dot_is_sent_and_only_the_dot_leaves_doubt(code: int, text: str, phase: Phase) -> None:
    outcome = classify(Reply(code, text), phase)
    assert (outcome.state is S.SENT) == (phase is Phase.DOT and 200 <= code < 300)
    assert outcome.state is not S.UNCERTAIN or phase is Phase.DOT
    assert not refuses_us(outcome.reply, phase) or outcome.state is S.PENDING


@pytest.mark.parametrize(("attempts", "minutes"), [(0, 5), (1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (10_000, 60)])
def test_the_delay_doubles_up_to_an_hour(attempts: int, minutes: int) -> None:
    assert next_try(attempts, NOW) == NOW + timedelta(minutes=minutes)


@given(attempts=st.integers(0, 50), jitter=st.floats(0, 1))
def test_jitter_adds_at_most_a_tenth_and_never_passes_the_hour(attempts: int, jitter: float) -> None:
    plain, shaken = next_try(attempts, NOW), next_try(attempts, NOW, jitter)
    assert plain <= shaken <= min(plain + (plain - NOW) / 10, NOW + LONGEST_DELAY) + timedelta(microseconds=1)


def test_it_gives_up_after_the_configured_time() -> None:
    assert not gives_up(NOW, NOW + timedelta(hours=11, minutes=59), timedelta(hours=12))
    assert gives_up(NOW, NOW + timedelta(hours=12), timedelta(hours=12))
