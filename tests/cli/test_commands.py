"""What the commands say, on which stream, and how they end."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from digest.cli import app
from tests.cli.conftest import Digest, Ran, write_site

# -- help --------------------------------------------------------------------------------------------------------------


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


ALL = list(commands(typer.main.get_command(app)))


def test_the_commands_are_those_that_the_docs_name() -> None:
    assert sorted(" ".join(path) for path in ALL if path) == [
        "api-keys", "api-keys add", "api-keys list", "api-keys remove", "check", "daemon", "demo",
        "dkim-key", "gather", "init",
        "issues", "issues approve", "issues cancel", "issues edit", "issues hold", "issues list",
        "issues pause", "issues report", "issues resume", "issues retry", "issues show", "preflight", "preview", "send",
        "sources", "sources list", "sources suggest", "sources try", "stories", "subscribers", "subscribers add",
        "subscribers export", "subscribers import", "subscribers list", "subscribers remove", "subscribers show",
        "subscribers sync", "test-templates", "worker",
    ]  # fmt: skip


@pytest.mark.parametrize("path", ALL, ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_explains_itself(path: tuple[str, ...], option: str) -> None:
    done = CliRunner().invoke(app, [*path, option])
    assert (done.exit_code, "Usage: " in done.output) == (0, True)


def test_every_command_has_a_sentence_that_says_what_it_does() -> None:
    def silent(command: Any, path: str) -> list[str]:
        inner = getattr(command, "commands", {})
        below = [each for name in inner for each in silent(inner[name], f"{path} {name}")]
        return below if command.help and command.help.strip().endswith(".") else [path, *below]

    assert silent(typer.main.get_command(app), "digest") == []


def test_help_and_version_are_instant_because_they_load_nothing_heavy() -> None:
    script = (
        "import sys\nfrom digest.cli import main\nsys.argv[1:] = [sys.argv[1]]\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = 'sqlalchemy lxml fastapi pydantic jinja2 httpx2 apscheduler aiosmtplib premailer cryptography uvicorn'\n"
        "print([name for name in heavy.split() if name in sys.modules], file=sys.stderr)\n"
    )
    for option in ("--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-c", script, option], capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr.strip()) == (0, "[]")


def test_it_is_a_module_too(digest: Digest) -> None:
    ran = digest("--version")
    assert (ran.code, ran.err, ran.out.split()[0]) == (0, "", "digest")


# -- wrong usage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("preview morning", "there is no newsletter 'morning'; there are: notes"),
        ("send morning --yes", "there is no newsletter 'morning'; there are: notes"),
        ("stories --newsletter morning", "there is no newsletter 'morning'; there are: notes"),
        ("issues show 99", "there is no issue 99"),
        ("issues approve 99 --json", "there is no issue 99"),
        ("issues report 99 --json", "there is no issue 99"),
        ("subscribers list --list nobody", "there is no list 'nobody'; there are: readers"),
        ("subscribers add a@example.org --list nobody", "there is no list 'nobody'; there are: readers"),
        ("subscribers show nobody@example.org", "nobody@example.org is not known here"),
        ("gather --source telegraph --json", "there is no source 'telegraph'; there are: papers, wire"),
        ("sources try telegraph", "there is no source 'telegraph'; there are: papers, wire"),
        ("send notes", "there is nobody here to ask: say --yes to send, or --dry-run to look"),
        ("preview notes --at tomorrow", "--at 'tomorrow': an instant such as 2026-11-23T07:00 is needed"),
        (
            "subscribers add nonsense",
            "'nonsense' is not an address that mail can be sent to: it is not of the form name@domain",
        ),
        ("subscribers import nothing.csv", "nothing.csv cannot be read: No such file or directory"),
    ],
)
def test_what_does_not_exist_is_one_sentence_and_exit_2(
    inside: Digest, lasting: Path, arguments: str, sentence: str
) -> None:
    ran = inside(*arguments.split(), site=lasting)
    assert (ran.code, ran.sentence) == (2, sentence)


def test_a_sentence_is_all_that_a_real_process_says_too(digest: Digest, lasting: Path) -> None:
    ran = digest("issues", "show", "99", "--json", site=lasting)
    assert (ran.code, ran.sentence) == (2, "there is no issue 99")


def test_an_unknown_option_is_exit_2(inside: Digest) -> None:
    ran = inside("issues", "--jsn")
    assert (ran.code, ran.out, "--jsn" in ran.err, "Traceback" in ran.err) == (2, "", True, False)


def test_all_faults_of_the_settings_are_told_and_exit_2(inside: Digest, site: Path) -> None:
    settings = site / "settings.toml"
    settings.write_text(settings.read_text().replace("port = 9", "port = 0").replace('kind = "feed"', 'kind = "fed"'))
    for arguments in (("issues",), ("check",), ("daemon",)):
        ran = inside(*arguments, site=site)
        lines = ran.err.splitlines()
        assert (ran.code, ran.out) == (2, "")
        assert lines == [
            f"digest: {settings}: 3 faults",
            "  smtp.port = 0: greater than or equal to 1",
            "  sources.papers.kind = 'fed': one of 'feed', 'page', 'folder' or 'push'",
            "  sources.wire.kind = 'fed': one of 'feed', 'page', 'folder' or 'push'",
        ]
    ran = inside("check", "--json", site=site)
    assert (ran.code, ran.err) == (2, "")
    assert ran.document["faults"][0] == {
        "level": "error", "key": "smtp.port", "value": 0, "message": "greater than or equal to 1",
    }  # fmt: skip
    assert [fault["key"] for fault in ran.document["faults"]] == [
        "smtp.port",
        "sources.papers.kind",
        "sources.wire.kind",
    ]


def test_a_folder_that_is_no_site_is_exit_2(digest: Digest, tmp_path: Path) -> None:
    ran = digest("issues", site=tmp_path / "nowhere")
    assert (ran.code, ran.sentence) == (
        2,
        f"{tmp_path / 'nowhere'} is not a site: it has no settings.toml. "
        "`digest init DIR` makes one, `--site DIR` names one.",
    )


def test_a_clock_that_cannot_be_moved_is_exit_2(inside: Digest, site: Path) -> None:
    ran = inside("issues", site=site, environ={"DIGEST_NOW": "2026-11-23T07:00"})
    assert (ran.code, ran.sentence.startswith("DIGEST_NOW = '2026-11-23T07:00': an instant with its zone")) == (2, True)


# -- a machine that does not let us ------------------------------------------------------------------------------------


def test_a_var_that_is_a_file_is_one_sentence_and_exit_1(digest: Digest, site: Path) -> None:
    (site / "var").write_text("")
    ran = digest("issues", site=site)
    assert (ran.code, str(site / "var") in ran.sentence) == (1, True)


def test_a_database_that_cannot_be_opened_is_one_sentence_and_exit_1(inside: Digest, site: Path) -> None:
    (site / "var/digest.db").mkdir(parents=True)
    ran = inside("issues", site=site)
    assert (ran.code, ran.sentence) == (
        1,
        "the database (sqlite:///var/digest.db) cannot be written: check who owns its folder and whether the disk is full",
    )


# -- which site --------------------------------------------------------------------------------------------------------


def test_the_site_is_named_by_option_else_by_environment_else_it_is_here(digest: Digest, tmp_path: Path) -> None:
    sites = [write_site(tmp_path / name) for name in ("option", "environment", "here")]
    for number, each in enumerate(sites):
        text = (each / "settings.toml").read_text()
        (each / "settings.toml").write_text(text.replace("[newsletters.notes]", f"[newsletters.number-{number}]"))

    def name(**how: Any) -> str:
        return digest("stories", "--newsletter", "none", **how).sentence.rpartition(" ")[2]

    environ = {"DIGEST_SITE": str(sites[1])}
    assert name(site=sites[0], environ=environ, cwd=sites[2]) == "number-0"
    assert name(environ=environ, cwd=sites[2]) == "number-1"
    assert name(cwd=sites[2]) == "number-2"


# -- init and check ----------------------------------------------------------------------------------------------------


def test_init_makes_a_site_that_works_and_never_overwrites_one(inside: Digest, tmp_path: Path) -> None:
    new = tmp_path / "deep" / "new"
    made = inside("init", new)
    assert (made.code, made.err) == (0, "")
    files = sorted(str(file.relative_to(new)) for file in new.rglob("*") if file.is_file())
    assert files == ["settings.toml", "subscribers/defence-notes.csv"]
    listed = inside("issues", "--json", site=new)
    assert (listed.code, listed.document) == (0, [])
    (new / "subscribers/defence-notes.csv").write_text("mine")
    again = inside("init", new)
    assert (again.code, again.sentence) == (2, f"{new} is a site already: it has a settings.toml")
    assert (new / "subscribers/defence-notes.csv").read_text() == "mine"


def test_init_copies_the_templates_when_asked_to(inside: Digest, tmp_path: Path) -> None:
    assert inside("init", tmp_path / "new", "--templates").code == 0
    assert (tmp_path / "new/templates/mail/digest.html.j2").is_file()


def test_init_says_why_it_cannot(inside: Digest, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = inside("init", tmp_path / "file" / "new")
    assert (ran.code, ran.sentence) == (2, f"the site cannot be made in {tmp_path / 'file/new'}: Not a directory")


def test_check_names_what_is_wrong_with_key_value_and_remedy(inside: Digest, site: Path) -> None:
    text = (site / "settings.toml").read_text()
    text = text.replace('url = "http://127.0.0.1:8000"', 'url = "http://notes.example.org"')
    text = text.replace('address = "1 Sample Street, London"\n', "")
    (site / "settings.toml").write_text(text + 'track = "clicks"\n')
    (site / "templates/mail").mkdir(parents=True)
    (site / "templates/mail/digest.txt.j2").write_text("\n{{ leed.title }}")
    ran = inside("check", "--json", site=site)
    faults = {fault.pop("key"): fault for fault in ran.document["faults"]}
    assert (ran.code, ran.err) == (1, "")
    assert {key: (fault["level"], fault["value"]) for key, fault in faults.items()} == {
        "newsletters.notes.track": ("warning", "set"),
        "newsletters.notes.template": ("error", "digest"),
        "site.url": ("warning", "http://notes.example.org"),
        "site.address": ("warning", ""),
        "subscribers/readers.csv, line 4": ("warning", "refused"),
        "smtp": ("error", "127.0.0.1:9"),
        "sources.wire": ("error", "http://127.0.0.1:9/feed.xml"),
        "sources.papers": ("error", "http://127.0.0.1:9/missing.xml"),
    }
    assert all(fault.keys() == {"level", "value", "message"} and fault["message"] for fault in faults.values())
    assert (
        "digest.txt.j2, line 2: 'leed' is undefined; did you mean 'lead'?"
        in faults["newsletters.notes.template"]["message"]
    )
    said = inside("check", site=site)
    assert (said.code, said.out.splitlines()[-1]) == (1, "8 findings.")


# -- gather, stories, sources ------------------------------------------------------------------------------------------

FEED = '<?xml version="1.0"?><rss version="2.0"><channel><title>Wire</title>{items}</channel></rss>'
ITEM = "<item><title>Frigate number {n} is late</title><link>https://news.example.com/{n}</link>" \
       "<description>Why number {n} is late.</description></item>"  # fmt: skip


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose feed.xml has three stories."""
    folder = tmp_path_factory.mktemp("www")
    (folder / "feed.xml").write_text(FEED.format(items="".join(ITEM.format(n=n) for n in range(3))))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_gathering_with_every_source_failing_is_exit_1(digest: Digest, lasting: Path) -> None:
    ran = digest("gather", "--json", site=lasting)
    assert (ran.code, ran.err) == (1, "")
    assert (list(ran.document), ran.document["new"]) == (["sources", "new"], 0)
    for report in ran.document["sources"]:
        assert list(report) == ["name", "status", "found", "new", "error", "seconds"]
        assert (report["status"], report["found"], report["new"]) == ("failed", 0, 0)
        assert report["error"]
        assert report["seconds"] >= 0
    assert [report["name"] for report in ran.document["sources"]] == ["wire", "papers"]


