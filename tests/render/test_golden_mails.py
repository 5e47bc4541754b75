"""Mails kept byte for byte: what changes in them was meant, or is found here. `pytest --update-golden` keeps them anew."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from digest.render.trial.golden import difference
from digest.render.trial.mails import Subject, draw
from digest.render.trial.specimens import Specimen, issue_of
from tests.render.sample_issue import SITE, Renderer, a_newsletter

FOLDER = Path(__file__).parent / "golden"
KEPT = [("classic", "en"), ("compact", "de"), ("briefing", "en"), ("classic", "ar"), ("briefing", "ja")]


def mail(layout: str, language: str, stories: int = 3) -> bytes:
    subject = Subject("sample", a_newsletter(theme={"layout": layout}), SITE, ZoneInfo("Europe/London"))
    return draw(Renderer().environment(), subject, Specimen("", language, issue_of(language, stories))).message


@pytest.mark.parametrize(("layout", "language"), KEPT)
def test_the_mail_is_the_one_that_is_kept(layout: str, language: str, request: pytest.FixtureRequest) -> None:
    file, made = FOLDER / f"{layout}-{language}.eml", mail(layout, language)
    if request.config.getoption("--update-golden"):
        file.write_bytes(made)
    if told := difference(file.read_bytes(), made):
        pytest.fail(f"{file.name} is another mail; if that is meant: pytest --update-golden\n{told}", pytrace=False)


def test_a_difference_is_told_in_words_that_can_be_read() -> None:
    kept = mail("classic", "de")
    told = difference(kept, kept.replace(b"Subject: ", b"Subject: =?utf-8?q?Oh=3A?= ").replace(b"Kai", b"Steg"))
    assert "+Subject: =?utf-8?q?Oh=3A?= " in told
    assert "-Hafen eröffnet den neuen Kai eine Woche früher" in told
    assert "+Hafen eröffnet den neuen Steg eine Woche früher" in told
    assert difference(kept, kept) == ""
    head, blank, body = kept.partition(b"\r\n\r\n")
    refolded = head + blank + body.replace(b"=\r\n", b"", 1)
    assert difference(kept, refolded).startswith("the same words in other bytes")
