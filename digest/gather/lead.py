"""An article's text, and its first real paragraph (pure; trafilatura is used here alone).

What is not here: what the page says of the article in its head (articles).
"""

from __future__ import annotations

from importlib.util import find_spec

from lxml.html import HtmlElement

_PARAGRAPH_MIN = 60  # shorter ones are bylines, dates and captions


def can_read_articles() -> bool:
    """Whether the extra `articles` is installed."""
    return find_spec("trafilatura") is not None


def text_of_article(tree: HtmlElement) -> str:
    """The article's text, a line a paragraph; "" when there is none, or the extra `articles` is not installed."""
    if not can_read_articles():
        return ""
    import trafilatura  # heavy: only the process that reads pages loads it, and only for sources that want it

    return trafilatura.extract(tree, fast=True, include_comments=False, include_tables=False) or ""


def lead_of(text: str) -> str:
    """The first paragraph of an article's text; "" when there is none."""
    return next((line for line in map(str.strip, text.splitlines()) if len(line) >= _PARAGRAPH_MIN), "")
