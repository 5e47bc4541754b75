"""A font whose every letter is the same block: with it, a mail looks alike on every machine, whatever fonts are installed.

Made when it is wanted, so that nothing binary is kept.
"""

from __future__ import annotations

import base64
import io
from functools import lru_cache

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

_EM = 1000
_WIDTH, _LOW, _HIGH = 500, 0, 480
"""Of a letter: half as wide as the size, as high as a small one."""


@lru_cache
def style() -> str:
    """A style block that sets every word of a page in this font."""
    source = base64.b64encode(_font()).decode()
    face = f"@font-face {{ font-family: Blocks; src: url(data:font/ttf;base64,{source}) }}"
    return f"<style>{face} * {{ font-family: Blocks !important; font-style: normal !important }}</style>"


def _font() -> bytes:
    builder = FontBuilder(_EM, isTTF=True)
    builder.setupGlyphOrder([".notdef", "space", "block"])
    builder.setupCharacterMap({32: "space"})
    builder.setupGlyf({".notdef": _block(), "space": TTGlyphPen(None).glyph(), "block": _block()})
    builder.setupHorizontalMetrics(dict.fromkeys((".notdef", "space", "block"), (_WIDTH, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Blocks", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.font["cmap"].tables = [_every_letter()]
    written = io.BytesIO()
    builder.save(written)
    return written.getvalue()


def _block() -> object:
    pen = TTGlyphPen(None)
    pen.moveTo((30, _LOW))
    for corner in ((30, _HIGH), (_WIDTH - 30, _HIGH), (_WIDTH - 30, _LOW)):
        pen.lineTo(corner)
    pen.closePath()
    return pen.glyph()


def _every_letter() -> CmapSubtable:
    """Many characters, one glyph: format 13 (OpenType, cmap)."""
    table = CmapSubtable.newSubtable(13)
    table.platformID, table.platEncID, table.language = 3, 10, 0
    letters = [
        *range(0x21, 0xA0),
        *range(0xA1, 0x2000),
        *range(0x2010, 0xD800),
        *range(0xF900, 0xFFF0),
        *range(0x1F000, 0x1FB00),
    ]
    table.cmap = dict.fromkeys(letters, "block") | {32: "space", 0xA0: "space"}
    return table
