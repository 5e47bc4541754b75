"""Pictures for the sample stories: quiet landscapes under a wide sky, drawn when they are asked for.

Drawn with the standard library, so that the wheel carries no binary files and nobody's rights are touched. A picture has
few colours, hence a PNG with a palette. What is not here: which story has which picture (stories).
"""

from __future__ import annotations

import itertools
import math
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

WIDTH, HEIGHT = 1200, 630
_SHADES = 96  # of the sky; the sun and the layers follow in the palette
_SUN = _SHADES

Colour = tuple[int, int, int]
Outline = Callable[[int], float]
"""The height of a layer above the lower edge, in pixels, at some x."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A silhouette; later layers stand before earlier ones."""

    colour: Colour
    outline: Outline


@dataclass(frozen=True, slots=True)
class Scene:
    """A sky from `zenith` by way of `middle` to `horizon`, a sun or moon (x, y, radius), and what stands before it."""

    zenith: Colour
    middle: Colour
    horizon: Colour
    sun: tuple[int, int, int]
    sun_colour: Colour
    layers: tuple[Layer, ...]


@lru_cache
def picture(name: str) -> bytes | None:
    """The picture as PNG, 1200 x 630; None when there is none of that name."""
    scene = SCENES.get(name)
    return None if scene is None else _png(_rows(scene), _palette(scene))


# -- drawing -----------------------------------------------------------------------------------------------------------


def _rows(scene: Scene) -> list[bytes]:
    """The picture's rows as numbers of the palette.

    Going down, a column that a layer has covered stays covered, so that each row differs little from the one before.
    """
    tops = [_tops(layer) for layer in scene.layers]
    row, rows = bytearray(WIDTH), []
    for y in range(HEIGHT):
        for number, columns in enumerate(tops, _SUN + 1):
            for x in columns.get(y, ()):
                row[x] = max(row[x], number)
        rows.append(_with_sky(row, y, scene.sun))
    return rows


def _tops(layer: Layer) -> dict[int, list[int]]:
    """At which row the layer begins: the columns by row."""
    found: dict[int, list[int]] = {}
    for x in range(WIDTH):
        found.setdefault(max(0, HEIGHT - round(layer.outline(x))), []).append(x)
    return found


