"""Pages that hold no list because something else stands there: a shell for a script, a wall, an error (pure).

What is not here: statuses of the server (answers), and pages whose list has changed (pages).
"""

from __future__ import annotations

import re

from lxml.etree import XPath
from lxml.html import HtmlElement

from digest.gather.document import base_of, text_of
from digest.gather.identity import absolute_link

_SHELL_TEXT_MAX = 400  # of visible text; a page with a list has more, and one with a wall has less
_WALL_TEXT_MAX = 6_000
_NOT_FOUND = re.compile(
    r"\b404\b|\bnot found\b|page (?:missing|unavailable)|no longer (?:exists|available)|nicht gefunden|introuvable|"
    r"no encontrad[ao]|non trovat[ao]|niet gevonden|não encontrad[ao]|hittades inte|не найден|見つかりません|页面不存在",
    re.IGNORECASE,
)
_CHALLENGE = re.compile(
    r"just a moment|attention required|are you (?:a )?(?:robot|human)|verify(?:ing)? (?:that )?you are|access denied|"
    r"checking your browser|pardon our interruption|captcha|please enable cookies",
    re.IGNORECASE,
)
_CONSENT = re.compile(
    r"before you continue|your privacy|we value your privacy|cookie|consent|einwilligung|zustimm|consentement|"
    r"consentimiento|toestemming|samtyck",
    re.IGNORECASE,
)
_SCRIPT_WANTED = re.compile(r"javascript", re.IGNORECASE)
_PAYWALL = re.compile(
    r"(?:subscribe|log in|sign in|register) to (?:read|continue|unlock)|to continue reading|only for subscribers|"
    r"subscribers only|already a subscriber|nur für abonnent|weiterlesen mit|jetzt abonnieren und|réservée? aux abonné|"
    r"article réservé|(?:solo|exclusivo) para suscriptores|riservato agli abbonati|(?:alleen|is) voor abonnees|"
    r"購読が必要|会員限定|有料会員",
    re.IGNORECASE,
)
_BETWEEN = XPath("//body//text()[not(ancestor::*[self::nav or self::footer or self::script or self::style or "
                 "self::template or self::noscript]) and not(ancestor::header[not(ancestor::article)])]")  # fmt: skip
_STUB_TEXT_MAX = 2_500  # of the paragraphs of a page; an article that mentions a wall has more


def what_stands_there(tree: HtmlElement, url: str) -> str | None:
    """Why a page in which the rules match nothing is no longer the page they were written for; None when nobody knows."""
    title = next((text_of(found) for found in tree.iter("title")), "")
    heading = next((text_of(found) for found in tree.iter("h1")), "")
    text = _visible(tree)
    if _CHALLENGE.search(f"{title} {heading}"):
        return "the site wants to see that we are no robot; ask the publisher to admit Digest"
    if _NOT_FOUND.search(f"{title} {heading}"):
        return f"the page says that it is not there ({(title or heading)[:80]!r}), although the server calls it good"
    if moved := _refresh(tree, url):
        return f"the page sends browsers on to {moved}: use that address"
    if next(tree.iter("frameset"), None) is not None:
        return "the page consists of frames: use the address of the frame with the list"
    if shell := needs_script(tree):
        return shell
    if len(text) < _WALL_TEXT_MAX and _CONSENT.search(f"{title} {heading}"):
        return "the page asks for consent to cookies and shows nothing else"
    if len(text) < _WALL_TEXT_MAX and _PAYWALL.search(text):
        return "the page is for subscribers of the site only"
    return None


def is_stub(tree: HtmlElement) -> bool:
    """Whether an article's page shows its beginning and a wall to those who do not subscribe."""
    paragraphs = [text_of(paragraph) for paragraph in tree.iter("p", "h2", "h3", "h4")]
    return sum(map(len, paragraphs)) < _STUB_TEXT_MAX and _PAYWALL.search(_without_frame(tree)) is not None


def _without_frame(tree: HtmlElement) -> str:
    """What stands between the site's head and foot, where "Already a subscriber?" is asked on every page."""
    return " ".join(" ".join(_BETWEEN(tree)).split())


def needs_script(tree: HtmlElement) -> str | None:
    """The fault of a page that is only a shell, which a script in a browser would fill; None for any other."""
    scripts = next(tree.iter("script"), None) is not None
    asked = any(_SCRIPT_WANTED.search(text_of_noscript(found)) for found in tree.iter("noscript"))
    text = _visible(tree)
    links = sum(1 for link in tree.iter("a") if link.get("href"))
    if (
        (scripts or asked)
        and len(text) < _SHELL_TEXT_MAX
        and links < 5
        and (asked or len(text) < 50 or _has_root(tree))
    ):
        return "the page needs JavaScript to show its stories: look for a feed, or another page of the site"
    return None


def text_of_noscript(element: HtmlElement) -> str:
    """What a <noscript> says; `text_of` leaves it out on purpose."""
    return " ".join(element.itertext())


def _has_root(tree: HtmlElement) -> bool:
    """Whether the empty element is there that scripts of the common kinds fill."""
    names = {"root", "app", "__next", "__nuxt", "application", "react-root", "svelte", "main-app"}
    return any(found.get("id") in names and not text_of(found) for found in tree.iter("div", "main", "section"))


def _visible(tree: HtmlElement) -> str:
    body = next(tree.iter("body"), tree)
    return text_of(body)


def _refresh(tree: HtmlElement, url: str) -> str | None:
    """Where <meta http-equiv=refresh> leads at once; None when it only loads the same page anew."""
    for meta in tree.iter("meta"):
        match = re.match(r"\s*(\d{1,3})\s*[;,]\s*url\s*=\s*['\"]?([^'\"]+)", meta.get("content", ""), re.IGNORECASE)
        if meta.get("http-equiv", "").lower() == "refresh" and match and int(match[1]) <= 10:
            target = absolute_link(match[2], base_of(tree, url))
            return target if target != url else None
    return None
