"""Preflight on what is said: subject, preheader, leftovers, the text part."""

from __future__ import annotations

import pytest

from digest.render.preflight import Level, Look, Told, check_mail
from tests.render.preflight.conftest import LEAVE, VIEW, Check, page
from tests.render.sample_issue import six_stories


def test_the_shipped_mail_has_neither_errors_nor_warnings(shipped: Look) -> None:
    assert [each for each in check_mail(shipped) if each.level is not Level.ADVICE] == []


@pytest.mark.parametrize("name", ["subject", "preheader", "leftovers", "text_part"])
def test_the_shipped_mail_says_what_it_should(check: Check, name: str) -> None:
    assert check(name) == []


@pytest.mark.parametrize(
    ("subject", "level", "said"),
    [
        ("News", Level.ADVICE, "has 4 characters"),
        ("A long story " * 6, Level.ADVICE, "phones show the first 40"),
        ("EVERYTHING IS ON SALE NOW", Level.WARNING, "in capitals only"),
    ],
)
def test_a_subject_is_measured(check: Check, subject: str, level: Level, said: str) -> None:
    (found,) = check("subject", subject=subject)
    assert (found.level, said in found.message) == (level, True)


def test_a_script_without_capitals_does_not_shout(check: Check) -> None:
    assert check("subject", subject="防衛予算の増額について、来年度の配分は巡視船とレーダーを優先") == []


@pytest.mark.parametrize(
    ("preheader", "said"),
    [
        ("", "there is no preheader"),
        ("Short", "has 5 characters"),
        (six_stories()[0].title.upper(), "repeats"),
    ],
)
def test_a_preheader_is_measured(check: Check, preheader: str, said: str) -> None:
    (found,) = check("preheader", preheader=preheader)
    assert (found.level, said in found.message) == (Level.ADVICE, True)


@pytest.mark.parametrize("html", [
    "<p>{{ story.title }}</p>", '<a href="https://e.test/%7B%7B%20x%20%7D%7D">x</a>', "<p>{% if x %}</p>",
    "<p>Hello None</p><p> None </p>", '<img alt="undefined" src="https://e.test/a.png">', "<p>zq0123456789abcnqz</p>",
    "<p>a\u0092b</p>",
])  # fmt: skip
def test_what_a_template_left_behind_is_an_error(check: Check, html: str) -> None:
    (found, *_) = check("leftovers", html)
    assert found.level is Level.ERROR
    assert found.where.startswith("issue.html, line 3")


def test_leftovers_are_found_in_subject_and_text_too(check: Check) -> None:
    assert [each.where for each in check("leftovers", subject="Hello {{ name }}")] == ["subject"]
    assert [each.where for each in check("leftovers", text="a\nNone\nb\n")] == ["text part, line 2"]


def test_an_editor_may_write_about_templates(check: Check) -> None:
    assert check("leftovers", "<p>How {{ works</p><p>None</p>", written="How {{ works\nNone") == []


def test_the_braces_of_a_style_sheet_are_no_leftovers(check: Check) -> None:
    sheet = "<style>\n@media (max-width:599px){.a{width:100%}}@media print{#b{color:red}}</style>"
    assert check("leftovers", page("<p>x</p>", sheet)) == []
    (found,) = check("leftovers", page("<p>x</p>", sheet.replace("red", "{{ accent }}")))
    assert (found.level, found.where) == (Level.ERROR, "issue.html, line 3")


def test_a_wrong_character_set_is_a_warning(check: Check) -> None:
    (found,) = check("leftovers", "<p>caf\u00c3\u00a9</p>")
    assert (found.level, "wrong character set" in found.message) == (Level.WARNING, True)


def test_the_text_part_tells_every_story_of_the_html(check: Check) -> None:
    html = '<a href="https://e.test/1">One</a><a href="https://e.test/2">Two</a>'
    stories = (Told("One", "https://e.test/1"), Told("Two", "https://e.test/2"), Told("Not shown", "https://e.test/3"))
    found = check("text_part", html, stories=stories, text="One\nhttps://e.test/1\nTWO\n")
    assert [each.message for each in found] == ["the text part has no link to 'Two'"]
    found = check("text_part", html, stories=stories, text="https://e.test/1\nT\nwo https://e.test/2")
    assert [each.message for each in found] == ["the story 'One' is not in the text part"]


def test_braces_that_the_text_part_has_parted_are_told_all_the_same(check: Check) -> None:
    html = '<a href="https://e.test/1">One</a>'
    parted = "A {\u2060{ b }\u2060}\nhttps://e.test/1\n"
    assert check("text_part", html, stories=(Told("A {{ b }}", "https://e.test/1"),), text=parted) == []


def test_a_mail_without_ways_out_is_an_error(check: Check) -> None:
    assert check("ways_out") == []
    found = check("ways_out", "<p>1 Sample Street, London</p>", text="nothing")
    assert [(each.level, each.message) for each in found] == [
        (Level.ERROR, "the mail has no unsubscribe link"),
        (Level.ERROR, "the text part has no unsubscribe link"),
        (Level.ERROR, "the mail has no view in browser link"),
        (Level.ERROR, "the text part has no view in browser link"),
    ]


def test_a_hidden_way_out_is_none(check: Check) -> None:
    links = f'<a href="{LEAVE}">x</a><a href="{VIEW}">y</a><p>1 Sample Street, London</p>'
    assert check("ways_out", links) == []
    hidden = links.replace('">x', '" style="display:none">x')
    assert [each.message for each in check("ways_out", hidden)] == ["the mail has no unsubscribe link"]


def test_the_postal_address_is_looked_for(check: Check) -> None:
    assert [each.message for each in check("ways_out", address="2 Other Street")] == [
        "the postal address (site.address) is not in the mail"
    ]
    assert [each.where for each in check("ways_out", address="")] == ["site.address"]
