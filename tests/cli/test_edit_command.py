"""`issues edit`, by options and in the editor's own program."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.cli.form import form_of, moves_of
from digest.errors import UsageError
from digest.flow import produce
from digest.model.edit import Act, Move
from digest.model.issue import Issue, IssueState, IssueStory
from digest.model.story import RawStory
from digest.store import stories
from tests.cli.conftest import Digest
from tests.daemon.conftest import OpenSite
from tests.daemon.desk import NOTES

DAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


@pytest.fixture
async def edited(make_site: OpenSite, tmp_path: Path) -> Path:
    """A site whose issue 1 is under review, with the stories Alpha, Beta, Gamma, Delta."""
    site = await make_site("stories = { min = 2 }")
    async with site.room.store.write() as conn:
        for age, name in enumerate(("Alpha", "Beta", "Gamma", "Delta")):
            link = f"https://news.example.com/{name}"
            raw = RawStory("wire", None, link, link, f"{name} news", "", "A teaser.", DAY - timedelta(hours=age))
            await stories.add(conn, raw, DAY)
    await produce.draft(site.room, NOTES, DAY, scheduled=False)
    return tmp_path


def titles(document: dict[str, Any]) -> list[str]:
    return [story["title"].removesuffix(" news") for story in document["stories"]]


async def test_positions_are_those_of_the_issue_as_it_was_shown(edited: Path, digest: Digest) -> None:
    ran = digest(
        "issues", "edit", "1", "--drop", "2", "--order", "4,1", "--pin", "3", "--title", "1=First", "--teaser", "1=New.",
        "--subject", "Mine", "--intro", "Good morning.", "--json", site=edited,
    )  # fmt: skip
    assert (ran.code, titles(ran.document)) == (0, ["Delta", "First", "Gamma"])
    assert (ran.document["subject"], ran.document["intro"]) == ("Mine", "Good morning.")
    assert [story["pinned"] for story in ran.document["stories"]] == [False, False, True]
    assert ran.document["stories"][1]["teaser"] == "New."
    shown = digest("issues", "show", "1", "--json", site=edited)
    assert shown.document == ran.document
    undone = digest("issues", "edit", "1", "--undo", "--json", site=edited).document
    assert (undone["intro"], titles(undone)) == ("Good morning.", ["Delta", "First", "Gamma"])
    assert undone["subject"] == "Delta news"  # the newsletter's own again: its lead's headline


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--drop", "5"], "issue 1 has no story 5; it has 4"),
        (["--order", "x"], "--order: 'x' is no position"),
        (["--order", ""], "--order takes positions, such as 3,1,2"),
        (["--title", "New"], "--title 'New': a position and the text are needed, such as --title 2='New words'"),
        (["--undo", "--drop", "1"], "--undo takes the last edit back, and nothing else at the same time"),
        ([], "there is nobody here to edit: say what to change, such as --drop 3; see issues edit --help"),
    ],
)
async def test_what_cannot_be_is_said(edited: Path, digest: Digest, options: list[str], said: str) -> None:
    ran = digest("issues", "edit", "1", *options, site=edited, environ={"EDITOR": "", "VISUAL": ""})
    assert (ran.code, ran.sentence) == (2, said)


def editor(folder: Path, code: str) -> dict[str, str]:
    """An editor's program that changes the form by `code`, in which `text` is the form."""
    script = folder / "editor.py"
    lines = ["import sys, pathlib, os", "f = pathlib.Path(sys.argv[1])", "text = f.read_text(encoding='utf-8')", code,
             "f.write_text(text, encoding='utf-8')", "os.utime(f, (2e9, 2e9))"]  # fmt: skip
    script.write_text("\n".join(lines), encoding="utf-8")
    return {"EDITOR": shlex.join([sys.executable, str(script)]), "VISUAL": ""}


async def test_the_form_is_filled_in_the_editors_own_program(edited: Path, digest: Digest) -> None:
    environ = editor(
        edited, "text = text.replace('Beta news', 'Größer als zuvor').replace('intro = \"\"', 'intro = \"Hi.\"')"
    )
    ran = digest("issues", "edit", "1", "--json", site=edited, environ=environ)
    assert (ran.code, titles(ran.document)) == (0, ["Alpha", "Größer als zuvor", "Gamma", "Delta"])
    assert ran.document["intro"] == "Hi."