def test_gathering_with_one_good_source_is_exit_0_and_again_brings_nothing_new(
    inside: Digest, tmp_path: Path, feeds: str
) -> None:
    site = write_site(tmp_path / "site", feeds)
    first, again = inside("gather", "--json", site=site), inside("gather", "--json", site=site)
    figures = [
        (report["name"], report["status"], report["found"], report["new"])
        for ran in (first, again)
        for report in ran.document["sources"]
    ]
    assert (first.code, first.document["new"], again.code, again.document["new"]) == (0, 3, 0, 0)
    assert figures == [
        ("wire", "ok", 3, 3), ("papers", "failed", 0, 0), ("wire", "unchanged", 3, 0), ("papers", "failed", 0, 0),
    ]  # fmt: skip
    stories = inside("stories", "--newsletter", "notes", "--json", site=site).document
    assert len(stories) == 3
    assert list(stories[0]) == [
        "id", "title", "teaser", "link", "published", "source", "language", "image", "topics", "minutes", "also",
        "why",
    ]  # fmt: skip
    # A feed's first fetch without dates: nobody knows how old these are.
    assert {story["why"] for story in stories} == {"out: no date; it stood there before we first looked"}
    assert {story["published"] for story in stories} == {None}
    assert inside("stories", site=site).out.count("  wire, no date, https://") == 3
    health = {row["name"]: row["status"] for row in inside("sources", "--json", site=site).document}
    assert health == {"wire": "ok", "papers": "failed"}


