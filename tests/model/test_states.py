"""The permitted moves of issues and deliveries, and what a server's reply says."""

from __future__ import annotations

import pytest

from digest.errors import IllegalMove
from digest.model import delivery, issue
from digest.model.delivery import UNFINISHED, DeliveryState, Reply
from digest.model.issue import BEFORE_APPROVAL, OPEN, IssueState

_D, _I = DeliveryState, IssueState

# Written out a second time, from sections 5 and 6 of the design: a change of the tables in code is a change of these.
ISSUE_MOVES = {
    _I.DRAFT: "review skipped failed",
    _I.REVIEW: "approved held skipped failed",
    _I.HELD: "review approved cancelled sending failed",
    _I.APPROVED: "review sending failed",
    _I.SENDING: "paused held sent failed",
    _I.PAUSED: "sending cancelled failed",
    _I.SENT: "sending",
    _I.SKIPPED: "",
    _I.CANCELLED: "",
    _I.FAILED: "",
}
DELIVERY_MOVES = {
    _D.PENDING: "claimed skipped",
    _D.CLAIMED: "pending sent deferred failed uncertain skipped",
    _D.DEFERRED: "claimed failed skipped",
    _D.FAILED: "pending",
    _D.UNCERTAIN: "pending sent deferred failed",
    _D.SENT: "",
    _D.SKIPPED: "",
}


def test_every_state_has_its_moves() -> None:
    assert set(issue.MOVES) == set(ISSUE_MOVES) == set(_I)
    assert set(delivery.MOVES) == set(DELIVERY_MOVES) == set(_D)


@pytest.mark.parametrize("to", _I)
@pytest.mark.parametrize("state", _I)
def test_an_issue_makes_the_moves_of_the_design_and_no_other(state: IssueState, to: IssueState) -> None:
    if to in ISSUE_MOVES[state].split():
        issue.check_move(7, state, to)
        return
    with pytest.raises(IllegalMove) as caught:
        issue.check_move(7, state, to)
    assert str(caught.value) == f"issue 7 is {state} and cannot become {to}"
    assert (caught.value.state, caught.value.wanted) == (state, to)


@pytest.mark.parametrize("to", _D)
@pytest.mark.parametrize("state", _D)
def test_a_delivery_makes_the_moves_of_the_design_and_no_other(state: DeliveryState, to: DeliveryState) -> None:
    if to in DELIVERY_MOVES[state].split():
        delivery.check_move(state, to)
        return
    with pytest.raises(IllegalMove, match=f"the delivery is {state} and cannot become {to}"):
        delivery.check_move(state, to)


def test_what_was_sent_or_skipped_stays_so() -> None:
    assert {state for state in _D if not delivery.MOVES[state]} == {_D.SENT, _D.SKIPPED}


def test_no_issue_is_approved_twice_or_sent_unapproved() -> None:
    assert {state for state in _I if _I.APPROVED in issue.MOVES[state]} == {_I.REVIEW, _I.HELD}
    assert {state for state in _I if _I.SENT in issue.MOVES[state]} == {_I.SENDING}
    assert not any(_I.SENDING in issue.MOVES[state] for state in (_I.DRAFT, _I.REVIEW))


def test_an_unfinished_delivery_may_still_be_claimed_or_is() -> None:
    assert {_D.CLAIMED} | {state for state in _D if _D.CLAIMED in delivery.MOVES[state]} == UNFINISHED


def test_the_groups_of_states_are_those_of_the_design() -> None:
    assert {_I.DRAFT, _I.REVIEW, _I.APPROVED} == OPEN
    assert {_I.DRAFT, _I.REVIEW, _I.HELD} == BEFORE_APPROVAL


@pytest.mark.parametrize(
    ("text", "enhanced"),
    [
        ("5.1.1 no such user", "5.1.1"),
        ("4.2.0", "4.2.0"),
        ("5.7.509 Access denied", "5.7.509"),
        ("no such user 5.1.1", None),
        ("5.1 no such user", None),
        ("5.1.1.1 no such user", None),
        ("5.x.1 no such user", None),
        ("<5.1.1> no such user", None),
        ("..", None),
        ("", None),
    ],
)
def test_the_enhanced_code_is_read_from_the_front_of_a_reply(text: str, enhanced: str | None) -> None:
    assert Reply(550, text).enhanced == enhanced


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Reply(550, "5.1.1 no"), "550 5.1.1 no"),
        (Reply(250, ""), "250"),
        (Reply(0, "the connection broke"), "the connection broke"),
    ],
)
def test_a_reply_reads_as_the_server_gave_it(reply: Reply, text: str) -> None:
    assert str(reply) == text
