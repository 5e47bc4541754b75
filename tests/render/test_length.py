"""A mail that Gmail would clip loses whole stories from its end; the web version has them all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from digest.model.issue import IssueStory, RenderedIssue
from digest.render.length import TARGET
from digest.render.merge import Merge, Personal
from digest.render.words import more_stories
from tests.render.sample_issue import SHIPPED, Renderer, a_newsletter, an_issue, six_stories

LAYOUTS = ["classic", "compact", "briefing"]


def told(number: int, section: str = "", **changes: Any) -> tuple[IssueStory, ...]:
    """So many stories with pictures; `changes` by position in a table of their own: p7={...}."""
    like = six_stories()
    made = []
    for position in range(number):
        values = {
            "position": position, "story_id": position, "title": f"Report {position} of the day, and what it means",
            "image": "https://images.example.org/a.png", "section": section.format(position // 20) if position else "",
        }  # fmt: skip
        made.append(replace(like[position % 6], **values | changes.get(f"p{position}", {})))
    return tuple(made)


def shown(part: str) -> list[int]:
    """The stories that are told in a part, in their order."""
    return [
        int(found) for found in re.findall(r"Report (\d+) of the", re.sub(r"""(?:alt|title)=(['"]).*?\1""", "", part))
    ]


def titles(html: str) -> list[int]:
    return list(dict.fromkeys(shown(html)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_long_mail_loses_whole_stories_from_its_end(layout: str, reader: Personal) -> None:
    rendered = Renderer()(an_issue(told(60)), theme={"layout": layout})
    merge = Merge(rendered)
    html, text = merge.fill(reader)
    kept = titles(html)
    assert kept == list(range(len(kept)))
    assert kept == titles(text)
    assert rendered.beyond == set(range(len(kept), 60))
    assert len(merge.bodies(reader)[0]) <= TARGET
    words = f"{60 - len(kept)} more stories on the web"
    assert re.search(rf'<a [^>]*href="https://news.example.org/view/v1\?a=1&amp;b=2"[^>]*>{words}</a>', html)
    assert f"{words}\n{reader.view_url}\n" in text


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_story_fewer_would_not_have_had_to_go(layout: str, reader: Personal) -> None:
    """As many as fit, and no fewer."""
    rendered = Renderer()(an_issue(told(60)), theme={"layout": layout})
    first = min(rendered.beyond)
    with_it = Merge(replace(rendered, beyond=rendered.beyond - {first}))
    assert len(with_it.bodies(reader)[0]) > TARGET - 1024


def test_the_web_version_has_every_story_and_no_word_of_more(reader: Personal) -> None:
    rendered = Renderer()(an_issue(told(60)))
    web = Merge(rendered).fill_web(reader)
    assert titles(web) == list(range(60))
    assert "on the web" not in web


def test_a_short_mail_is_whole(reader: Personal) -> None:
    rendered = Renderer()(an_issue(told(12)))
    html, text = Merge(rendered).fill(reader)
    assert (rendered.beyond, titles(html)) == (frozenset(), list(range(12)))
    assert Merge(rendered).fill_web(reader) == html
    assert "on the web" not in html + text


def test_the_lead_pinned_stories_and_paid_ones_stay(reader: Personal) -> None:
    stays: dict[str, Any] = {"p58": {"pinned": True}, "p59": {"topics": ("sponsored",)}}
    rendered = Renderer()(an_issue(told(60, **stays)))
    kept = titles(Merge(rendered).fill(reader)[0])
    assert kept[0] == 0
    assert kept[-2:] == [58, 59]
    assert kept[:-2] == list(range(len(kept) - 2))
    long = tuple(replace(story, pinned=True) for story in told(60))
    assert Renderer()(an_issue(long)).beyond == frozenset()


def test_a_section_that_has_become_empty_has_no_heading(reader: Personal) -> None:
    rendered = Renderer()(an_issue(told(60, section="Part {}")))
    merge = Merge(rendered)
    for part in merge.fill(reader):
        assert ["part 0" in part.lower(), "part 1" in part.lower(), "part 2" in part.lower()] == [True, True, False]
    assert "Part 2" in merge.fill_web(reader)


def test_a_reader_of_some_topics_is_told_of_hers_only(reader: Personal) -> None:
    """The cut is that of the whole mail; how many more there are is her own number."""
    rendered = Renderer()(an_issue(told(60, section="Part {}")))
    merge = Merge(rendered)
    navy = replace(reader, topics=frozenset({"navy"}))
    html, _ = merge.fill(navy)
    hers = titles(merge.fill_web(navy))
    assert titles(html) == [number for number in hers if number not in rendered.beyond]
    assert f"{len(set(hers) & rendered.beyond)} more stories on the web" in html
    nothing = replace(reader, topics=frozenset({"nothing"}))
    assert titles(merge.fill(nothing)[0]) == [0, 1, 2]  # these two in the preheader only
    assert titles(merge.fill(nothing)[1]) == [0]
    assert "on the web" not in merge.fill(nothing)[0]


def test_the_numbers_of_a_briefing_have_no_gap(reader: Personal) -> None:
    stays: dict[str, Any] = {"p59": {"pinned": True}}
    rendered = Renderer()(an_issue(told(60, **stays)), theme={"layout": "briefing"})
    _, text = Merge(rendered).fill(reader)
    numbers = [int(found) for found in re.findall(r"(?m)^(\d+)\. Report", text)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_it_is_the_same_each_time_and_is_kept_with_the_snapshot(reader: Personal) -> None:
    first, second = (Renderer()(an_issue(told(60, section="Part {}"))) for _ in range(2))
    assert first == second
    assert first.headings == (tuple(range(1, 20)), tuple(range(20, 40)), tuple(range(40, 60)))


@pytest.mark.parametrize("spared", ["html", "txt"])
def test_a_template_that_cannot_say_so_leaves_nothing_out(in_site: Callable[..., Renderer], spared: str) -> None:
    source = (SHIPPED / f"mail/digest.{spared}.j2").read_text()
    without = re.sub(r"\{% more %\}.*?\{% endmore %\}", "", source, flags=re.DOTALL)
    assert without != source
    assert in_site(**{f"digest_{spared}": without})(an_issue(told(60))).beyond == frozenset()


def test_the_size_of_links_and_names_is_reckoned_with(tmp_path: Path) -> None:
    rendered: RenderedIssue = Renderer(newsletter=a_newsletter())(an_issue(told(60)))
    link = "https://news.example.org/unsubscribe/" + "a" * 57
    reader = Personal("r" * 40 + "@example.com", "N" * 40, frozenset(), link, link, link)
    assert len(Merge(rendered).bodies(reader)[0]) <= TARGET


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["1 more story on the web", "2 more stories on the web", "11 more stories on the web"]),
        ("de", ["1 weitere Meldung im Web", "2 weitere Meldungen im Web", "11 weitere Meldungen im Web"]),
        ("fr", ["1 autre article sur le web", "2 autres articles sur le web", "11 autres articles sur le web"]),
        ("es", ["1 noticia más en la web", "2 noticias más en la web", "11 noticias más en la web"]),
        ("it", ["1 altra notizia sul web", "2 altre notizie sul web", "11 altre notizie sul web"]),
        ("nl", ["Nog 1 bericht op het web", "Nog 2 berichten op het web", "Nog 11 berichten op het web"]),
        ("ms", ["1 berita lagi di web", "2 berita lagi di web", "11 berita lagi di web"]),
        ("ar", ["خبر آخر على الويب", "خبران آخران على الويب", "11 خبرًا آخر على الويب"]),
        ("ja", [f"ウェブ版にはほかに{number}本の記事があります" for number in (1, 2, 11)]),
        ("tlh", ["1 more story on the web", "2 more stories on the web", "11 more stories on the web"]),
    ],
)
def test_every_language_counts_in_its_own_way(language: str, said: list[str]) -> None:
    assert [more_stories(number, language) for number in (1, 2, 11)] == said


def test_arabic_has_a_form_for_few_and_one_for_hundreds() -> None:
    assert more_stories(3, "ar") == "3 أخبار أخرى على الويب"
    assert more_stories(100, "ar-EG") == "100 خبر آخر على الويب"
