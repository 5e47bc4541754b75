"""What a page says of the article that it is itself (pure).

What is not here: JSON-LD as such (linked_data), the article's text (lead), lists of other articles (pages), and asking for
the pages of stories (completing).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from digest.gather import clean
from digest.gather.cooldown import domain_of
from digest.gather.dates import parse_date
from digest.gather.document import base_of, markup_of, parse, text_of
from digest.gather.entry import Entry, language_tag
from digest.gather.identity import absolute_link, link_key, picture_link
from digest.gather.lead import lead_of, text_of_article
from digest.gather.linked_data import article_data
from digest.gather.linked_data import string as _string
from digest.gather.reading_time import minutes_of
from digest.gather.walls import is_stub
from digest.model.story import RawStory

# What sites name as a picture where they have none: their own sign.
_SIGN = re.compile(
    r"logo|favicon|placeholder|default[-_]?(?:image|img|share|og|thumb)|og[-_]default|no[-_]?image", re.I
)
# Under these names pages give the day of publication; names that may mean another day are not among them.
_DATE_NAMES = (
    "datepublished", "og:article:published_time", "article:published", "parsely-pub-date", "sailthru.date", "pubdate",
    "publishdate", "publish-date", "publication_date", "date", "dc.date.issued", "dcterms.created", "dcterms.issued",
    "dc.date", "dcterms.date", "uploaddate", "cxenseparse:recs:publishtime",
)  # fmt: skip
TEASER_ENOUGH = 80  # characters; a story whose teaser has fewer is worth a look at its page
_PARAGRAPH_MIN = 60  # shorter ones are bylines, dates and captions


def article_of(tree: HtmlElement, url: str) -> Entry | None:
    """The page's own article; None when it does not call itself one: no og:type, no JSON-LD, no single <article>."""
    declared = _meta(tree).get("og:type", "").lower() == "article" or article_data(tree)
    return described(tree, url) if declared or _article_element(tree) is not None else None


def described(tree: HtmlElement, url: str) -> Entry:
    """What the page at `url` says of the article that it is known to be."""
    meta, data, element = _meta(tree), article_data(tree), _article_element(tree)
    base = base_of(tree, url)
    body = element if element is not None else next(tree.iter("main"), tree)
    heading = next((text_of(h1) for h1 in (*body.iter("h1"), *tree.iter("h1")) if text_of(h1)), "")
    document_title = next((text_of(found) for found in tree.iter("title")), "")
    titles = (*_agreed(heading, _string(data.get("headline")), meta.get("og:title", "")), document_title)
    described_as = (meta.get("og:description"), meta.get("description"), _string(data.get("description")))
    pictures = (meta.get("og:image"), _image(data.get("image")), meta.get("twitter:image"))
    return Entry(
        base=base,
        title=next(filter(None, titles), ""),
        texts=tuple(filter(None, (*described_as, None if is_for_payers(tree) else _first_paragraph(body)))),
        links=(_own_link(tree, base, url), url),
        published=tuple(filter(None, _dates(meta, data, body, tree))),
        images=tuple(image for image in pictures if image and not _SIGN.search(image.rpartition("/")[2])),
        language=language_of(tree) or language_tag(_string(data.get("inLanguage"))),
    )


def is_for_payers(tree: HtmlElement) -> bool:
    """Whether the page says that its text is not free (schema.org isAccessibleForFree): what it shows is no story then."""
    meta = _meta(tree)
    free = article_data(tree).get("isAccessibleForFree")
    tier = meta.get("article:content_tier", "").lower()
    return free is False or str(free).lower() == "false" or tier == "locked"


def is_walled(tree: HtmlElement) -> bool:
    """Whether those who do not pay find a beginning and a wall, as the page says or shows."""
    free = str(article_data(tree).get("isAccessibleForFree", "")).lower()
    return is_for_payers(tree) or (free != "true" and is_stub(tree))


def with_article(story: RawStory, body: bytes, content_type: str | None, url: str, now: datetime) -> RawStory:
    """`story` with what its own page can add: a teaser where it has none or hardly one, and date, picture, length.

    What the source itself said stays. A page for payers lends its description, and no text: that would be the wall's.
    Raises GatherError for an empty page.
    """
    tree = parse(body, content_type)
    page = described(tree, url)
    walled = is_walled(tree)
    canonical_key = canonical_of(tree, url, story.link)
    text = "" if walled else text_of_article(tree)
    headline = _whole_title(story.title, clean.title(page.title, (site_name(tree),)))
    return replace(
        story,
        title=headline,
        teaser=story.teaser if len(story.teaser) >= TEASER_ENOUGH else _best_teaser(story.teaser, headline, text, page),
        published=story.published or next(filter(None, (parse_date(text, now) for text in page.published)), None),
        image=story.image or next(filter(None, (picture_link(image, page.base) for image in page.images)), None),
        language=story.language or page.language,
        minutes=story.minutes or (None if walled else _minutes(tree, text)),
        walled=walled,
        canonical_key=canonical_key,
    )


