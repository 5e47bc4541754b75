from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.gather.clean import TEASER_MAX, opening, plain, teaser, title

SENTENCE = "The harbour board will buy two tugs from a yard up the coast next spring."


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("A<br>B<p>C</p>D", "A B C D"),
        ("<p>one</p><p>two</p>", "one two"),
        ("fish &amp; chips", "fish & chips"),
        ("fish &amp;amp; chips", "fish & chips"),
        ("it&amp;#8217;s", "it’s"),
        ("&lt;p&gt;escaped &lt;b&gt;once&lt;/b&gt; too often&lt;/p&gt;", "escaped once too often"),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
        ("a<script>alert(1)</script>b<style>p{}</style>c", "abc"),
        ("<![CDATA[inside]]>", "inside"),
        ("soft\u00adhyphen zero\u200bwidth \ufeffmark", "softhyphen zerowidth mark"),
        ("evil\u202etxt.exe\u202c", "eviltxt.exe"),
        ("tab\tline\nnull\x00 \ud800end", "tab line null end"),
        ("family \U0001f468\u200d\U0001f469\u200d\U0001f467", "family \U0001f468\u200d\U0001f469\u200d\U0001f467"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("quote\x92s and dash \x96", "quote’s and dash –"),
        ("non\u00a0breaking", "non breaking"),
        ("<a href='x'>unclosed", "unclosed"),
    ],
)
def test_plain_text_is_what_a_reader_would_see(markup: str, text: str) -> None:
    assert plain(markup) == text


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=200) | st.text("<>&;/p#amp!-[]CDATA ", max_size=200))
def test_no_text_crashes_cleaning_and_teasers_stay_short(text: str) -> None:
    assert len(teaser(text * 5, text)) <= TEASER_MAX
    assert title(text) == " ".join(title(text).split())


def test_deep_nesting_is_read_in_reasonable_time() -> None:
    assert plain("<div>" * 100_000 + "x") == ""
    assert plain("<p>seen</p>" + "<div>" * 100_000) == "seen"


@pytest.mark.parametrize(
    "tail",
    [
        " The post Two tugs appeared first on The Coast.",
        "<p>The post <a href='/x'>Two tugs</a> appeared first on <a href='/'>The Coast</a>.</p>",
        " Continue reading Two tugs for the harbour &rarr;",
        " Read more",
        "<a href='/x'>Read More »</a>",
        " [Read the full story at The Coast]",
        " Weiterlesen …",
        " Continue reading...",
    ],
)
def test_boilerplate_at_the_end_is_taken_off(tail: str) -> None:
    assert teaser(SENTENCE + tail, "Two tugs") == SENTENCE


@pytest.mark.parametrize(
    "line",
    ["LONDON, Nov 3 (Agency) — ", "LONDON (Reuters) - ", "WASHINGTON — ", "KYIV, Ukraine (AP) — ", "Berlin (dpa) - ",
     "NEW YORK/LONDON, Nov. 3 (Reuters) - ", "PARIS, 3 Nov (AFP) – ", "SYDNEY, Nov 3, 2026 /PRNewswire/ -- "],
)  # fmt: skip
def test_a_dateline_is_taken_off(line: str) -> None:
    assert teaser(line + SENTENCE, "Two tugs") == SENTENCE


@pytest.mark.parametrize(
    "text",
    ["NASA - the agency that went to the moon - has said so.", "A buoy – Nobody knows where it went on Friday.",
     "AI (artificial intelligence): it is here to stay.", "US: two ships were lost in the storm of Monday."],
)  # fmt: skip
def test_what_only_looks_like_a_dateline_stays(text: str) -> None:
    assert teaser(text, "Two tugs") == text


def test_a_sentence_that_speaks_of_reading_more_stays() -> None:
    text = "The library found that children in the valley read more than their parents ever did."
    assert teaser(text, "Library") == text


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        ("Lt. Gen. A. B. Smith praised the U.S. Army’s plan for the northern road.", " He then spoke"),
        ("Shares in Harbour Works Ltd. (ASX: HBW) rose after the order No. 7 was named.", " The board then"),
        ("Costs rose by 3.5 per cent to about 20 million, the auditors of the port say.", " They then"),
        ("“Will it float, and who will pay for it in the end?” asked the mayor twice!", " Nobody then"),
    ],
)
def test_a_long_text_is_cut_where_a_sentence_ends(first: str, rest: str) -> None:
    assert teaser(first + rest + " and more of the same" * 20, "Tugs") == first


def test_chinese_and_japanese_sentences_end_too() -> None:
    sentence = "政府は新しい防衛計画の概要を月曜日に発表し、議会に提出した。"
    assert teaser(sentence * 20, "防衛") == sentence * (TEASER_MAX // len(sentence))


def test_without_a_sentence_end_the_cut_is_at_a_word() -> None:
    text = teaser("harbour " * 60, "Tugs")
    assert text.endswith("harbour…")
    assert len(text) <= TEASER_MAX


def test_a_text_that_the_source_has_cut_says_so() -> None:
    assert teaser("The third tug of the class left the yard on Monday [&#8230;]", "Tug").endswith("on Monday…")
    assert teaser(SENTENCE + " The third […]", "Tug") == SENTENCE


@pytest.mark.parametrize("text", ["", "Too short.", "<img src=x>", "TWO TUGS FOR THE OLD HARBOUR!"])
def test_a_teaser_that_says_nothing_is_none(text: str) -> None:
    assert teaser(text, "Two tugs for the old harbour") == ""


def test_a_copy_of_the_title_in_front_is_taken_off() -> None:
    assert teaser(f"<h2>Two tugs for the old harbour</h2><p>{SENTENCE}</p>", "Two tugs for the old harbour") == SENTENCE


def test_the_source_is_taken_off_the_end_of_a_title() -> None:
    assert title("Two tugs - The Coast", ["The Coast"]) == "Two tugs"
    assert title("Two tugs – the coast", ["The Coast"]) == "Two tugs"
    assert title("The Coast", ["The Coast"]) == "The Coast"
    assert title("Off The Coast", ["The Coast"]) == "Off The Coast"


@pytest.mark.parametrize("text", ["...", " – ", "\u200b!", "<b>?</b>", "«»"])
def test_punctuation_alone_is_no_title(text: str) -> None:
    assert title(text) == ""


@pytest.mark.parametrize("text", ["🔥", "7", "Ü", "読"])
def test_a_single_sign_that_says_something_is_a_title(text: str) -> None:
    assert title(text) == text


def test_titles_and_openings_are_bounded() -> None:
    assert len(title("word " * 400)) <= 300
    assert opening("<p>five words of some text</p>", 12) == "five words…"
