"""`digest preflight`, and what it does to `send` and `preview`, as processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.mailserver import MailServer
from tests.e2e.site import SiteFolder

BARE = """<!DOCTYPE html><html lang="en"><head><title>x</title></head><body><h1>Notes</h1>
{% for story in stories %}
{% story story %}<h2><a href="{{ story.link }}">{{ story.title }}</a></h2>{% endstory %}
{% endfor %}
<p style="display:flex">{{ site.address }}</p><a href="{{ view_url }}">View</a></body></html>
"""


@pytest.fixture
def broken(site: SiteFolder) -> SiteFolder:
    """A site whose own template has no way to leave, and a layout that Outlook does not know."""
    folder = site.folder / "templates" / "mail"
    folder.mkdir(parents=True)
    (folder / "digest.html.j2").write_text(BARE)
    return site


def test_an_issue_that_is_fit_ends_with_0(site: SiteFolder) -> None:
    ran = site.run("preflight", "notes", "--json")
    assert ran.code == 0, ran.err
    assert {tuple(each) for each in ran.document} == {("level", "check", "message", "where")}
    assert "error" not in {each["level"] for each in ran.document}
    # Nobody serves the subscribers' pages in this test, and the stories behind the teasers do not exist.
    assert {each["check"] for each in ran.document if each["level"] == "warning"} == {"dead links", "site"}


def test_errors_are_told_with_their_place_and_end_with_1(broken: SiteFolder) -> None:
    ran = broken.run("preflight", "notes", "--json")
    assert ran.code == 1
    errors = [(each["check"], each["message"]) for each in ran.document if each["level"] == "error"]
    assert errors[0] == ("ways out", "the mail has no unsubscribe link")
    assert errors[1][0] == "client support"
    assert "css-display-flex" in errors[1][1]
    assert "Outlook for Windows" in errors[1][1]
    said = broken.run("preflight", "notes")
    assert said.code == 1
    assert said.out.endswith("Not fit to be sent.\n")


def test_no_yes_accepts_an_error(broken: SiteFolder, mail_server: MailServer) -> None:
    ran = broken.run("send", "notes", "--yes", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "digest: nothing was sent: preflight found 2 errors" in ran.err
    assert mail_server.accepted == []
    assert [each["state"] for each in broken.run("issues", "--json").document] == ["review"]
    (broken.folder / "templates" / "mail" / "digest.html.j2").unlink()
    assert broken.run("send", "notes", "--yes").code == 0
    assert len(mail_server.accepted) == 3


def test_approving_wants_a_yes_for_warnings_and_accepts_no_error(broken: SiteFolder, mail_server: MailServer) -> None:
    assert broken.run("send", "notes", "--yes").code == 1
    ran = broken.run("issues", "approve", "1", "--yes", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "digest: nothing was sent: preflight found 2 errors" in ran.err
    (broken.folder / "templates" / "mail" / "digest.html.j2").unlink()
    ran = broken.run("issues", "approve", "1", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "Warning: site: site.url does not answer from here" in ran.err
    assert "say --yes to approve all the same" in ran.err
    assert [each["state"] for each in broken.run("issues", "--json").document] == ["review"]
    ran = broken.run("issues", "approve", "1", "--yes", "--json")
    assert (ran.code, ran.document["sent"], len(mail_server.accepted)) == (0, 3, 3)


def test_resuming_an_issue_with_errors_leaves_it_held_and_ends_with_5(broken: SiteFolder) -> None:
    assert broken.run("send", "notes", "--yes").code == 1
    assert broken.run("issues", "hold", "1").code == 0
    ran = broken.run("issues", "resume", "1", "--json")
    assert (ran.code, ran.document["state"]) == (5, "held")
    assert ran.document["reason"].startswith("preflight found 2 errors: ways out: the mail has no unsubscribe link")
    (broken.folder / "templates" / "mail" / "digest.html.j2").unlink()
    ran = broken.run("issues", "resume", "1", "--json")
    assert (ran.code, ran.document["state"]) == (0, "review")


def test_a_yes_accepts_warnings_and_the_summary_lists_them(site: SiteFolder, mail_server: MailServer) -> None:
    ran = site.run("send", "notes", "--yes")
    assert ran.code == 0
    assert "  Warning: site: site.url does not answer from here" in ran.err
    assert len(mail_server.accepted) == 3
    sent = site.run("preflight", "1", "--json")
    assert sent.code == 0
    # An issue is never compared with itself.
    assert {each["check"] for each in sent.document if each["level"] == "warning"} == {"dead links", "site"}
    # Nothing is new now: its stories are looked at again, and that it had them is no fault.
    again = site.run("preflight", "notes", "--json")
    assert (again.code, again.document) == (0, sent.document)
    assert "no new stories: shown with those of issue 1" in again.err


def test_a_preview_holds_the_findings(broken: SiteFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert broken.run("preview", "notes", "--out", str(out)).code == 0
    found = json.loads((out / "issue.json").read_text())["findings"]
    where = next(each["where"] for each in found if "css-display-flex" in each["message"])
    line = int(where.partition("line ")[2].partition(":")[0])
    assert "display:flex" in (out / "issue.html").read_text().split("\n")[line - 1]


def test_too_few_stories_is_nothing_to_send(site: SiteFolder) -> None:
    site.publish([])
    ran = site.run("preflight", "notes", "--json")
    assert (ran.code, ran.document) == (3, [])
    assert "Nothing to send: no new stories" in ran.err


def test_an_issue_that_is_not_there_is_wrong_usage(site: SiteFolder) -> None:
    assert site.run("preflight", "99").code == 2
    assert site.run("preflight", "nothing").code == 2
