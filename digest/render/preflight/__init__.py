"""Is this mail fit to be sent? One pure function per check, from the mail as a reader gets it to findings.

    Look (findings) -> Page (page, cascade) -> checks (words, structure, colours, size, clients) -> Finding

What is not here: what must be asked of others, such as dead links, or of the store, such as earlier leads (flow/preflight).
"""

from collections.abc import Callable, Iterable

from digest.render.preflight.clients import forbidden, support
from digest.render.preflight.colours import contrast, dark_twins
from digest.render.preflight.findings import Finding, Level, Look, Told, not_checked
from digest.render.preflight.page import Page
from digest.render.preflight.size import clip, styles, tables
from digest.render.preflight.structure import headings, links, pictures, sections, theme, ways_out
from digest.render.preflight.words import leftovers, preheader, subject, text_part

Check = Callable[[Look, Page], Iterable[Finding]]

CHECKS: tuple[Check, ...] = (
    ways_out, leftovers, links, text_part, subject, preheader, headings, sections, pictures, contrast, dark_twins,
    clip, styles, tables, forbidden, support, theme,
)  # fmt: skip

_RANK = {Level.ERROR: 0, Level.WARNING: 1, Level.ADVICE: 2}


def check_mail(look: Look) -> list[Finding]:
    """Everything that is to be said about a mail, errors first. A check that fails by a fault of ours is a warning."""
    page = Page(look.html)
    return in_order(finding for check in CHECKS for finding in _said(check, look, page))


def _said(check: Check, look: Look, page: Page) -> list[Finding]:
    try:
        return list(check(look, page))
    except Exception as error:  # the others are to be heard all the same
        return [not_checked(check.__name__.replace("_", " "), error)]


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Errors, then warnings, then advice; otherwise as they were found."""
    return sorted(findings, key=lambda finding: _RANK[finding.level])


__all__ = ["CHECKS", "Finding", "Level", "Look", "Page", "Told", "check_mail", "in_order", "not_checked"]