def test_trying_a_source_stores_nothing(inside: Digest, tmp_path: Path, feeds: str) -> None:
    site = write_site(tmp_path / "site", feeds)
    tried = inside("sources", "try", "wire", "--json", site=site)
    assert (tried.code, tried.document["found"], len(tried.document["stories"])) == (0, 3, 3)
    assert inside("stories", "--json", site=site).document == []


# -- people ------------------------------------------------------------------------------------------------------------


def test_people_come_are_exported_and_can_be_read_again(inside: Digest, site: Path, tmp_path: Path) -> None:
    synced = inside("subscribers", "sync", "--json", site=site)
    reason = "'broken' is not an address that mail can be sent to: it is not of the form name@domain"
    assert (synced.code, synced.document) == (
        0,
        {"added": 2, "updated": 0, "unchanged": 0, "refused": [{"line": 4, "reason": reason}]},
    )
    exported = inside("subscribers", "export", site=site)
    assert exported.out == ("email,name,topics,language,timezone\nanna@example.org,Anna,,,\nben@example.org,'=Ben,,,\n")
    (tmp_path / "export.csv").write_text(exported.out)
    imported = inside("subscribers", "import", tmp_path / "export.csv", "--json", site=site)
    assert imported.document == {"added": 0, "updated": 0, "unchanged": 2, "refused": []}
    added = inside("subscribers", "add", "cleo@example.org", "--name", "Cleo", "--topic", "naval", "--json", site=site)
    assert added.document == {"added": 1, "updated": 0, "unchanged": 0, "refused": []}
    removed = inside("subscribers", "remove", "anna@example.org", "--json", site=site)
    assert removed.document == {"added": 0, "updated": 1, "unchanged": 0, "refused": []}
    rows = inside("subscribers", "list", "--json", site=site).document
    assert [(row["email"], row["state"], row["topics"]) for row in rows] == [
        ("anna@example.org", "left", []),
        ("ben@example.org", "confirmed", []),
        ("cleo@example.org", "confirmed", ["naval"]),
    ]
    # Removing is not undone by the file in which her line still stands.
    assert inside("subscribers", "sync", "--json", site=site).document["unchanged"] == 2
    assert (
        inside("subscribers", "show", "anna@example.org", "--json", site=site).document["subscriptions"][0]["state"]
        == "left"
    )


