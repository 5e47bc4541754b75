"""Words and addresses of others, made fit for a mail: nothing in them controls, turns around, or looks like a template.

What is not here: HTML of feeds, which `gather` reads as plain words; escaping, which Jinja does.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from digest.render.merge import UNSAFE

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Embeddings, overrides and isolates (Unicode bidirectional algorithm, §2); the plain marks U+200E and U+200F stay.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TEMPLATE = re.compile(r"\{(?=[{%#])|[%#}](?=\})")
# No address has these (RFC 3986, §2), but feeds write them; two braces would look like a template besides, and what turns
# text around would do so in the text part, where an address is read.
_UNFIT = re.compile(f'[ {{}}"<>\\\\^`|{_TURNING.pattern[1:-1]}]')


def clean(text: str) -> str:
    """`text` without control characters and lone surrogates; line breaks stay.

    C1 controls are nearly always Windows-1252 (U+0092 for an apostrophe) and become what was meant: one of them alone
    makes Gmail clip a message.
    """
    return _CONTROL.sub(lambda match: _meant(match[0]), text.replace("\r\n", "\n").replace("\r", "\n"))


def _meant(control: str) -> str:
    if "\x80" <= control <= "\x9f":
        return control.encode("latin-1").decode("cp1252", "ignore")
    return " " if control in "\t\x0b\x0c\x85\u2028\u2029" else ""


def one_line(text: str) -> str:
    """`text` cleaned, on one line, blanks collapsed."""
    return " ".join(clean(text).split())


def foreign(text: str) -> str:
    """`text` of somebody else, on one line: it turns nothing around and looks like no template.

    Marks that change the direction of what follows them are dropped; `{{` and its kin, which a mail system behind us may
    take for a template of its own, are parted by a word joiner that nobody sees.
    """
    return _TEMPLATE.sub(lambda match: f"{match[0]}\u2060", one_line(_TURNING.sub("", text)))


def web_address(url: str) -> str:
    """`url` if it is an http(s) address, else nothing: no javascript:, no data:, no path."""
    text = UNSAFE.sub("", url).strip()
    try:
        parts = urlsplit(text)
        fit = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return ""
    return _UNFIT.sub(lambda match: quote(match[0]), text) if fit else ""
