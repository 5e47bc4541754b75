"""What is said: subject, preheader, words that a template left behind, and whether the text part says the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

from digest.render.preflight.findings import Finding, Level, Look, counted
from digest.render.preflight.page import Page, line_of

SUBJECT = range(20, 71)
"""Characters that most inboxes show (checklist A39)."""
PREHEADER = range(40, 131)

_SYNTAX = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}|%7B%7B|%7B%25", re.IGNORECASE)
_SYNTAX_IN_STYLES = re.compile(r"\{\{|\{%")
_STYLES = re.compile(r"<style\b[^>]*>(.*?)</style\s*>", re.IGNORECASE | re.DOTALL)
_PLACEHOLDER = re.compile(r"zq[0-9a-z]{8,}qz")
_NOTHING = re.compile(r"(?:None|undefined|null|NaN|Undefined)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_DAMAGE = re.compile("\ufffd|Ã[\u0080-\u00bf]|â€[™œ\u009d“”˜]")


def subject(look: Look, _page: Page) -> Iterator[Finding]:
    """Too long, too short, shouting."""
    text = look.subject
    if len(text) not in SUBJECT:
        size = f"the subject has {counted(len(text), 'character')}"
        why = "phones show the first 40 or so" if len(text) > SUBJECT[-1] else "it says little in an inbox"
        yield Finding(
            Level.ADVICE, "subject", f"{size}; {SUBJECT[0]} to {SUBJECT[-1]} are good: {why}", f"subject: {text}"
        )
    letters = [char for char in text if char.isalpha()]
    # Scripts without two cases have no capitals to shout with.
    if len(letters) > 8 and all(char.isupper() for char in letters):
        yield Finding(Level.WARNING, "subject", "the subject is in capitals only, which spam filters count", text)


def preheader(look: Look, _page: Page) -> Iterator[Finding]:
    """The line that inboxes show after the subject."""
    text = look.preheader
    if not text:
        yield Finding(
            Level.ADVICE, "preheader", "there is no preheader: inboxes show the first words of the mail instead"
        )
    elif text.casefold() in {look.subject.casefold(), *(story.title.casefold() for story in look.stories[:1])}:
        yield Finding(
            Level.ADVICE, "preheader", "the preheader repeats the subject or the lead's title", f"preheader: {text}"
        )
    elif len(text) not in PREHEADER:
        yield Finding(
            Level.ADVICE,
            "preheader",
            f"the preheader has {counted(len(text), 'character')}; {PREHEADER[0]} to {PREHEADER[-1]} are good",
            f"preheader: {text}",
        )


def leftovers(look: Look, page: Page) -> Iterator[Finding]:
    """What a template should have replaced, and characters that a mail must not hold."""
    for where, text in (("subject", look.subject), ("preheader", look.preheader), ("text part", look.text)):
        yield from _left(look, text, where)
    yield from _left(look, _without_styles(look.html), "issue.html")
    for block in _STYLES.finditer(look.html):
        if match := _SYNTAX_IN_STYLES.search(look.html, *block.span(1)):
            yield _leftover(f"template syntax is left over: {match[0]!r}", "issue.html", look.html, match)
    yield from _nothings(look, page)


def _without_styles(html: str) -> str:
    """`html` with its style blocks emptied, each line where it was: rules may well end in }} or %}."""
    return _STYLES.sub(lambda match: "\n" * match[0].count("\n"), html)


def _left(look: Look, text: str, where: str) -> Iterator[Finding]:
    # An editor of a paper for programmers may write {{ }}; then it is no leftover.
    if (match := _SYNTAX.search(text)) and match[0] not in look.written:
        yield _leftover(f"template syntax is left over: {match[0]!r}", where, text, match)
    if match := _PLACEHOLDER.search(text):
        yield _leftover("a placeholder was not filled", where, text, match)
    if match := _CONTROL.search(text):
        what = f"U+{ord(match[0]):04X}"
        yield _leftover(
            f"a control character ({what}) is left over; one alone makes Gmail clip a mail", where, text, match
        )
    if match := _DAMAGE.search(text):
        message = f"text is damaged ({match[0]!r}): its source names the wrong character set"
        yield Finding(Level.WARNING, "leftovers", message, _where(where, text, match))


def _leftover(message: str, where: str, text: str, match: re.Match[str]) -> Finding:
    return Finding(Level.ERROR, "leftovers", message, _where(where, text, match))


def _where(where: str, text: str, match: re.Match[str]) -> str:
    return f"{where}, line {text.count(chr(10), 0, match.start()) + 1}" if "\n" in text else where


def _nothings(look: Look, page: Page) -> Iterator[Finding]:
    for element in page.elements():
        for text in (element.text, element.tail, element.get("alt"), element.get("href"), element.get("src")):
            if text and _NOTHING.fullmatch(text.strip()) and text.strip() not in look.written:
                where = f"issue.html, line {line_of(element)}"
                yield Finding(Level.ERROR, "leftovers", f"{text.strip()!r} stands where a value should stand", where)
    for at, line in enumerate(look.text.split("\n"), 1):
        if _NOTHING.fullmatch(line.strip()) and line.strip() not in look.written:
            yield Finding(
                Level.ERROR, "leftovers", f"{line.strip()!r} stands where a value should stand", f"text part, line {at}"
            )


def text_part(look: Look, page: Page) -> Iterator[Finding]:
    """The text part says the same as the HTML: filters compare them, and some readers have nothing else."""
    flat = _flat(look.text)
    linked = {element.get("href") for element in page.elements("a")}
    for story in look.stories:
        if story.link not in linked:
            continue  # a layout may leave stories to the web version
        if _flat(story.title) not in flat:
            yield Finding(Level.WARNING, "text part", f"the story {story.title!r} is not in the text part", "text part")
        elif story.link not in look.text:
            yield Finding(
                Level.WARNING, "text part", f"the text part has no link to {story.title!r}", f"text part: {story.link}"
            )


def _flat(text: str) -> str:
    """Without case, blanks and word joiners: lines are wrapped in the text part, and braces parted."""
    return "".join(text.casefold().replace("\u2060", "").split())