async def test_a_form_that_cannot_be_read_is_kept(edited: Path, digest: Digest) -> None:
    ran = digest(
        "issues", "edit", "1", site=edited, environ=editor(edited, "text = text.replace('[[stories]]', '[[', 1)")
    )
    kept = edited / "var/edit-issue-1.toml"
    assert ran.code == 2
    assert ran.sentence.startswith("the form cannot be read: ")
    assert ran.sentence.endswith(f"Nothing was changed; your text is kept in {kept.resolve()}")
    assert "[[\n" in kept.read_text()
    assert titles(digest("issues", "show", "1", "--json", site=edited).document)[0] == "Alpha"


async def test_a_form_saved_in_another_encoding_is_read(edited: Path, digest: Digest) -> None:
    bytes_of = "text.replace('Beta news', 'Größer “als” zuvor').encode('cp1252')"
    write = f"f.write_bytes({bytes_of}); os.utime(f, (2e9, 2e9)); sys.exit()"
    ran = digest("issues", "edit", "1", "--json", site=edited, environ=editor(edited, write))
    assert (ran.code, titles(ran.document)[1]) == (0, "Größer “als” zuvor")


async def test_a_form_that_the_editor_took_away_changes_nothing(edited: Path, digest: Digest) -> None:
    ran = digest("issues", "edit", "1", site=edited, environ=editor(edited, "f.unlink(); sys.exit()"))
    assert (ran.code, ran.sentence) == (2, "the form is gone: the editor has taken its file away. Nothing was changed")


async def test_a_terminal_that_does_not_know_a_character_shows_another_in_its_place(
    edited: Path, digest: Digest
) -> None:
    ran = digest("issues", "edit", "1", "--title", "1=防衛 news", site=edited, environ={"PYTHONIOENCODING": "ascii"})
    assert (ran.code, "  1. ?? news" in ran.out) == (0, True)
    document = digest("issues", "show", "1", "--json", site=edited, environ={"PYTHONIOENCODING": "ascii"}).document
    assert titles(document)[0] == "防衛"


# -- the form ----------------------------------------------------------------------------------------------------------


def issue(*titles: str, intro: str = "") -> Issue:
    told = tuple(
        IssueStory(number, number - 1, "wire", f"l{number}", f"l{number}", None, title, "", "A teaser.", DAY)
        for number, title in enumerate(titles, 1)
    )
    return Issue(7, "notes", "regular", DAY, IssueState.REVIEW, intro=intro, stories=told)


@pytest.mark.parametrize("odd", ['He said "no"', "C:\\temp", "日本の防衛", "tab\tand \x7f", "'''", '"""', "a = [b]"])
def test_an_untouched_form_changes_nothing(odd: str) -> None:
    shown = issue(odd, "Two", intro=f"Some\n\n{odd}\nlines")
    assert moves_of(form_of(shown), shown) == []


def test_blocks_are_moved_taken_out_and_changed() -> None:
    shown = issue("One", "Two", "Three")
    form = '[[stories]]\nid = 3\npinned = true\n[[stories]]\nid = 1\ntitle = "Uno"\nteaser = ""\n'
    assert moves_of(form, shown) == [
        Move(Act.DROP, 2), Move(Act.ORDER, order=(3, 1)), Move(Act.PIN, 3), Move(Act.TITLE, 1, "Uno"),
        Move(Act.TEASER, 1, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("subject = 3", "subject = 3 in the form: a text in quotes is needed"),
        ("subjct = 'x'", "the form has an unknown key 'subjct'; known here: subject, intro, stories"),
        ("[[stories]]\nid = 9", "the form names a story with the id 9, which issue 7 does not have"),
        ("[[stories]]\nid = 1\n[[stories]]\nid = 1", "the story with the id 1 stands in the form twice"),
        ("[[stories]]\nid = 1\npinned = 1", "pinned = 1 in a story of the form: true or false is needed"),
        ("stories = [1]", "a story of the form must be a table under [[stories]]"),
    ],
)
def test_a_form_that_makes_no_sense_says_where(form: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        moves_of(form, issue("One", "Two"))
    assert str(refused.value) == said
