"""Colours of a theme: how well one is read on another, and the nearest that is read well enough.

What is not here: which colours a mail has (templates/mail/parts/tokens.html.j2).
"""

from __future__ import annotations

import colorsys

READABLE = 4.5
"""The contrast that text needs (WCAG 2.2, 1.4.3)."""

_STEP = 0.01


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, `#rrggbb`: 1 (none) to 21 (WCAG 2.2, "contrast ratio")."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def readable_on(colour: str, paper: str, ratio: float = READABLE) -> str:
    """`colour` if it can be read on `paper`, else the same hue, as much darker or lighter as it takes."""
    if contrast(colour, paper) >= ratio:
        return colour
    hue, lightness, saturation = colorsys.rgb_to_hls(*_parts(colour))
    step = _STEP if contrast("#ffffff", paper) > contrast("#000000", paper) else -_STEP
    while contrast(colour, paper) < ratio and 0 < lightness + step < 1:
        lightness += step
        colour = _written(colorsys.hls_to_rgb(hue, lightness, saturation))
    return colour


def ink_on(paper: str, *inks: str) -> str:
    """The one of `inks` that is read best on `paper`."""
    return max(inks, key=lambda ink: contrast(ink, paper))


def _parts(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _written(parts: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _luminance(colour: str) -> float:
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
