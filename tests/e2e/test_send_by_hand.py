"""`digest send` as a process: real sources, a real mail server, raw bytes."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.e2e.conftest import MakeSite
from tests.e2e.mailserver import MailServer
from tests.e2e.site import TEASERS, SiteFolder, eventually

IN_TWO_HOURS = (datetime.now(UTC) + timedelta(hours=2)).isoformat()  # noqa: TID251 - the processes run on it

KEYS = ["issue", "state", "reason", "recipients", "sent", "deferred", "failed", "uncertain", "skipped", "seconds"]


def header(content: bytes, name: str) -> bytes:
    """A header field as it stands on the wire, unfolded."""
    head = content.split(b"\r\n\r\n", 1)[0]
    found = re.search(rb"(?mi)^" + name.encode() + rb": ((?:.*)(?:\r\n[ \t].*)*)", head)
    assert found, f"{name} is missing"
    return found[1].replace(b"\r\n", b"").strip()


def parsed(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    text = body.get_content()
    assert isinstance(text, str)
    return text


class TestAnIssueSentByHand:
    """One issue from page to inboxes."""

    @pytest.fixture
    def sent(self, site: SiteFolder, mail_server: MailServer) -> MailServer:
        ran = site.run("send", "notes", "--yes", "--json")
        assert (ran.code, list(ran.document)) == (0, KEYS), ran.err
        assert {key: ran.document[key] for key in ("state", "recipients", "sent")} == {
            "state": "sent", "recipients": 3, "sent": 3,
        }  # fmt: skip
        return mail_server

    def test_everybody_on_the_list_gets_it_once(self, sent: MailServer, site: SiteFolder) -> None:
        assert sent.recipients == site.readers

    def test_each_mail_is_addressed_to_its_one_recipient(self, sent: MailServer) -> None:
        assert [header(mail.content, "To").decode() for mail in sent.accepted] == [
            mail.recipient for mail in sent.accepted
        ]

    def test_the_return_path_names_the_delivery_in_64_octets(self, sent: MailServer) -> None:
        local_parts = {mail.sender.rpartition("@")[0] for mail in sent.accepted}
        assert len(local_parts) == 3
        assert all(re.fullmatch(r"bounce\+[a-z0-9]{20,57}", local) for local in local_parts)

    def test_one_click_unsubscribe_is_on_the_wire_unmangled(self, sent: MailServer, site: SiteFolder) -> None:
        for mail in sent.accepted:
            url = header(mail.content, "List-Unsubscribe").decode()
            assert re.fullmatch(rf"<http://127\.0\.0\.1:{site.web}/unsubscribe/[a-z0-9]+>", url)
            assert header(mail.content, "List-Unsubscribe-Post") == b"List-Unsubscribe=One-Click"

    def test_the_bytes_are_seven_bit_crlf_and_short_lined(self, sent: MailServer) -> None:
        for mail in sent.accepted:
            assert mail.content.isascii()
            assert re.findall(rb"(?<!\r)\n|\r(?!\n)|\x00", mail.content) == []
            head, body = mail.content.split(b"\r\n\r\n", 1)
            assert max(map(len, head.split(b"\r\n"))) <= 998
            assert max(map(len, body.split(b"\r\n"))) <= 76

    def test_a_name_with_a_comma_and_an_accent_stays_one_mailbox(self, sent: MailServer) -> None:
        sender = parsed(sent.accepted[0].content)["From"].addresses
        assert [(each.display_name, each.addr_spec) for each in sender] == [("Défense, Notes", "news@example.org")]

    def test_html_and_text_tell_the_same_five_stories_in_the_page_s_order(self, sent: MailServer) -> None:
        message = parsed(sent.accepted[0].content)
        html, text = part(message, "html"), " ".join(part(message, "plain").split())
        titles = [title for title, _ in TEASERS]
        assert sorted(titles, key=html.index) == titles
        assert sorted(titles, key=text.index) == titles
        assert all(teaser in text for _, teaser in TEASERS)

    def test_mails_differ_only_in_the_named_slots(self, sent: MailServer) -> None:
        def common(content: bytes) -> bytes:
            content = content.replace(b"=\r\n", b"")
            for slot in (
                rb"(?m)^(To|Date|Message-ID): .*$",
                rb"/(unsubscribe|view)/[a-z0-9]+",
                rb"reader-\d@example.org",
            ):
                content = re.sub(slot, b"*", content)
            return content

        assert len({common(mail.content) for mail in sent.accepted}) == 1

    def test_message_ids_are_unique_and_ours(self, sent: MailServer) -> None:
        ids = {header(mail.content, "Message-ID").decode() for mail in sent.accepted}
        assert len(ids) == 3
        assert all(re.fullmatch(r"<[a-z0-9]{20,}@example\.org>", each) for each in ids)

    def test_a_second_run_sends_nothing_and_says_skipped(self, sent: MailServer, site: SiteFolder) -> None:
        ran = site.run("send", "notes", "--yes", "--json")
        assert (ran.code, ran.document["state"], ran.document["reason"]) == (
            3,
            "skipped",
            "no new stories, 3 are needed",
        )
        assert len(sent.accepted) == 3


def test_new_stories_only_are_in_the_next_issue(site: SiteFolder, mail_server: MailServer) -> None:
    site.run("send", "notes", "--yes")
    fresh = [(f"Fresh story number {n} of the day", "It has a teaser of its own.") for n in range(3)]
    site.publish([*fresh, *TEASERS])
    assert site.run("send", "notes", "--yes", "--json").document["sent"] == 3
    text = " ".join(part(parsed(mail_server.accepted[-1].content), "plain").split())
    assert [title in text for title, _ in [*fresh, *TEASERS]] == [True] * 3 + [False] * 5


def test_the_seed_page_gives_its_five_teasers_to_three_subscribers(
    make_site: MakeSite, mail_server: MailServer
) -> None:
    seed = Path("../shared/seed/defence-notes.html")
    if not seed.exists():
        pytest.skip("the seed page is not part of the project")
    site = make_site()
    (site.pages / "notes" / "index.html").write_bytes(seed.read_bytes())
    assert site.run("send", "notes", "--yes", "--json").document["sent"] == 3
    stories = site.run("issues", "show", "1", "--json").document["stories"]
    assert [story["title"].split()[0] for story in stories] == ["Malaysia’s", "GAO", "How", "Palantir", "DroneShield"]
    assert site.run("send", "notes", "--yes", "--json").document["state"] == "skipped"


# -- what can be refused -----------------------------------------------------------------------------------------------


def test_without_a_terminal_and_without_yes_nothing_is_sent(site: SiteFolder, mail_server: MailServer) -> None:
    ran = site.run("send", "notes")
    assert (ran.code, ran.out, mail_server.accepted) == (2, "", [])
    assert "--yes" in ran.err


def test_a_dry_run_remembers_nothing(site: SiteFolder, mail_server: MailServer) -> None:
    ran = site.run("send", "notes", "--dry-run", "--json")
    assert (ran.code, ran.document["recipients"], ran.document["issue"]) == (0, 3, None)
    assert site.run("issues", "--json").document == []
    assert site.run("send", "notes", "--yes").code == 0
    assert len(mail_server.accepted) == 3


def test_a_test_send_reaches_only_the_addresses_given_and_remembers_nothing(
    site: SiteFolder, mail_server: MailServer
) -> None:
    ran = site.run("send", "notes", "--test", "editor@example.org", "--test", "other@example.org")
    assert ran.code == 0, ran.err
    assert mail_server.recipients == ["editor@example.org", "other@example.org"]
    assert all(str(parsed(mail.content)["Subject"]).startswith("[TEST] ") for mail in mail_server.accepted)
    assert site.run("send", "notes", "--yes", "--json").document["sent"] == 3


def test_right_after_a_sending_preview_and_test_mail_show_the_last_issues_stories(
    site: SiteFolder, mail_server: MailServer, tmp_path: Path
) -> None:
    site.run("send", "notes", "--yes")
    site.run("send", "notes", "--yes")  # nothing new: skipped, and passed over
    said = "no new stories: shown with those of issue 1"
    ran = site.run("preview", "notes", "--out", str(tmp_path / "out"), "--json")
    assert (ran.code, ran.document["shown_with"], ran.document["reason"]) == (0, 1, said)
    assert [each["title"] for each in ran.document["stories"]] == [title for title, _ in TEASERS]
    assert [each for each in ran.document["findings"] if "had the same" in each["message"]] == []
    assert TEASERS[0][0] in " ".join((tmp_path / "out/issue.txt").read_text().split())
    assert said in site.run("preview", "notes").err

    tested = site.run("send", "notes", "--test", "editor@example.org", "--json")
    assert (tested.code, tested.document["shown_with"], tested.document["sent"]) == (0, 1, 1)
    assert tested.document["reason"] == f"test: only to the addresses given; {said}"
    assert "editor@example.org" in mail_server.recipients
    assert [each["id"] for each in site.run("issues", "--json").document] == [2, 1]
    assert site.run("send", "notes", "--yes").code == 3

    site.publish([("Fresh story number 1 of the day", "It has a teaser of its own."), *TEASERS])
    few = site.run("preview", "notes", "--json").document
    assert few["reason"] == "only 1 new story: shown with those of issue 1"


def test_deferred_and_refused_recipients_are_told_apart_and_retried(site: SiteFolder, mail_server: MailServer) -> None:
    mail_server.at_rcpt = {
        "reader-0@example.org": b"450 4.2.0 greylisted, come back\r\n",
        "reader-1@example.org": b"550 5.1.1 no such person\r\n",
    }
    ran = site.run("send", "notes", "--yes", "--json")
    assert (ran.code, ran.document["state"]) == (4, "sending")
    assert [ran.document[key] for key in ("sent", "deferred", "failed")] == [1, 1, 1]
    report = site.run("issues", "report", "1", "--json")
    assert (report.code, sorted((each["outcome"], each["code"], each["reply"]) for each in report.document["reasons"])) == (
        4, [("deferred", 450, "4.2.0 greylisted, come back"), ("failed", 550, "5.1.1 no such person")],
    )  # fmt: skip
    said = site.run("issues", "report", "1")
    assert (said.code, said.out.splitlines()[1:]) == (
        4,
        [
            "Sending. 1 of 3 reached (33.3 %).",
            "",
            "failed    1  550 5.1.1 no such person",
            "             reader-1@example.org",
            "deferred  1  450 4.2.0 greylisted, come back",
            "             reader-0@example.org",
            "",
            "The daemon sends the rest when it runs; now: digest issues retry 1",
            "digest issues retry 1 --failed  tries those again that were refused for good.",
        ],
    )
    mail_server.at_rcpt = {}
    again = site.run("issues", "retry", "1", "--failed", "--json")
    assert (again.code, again.document["state"], again.document["sent"]) == (0, "sent", 3)
    assert mail_server.recipients == site.readers


def test_a_wrong_password_holds_the_issue_and_burns_nobody(site: SiteFolder, mail_server: MailServer) -> None:
    mail_server.auth = b"535 5.7.8 bad credentials\r\n"
    site.environment |= {"DIGEST_SMTP__USERNAME": "news", "DIGEST_SMTP__PASSWORD": "wrong"}
    ran = site.run("send", "notes", "--yes", "--json")
    assert (ran.code, ran.document["state"]) == (5, "held")
    assert "bad credentials" in ran.document["reason"]
    assert [ran.document[key] for key in ("sent", "failed", "deferred", "uncertain")] == [0, 0, 0, 0]
    mail_server.auth = b"235 2.7.0 welcome\r\n"
    again = site.run("issues", "resume", "1", "--json")
    assert (again.code, again.document["sent"]) == (0, 3)
    assert mail_server.recipients == site.readers


def test_with_the_server_down_the_issue_is_held_and_its_stories_are_free_again(
    make_site: MakeSite, mail_server: MailServer
) -> None:
    site = make_site(smtp=1)
    ran = site.run("send", "notes", "--yes", "--json")
    assert (ran.code, ran.document["state"], ran.document["sent"]) == (5, "held", 0)
    site.environment["DIGEST_SMTP__PORT"] = str(mail_server.port)
    assert site.run("send", "notes", "--yes", "--json").document["sent"] == 3
    stolen = site.run("issues", "resume", "1")
    assert (stolen.code, stolen.out, len(mail_server.accepted)) == (1, "", 3)
    assert stolen.err == (
        f"digest: issue 1 cannot go on: issue 2 has taken “{TEASERS[0][0]}”, “{TEASERS[1][0]}”, “{TEASERS[2][0]}” and"
        " 2 more in the meantime; nothing of it has left: end it with digest issues cancel 1, and send what is new\n"
    )
    assert site.run("issues", "cancel", "1").code == 0


def test_a_broken_template_names_file_and_line_and_sends_nothing(site: SiteFolder, mail_server: MailServer) -> None:
    folder = site.folder / "templates" / "mail"
    folder.mkdir(parents=True)
    (folder / "digest.html.j2").write_text("<p>\n{% for story in stories %}\n{{ story.titel }}\n{% endfor %}")
    ran = site.run("send", "notes", "--yes", "--json")
    assert (ran.code, mail_server.accepted) == (1, [])
    assert re.search(r"digest\.html\.j2, line 3: .*titel", ran.err)
    assert site.run("issues", "--json").document[0]["state"] == "failed"
    (folder / "digest.html.j2").unlink()
    assert site.run("send", "notes", "--yes", "--json").document["sent"] == 3


def test_looking_at_a_broken_template_fails_no_issue_that_waits(site: SiteFolder, mail_server: MailServer) -> None:
    assert site.run("send", "notes").code == 2
    with site.daemon(now="2026-11-24T06:59:00+00:00"):
        eventually(lambda: [row["state"] for row in site.run("issues", "--json").document] == ["review"])
    (row,) = site.run("issues", "--json").document
    assert row["subject"] == TEASERS[0][0]
    (site.folder / "templates/mail").mkdir(parents=True)
    (site.folder / "templates/mail/digest.html.j2").write_text("{% for story in %}")
    assert site.run("send", "notes", "--dry-run", now="2026-11-24T06:59:30+00:00").code == 1
    assert [row["state"] for row in site.run("issues", "--json").document] == ["review"]


def test_a_send_that_dies_before_the_first_mail_is_taken_up_by_the_next(
    site: SiteFolder, mail_server: MailServer
) -> None:
    site.environment["DIGEST_DELIVERY__GRACE"] = "1h"
    process = site.start("send", "notes", "--yes")
    eventually(lambda: [row["state"] for row in site.run("issues", "--json").document] == ["approved"])
    process.kill()
    process.communicate()
    site.environment["DIGEST_DELIVERY__GRACE"] = "0s"
    ran = site.run("send", "notes", "--yes", "--json", now=IN_TWO_HOURS)
    assert (ran.code, ran.document["issue"], ran.document["sent"]) == (0, 1, 3), ran.err
    assert "was not sent to its end; going on with it" in ran.err
    assert mail_server.recipients == site.readers


def test_with_nobody_on_the_list_the_issue_is_skipped(make_site: MakeSite, mail_server: MailServer) -> None:
    site = make_site(readers=0)
    ran = site.run("send", "notes", "--yes", "--json")
    assert (ran.code, ran.document["state"]) == (3, "skipped")
    assert ran.document["reason"] == "nobody is on the list readers"


def test_bad_lines_of_a_list_are_named_and_the_good_ones_get_their_mail(
    site: SiteFolder, mail_server: MailServer
) -> None:
    with (site.folder / "subscribers" / "readers.csv").open("a") as file:
        file.write("not an address\nreader-0@example.org\nlast@example.org\n")
    ran = site.run("send", "notes", "--yes")
    assert mail_server.recipients == ["last@example.org", *site.readers]
    assert "line 5" in ran.err
    assert "line 6" in ran.err


def test_a_failing_source_is_named_and_sinks_nothing(site: SiteFolder, mail_server: MailServer) -> None:
    settings = (site.folder / "settings.toml").read_text()
    settings = settings.replace('sources = ["notes"]', 'sources = ["gone", "notes"]')
    settings += '[sources.gone]\nkind = "feed"\nurl = "http://127.0.0.1:1/feed"\n'
    (site.folder / "settings.toml").write_text(settings)
    ran = site.run("send", "notes", "--yes")
    assert (ran.code, len(mail_server.accepted)) == (0, 3)
    assert "source gone failed" in ran.err


def test_a_preview_writes_the_mail_and_stores_no_issue(site: SiteFolder, tmp_path: Path) -> None:
    ran = site.run("preview", "notes", "--as", "nobody@example.org", "--out", str(tmp_path / "out"))
    assert (ran.code, "not known" in ran.err) == (2, True)
    site.run("subscribers", "sync")
    ran = site.run("preview", "notes", "--as", "reader-0@example.org", "--out", str(tmp_path / "out"), "--json")
    assert ran.code == 0, ran.err
    message = parsed((tmp_path / "out" / "issue.eml").read_bytes())
    assert str(message["To"]) == "reader-0@example.org"
    assert part(message, "html").replace("\r\n", "\n") == (tmp_path / "out" / "issue.html").read_text()
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "issue.eml", "issue.html", "issue.json", "issue.txt",
    ]  # fmt: skip
    assert site.run("issues", "--json").document == []


def test_a_server_that_asks_for_patience_defers_the_issue_and_holds_nothing(
    site: SiteFolder, mail_server: MailServer
) -> None:
    mail_server.greeting = b"421 4.3.2 restarting, no\0pe\r\n"
    ran = site.run("send", "notes", "--yes", "--json")
    assert (ran.code, ran.document["state"], ran.document["sent"]) == (4, "sending", 0)
    assert "not ready" in ran.err
    mail_server.greeting = b"220 test ready\r\n"
    again = site.run("issues", "retry", "1", "--json")
    assert (again.document["state"], again.document["sent"]) == ("sent", 3)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.postgresql
def test_a_greeting_with_a_nul_holds_the_issue_and_poisons_nothing(
    make_site: MakeSite, mail_server: MailServer, database: Database
) -> None:
    site = make_site(store=database.url)
    mail_server.greeting = b"554 no\0pe\r\n"
    ran = site.run("send", "notes", "--yes", "--json")
    assert (ran.code, ran.document["state"]) == (5, "held")
    mail_server.greeting = b"220 test ready\r\n"
    assert site.run("issues", "resume", "1", "--json").document["sent"] == 3


def test_the_list_of_another_newsletter_is_not_read(site: SiteFolder, mail_server: MailServer) -> None:
    settings = (site.folder / "settings.toml").read_text()
    settings += '[newsletters.other]\ntitle = "O"\nfrom = "o@example.org"\nsources = ["notes"]\nlists = ["broken"]\n'
    (site.folder / "settings.toml").write_text(settings)
    (site.folder / "subscribers" / "broken.csv").write_text("name\nx\n")
    assert site.run("send", "notes", "--yes").code == 0
    assert mail_server.recipients == site.readers


def test_who_is_taken_out_of_the_file_stays_and_that_is_said(site: SiteFolder, mail_server: MailServer) -> None:
    assert site.run("subscribers", "sync").code == 0
    (site.folder / "subscribers/readers.csv").write_text(f"email\n{site.readers[0]}\n")
    ran = site.run("send", "notes", "--yes", "--json")
    assert (ran.code, ran.document["sent"]) == (0, 3)
    assert "has 2 lines less than before, but taking a line out removes nobody" in ran.err


def test_what_waits_for_the_mail_server_is_named_by_the_next_send(site: SiteFolder, mail_server: MailServer) -> None:
    mail_server.at_rcpt = dict.fromkeys(site.readers, b"451 4.7.1 later\r\n")
    assert site.run("send", "notes", "--yes", "--json").code == 4
    again = site.run("send", "notes", "--yes", "--json")
    assert (again.code, again.document["issue"], again.document["deferred"]) == (4, 1, 3)
    assert "Issue 1 waits for the mail server. To try now: digest issues retry 1" in again.err
    assert len(site.run("issues", "--json").document) == 1


def test_an_argument_that_is_no_text_is_refused_in_a_sentence(site: SiteFolder) -> None:
    ran = site.run("issues", "edit", "1", "--title", "1=a \udcff")
    assert (ran.code, ran.err) == (2, "digest: an argument is not UTF-8 text\n")


def test_one_bad_byte_spoils_its_own_line_only(site: SiteFolder, mail_server: MailServer) -> None:
    file = site.folder / "subscribers" / "readers.csv"
    file.write_bytes("email,name\nm@example.org,Müller\n".encode() + b"x\xff@example.org,X\n")
    ran = site.run("subscribers", "sync", "--json")
    assert [ran.document["added"], [each["line"] for each in ran.document["refused"]]] == [1, [3]]
    assert site.run("subscribers", "show", "m@example.org", "--json").document["name"] == "Müller"


def test_a_number_beyond_all_issues_is_refused_in_a_sentence(site: SiteFolder) -> None:
    ran = site.run("issues", "show", "9" * 23)
    assert (ran.code, "Traceback" in ran.err) == (2, False)
