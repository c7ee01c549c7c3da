"""Draws social cards, the pictures that other sites show beside a link to ours: 1200 × 630 pixels. Pure but for the fonts.

They show only public data: a headline and its Coverage.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from newsletter.feeds.leans import SIDE_NAMES, SIDES

SIZE: Final = (1200, 630)  # pixels, as Open Graph readers expect
EDGE: Final = 72
PAPER, INK, SOFT, RULE = "#fcfcfa", "#16181d", "#4d525c", "#8b9099"
COLORS: Final = {"left": "#1f5a96", "center": "#59616e", "right": "#a92f24"}
SLANT: Final = {"left": 1, "center": 0, "right": -1}
BAR: Final = (446, 492)  # top and bottom
MOST_SEGMENTS: Final = 60  # more outlets than that are drawn as shares
_SERIF: Final = ("LiberationSerif-Bold.ttf", "DejaVuSerif-Bold.ttf")
_SANS: Final = ("LiberationSans-Regular.ttf", "DejaVuSans.ttf")


@lru_cache(maxsize=256)
def draw_card(site: str, headline: str, counts: tuple[int, ...], line: str) -> bytes:
    """Return a PNG. ``counts`` are outlets by Side, in the order of ``SIDES`` (empty: no bar); ``line`` is printed at the foot."""
    from PIL import Image, ImageDraw  # importing takes 0.05 s, and most processes draw nothing

    picture = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(picture)
    _draw_name(draw, site)
    lines, font, height = _fit_headline(draw, headline, 268 if counts else 330)
    top = 138 + ((268 if counts else 330) - height * len(lines)) // 2
    for number, words in enumerate(lines):
        draw.text((EDGE - 3, top + number * height), words, font=font, fill=INK)
    if counts:
        _draw_coverage(draw, dict(zip(SIDES, counts, strict=True)))
    draw.text((EDGE, SIZE[1] - 62), line, font=_font(_SANS, 27), fill=SOFT)
    out = io.BytesIO()
    picture.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


def _draw_name(draw: Any, site: str) -> None:
    for side, left in zip(SIDES, (EDGE, EDGE + 24, EDGE + 48), strict=True):
        _slanted_bar(draw, left, left + 12, (52, 92), SLANT[side], COLORS[side])
    draw.text((EDGE + 84, 42), site, font=_font(_SERIF, 46), fill=INK)
    draw.rectangle((EDGE, 112, SIZE[0] - EDGE, 114), fill=RULE)
    draw.rectangle((EDGE, 118, SIZE[0] - EDGE, 119), fill=RULE)


def _draw_coverage(draw: Any, counts: Mapping[Any, int]) -> None:
    total = sum(counts.values()) or 1
    gap, side_gap = (3, 9)
    shown = (
        counts if total <= MOST_SEGMENTS else {s: -(-n * MOST_SEGMENTS // total) for s, n in counts.items()}
    )
    sides = [side for side in SIDES if shown[side]]
    segments = sum(shown.values()) or 1
    width = (SIZE[0] - 2 * EDGE - 20 - gap * (segments - 1) - side_gap * (len(sides) - 1)) / segments
    left = EDGE + 10.0
    for side in sides:
        for _ in range(shown[side]):
            _slanted_bar(draw, left, left + width, BAR, SLANT[side], COLORS[side])
            left += width + gap
        left += side_gap
    place = float(EDGE)
    font = _font(_SANS, 29)
    for side in SIDES:
        words = f"{SIDE_NAMES[side]} {counts[side]}"
        draw.text((place, BAR[1] + 14), words, font=font, fill=COLORS[side] if counts[side] else RULE)
        place += draw.textlength(words, font=font) + 34


def _slanted_bar(draw: Any, left: float, right: float, rows: tuple[int, int], lean: int, color: str) -> None:
    """Draw a bar slanted to the left, upright or to the right, as ``lean`` (1, 0, -1) says."""
    top, bottom = rows
    shift = lean * (bottom - top) * 0.14
    draw.polygon(
        [(left - shift, top), (right - shift, top), (right + shift, bottom), (left + shift, bottom)],
        fill=color,
    )


def _fit_headline(draw: Any, words: str, room: int) -> tuple[Sequence[str], Any, int]:
    """Return the headline's lines, their font and the line height in pixels: the largest font that fits into ``room`` pixels. In
    the smallest font the headline is cut."""
    for size in (84, 74, 64, 54, 46):
        font, height = _font(_SERIF, size), round(size * 1.14)
        lines = _wrap(draw, words, font)
        if len(lines) * height <= room:
            return lines, font, height
    lines = lines[: room // height]
    return [*lines[:-1], lines[-1][:-2].rstrip() + "…"], font, height


def _wrap(draw: Any, words: str, font: Any) -> list[str]:
    room = SIZE[0] - 2 * EDGE
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font=font) <= room or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@lru_cache(maxsize=16)
def _font(names: tuple[str, ...], size: int) -> Any:
    """Return the first of these fonts that is installed, else Pillow's own."""
    from PIL import ImageFont

    for name in names:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