def canonical_of(tree: HtmlElement, url: str, link: str) -> str:
    """The key of the link that the page at `url`, found under `link`, calls its own; "" when it names none but that.

    Only within one registrable domain: what others say of a site's pages does not count, and where `link` only leads on to
    another site, neither does what that says of the link. A home page is no article.
    """
    base = base_of(tree, url)
    named = [element.get("href", "") for element in tree.iter("link") if "canonical" in element.get("rel", "").lower()]
    for each in (*named, _meta(tree).get("og:url", "")):
        canonical = absolute_link(each, base) if each else None
        if canonical and not _is_home(canonical) and domain_of(canonical) == domain_of(url) == domain_of(link):
            return "" if link_key(canonical) == link_key(link) else link_key(canonical)
    return ""


def measured(story: RawStory, tree: HtmlElement) -> RawStory:
    """`story`, which is the page itself, with how long it takes to read and whether there is a wall."""
    walled = is_walled(tree)
    return replace(story, walled=walled, minutes=None if walled else _minutes(tree, ""))


def _minutes(tree: HtmlElement, text: str) -> int | None:
    """By the text that the page declares, else by `text`, which was found in it, else by its article's paragraphs."""
    declared = _string(article_data(tree).get("articleBody"))
    return minutes_of(declared) or minutes_of(text or _paragraphs(tree))


def _paragraphs(tree: HtmlElement) -> str:
    article = next((each for each in tree.iter() if each.get("itemprop") == "articleBody"), _article_element(tree))
    return "" if article is None else " ".join(map(text_of, article.iter("p", "li")))


def _best_teaser(known: str, headline: str, text: str, page: Entry) -> str:
    """The first text that says enough, else the longest: the description, the first paragraph, what is known."""
    lead = lead_of(text).replace("<", "&lt;")
    found = [clean.teaser(text, headline) for text in (*page.texts[:1], lead, *page.texts[1:])] + [known]
    return next((teaser for teaser in found if len(teaser) >= TEASER_ENOUGH), max(found, key=len))


def _whole_title(known: str, of_page: str) -> str:
    """The page's title where the source has cut its own short."""
    start = re.sub(r"\s*(?:…|\.\.\.)$", "", known)
    return of_page if start != known and of_page.casefold().startswith(start.casefold()) else known


def site_name(tree: HtmlElement) -> str:
    """What the site calls itself; "" when it does not."""
    return _meta(tree).get("og:site_name", "")


def language_of(tree: HtmlElement) -> str | None:
    """The page's language tag."""
    return language_tag(next(tree.iter("html"), tree).get("lang", ""))


def _meta(tree: HtmlElement) -> dict[str, str]:
    """The page's meta values by lower-case name; the first of a name counts."""
    found: dict[str, str] = {}
    for element in tree.iter("meta"):
        name = (element.get("property") or element.get("name") or element.get("itemprop") or "").lower().strip()
        if name and element.get("content", "").strip():
            found.setdefault(name, element.get("content", "").strip())
    return found


def _article_element(tree: HtmlElement) -> HtmlElement | None:
    """The <article> that is the page's subject: the one with the h1, or the only one. Cards of a list are none."""
    articles = list(tree.iter("article"))
    with_title = [article for article in articles if next(article.iter("h1"), None) is not None]
    if len(with_title) == 1:
        return with_title[0]
    return articles[0] if len(articles) == 1 else None


def _first_paragraph(body: HtmlElement) -> str | None:
    return next((markup_of(p) for p in body.iter("p") if len(text_of(p)) >= _PARAGRAPH_MIN), None)


def _own_link(tree: HtmlElement, base: str, url: str) -> str:
    """The canonical link if it is on the same site; a canonical link to the home page is a mistake, and not followed."""
    for link in tree.iter("link"):
        canonical = absolute_link(link.get("href", ""), base) if "canonical" in link.get("rel", "").lower() else None
        if canonical and _site(canonical) == _site(url) and (urlsplit(canonical).path.strip("/") or _is_home(url)):
            return canonical
    return url


def _site(url: str) -> str:
    return urlsplit(link_key(url)).netloc


def _is_home(url: str) -> bool:
    return not urlsplit(url).path.strip("/")


def _agreed(heading: str, headline: str, shared_as: str) -> tuple[str, ...]:
    """The titles of an article, best first: og:title is made for sharing, h1 may be the site's name, two that agree are it.

    An og:title with a word in front ("Harbour: Two tugs") counts as agreeing with the h1 behind it.
    """
    same = clean.plain(heading).casefold()
    told = same and (same == clean.plain(headline).casefold() or clean.plain(shared_as).casefold().endswith(f" {same}"))
    return (heading, headline, shared_as) if told else (shared_as, headline, heading)


def _dates(meta: dict[str, str], data: dict[str, object], body: HtmlElement, tree: HtmlElement) -> Iterator[str]:
    """Date strings, the surest first; none of later changes."""
    yield meta.get("article:published_time", "")
    yield _string(data.get("datePublished"))
    yield from (meta.get(name, "") for name in _DATE_NAMES)
    for element in tree.iter("time", "abbr", "span", "div", "p"):
        if "datepublished" in element.get("itemprop", "").lower() or "published" in element.get("class", "").split():
            yield from (element.get(name, "") for name in ("datetime", "content", "title"))
            yield text_of(element)[:60]
            break
    for time in body.iter("time"):
        yield time.get("datetime") or text_of(time)
        break  # later ones belong to comments and related stories


def _image(value: object) -> str:
    if isinstance(value, list):
        return _image(value[0]) if value and not isinstance(value[0], list) else ""
    return _string(value.get("url")) if isinstance(value, dict) else _string(value)
