"""Filling: each subscriber her values and her stories."""

from __future__ import annotations

import quopri
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.model.issue import RenderedIssue
from digest.render.merge import Merge, Personal
from tests.render.sample_issue import Renderer, an_issue, six_stories

InSite = Callable[..., Renderer]


def test_without_topics_she_gets_every_story(merged: tuple[RenderedIssue, Merge], reader: Personal) -> None:
    html, text = merged[1].fill(reader)
    for story in six_stories():
        assert story.title in html
    assert "zq" + merged[0].nonce not in html + text


def test_a_story_of_other_topics_is_left_out_of_both_parts(
    merged: tuple[RenderedIssue, Merge], reader: Personal
) -> None:
    html, text = merged[1].fill(replace(reader, topics=frozenset({"Navy"})))
    for part in (html, text):
        assert "Canada narrows" in part
        assert "Patrol vessels" in part
        assert "DroneShield doubles its footprint in the United States</a>" not in part
        assert "auditors count" not in part
        assert "under the agreement" not in part.lower()
    assert "Malaysia sets aside" in text


def test_the_lead_pinned_and_untagged_stories_go_to_everyone(render: Renderer, reader: Personal) -> None:
    stories = list(six_stories())
    stories[2] = replace(stories[2], pinned=True)
    stories[4] = replace(stories[4], topics=())
    rendered = render(an_issue(tuple(stories)))
    assert rendered.everyone == {0, 2, 4, 6}  # 6: the heading above them, if there were one
    assert Merge(rendered).stories_for(frozenset({"navy"})) == {0, 2, 3, 4, 5, 6}
    assert Merge(rendered).stories_for(frozenset({"nothing"})) == {0, 2, 4, 6}


def test_a_text_without_a_story_has_no_hole(render: Renderer, reader: Personal) -> None:
    _, text = Merge(render()).fill(replace(reader, topics=frozenset({"nothing"})))
    assert "\n\n\n" not in text
    assert "-----" not in text


def test_a_name_in_a_link_is_percent_encoded_and_a_url_is_not(in_site: InSite, reader: Personal) -> None:
    body = '<a href="https://example.org/?n={{ subscriber.name }}&amp;e={{ subscriber.email }}">x</a>'
    html = f"<!DOCTYPE html><html><body>{body}<a href='{{{{ view_url }}}}'>y</a></body></html>"
    filled, _ = Merge(in_site(digest_html=html)()).fill(reader)
    assert 'href="https://example.org/?n=Kim%20O%27Neil%20%26%20%3CSons%3E&amp;e=reader@example.com"' in filled
    assert 'href="https://news.example.org/view/v1?a=1&amp;b=2"' in filled


_RENDERED = Renderer()()
_MERGE = Merge(_RENDERED)


@given(name=st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_name_breaks_out_of_its_place(name: str) -> None:
    page = f'<!DOCTYPE html><html><body><p title="zq{_RENDERED.nonce}nqz">zq{_RENDERED.nonce}nqz</p></body></html>\n'
    merge = Merge(replace(_RENDERED, html=page, text=f"[zq{_RENDERED.nonce}nqz]\n"))
    personal = Personal("a@example.com", name, frozenset(), "https://u.test/", "https://v.test/", "https://p.test/")
    html, text = merge.fill(personal)
    assert html.count("<") == page.count("<")
    assert html.count('"') == page.count('"')
    assert len(text.splitlines()) == 1


@given(topics=st.frozensets(st.sampled_from(["navy", "industry", "procurement", "other"])))
def test_whatever_she_follows_the_wire_says_what_fill_says(topics: frozenset[str]) -> None:
    personal = Personal("a@example.com", "N.\n.", topics, "https://u.test/", "https://v.test/", "https://p.test/")
    for filled, body in zip(_MERGE.fill(personal), _MERGE.bodies(personal), strict=True):
        assert quopri.decodestring(body).decode().replace("\r\n", "\n") == filled


@given(
    topics=st.frozensets(st.sampled_from(["navy", "industry", "procurement", "other"])),
    name=st.text(max_size=40),
    email=st.sampled_from(
        ["a@example.com", ".dot@example.com", "From@example.com", "o'neil&sons@example.com", "zoë@example.com"]
    ),
)
def test_a_mail_on_the_wire_is_its_two_bodies_in_their_frame(topics: frozenset[str], name: str, email: str) -> None:
    personal = Personal(email, name, topics, "https://u.test/x", f"https://v.test/{'a' * 90}", "https://p.test/?a=1&b")
    html, text = _FRAMED.bodies(personal)
    for _ in range(2):  # the second from the plan that the first has made
        assert _FRAMED.wire(personal) == b"[" + text + b"|" + html + b"]"


_FRAMED = Merge(_RENDERED, (b"[", b"|", b"]"))
