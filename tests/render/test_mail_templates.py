"""What goes wrong in a template is said in plain words, with file and line; what stands in a story is never a template."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from digest.errors import TemplateError
from digest.render.filters import direction_of, hostname, label, paragraphs
from tests.render.sample_issue import Renderer, a_newsletter

InSite = Callable[..., Renderer]


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("a\n\n{% if %}", 3, "not a valid template"),
        ("a\n{{ leed.title }}", 2, "'leed' is undefined; did you mean 'lead'?"),
        ("a\n{{ nothing_like_it }}", 2, "known here: date, direction"),
        ("{{ lead.titel }}", 1, "no attribute 'titel'"),
        ("a\n{% include 'mail/none.txt.j2' %}", 2, "there is no template 'mail/none.txt.j2'"),
        ("a\nb\n{{ 1 / 0 }}", 3, "division by zero"),
        ("{{ lead.__class__.__mro__ }}", 1, "may not do this"),
        ("{{ lead | frobnicate }}", 1, "No filter named 'frobnicate'"),
        ("{% story 'x' %}x{% endstory %}", 1, "no story of this issue"),
        ("{% story lead %}x", 1, "not a valid template"),
    ],
)
def test_a_broken_template_names_its_file_and_line(in_site: InSite, source: str, line: int, words: str) -> None:
    with pytest.raises(TemplateError) as caught:
        in_site(digest_txt=source)()
    assert caught.value.line == line
    assert caught.value.template.endswith("mail/digest.txt.j2")
    assert words in caught.value.reason


def test_a_fault_in_a_partial_is_reported_in_the_partial(in_site: InSite) -> None:
    with pytest.raises(TemplateError) as caught:
        in_site(digest_txt="{% include 'mail/foot.j2' %}", foot="\n{{ sight }}")()
    assert caught.value.template.endswith("mail/foot.j2")
    assert caught.value.line == 2


def test_a_missing_template_is_named() -> None:
    with pytest.raises(TemplateError, match=r"there is no template 'mail/gone\.html\.j2'"):
        Renderer(newsletter=a_newsletter(template="gone"))()


def test_a_template_that_is_not_utf_8_is_reported(in_site: InSite) -> None:
    renderer = in_site(digest_txt="x")
    (renderer.folders[0] / "mail/digest.txt.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(TemplateError, match="not in UTF-8"):
        renderer()


def test_the_sites_template_comes_before_the_shipped_one(in_site: InSite) -> None:
    assert (
        in_site(digest_txt="Ours: {{ lead.title }}")().text == "Ours: Malaysia sets aside RM21.70 billion for defence\n"
    )


def test_story_blocks_may_not_overlap(in_site: InSite) -> None:
    source = "{% story lead %}{% story stories[1] %}x{% endstory %}{% endstory %}"
    with pytest.raises(TemplateError, match="inside another one"):
        in_site(digest_txt=source)()


def test_a_story_block_in_a_macro_without_context_is_explained(in_site: InSite) -> None:
    macro = "{% macro m(s) %}{% story s %}{{ s.title }}{% endstory %}{% endmacro %}"
    with pytest.raises(TemplateError, match="with context"):
        in_site(digest_txt="{% import 'mail/m.j2' as m %}{{ m.m(lead) }}", m=macro)()


def test_a_partial_with_an_odd_name_is_escaped_in_html(in_site: InSite) -> None:
    page = "<!DOCTYPE html><html><body>{% include 'mail/odd.j2' %}</body></html>"
    assert "<p>&lt;b&gt;</p>" in in_site(digest_html=page, odd="<p>{{ '<b>' }}</p>")().html


def test_a_style_sheet_that_cannot_be_inlined_is_a_template_error(in_site: InSite) -> None:
    html = "<!DOCTYPE html><html><head><style>a[title='a,b'] {color: red}</style></head><body><p>x</p></body></html>"
    with pytest.raises(TemplateError, match="cannot be inlined"):
        in_site(digest_html=html)()


def test_a_conditional_that_premailer_destroys_is_refused(in_site: InSite) -> None:
    html = "<!DOCTYPE html><html><body><![if !mso]><p>x</p><![endif]></body></html>"
    with pytest.raises(TemplateError, match="does not survive"):
        in_site(digest_html=html)()


def test_filters_do_what_their_names_say() -> None:
    assert hostname("https://www.example.org/a") == "example.org"
    assert hostname("http://[broken") == ""
    assert paragraphs("a\nb\r\n\r\n\n\nc") == ["a b", "c"]
    assert paragraphs(" \n ") == []
    assert [label(name) for name in ("defence-notes", "GAO watch", "wire")] == ["Defence Notes", "GAO watch", "Wire"]
    assert [direction_of(text) for text in ("1. Ein", "(שלום)", "12:30")] == ["ltr", "rtl", None]


def test_a_changed_added_or_removed_template_is_seen_by_the_next_issue(in_site: InSite) -> None:
    renderer = in_site(digest_txt="One")
    site = renderer.folders[0] / "mail"
    assert renderer().text == "One\n"
    (site / "digest.txt.j2").write_text("Second {% include 'mail/parts/note.j2' %}")
    with pytest.raises(TemplateError, match="there is no template"):
        renderer()
    (site / "parts").mkdir()
    (site / "parts/note.j2").write_text("note")
    assert renderer().text == "Second note\n"
    (site / "digest.txt.j2").unlink()
    assert renderer().text.startswith("DEFENCE NOTES\n")


def test_the_same_templates_are_compiled_once(in_site: InSite) -> None:
    renderer = in_site(digest_txt="One")
    assert renderer.environment() is renderer.environment()
