"""`digest test-templates` on a site that has templates of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Digest

# As small as a template can be that has no fault: the shipped ones are tried in tests/render.
HTML = """<!DOCTYPE html>
<html lang="{{ language }}" dir="{{ direction }}"><head><meta charset="utf-8"><title>{{ subject }}</title></head><body>
<table role="presentation" width="600"><tr><td><h1>{{ newsletter.title }}</h1>
{% for story in stories %}{% story story %}<h2>{% if story.link %}<a href="{{ story.link }}">{{ story.title }}</a>
{% else %}{{ story.title }}{% endif %}</h2>{% endstory %}
{% endfor %}{% more %}<p><a href="{{ view_url }}">{{ more }}</a></p>{% endmore %}
<p>{{ site.address }} <a href="{{ view_url }}">browser</a> <a href="{{ unsubscribe_url }}">unsubscribe</a></p>
</td></tr></table></body></html>
"""
TEXT = """{% for story in stories %}{% story story %}{{ story.title }}
{{ story.link }}

{% endstory %}{% endfor %}{% more %}{{ more }}
{{ view_url }}
{% endmore %}
{{ site.address }}
{{ view_url }}
{{ unsubscribe_url }}
"""
MAILS = 3 * 26
GOLDEN = [f"notes-{layout}.eml" for layout in ("briefing", "classic", "compact")]


@pytest.fixture
def author(site: Path) -> Path:
    """The templates of a site whose author writes her own."""
    folder = site / "templates" / "mail"
    folder.mkdir(parents=True)
    (folder / "digest.html.j2").write_text(HTML)
    (folder / "digest.txt.j2").write_text(TEXT)
    return folder


def change(file: Path, was: str, now: str) -> None:
    source = file.read_text()
    assert was in source
    file.write_text(source.replace(was, now))


def test_templates_without_a_fault_are_praised(author: Path, site: Path, inside: Digest) -> None:
    ran = inside("test-templates", site=site)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        f"{MAILS} mails drawn, no fault."
        " No golden mail is kept yet: with --update-golden every later change of a mail is told.\n"
    )
    assert not (site / "tests").exists()


def test_a_fault_is_told_once_with_template_remedy_and_where_it_came_up(
    author: Path, site: Path, inside: Digest
) -> None:
    change(author / "digest.txt.j2", "{{ unsubscribe_url }}", "")
    change(author / "digest.html.j2", "<h1>", '<h1 style="display: flex">')
    ran = inside("test-templates", site=site)
    assert ran.code == 1
    *told, end = ran.out.split("\n\n")
    assert end.startswith(f"{MAILS} mails drawn, 2 faults.")
    assert told[0] == (
        "mail/digest.txt.j2: ways out: the text part has no unsubscribe link\n"
        "    remedy: print {{ unsubscribe_url }}, {{ view_url }} and {{ site.address }} in both templates\n"
        "    in: notes (classic), notes (compact), notes (briefing); sample: 1 story, en and 25 more"
    )
    assert told[1].startswith("mail/digest.html.j2: client support: display:flex")
    assert '[<h1 style="display: flex">]' in told[1]


def test_what_does_not_render_names_file_and_line(author: Path, site: Path, inside: Digest) -> None:
    change(author / "digest.html.j2", "{{ newsletter.title }}", "{{ newsletter.nothing }}")
    ran = inside("test-templates", "--json", site=site)
    (fault,) = ran.document["faults"]
    assert (ran.code, fault["check"], fault["line"]) == (1, "renders", 3)
    assert fault["template"].endswith("templates/mail/digest.html.j2")
    assert len(fault["samples"]) == MAILS / 3


def test_golden_mails_are_kept_compared_and_kept_anew(author: Path, site: Path, inside: Digest) -> None:
    kept = inside("test-templates", "--update-golden", "--json", site=site)
    files = [site / "tests" / "golden" / name for name in GOLDEN]
    assert (kept.code, sorted(kept.document["written"])) == (0, [str(file) for file in files])
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in files[0].read_bytes()

    same = inside("test-templates", site=site)
    assert (same.code, same.out) == (0, f"{MAILS} mails drawn, no fault. Compared with the golden mails: 3.\n")

    change(author / "digest.html.j2", ">browser<", ">in your browser<")
    other = inside("test-templates", "--json", site=site)
    assert (other.code, other.document["mails"], other.document["golden"], other.document["written"]) == (
        1, MAILS, 3, [],
    )  # fmt: skip
    assert sorted(each["where"] for each in other.document["faults"]) == [f"tests/golden/{name}" for name in GOLDEN]
    for fault in other.document["faults"]:
        assert (fault["check"], fault["remedy"]) == ("golden", "if it is meant: --update-golden")
        lines = fault["message"].splitlines()
        gone, come = (next(line for line in lines if line[0] == sign and "browser" in line) for sign in "-+")
        assert come == gone.replace(">browser<", ">in your browser<").replace("-", "+", 1)

    meant = inside("test-templates", "--update-golden", site=site)
    assert (meant.code, meant.out.count("kept: ")) == (0, 3)
    assert inside("test-templates", "--json", site=site).document["faults"] == []


def test_golden_mails_that_cannot_be_written_are_wrong_usage(author: Path, site: Path, inside: Digest) -> None:
    (site / "tests").write_text("a file")
    ran = inside("test-templates", "--update-golden", site=site)
    assert (ran.code, ran.sentence) == (2, f"{site}/tests/golden/notes-classic.eml: Not a directory")
