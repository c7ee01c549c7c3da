"""Words can be read in light and dark: WCAG AA, computed from the colours in the finished mail."""

from __future__ import annotations

import re

import pytest

from newsletter.feeds.leans import Side
from newsletter.issues.render.render import rendition
from newsletter.issues.render.story_phrases import SIDE_COLOURS
from newsletter.links import Links
from newsletter.settings import Settings
from tests.issues.issue_values import issue

AA = 4.5  # WCAG 2.2, text under 24 px
PARTS = 3.0  # WCAG 2.2, edges and bars that mean something
LIGHT = {"card": "#fffdf8", "desk": "#f1ede4"}
DARK = {"card": "#1b1d20", "desk": "#111214"}


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two ``#rrggbb`` colours, 1…21."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        lines = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * lines[0] + 0.7152 * lines[1] + 0.0722 * lines[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture(scope="module")
def html() -> str:
    settings = Settings(_env_file=None)
    return rendition(issue(), "full", settings=settings, links=Links("https://a.example")).html


def test_the_measure_is_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_light_colours(html: str) -> None:
    body = html[html.index("<body") :]
    used = set(re.findall(r'[";]color:(#[0-9a-f]{6})', body)) - {"#ffffff"}
    assert {"#1c1b19", "#5d574d", *SIDE_COLOURS.values()} <= used
    for colour in used:
        assert contrast(colour, LIGHT["card"]) >= AA, colour
    for colour in ("#1c1b19", "#5d574d"):
        assert contrast(colour, LIGHT["desk"]) >= AA, colour


def test_dark_colours(html: str) -> None:
    dark = html[html.index("prefers-color-scheme:dark") : html.index("[data-ogsc]")]
    assert f".card{{background:{DARK['card']}" in dark.replace(",.card > table", "")
    words = set(re.findall(r"[{;]color:(#[0-9a-f]{6}) !important", dark)) - {DARK["card"]}
    edges = set(re.findall(r"-edge\{border-color:(#[0-9a-f]{6})", dark))
    assert len(words) >= 5
    assert len(edges) == 3
    for colour in words:
        assert contrast(colour, DARK["card"]) >= AA, colour
        assert contrast(colour, DARK["desk"]) >= AA, colour
    for colour in edges:
        assert contrast(colour, DARK["card"]) >= PARTS, colour


@pytest.mark.parametrize("side", list(Side))
def test_the_bar_can_be_read_in_both(side: Side) -> None:
    assert contrast("#ffffff", SIDE_COLOURS[side]) >= AA
    assert contrast(SIDE_COLOURS[side], LIGHT["card"]) >= PARTS


def test_the_button(html: str) -> None:
    assert contrast("#ffffff", "#1c1b19") >= AA
    assert contrast(DARK["card"], "#ece8df") >= AA
