"""When two links or two titles are the same: the link for readers, and the keys by which stories are recognised (pure).

What is not here: deciding what a repeated key means (compose, store), and fetching.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import SplitResult, quote, unquote_to_bytes, urljoin, urlsplit, urlunsplit

import idna

from digest.model.titles import is_column

_TRACKING_PREFIXES = (
    "utm_", "mtm_", "matomo_", "piwik_", "pk_", "hsa_", "at_", "_hs", "vero_", "oly_", "itm_", "stm_", "guce_",
)  # fmt: skip
_TRACKING_NAMES = frozenset({
    "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "twclid", "ttclid", "yclid", "ysclid", "igshid",
    "igsh", "li_fat_id", "mibextid", "srsltid", "irclickid", "rb_clickid", "wickedid", "epik", "s_kwcid", "ef_id",
    "mc_cid", "mc_eid", "ml_subscriber", "ml_subscriber_hash", "mkt_tok", "hsctatracking", "trk_contact", "trk_msg",
    "cmpid", "cmp", "smid", "smtyp", "ocid", "ncid", "sr_share", "xtor", "guccounter", "s_cid", "icid", "ito",
    "campaign_id", "__twitter_impression", "fb_action_ids", "fb_action_types", "fb_source",
})  # fmt: skip
_ORIGIN_NAMES = frozenset({"ref", "source", "src", "from", "partner", "referrer", "via"})
_AMP_PARAMETERS = frozenset({("output", "amp"), ("outputtype", "amp"), ("amp", ""), ("amp", "1")})
_HOST_PREFIXES = ("www.", "m.", "amp.")
_AGGREGATORS = frozenset({"news.google.com"})
LINK_MAX = 2_000
"""No longer link goes into a mail: clients cut such ones, and a few of them fill a mail up to where it is clipped."""
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def absolute_link(url: str, base: str | None = None) -> str | None:
    """`url` as an absolute http(s) link, seen from `base`; None for anything else (javascript:, mailto:, data:, broken).

    Scheme and host are lower-cased, a user and password are taken out (they only serve to deceive readers), and what may
    not stand in a link (spaces, quotes, angle brackets) is percent-encoded; the rest is untouched.
    """
    try:
        parts = urlsplit(urljoin(base, _tidy(url)) if base else _tidy(url))
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not host or re.search(r"[\s\"'<>^`{|}%\\]", host):
        return None
    netloc = f"[{host}]" if ":" in host else host
    netloc += f":{port}" if port is not None else ""
    return urlunsplit(parts._replace(scheme=parts.scheme.lower(), netloc=netloc))


def reader_link(url: str, base: str | None = None) -> str | None:
    """The link that readers get: `absolute_link` without tracking parameters.

    None when it is no http(s) link, or has more than 2,000 characters.
    """
    link = absolute_link(url, base)
    if link is None:
        return None
    parts = urlsplit(link)
    hosts = {parts.hostname, urlsplit(base).hostname} if base else {parts.hostname}
    bare = urlunsplit(
        parts._replace(
            query=_without_tracking(parts.query, hosts),
            fragment="" if _is_tracking(parts.fragment, hosts) else parts.fragment,
        )
    )
    return bare if len(bare) <= LINK_MAX else None


def picture_link(url: str, base: str) -> str | None:
    """Where a picture is, with all its parameters. None when it is no http(s) link, or has more than 2,000 characters."""
    link = absolute_link(url, base)
    return link if link and len(link) <= LINK_MAX else None


def link_key(url: str) -> str:
    """The identity of a link: equal for the addresses under which one page is commonly linked. "" when it is no http link.

    https, no www./m./amp., no default port, punycode, no dot segments, normal percent-encoding, no fragment (but `#!`),
    sorted parameters without tracking, no /amp and ?output=amp, no trailing slash. `link_key(link_key(x)) == link_key(x)`.
    """
    key = _key_once(url)
    for _ in range(8):  # undoing one wrapping may bare another: %26amp%3B, /amp/amp
        again = _key_once(key)
        if again == key:
            break
        key = again
    return key


def guid_key(guid: str) -> str:
    """A source's own id for comparing. One that is a link is compared as links are: http -> https changes nothing."""
    return (link_key(guid) or guid) if guid[:8].lower().startswith(("http://", "https://")) else guid


def is_aggregator(link: str) -> bool:
    """Whether `link` leads through an aggregator, which says where the story is only to browsers: never to be fetched."""
    return (urlsplit(link).hostname or "") in _AGGREGATORS


def title_key(title: str) -> str:
    """The identity of a title: case, punctuation, spaces and width folded away.

    "" when it has fewer than 4 words (8 characters in scripts without spaces), or names a column: such a title identifies
    nothing.
    """
    if is_column(title):
        return ""
    folded = "".join(_folded(character) for character in unicodedata.normalize("NFKC", title).casefold())
    words = folded.split()
    unspaced = sum(1 for character in folded if _has_no_spaces(character))
    if unspaced * 2 > sum(map(len, words)):
        return "".join(words) if unspaced >= 8 else ""
    return " ".join(words) if len(words) >= 4 else ""


