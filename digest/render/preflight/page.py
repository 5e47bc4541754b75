"""A mail's HTML as the checks see it: the tree of most readers, that of Outlook for Windows, the rules of its style blocks.

    html -> Page: root, outlook, sheets

Lines are those of `issue.html` as `preview` writes it. What is not here: the cascade (cascade), what is wrong with a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import tinycss2
from lxml import etree
from lxml import html as lxml_html
from lxml.html import HtmlElement

# "Downlevel-hidden" comments are read by Word alone; "revealed" ones, in a comment's form, by everybody else.
_NOT_FOR_WORD = re.compile(r"<!--\[if\s+!mso[^\]]*\]>\s*(?:<!)?-->.*?<!--\s*<!\[endif\]-->", re.IGNORECASE | re.DOTALL)
_FOR_WORD = re.compile(r"<!--\[if\s+([^\]!]*mso[^\]]*)\]>(.*?)<!\[endif\]-->", re.IGNORECASE | re.DOTALL)
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Declaration:
    """`name: value` of a style. Names are in lower case."""

    name: str
    value: str
    important: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a style block. media: the words after @media, "" outside of one. line: in the page."""

    selectors: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    media: str
    line: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """A style block. at_rules: their names, each with its line; nested: lines where one stands inside another."""

    line: int
    size: int
    rules: tuple[Rule, ...]
    at_rules: tuple[tuple[str, int], ...]
    nested: tuple[int, ...]
    faults: tuple[tuple[str, int], ...]


class Page:
    """A mail's HTML, parsed once for all checks."""

    def __init__(self, html: str) -> None:
        self.html = html

    @cached_property
    def root(self) -> HtmlElement:
        """As every reader but Outlook for Windows has it."""
        return _parsed(self.html)

    @cached_property
    def outlook(self) -> HtmlElement:
        """As Word has it: what is in its conditional comments is live, what is not for it is gone."""
        return _parsed(for_word(self.html))

    @cached_property
    def sheets(self) -> tuple[Sheet, ...]:
        """The style blocks outside of comments."""
        return tuple(_sheet(element) for element in self.root.iter("style"))

    def elements(self, *tags: str) -> Iterator[HtmlElement]:
        """The elements of the tree in their order; all, or those with one of the tags."""
        for element in self.root.iter(*tags):
            if isinstance(element.tag, str):
                yield element


def _parsed(html: str) -> HtmlElement:
    # A declared encoding would be refused with a text that is decoded already; ours are always UTF-8.
    parser = lxml_html.HTMLParser(encoding="utf-8")
    try:
        return lxml_html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:  # nothing in it but comments, or nothing at all
        return lxml_html.document_fromstring("<html><body></body></html>")


def for_word(html: str) -> str:
    """`html` as Word reads it, each line where it was."""
    without = _NOT_FOR_WORD.sub(lambda match: "\n" * match[0].count("\n"), html)
    return _FOR_WORD.sub(lambda match: match[2], without)


def tag_of(element: HtmlElement) -> str:
    """The name of an element; empty for a comment."""
    return element.tag if isinstance(element.tag, str) else ""


def place(element: HtmlElement) -> str:
    """Where an element stands, for a person: the line, and how its tag begins."""
    shown = " ".join(f'{name}="{value}"' for name, value in element.attrib.items() if name in {"class", "style", "src"})
    tag = f"<{tag_of(element)}{' ' if shown else ''}{shown}"
    return f"issue.html, line {line_of(element)}: {tag[:_SHOWN]}{'…' if len(tag) > _SHOWN else '>'}"


def line_of(element: HtmlElement) -> int:
    """The line in which an element begins, counted from 1."""
    line: int | None = element.sourceline
    return line or 1


def declarations(style: str | None) -> tuple[Declaration, ...]:
    """What a style attribute, or the body of a rule, declares; what cannot be read is left out."""
    parsed = tinycss2.parse_blocks_contents(style or "", skip_comments=True, skip_whitespace=True)
    return tuple(_declaration(each) for each in parsed if each.type == "declaration")


def _declaration(node: Any) -> Declaration:
    return Declaration(node.lower_name, tinycss2.serialize(node.value).strip(), node.important)


def style_of(element: HtmlElement) -> dict[str, str]:
    """An element's own style: property -> value, the last of several."""
    return {each.name: each.value for each in declarations(element.get("style"))}


# -- style blocks ------------------------------------------------------------------------------------------------------


def _sheet(element: HtmlElement) -> Sheet:
    text = element.text or ""
    read = _Reader(line_of(element))
    read.rules_of(tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True), "", inside=False)
    size = len(text.encode("utf-8", "replace"))
    return Sheet(
        line_of(element), size, tuple(read.rules), tuple(read.at_rules), tuple(read.nested), tuple(read.faults)
    )


class _Reader:
    """Collects what a style block holds. first: the line of its tag."""

    def __init__(self, first: int) -> None:
        self._first = first
        self.rules: list[Rule] = []
        self.at_rules: list[tuple[str, int]] = []
        self.nested: list[int] = []
        self.faults: list[tuple[str, int]] = []

    def rules_of(self, nodes: list[Any], media: str, *, inside: bool) -> None:
        for node in nodes:
            line = self._first + node.source_line - 1
            broken = [part for part in getattr(node, "prelude", ()) if part.type == "error"]
            if node.type == "error" or broken:
                self.faults.append((broken[0].message if broken else node.message, line))
            elif node.type == "qualified-rule":
                selectors = tuple(part.strip() for part in tinycss2.serialize(node.prelude).split(","))
                self.rules.append(Rule(selectors, declarations(tinycss2.serialize(node.content)), media, line))
            elif node.type == "at-rule":
                self._at_rule(node, line, inside)

    def _at_rule(self, node: Any, line: int, inside: bool) -> None:
        self.at_rules.append((f"@{node.lower_at_keyword}", line))
        if inside:
            self.nested.append(line)
        if node.lower_at_keyword == "media" and node.content is not None:
            inner = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
            self.rules_of(inner, tinycss2.serialize(node.prelude).strip().lower(), inside=True)
