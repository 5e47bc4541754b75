"""Logs: on standard error, with fields, addresses shortened."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from digest import log


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    handlers = list(logging.getLogger().handlers)
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_the_time_of_an_entry_is_that_of_the_moved_clock(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DIGEST_NOW", "2031-02-03T04:05:06+00:00")
    log.setup()
    log.get("test").info("it.happened")
    assert lines(capsys)[0]["timestamp"].startswith("2031-02-03T04:05:0")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("reader@example.org", "re…@example.org"),
        ("a@example.org", "a…@example.org"),
        ("<reader@example.org>: 550 no such user", "<re…@example.org>: 550 no such user"),
        ("from anna.q+tag@example.org to ben@example.net;x@y.z", "from an…@example.org to be…@example.net;x…@y.z"),
        ("jürgen@exämple.org", "jü…@exämple.org"),
        ("no address @ all", "no address @ all"),
        ("", ""),
    ],
)
def test_addresses_are_shortened(text: str, shown: str) -> None:
    assert log.redact(text) == shown


def test_an_event_is_one_json_line_on_standard_error_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    log.setup()
    log.get("digest.test").info("mail.sent", issue=7, to="reader@example.org")
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "mail.sent", "level": "info", "issue": 7, "to": "re…@example.org"}


def test_no_address_shows_in_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    log.setup()
    try:
        raise ValueError("cannot mail reader@example.org")
    except ValueError:
        log.get("digest.test").exception("sending.crashed")
    (line,) = lines(capsys)
    assert "reader@" not in json.dumps(line)
    assert "cannot mail re…@example.org" in line["exception"]


@pytest.mark.parametrize(
    ("how", "heard"),
    [
        ({}, ["info", "warning", "error"]),
        ({"quiet": True}, ["warning", "error"]),
        ({"verbose": True}, ["debug", "info", "warning", "error"]),
    ],
)
def test_how_much_is_said_is_asked_for(
    how: dict[str, bool], heard: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    log.setup(**how)
    logger = log.get("digest.test")
    for level in ("debug", "info", "warning", "error"):
        getattr(logger, level)("said")
    assert [line["level"] for line in lines(capsys)] == heard


def test_a_logger_that_was_made_before_setup_obeys_it(capsys: pytest.CaptureFixture[str]) -> None:
    early = log.get("digest.early")
    log.setup(quiet=True)
    early.info("unheard")
    early.warning("heard")
    assert [line["event"] for line in lines(capsys)] == ["heard"]
