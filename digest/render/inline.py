"""Style sheets into style attributes. The only home of premailer; everything it could do by itself is switched off."""

from __future__ import annotations

import logging
import os
import re

# Parsed sheets and compiled selectors share one cache; the default of 128 entries is less than one template needs.
os.environ.setdefault("PREMAILER_CACHE_MAXSIZE", "1024")

from digest.errors import TemplateError
from digest.unloaded import without

with without("requests"):  # nothing is loaded from anywhere
    from premailer import Premailer  # it reads the variable above when it is imported

# premailer's parser warns about every mso- property; real faults of our sheets are found by tests.
logging.getLogger("CSSUTILS").setLevel(logging.CRITICAL)

DOCTYPE = "<!DOCTYPE html>"
# The attributes stand in the template where Outlook needs them; premailer would write "100%" and "auto" over them.
_LEFT_ALONE = ["width", "height", "align", "valign", "bgcolor"]
_DOCTYPE = re.compile(r"\A\s*(?:<!--.*?-->\s*)*<!doctype[^>]*>\s*", re.IGNORECASE | re.DOTALL)
_REVEALED = re.compile(r"<!\[(?:if|endif)[^>]*>")


def inline(html: str, template: str) -> str:
    """`html` with its plain rules moved into style attributes; blocks marked data-premailer="ignore" stay as they are.

    Loads nothing, from the network or from files. Raises TemplateError when a rule cannot be read, or when the template
    uses what premailer would destroy.
    """
    if found := _lost(html):
        raise TemplateError(template, None, found)
    # A lower-case doctype would be lost, and with it the standards mode of every reader.
    source = f"{DOCTYPE}\n{_DOCTYPE.sub('', html, count=1)}"
    try:
        return _premailer(source)
    except Exception as error:  # premailer lets anything of lxml, cssselect and cssutils through
        reason = f"its style sheet cannot be inlined: {error} ({type(error).__name__})"
        raise TemplateError(template, None, reason) from error


def _lost(html: str) -> str | None:
    # In a comment's form, <!--[if …]><!-->, it is harmless.
    bare = re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)
    if _REVEALED.search(bare):
        return "write <!--[if !mso]><!--> … <!--<![endif]-->; the short form <![if !mso]> does not survive inlining"
    return None


def _premailer(html: str) -> str:
    made = Premailer(
        html,
        allow_network=False,
        allow_loading_external_files=False,
        strip_important=False,
        align_floating_images=False,
        disable_validation=True,
        disable_basic_attributes=_LEFT_ALONE,
    )
    return str(made.transform(pretty_print=False))