def _with_sky(row: bytearray, y: int, sun: tuple[int, int, int]) -> bytes:
    """The row with the sky of its height where nothing stands, and the sun in it."""
    shade = min(_SHADES - 1, y * _SHADES // HEIGHT)
    drawn = bytearray(row.translate(bytes([shade, *range(1, 256)])))
    x, centre, radius = sun
    if abs(y - centre) < radius:
        half = int(math.sqrt(radius**2 - (y - centre) ** 2))
        disc = slice(x - half, x + half)
        drawn[disc] = bytes(old if new else _SUN for old, new in zip(drawn[disc], row[disc], strict=True))
    return bytes(drawn)


def _palette(scene: Scene) -> list[Colour]:
    half = _SHADES // 2  # what is below the middle is hidden by the land, hence the horizon's colour comes at 3/4
    sky = [_mixed(scene.zenith, scene.middle, step / half) for step in range(half)]
    sky += [_mixed(scene.middle, scene.horizon, min(1, step / half * 2)) for step in range(half)]
    return [*sky, scene.sun_colour, *(layer.colour for layer in scene.layers)]


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _png(rows: Sequence[bytes], palette: Sequence[Colour]) -> bytes:
    """Rows of palette numbers as a PNG (RFC 2083): header, palette, one compressed stream of unfiltered rows."""
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 3, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    chunks = ((b"IHDR", header), (b"PLTE", bytes(itertools.chain(*palette))), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# -- outlines ----------------------------------------------------------------------------------------------------------


def _level(height: float) -> Outline:
    return lambda _x: height


def _hills(seed: int, base: float, rise: float, sharp: float = 0.0) -> Outline:
    """Rolling land; `sharp` (0 to 1) turns the crests into peaks."""
    chance = random.Random(seed)
    waves = [(rise / 1.9**n, (1.7**n) * chance.uniform(0.8, 1.2), chance.uniform(0, 6.3)) for n in range(6)]

    def outline(x: int) -> float:
        t = x / WIDTH * 4
        round_part = sum(size * math.sin(pace * t + phase) for size, pace, phase in waves)
        sharp_part = sum(size * (1 - 2 * abs(math.sin(pace * t * 0.8 + phase))) for size, pace, phase in waves)
        return base + (1 - sharp) * round_part + sharp * sharp_part

    return outline


def _blocks(seed: int, base: float, rise: float, width: int) -> Outline:
    """The roofs of a town."""
    chance = random.Random(seed)
    roofs = [base + rise * chance.random() ** 2 for _ in range(WIDTH // width + 2)]
    gaps = [chance.randrange(width // 2) for _ in roofs]
    return lambda x: roofs[(x + gaps[x // width]) // width]


def _sheds(base: float, rise: float, width: int) -> Outline:
    """The saw-toothed roofs of a factory, with two chimneys."""
    chimneys = (range(262, 282), range(922, 946))

    def outline(x: int) -> float:
        if any(x in chimney for chimney in chimneys):
            return base + rise * 2.6
        return base + rise * (1 - (x % width) / width) if 90 < x < 1110 else base

    return outline


def _ships(*places: tuple[int, float]) -> Outline:
    """Ships on a horizon 210 px high: where the middle of each is, and how large."""
    profile = ((-108, 26), (-40, 26), (-36, 56), (-12, 56), (-8, 104), (-2, 104), (2, 66), (34, 66), (40, 30), (96, 30),
               (118, 36))  # fmt: skip

    def outline(x: int) -> float:
        over = (_between(profile, (x - middle) / size) * size for middle, size in places)
        return 208 + max(over)

    return outline


def _between(profile: Sequence[tuple[int, int]], x: float) -> float:
    """The height of a profile at x; 0 beside it."""
    for (x0, y0), (x1, y1) in itertools.pairwise(profile):
        if x0 <= x < x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return 0


def _masts(seed: int, base: float, rise: float) -> Outline:
    """Open land with a row of thin masts."""
    chance = random.Random(seed)
    land = _hills(seed, base, 10)
    masts = {x + chance.randrange(-30, 30): rise * chance.uniform(0.5, 1) for x in range(120, WIDTH - 80, 210)}
    return lambda x: land(x) + max((tall for mast, tall in masts.items() if abs(x - mast) < 3), default=0)


SCENES = {
    "strait": Scene(
        (58, 84, 122), (188, 142, 148), (248, 200, 150), (830, 372, 66), (255, 236, 204),
        (Layer((150, 138, 142), _hills(5, 226, 18)), Layer((58, 74, 92), _ships((300, 0.82), (560, 0.5), (1010, 0.34))),
         Layer((92, 104, 120), _level(210)), Layer((74, 89, 107), _level(150)), Layer((58, 74, 93), _level(84))),
    ),
    "dusk": Scene(
        (40, 38, 78), (150, 84, 108), (240, 150, 106), (360, 330, 54), (255, 220, 180),
        (Layer((156, 96, 104), _hills(11, 240, 44, 0.3)), Layer((104, 64, 84), _hills(23, 176, 40, 0.2)),
         Layer((62, 42, 66), _masts(3, 112, 190)), Layer((34, 26, 46), _hills(41, 54, 20))),
    ),
    "north": Scene(
        (98, 140, 168), (176, 200, 208), (240, 234, 218), (890, 170, 48), (255, 252, 240),
        (Layer((170, 190, 198), _hills(8, 330, 74, 0.9)), Layer((122, 150, 162), _hills(17, 250, 58, 0.8)),
         Layer((74, 106, 116), _hills(29, 160, 42, 0.6)), Layer((36, 64, 72), _hills(37, 78, 22, 0.3))),
    ),
    "works": Scene(
        (112, 128, 138), (188, 182, 166), (236, 214, 176), (640, 250, 58), (252, 240, 212),
        (Layer((176, 164, 142), _blocks(4, 210, 110, 74)), Layer((120, 112, 102), _sheds(190, 84, 170)),
         Layer((72, 70, 68), _level(128)), Layer((46, 46, 48), _level(60))),
    ),
    "night": Scene(
        (14, 22, 42), (40, 62, 92), (92, 116, 132), (930, 150, 40), (236, 234, 218),
        (Layer((44, 66, 88), _blocks(9, 190, 190, 58)), Layer((28, 44, 62), _blocks(15, 130, 150, 86)),
         Layer((12, 20, 32), _hills(6, 84, 12))),
    ),
    "plain": Scene(
        (122, 150, 146), (190, 200, 174), (246, 224, 176), (260, 236, 62), (255, 246, 220),
        (Layer((178, 176, 146), _hills(19, 236, 16)), Layer((138, 146, 118), _masts(12, 190, 150)),
         Layer((96, 112, 90), _hills(33, 132, 18)), Layer((58, 74, 62), _hills(47, 62, 14))),
    ),
}  # fmt: skip
"""The pictures there are."""
