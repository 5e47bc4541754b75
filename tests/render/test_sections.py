"""Headings of sections, the others who tell a story, and the label of a paid one, in both parts of the mail."""

from __future__ import annotations

import re
from dataclasses import replace

from digest.model.issue import AlsoIn, IssueStory, RenderedIssue
from digest.render.merge import Merge, Personal
from digest.render.values import groups_of
from tests.render.sample_issue import Renderer, an_issue, six_stories


def in_sections() -> tuple[IssueStory, ...]:
    """The lead; Industry with 1; Navy with 2 and 3; none with 4 and 5."""
    titles = ("Navy", "Industry", "Navy", "Navy", "", "")
    topics = (("navy",), ("industry",), ("navy",), ("navy", "yards"), ("other",), ("other",))
    return tuple(
        replace(story, section=title, topics=own)
        for story, title, own in zip(six_stories(), titles, topics, strict=True)
    )


def headings(rendered: RenderedIssue, reader: Personal, *topics: str) -> tuple[list[str], list[str]]:
    """The headings in a follower's HTML and in her text."""
    html, text = Merge(rendered).fill(replace(reader, topics=frozenset(topics)))
    drawn = re.findall(r"<h2 class=\"section-title[^>]*>([^<]*)</h2>", html)
    return drawn, re.findall(r"={72}\n([A-Z]+)\n", text)


def test_each_section_has_its_heading_and_the_lead_has_none(render: Renderer, reader: Personal) -> None:
    rendered = render(an_issue(in_sections()))
    assert headings(rendered, reader) == (["Industry", "Navy"], ["INDUSTRY", "NAVY"])
    _, text = Merge(rendered).fill(reader)
    parts = ("Malaysia sets", "INDUSTRY", "DroneShield", "NAVY", "GAO:", "Palantir")
    assert sorted(parts, key=text.index) == list(parts)


def test_a_heading_without_a_story_for_her_vanishes(render: Renderer, reader: Personal) -> None:
    rendered = render(an_issue(in_sections()))
    assert headings(rendered, reader, "industry") == (["Industry"], ["INDUSTRY"])
    assert headings(rendered, reader, "Yards") == (["Navy"], ["NAVY"])
    assert headings(rendered, reader, "other") == ([], [])
    assert headings(rendered, reader, "nothing") == ([], [])


def test_a_heading_stays_for_everyone_above_a_story_for_everyone(render: Renderer, reader: Personal) -> None:
    stories = list(in_sections())
    stories[3] = replace(stories[3], pinned=True)
    assert headings(render(an_issue(tuple(stories))), reader, "nothing") == (["Navy"], ["NAVY"])


def test_an_issue_without_sections_has_no_headings(render: Renderer, reader: Personal) -> None:
    assert headings(render(), reader) == ([], [])
    assert [(group.title, len(group.stories)) for group in groups_of(six_stories())] == [("", 5)]


def test_the_others_who_tell_it_are_named_with_their_links(render: Renderer, reader: Personal) -> None:
    also = (AlsoIn("sea-post", "https://post.example.com/1?a=1&b=2"), AlsoIn("odd", "javascript:alert(1)"))
    html, text = Merge(render.with_story(also=also)).fill(reader)
    assert re.search(
        r'Also covered by <a [^>]*href="https://post\.example\.com/1\?a=1&amp;b=2"[^>]*>Sea Post</a>, Odd', html
    )
    assert "Also covered by Sea Post\nhttps://post.example.com/1?a=1&b=2\nAlso covered by Odd\n" in text
    assert "javascript" not in html + text


def test_a_paid_story_is_labelled(render: Renderer, reader: Personal) -> None:
    stories = list(six_stories())
    stories[2] = replace(stories[2], topics=("sponsored",))
    html, text = Merge(render(an_issue(tuple(stories)))).fill(reader)
    assert (html.count(">Sponsored<"), text.count("[Sponsored]\nGAO: frigate schedule")) == (1, 1)
