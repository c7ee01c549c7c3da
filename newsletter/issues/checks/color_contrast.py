"""Measures the contrast between text and background in a finished mail, in light and in dark mode. Pure.

Contrast is the ratio that WCAG 2.2 defines (relative luminance, 1…21). Only the constructs of our own mail are understood: inline
colours and, for dark mode, rules under ``prefers-color-scheme: dark`` whose selectors are tags and classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import html as lxml_html

AA = 4.5  # WCAG 2.2, level AA, for text under 24 px
_DARK = re.compile(r"@media\s*\(prefers-color-scheme:\s*dark\)\s*\{((?:[^{}]*\{[^{}]*\})*)\}")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COLOUR = re.compile(r"#[0-9a-f]{6}\b|#[0-9a-f]{3}\b", re.I)
_LONG = 7  # characters of "#rrggbb"


@dataclass(frozen=True)
class PoorContrast:
    """Words whose contrast is too low, with their colours and the ratio."""

    words: str
    ratio: float


@dataclass(frozen=True)
class _Rule:
    """One selector and its declarations; of two that match, the larger (weight, order) wins."""

    parts: tuple[tuple[str, str, frozenset[str]], ...]  # combinator before it, tag, classes
    sets: dict[str, str]

    @property
    def weight(self) -> tuple[int, int]:
        return sum(len(classes) for _, _, classes in self.parts), sum(bool(tag) for _, tag, _ in self.parts)


def ratio(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours ``#rrggbb``, 1…21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def poor_contrasts(html: str, *, dark: bool = False) -> list[PoorContrast]:
    """Return the words whose contrast is below :data:`AA`, each pair of colours once, lowest contrast first."""
    rules = list(_dark_rules(html)) if dark else []
    root = lxml_html.document_fromstring(html)
    found: dict[tuple[str, str], PoorContrast] = {}
    for words, colour, ground in _words(root, "#000000", "#ffffff", rules):
        now = ratio(colour, ground)
        if now < AA:
            found.setdefault((colour, ground), PoorContrast(words, now))
    return sorted(found.values(), key=lambda p: p.ratio)


def _words(
    node: lxml_html.HtmlElement, colour: str, ground: str, rules: list[_Rule]
) -> Iterator[tuple[str, str, str]]:
    if not isinstance(node.tag, str) or node.tag in ("head", "style", "script", "title"):
        return
    sets = _style(node.get("style") or "")
    if sets.get("display") == "none":
        return
    for rule in sorted((r for r in rules if _matches(node, r.parts)), key=lambda r: r.weight):
        sets.update(rule.sets)
    colour = sets.get("color", colour)
    ground = sets.get("background-color", sets.get("background", node.get("bgcolor") or ground))
    if text := (node.text or "").strip("\u034f\u200c\u00a0 \t\r\n"):
        yield " ".join(text.split()), colour, ground
    for child in node:
        yield from _words(child, colour, ground, rules)
        if text := (child.tail or "").strip("\u034f\u200c\u00a0 \t\r\n"):
            yield " ".join(text.split()), colour, ground


def _style(text: str) -> dict[str, str]:
    """Return the colours that a style sets, as ``#rrggbb``, and ``display`` unchanged."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.partition(":")
        name, value = name.strip().lower(), value.replace("!important", "").strip().lower()
        if name == "display":
            found[name] = value
        elif name in ("color", "background", "background-color") and (colour := _COLOUR.search(value)):
            long = colour[0] if len(colour[0]) == _LONG else "#" + "".join(2 * c for c in colour[0][1:])
            found["background-color" if name == "background" else name] = long
    return found


def _dark_rules(html: str) -> Iterator[_Rule]:
    for block in _DARK.findall(html.partition("</head>")[0]):
        for selectors, body in _RULE.findall(block):
            sets = _style(body)
            for selector in selectors.split(",") if sets else ():
                yield _Rule(tuple(_parts(selector)), sets)


def _parts(selector: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    combinator = " "
    for word in selector.replace(">", " > ").split():
        if word == ">":
            combinator = ">"
            continue
        tag, *classes = word.split(".")
        yield combinator, tag, frozenset(classes)
        combinator = " "


def _matches(node: lxml_html.HtmlElement, parts: tuple[tuple[str, str, frozenset[str]], ...]) -> bool:
    combinator, tag, classes = parts[-1]
    if (tag and node.tag != tag) or not classes <= set((node.get("class") or "").split()):
        return False
    if len(parts) == 1:
        return True
    above = node.getparent()
    while above is not None:
        if _matches(above, parts[:-1]):
            return True
        if combinator == ">":
            return False
        above = above.getparent()
    return False


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    lines = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * lines[0] + 0.7152 * lines[1] + 0.0722 * lines[2]
