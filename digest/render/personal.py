"""An issue whose templates ask for a subscriber's values: drawn for each, inlined and cut once for mails that are alike.

A greeting that depends on whether there is a name has two variants, and the work of two. What is not here: finding out that
an issue is one of these (html), filling (merge).
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import lru_cache

from digest import log
from digest.errors import TemplateError
from digest.model.issue import RenderedIssue
from digest.render.frozen import thaw
from digest.render.html import draw, finish, nobody
from digest.render.known import known_slots
from digest.render.merge import Personal
from digest.render.slots import choose_nonce
from digest.render.templates import environment_of
from digest.render.values import in_order, marks, shared, slots
from digest.render.variants import VARIANTS, Variants

_log = log.get(__name__)


class Drawer:
    """Draws the mails of one issue. May be shared between tasks."""

    def __init__(self, rendered: RenderedIssue, frozen_text: str) -> None:
        frozen = thaw(frozen_text)
        self._rendered = rendered
        self._template = frozen.newsletter.template
        self._environment = environment_of(frozen.templates)
        # Nobody's name can hold a placeholder: this nonce is drawn by lot, and never leaves the process.
        self._nonce = choose_nonce(frozen_text + secrets.token_hex())
        stories = in_order(frozen.issue, frozen.zone)
        context = shared(frozen.issue, stories, frozen.newsletter, frozen.site, frozen.language, frozen.zone)
        context |= {"subject": frozen.subject, "preheader": frozen.preheader}
        self._context = context | slots(self._nonce) | marks(self._nonce, context)
        self._finish = lru_cache(VARIANTS)(self._finished)
        self._drawn = Variants[RenderedIssue](VARIANTS)
        self._nobody = nobody(frozen.site)
        self._told = False

    def check(self) -> None:
        """Raise TemplateError or ValueError when a reader without a name would not get the mail that was approved."""
        drawn = self._anew(self._nobody)
        if any(
            getattr(drawn, part).replace(drawn.nonce, self._rendered.nonce) != getattr(self._rendered, part)
            for part in ("html", "text")
        ):
            raise ValueError("this version of Digest draws it otherwise than the one that it was approved with")

    def issue_for(self, personal: Personal) -> RenderedIssue:
        """The issue as her values decide; as that of a reader without a name where the templates fail on them.

        One name shall hold up nobody else's mail: that somebody's values are too much for the templates is logged, once.
        """
        try:
            return self._drawn.find(personal) or self._anew(personal)
        except TemplateError as error:
            if not self._told:
                _log.warning("mail.drawn_without_name", newsletter=self._rendered.newsletter, reason=error.reason)
            self._told = True
            return self._rendered

    def _anew(self, personal: Personal) -> RenderedIssue:
        known, trail = known_slots(self._nonce, personal)
        drawn = self._finish(*draw(self._environment, self._template, self._context | known))
        self._drawn.keep(trail, drawn)
        return drawn

    def _finished(self, html: str, text: str) -> RenderedIssue:
        inlined, tidy = finish((html, text), self._template, self._nonce)
        return replace(self._rendered, nonce=self._nonce, html=inlined, text=tidy)


def drawer(rendered: RenderedIssue) -> Drawer | None:
    """What draws an issue for each; None where all get the same. The latest few are kept, and what they drew.

    All get the same also where an upgrade of Digest has changed since the approval how the templates come out.
    """
    return None if rendered.personal is None else _drawer(rendered, rendered.personal)


@lru_cache(maxsize=4)
def _drawer(rendered: RenderedIssue, frozen: str) -> Drawer | None:
    try:
        made = Drawer(rendered, frozen)
        made.check()
        return made
    except (TemplateError, ValueError) as error:  # everybody gets what the editor saw, without her name
        _log.warning("mail.drawn_without_names", newsletter=rendered.newsletter, reason=str(error))
        return None
