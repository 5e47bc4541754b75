"""What must hold of a sample issue's mail, whoever wrote the template.

    Drawn -> one function per check -> Fault: what, where, and what to do about it

What is not here: checks that every mail goes through anyway (preflight); they are called from here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lxml.html import HtmlElement

from digest.render.length import TARGET
from digest.render.pieces import cut
from digest.render.preflight import Level, Page, check_mail
from digest.render.preflight.cascade import Cascade
from digest.render.preflight.page import tag_of
from digest.render.slots import tokens
from digest.render.trial.mails import Drawn, flat


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong. part: "html", "txt", or "" where it is no one template's. line: of the template, None if unknown."""

    check: str
    message: str
    remedy: str
    part: str = "html"
    where: str = ""
    line: int | None = None


_REMEDIES = {
    "ways out": "print {{ unsubscribe_url }}, {{ view_url }} and {{ site.address }} in both templates",
    "leftovers": "print values with {{ … }}, and test with {% if … %} what may be missing",
    "client support": "build columns from tables and pad cells, as docs/mail.md says under “Changing it”",
    "links": "let every href begin with https:// or be a value of the issue, and write {% if story.link %} around that",
    "preflight": "this is a fault of Digest; please report it with the template",
}
# Preflight names places in what `preview` writes; a sample issue's mail is in no file, but its tags can be looked for.
_NO_SUCH_FILE = re.compile(r"^issue\.html(?:, line \d+)?(?:: )?|^text part$")
_ANY_REMEDY = "see docs/mail.md under “Changing it”"


def faults_of(drawn: Drawn) -> list[Fault]:
    """Everything that is wrong with the mail of a specimen."""
    return [fault for check in CHECKS for fault in check(drawn)]


def ready_to_send(drawn: Drawn) -> Iterator[Fault]:
    """Errors of preflight, and the warnings that are a template's and not an issue's."""
    for found in check_mail(drawn.look):
        if found.level is Level.ERROR or (found.level is Level.WARNING and found.check in {"ways out", "preflight"}):
            part = "txt" if "text part" in f"{found.message} {found.where}" else "html"
            where = _NO_SUCH_FILE.sub("", found.where)
            yield Fault(found.check, found.message, _REMEDIES.get(found.check, _ANY_REMEDY), part, where)


def short_enough(drawn: Drawn) -> Iterator[Fault]:
    """However many stories an issue has, Gmail clips none of them."""
    if drawn.look.bytes_html > TARGET:
        yield Fault(
            "size",
            f"the HTML has {drawn.look.bytes_html / 1024:.0f} KB as it travels, {TARGET // 1024} are safe from Gmail",
            'put {% more %}<a href="{{ view_url }}">{{ more }}</a>{% endmore %} behind the stories, in both templates',
        )


def stories_in_blocks(drawn: Drawn) -> Iterator[Fault]:
    """Each story stands in a block of its own, or readers of other topics would get it too."""
    for part, text in (("html", drawn.rendered.html), ("txt", drawn.rendered.text)):
        inside = {piece.story for piece in cut(text, drawn.rendered.nonce, part == "html", "")}
        missing = [story for story in drawn.specimen.issue.stories if story.position not in inside]
        if missing:
            yield Fault(
                "story blocks",
                f"{len(missing)} of {len(drawn.specimen.issue.stories)} stories stand in no story block",
                "write {% story story %} … {% endstory %} around each story, the lead too",
                part,
            )


def same_stories_in_text(drawn: Drawn) -> Iterator[Fault]:
    """The text part has every story with its link, in the order of the HTML."""
    remedy = "go through the same stories in both templates, and print title and link of each"
    text, linked = drawn.look.text, [told.link for told in drawn.look.stories]
    told = flat(text)
    lacking = [
        each.title
        for each in drawn.look.stories
        if flat(each.title) not in told or (each.link and each.link not in text)
    ]
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        yield Fault("text part", f"it lacks “{lacking[0]}” or its link{more}", remedy, "txt")
        return
    in_html = [link for link in _once(_links(drawn.look.html)) if link in linked]
    in_text = [link for link in _once(text.split()) if link in linked]
    if in_html != in_text:
        yield Fault("text part", "its stories stand in another order than those of the HTML", remedy, "txt")


def same_when_inlined(drawn: Drawn) -> Iterator[Fault]:
    """Inlining moves styles and changes nothing else, as far as can be told without a browser."""
    before, after = Page(_marked(drawn.raw, drawn)), Page(_marked(drawn.rendered.html, drawn))
    # The sheet that is inlined is gone afterwards, and is meant to be.
    one, other = ([each for each in page.elements() if each.tag != "style"] for page in (before, after))
    if len(one) != len(other):
        yield _changed("elements are lost or doubled")
        return
    styles = Cascade(before), Cascade(after)
    for was, now in zip(one, other, strict=True):
        if fault := _told_apart(was, now) or _styled_apart(styles, was, now):
            yield _changed(f"<{tag_of(was)}>: {fault}")
            return


def _changed(what: str) -> Fault:
    remedy = 'write plain class rules to be inlined; all others go into <style data-premailer="ignore">'
    return Fault("inlining", f"inlining changes the mail: {what}", remedy)


def _marked(html: str, drawn: Drawn) -> str:
    """Without the marks of blocks, which are comments."""
    return re.sub(tokens(drawn.rendered.nonce, html=True), "", html)


def _told_apart(was: HtmlElement, now: HtmlElement) -> str:
    if was.tag != now.tag:
        return f"it has become <{tag_of(now)}>"
    for what, one, other in (("its text", was.text, now.text), ("the text behind it", was.tail, now.tail)):
        if (one or "").split() != (other or "").split():
            return f"{what} is another"
    for name in sorted({*was.keys(), *now.keys()} - {"style", "class", "data-premailer"}):
        if was.get(name) != now.get(name):
            return f"its attribute {name} was {was.get(name)!r} and is {now.get(name)!r}"
    return ""


def _styled_apart(styles: tuple[Cascade, Cascade], was: HtmlElement, now: HtmlElement) -> str:
    one, other = styles[0].declared(was), styles[1].declared(now)
    for name in sorted({*one, *other}):
        if one.get(name) != other.get(name):
            return f"{name} was {one.get(name)!r} and is {other.get(name)!r}"
    return ""


def _links(html: str) -> list[str]:
    return [href for element in Page(html).elements("a") if (href := element.get("href"))]


def _once(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


CHECKS: tuple[Callable[[Drawn], Iterable[Fault]], ...] = (
    ready_to_send, short_enough, stories_in_blocks, same_stories_in_text, same_when_inlined,
)  # fmt: skip