# -- links -------------------------------------------------------------------------------------------------------------


def _tidy(url: str) -> str:
    """`url` as browsers take it: no white space around or line breaks inside, backslashes as slashes before the query."""
    text = re.sub(r"[\t\r\n\x00]", "", url).strip()
    before, mark, after = text.partition("?")
    text = before.replace("\\", "/") + re.sub(r"&(amp;)+", "&", mark + after)
    return re.sub(r"[\x00-\x20\x7f\"<>`{}\\^|\ud800-\udfff]", _encode_match, text)


def _encode_match(match: re.Match[str]) -> str:
    return quote(match[0].encode("utf-8", "replace"), safe="")


def _is_tracking(parameter: str, hosts: set[str | None]) -> bool:
    name, mark, value = (part.lower() for part in parameter.partition("="))
    if not mark:  # a fragment such as #at_home is a place on the page
        return False
    if name.startswith(_TRACKING_PREFIXES) or name in _TRACKING_NAMES:
        return True
    if name not in _ORIGIN_NAMES:
        return False
    return value in hosts or value in {"rss", "feed", "rss-feed", "newsletter"} or value.startswith("rss-")


def _without_tracking(query: str, hosts: set[str | None]) -> str:
    return "&".join(part for part in query.split("&") if not _is_tracking(part, hosts))


def _key_once(url: str) -> str:
    link = absolute_link(url)
    if link is None:
        return ""
    parts = urlsplit(link)
    host = _key_host(parts.hostname or "")
    netloc = f"{host}:{parts.port}" if parts.port not in {None, 80, 443} else host
    query = _key_query(parts.query, {host, parts.hostname})
    fragment = _normal(parts.fragment, b"!$&'()*+,;=:@/?") if parts.fragment.startswith("!") else ""
    return urlunsplit(SplitResult("https", netloc, _key_path(parts.path), query, fragment))


def _key_host(host: str) -> str:
    host = host.rstrip(".")
    try:
        host = idna.encode(host, uts46=True).decode("ascii") if not host.isascii() else host
    except idna.IDNAError:
        host = host.lower()
    # Only in front of a whole name: www.example.org loses it, www.org and m.test stay what they are.
    while prefix := next((p for p in _HOST_PREFIXES if host.startswith(p) and "." in host[len(p) :]), None):
        host = host[len(prefix) :]
    return f"[{host}]" if ":" in host else host


def _key_path(path: str) -> str:
    path = _without_dot_segments(_normal(path, b"!$&'()*+,;=:@/")).rstrip("/")
    while path.endswith("/amp"):
        path = path[:-4].rstrip("/")
    return path


def _without_dot_segments(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[max(1, len(kept) - 1) :]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)


def _key_query(query: str, hosts: set[str | None]) -> str:
    parameters = [_normal(part, b"!$'()*,;=:@/?").replace("+", "%20") for part in query.split("&") if part]
    return "&".join(sorted(part for part in parameters if not _is_amp(part) and not _is_tracking(part, hosts)))


def _is_amp(parameter: str) -> bool:
    name, _, value = parameter.lower().partition("=")
    return (name, value) in _AMP_PARAMETERS


def _normal(text: str, also_safe: bytes) -> str:
    """Percent-encoding in its one normal form: only what needs it, in capitals; a stray % is encoded."""
    plus = text.replace("+", "%20") if b"+" not in also_safe else text
    pieces = re.split(r"(%[0-9A-Fa-f]{2})", plus)
    return "".join(_normal_piece(piece, also_safe) for piece in pieces)


def _normal_piece(piece: str, also_safe: bytes) -> str:
    if re.fullmatch(r"%[0-9A-Fa-f]{2}", piece):
        byte = unquote_to_bytes(piece)
        return byte.decode("ascii") if byte[0] in _UNRESERVED else piece.upper()
    return quote(piece.encode("utf-8", "replace"), safe=also_safe.decode("ascii"))


# -- titles ------------------------------------------------------------------------------------------------------------


def _folded(character: str) -> str:
    """Letters, digits and marks stay; apostrophes and invisible characters vanish; all else parts words."""
    category = unicodedata.category(character)
    if category[0] in "LNM":
        return character
    return "" if character in "'’‘ʼ`" or category == "Cf" else " "


def _has_no_spaces(character: str) -> bool:
    """Of a script that is written without spaces: Han, kana, Thai, Lao, Burmese, Khmer."""
    return (
        "\u3040" <= character <= "\u30ff"
        or "\u3400" <= character <= "\u9fff"
        or "\uf900" <= character <= "\ufaff"
        or "\u0e00" <= character <= "\u0eff"
        or "\u1000" <= character <= "\u109f"
        or "\u1780" <= character <= "\u17ff"
        or "\U00020000" <= character <= "\U0003ffff"
    )
