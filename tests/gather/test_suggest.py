from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import GatherError
from digest.gather.document import parse
from digest.gather.feed_links import feed_links
from digest.gather.linked_data import listed_links
from digest.gather.suggest import Suggestion, suggest

URL = "https://coast.example.org/news/"
NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
TITLES = (
    "Two tugs for the old harbour arrive", "The ferry runs again after a winter", "A buoy is lost on Friday night",
    "Gulls are counted by a camera now", "The pier gets a roof of green glass",
)  # fmt: skip
FRAME = """<html><head><title>News</title>{head}</head><body><header><a href="/">The Coast, news of us</a></header>
<nav><ul>{menu}</ul></nav><main>{main}</main><aside>{aside}</aside><footer><a href="/imprint">Imprint</a></footer>"""
MENU = "".join(
    f"<li><a href='/section-{n}/all-the-news-of-it'>All the news of section number {n}</a></li>" for n in range(9)
)
ASIDE = "".join(f"<li><a href='/ads/buy-this-tea-{n}'>Buy this tea today, number {n}</a></li>" for n in range(4))


def page(card: str, head: str = "", wrap: str = "{}") -> bytes:
    cards = "".join(card.format(n=n, title=title) for n, title in enumerate(TITLES))
    return FRAME.format(head=head, menu=MENU, aside=ASIDE, main=wrap.format(cards)).encode()


def suggested(body: bytes) -> Suggestion:
    return suggest(body, "text/html; charset=utf-8", URL, NOW)


CARDS = {
    "heading and paragraph": "<div class='teaser'><h3><a href='/a-story-{n}'>{title}</a></h3>"
    "<p>It happened on the coast, and everybody saw it happen.</p></div>",
    "link around the card": "<li class='card'><a href='/a-story-{n}'><h3>{title}</h3>"
    "<p>It happened on the coast, and everybody saw it happen.</p></a></li>",
    "section link first": "<article><a href='/harbour/'>Harbour</a><h2><a href='/a-story-{n}'>{title}</a></h2>"
    "<p>It happened on the coast, and everybody saw it happen.</p></article>",
    "picture link first": "<article class='c'><a href='/a-story-{n}'><img src='/{n}.jpg'></a>"
    "<a class='name' href='/a-story-{n}'>{title}</a>"
    "<div class='excerpt'>It happened on the coast, they say.</div></article>",
    "title and summary in one link": "<div class='row'><a href='/a-story-{n}'><span class='item-title'>{title}</span> "
    "<span class='item-summary'>It happened on the coast, and everybody saw it.</span></a></div>",
    "read more at the end": "<div class='row'><a class='t' href='/a-story-{n}'>{title}</a>"
    "<a class='more' href='/a-story-{n}'>Read more</a><a href='/a-story-{n}/comments/'>7 comments</a></div>",
    "table": "<tr><td>{n}.</td><td class='title'><a href='/a-story-{n}'>{title}</a></td>"
    "<td><a href='/by/ann'>ann</a></td></tr>",
    "elements with a colon": "<div><news:item class='n'><a href='/a-story-{n}'><news:title>{title}</news:title></a>"
    "</news:item></div>",
    "without any class": "<p><b><a href='/a-story-{n}'>{title}</a></b></p>",
}


@pytest.mark.parametrize("kind", CARDS)
def test_repeated_cards_are_found_and_give_their_stories(kind: str) -> None:
    wrap = "<table id='list'>{}</table>" if kind == "table" else "<div id='list'>{}</div>"
    found = suggested(page(CARDS[kind], wrap=wrap))
    assert [story.title for story in found.stories] == list(TITLES)
    assert [story.link for story in found.stories] == [f"https://coast.example.org/a-story-{n}" for n in range(5)]
    assert (found.feed, found.how) == (None, "cards")
    if "p>" in CARDS[kind] and "happened" in CARDS[kind]:
        assert all(story.teaser.startswith("It happened on the coast") for story in found.stories)


def test_menus_margins_and_labels_are_no_stories() -> None:
    share = "<a href='https://share.example.com/intent/post?url=https://coast.example.org/{n}'>Share this story now</a>"
    found = suggested(page(CARDS["heading and paragraph"].replace("</div>", f"{share}</div>")))
    assert [story.title for story in found.stories] == list(TITLES)


def test_a_feed_in_the_head_comes_first_and_that_of_comments_last() -> None:
    head = (
        "<link rel='alternate' type='application/rss+xml' title='Comments' href='/comments/feed'>"
        "<link rel='alternate' type='application/atom+xml' href='feed.atom'>"
        "<link rel='alternate' type='application/json' href='/wp-json/x'>"
        "<link rel='alternate' hreflang='de' href='/de/'>"
    )
    body = page(CARDS["heading and paragraph"], head=head)
    assert feed_links(parse(body, None), URL) == [f"{URL}feed.atom", "https://coast.example.org/comments/feed"]
    assert suggested(body).feed == f"{URL}feed.atom"


def test_the_list_that_the_page_names_itself_decides_which_cards_are_meant() -> None:
    entries = ",".join(f'{{"@type":"ListItem","url":"https://coast.example.org/a-story-{n}"}}' for n in range(5))
    data = f'<script type="application/ld+json">{{"@type":"ItemList","itemListElement":[{entries}]}}</script>'
    others = "".join(
        f"<div class='x'><h2><a href='/other-and-longer-{n}'>Another story of many words {n}</a></h2></div>"
        for n in range(9)
    )
    card = "<div class='y'><a href='/a-story-{n}'>{title}</a></div>"
    body = page(card, head=data, wrap=others + "{}")
    assert len(listed_links(parse(body, None))) == 5
    found = suggested(body)
    assert (found.how, [story.title for story in found.stories]) == ("list", list(TITLES))


def test_rules_that_would_give_nothing_are_not_printed() -> None:
    with pytest.raises(GatherError, match="no list of stories was found on this page"):
        suggested(b"<html><body><h1>Welcome</h1><p>We are a small office by the sea, and have nothing to tell.</p>")
    with pytest.raises(GatherError, match="needs JavaScript"):
        suggested(b"<html><body><div id=root></div><script src=/app.js></script></body></html>")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300) | st.lists(st.sampled_from(
    ["<ul>", "<li class='a b'>", "<a href='/x-1'>", "<a href='/y-2-z'>", "<h2>", "</h2>", "</a>", "</li>", "words of it",
     "<p id=p>", "<a href='http://['>", "<!--", "<div class='&quot;]'>", "<aside>", "<header>"]), max_size=40)
    .map("".join).map(str.encode))  # fmt: skip
def test_no_bytes_crash_the_search_for_rules(body: bytes) -> None:
    try:
        found = suggest(body, None, URL, NOW)
    except GatherError:
        return
    assert found.feed or found.stories