def test_a_file_with_no_good_line_is_exit_1_and_one_that_is_no_list_exit_2(
    inside: Digest, site: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text("email\nnonsense\n")
    assert inside("subscribers", "import", tmp_path / "bad.csv", site=site).code == 1
    (tmp_path / "none.csv").write_text("anna@example.org\n")
    ran = inside("subscribers", "import", tmp_path / "none.csv", site=site)
    assert (ran.code, ran.sentence) == (
        2,
        f"{tmp_path / 'none.csv'}: the first line must name the columns, `email` among them; it is: 'anna@example.org'",
    )


def test_a_reader_of_the_output_who_leaves_early_is_no_traceback(site: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "digest", "--site", str(site), "subscribers", "sync", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(60), process.stderr.read()) == (1, "")


# -- nothing to send ---------------------------------------------------------------------------------------------------


def test_sending_with_nothing_new_is_exit_3_with_the_figures_of_a_report(inside: Digest, site: Path) -> None:
    ran = inside("send", "notes", "--yes", "--json", site=site)
    keys = ["issue", "state", "reason", "recipients", "sent", "deferred", "failed", "uncertain", "skipped", "seconds"]
    assert (ran.code, list(ran.document)) == (3, keys)
    assert (ran.document["state"], ran.document["reason"]) == ("skipped", "no new stories, 3 are needed")
    report = inside("issues", "report", "1", "--json", site=site)
    assert (report.code, report.document) == (3, ran.document | {"reasons": [], "waits": []})
    listed = inside("issues", "--json", site=site).document
    assert list(listed[0]) == [
        "id", "newsletter", "edition", "slot", "state", "reason", "subject", "recipients", "sent",
    ]  # fmt: skip
    dry = inside("send", "notes", "--dry-run", "--json", site=site)
    assert (dry.code, list(dry.document), dry.document["issue"]) == (3, keys, None)
    previewed: Ran = inside("preview", "notes", "--json", site=site)
    assert (previewed.code, previewed.document["reason"]) == (3, "no new stories, 3 are needed")
    assert previewed.document["shown_with"] is None  # no issue has gone out yet


@pytest.mark.parametrize("name", ["x" * 65, "anna\nben", "anna\x1b[31m"])
def test_an_editor_has_a_name_of_one_line_that_fits_the_event_log(inside: Digest, site: Path, name: str) -> None:
    ran = inside("issues", "list", site=site, environ={"DIGEST_EDITOR": name})
    assert (ran.code, ran.sentence) == (2, "$DIGEST_EDITOR names who acts, in one line of at most 64 characters")


def test_an_editor_may_have_a_name_of_64_characters(inside: Digest, site: Path) -> None:
    assert inside("issues", "list", site=site, environ={"DIGEST_EDITOR": "é" * 64}).code == 0
