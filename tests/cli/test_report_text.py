"""`digest issues report` as a person reads it."""

from __future__ import annotations

from dataclasses import replace

from digest.cli.report_text import NotReached, lines
from digest.flow.report import Report
from digest.model.delivery import Tally
from digest.model.issue import IssueState
from tests.render.sample_issue import an_issue

_S = IssueState
SLOT = "Mon 2026-11-23 07:00 GMT"


def a_report(state: IssueState, tally: Tally, *reasons: tuple[str, int | None, str, int], reason: str = "") -> Report:
    issue = replace(an_issue(), state=state, reason=reason, subject="Ships, and who pays")
    return Report(issue, tally, 4.25, reasons)


def test_all_reached_is_two_lines() -> None:
    assert lines(a_report(_S.SENT, Tally(recipients=3, sent=3)), SLOT, []) == [
        "Issue 7 of defence-notes, Mon 2026-11-23 07:00 GMT: Ships, and who pays",
        "Sent. 3 of 3 reached (100 %) in 4.2 s.",
    ]


def test_reasons_are_grouped_whoever_was_refused_and_each_has_its_remedy() -> None:
    failed = [("failed", 550, f"5.1.1 <reader-{n}@example.org>: no such person", 1) for n in range(7)]
    told = a_report(
        _S.SENT, Tally(recipients=1000, sent=990, failed=8, uncertain=1, skipped=1), *failed,
        ("failed", 552, "5.2.2 mailbox full", 1), ("skipped", None, "she has left", 1),
        ("uncertain", None, "the connection was lost after the final dot", 1),
    )  # fmt: skip
    people: list[NotReached] = [(f"reader-{n}@example.org", *each[:3]) for n, each in enumerate(failed)]
    people += [
        ("full@example.org", "failed", 552, "5.2.2 mailbox full"),
        ("gone@example.org", "skipped", None, "she has left"),
    ]
    people += [("odd@example.org", "uncertain", None, "the connection was lost after the final dot")]
    assert lines(told, SLOT, people)[1:] == [
        "Sent. 990 of 1000 reached (99 %) in 4.2 s.",
        "",
        "failed    7  550 5.1.1 …: no such person",
        *(f"             reader-{n}@example.org" for n in range(5)),
        "             and 2 more",
        "failed    1  552 5.2.2 mailbox full",
        "             full@example.org",
        "in doubt  1  the connection was lost after the final dot",
        "             odd@example.org",
        "skipped   1  she has left",
        "             gone@example.org",
        "With addresses: digest issues show 7 --json",
        "",
        "digest issues retry 7 --failed  tries those again that were refused for good.",
        "digest issues retry 7 --uncertain  sends to those in doubt again; some may get it twice.",
    ]


def test_nearly_all_is_not_all() -> None:
    told = lines(a_report(_S.SENDING, Tally(recipients=100_000, sent=99_999, deferred=1)), SLOT, [])
    assert told[1] == "Sending. 99999 of 100000 reached (99.9 %)."
    assert told[-1] == "The daemon sends the rest when it runs; now: digest issues retry 7"


def test_a_server_with_a_number_in_each_reply_fills_no_screen() -> None:
    reasons = [("deferred", 450, f"4.2.0 come back, {n}", 2) for n in range(100)]
    told = lines(a_report(_S.SENDING, Tally(recipients=200, deferred=200), *reasons), SLOT, [])
    assert len(told) < 30
    assert "deferred  160  for 80 other reasons" in told


def test_what_is_held_or_waits_for_an_editor_says_what_she_can_do() -> None:
    held = lines(a_report(_S.HELD, Tally(recipients=3, waiting=3), reason="bad credentials"), SLOT, [])
    assert held[1:] == [
        "Held: bad credentials. 0 of 3 reached (0 %).",
        "",
        "digest issues resume 7  goes on; digest issues cancel 7  ends it.",
    ]
    assert lines(a_report(_S.REVIEW, Tally()), SLOT, [])[1:] == [
        "Under review.", "", "digest issues approve 7  lets it go.",
    ]  # fmt: skip
