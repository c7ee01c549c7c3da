"""Subject line and preheader that carry the news. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST_SUBJECT = 70  # characters; most mail programs show 40 to 70
LONGEST_PREHEADER = 120
_FEWEST_WORDS = 3
_CLAUSE = re.compile(r"\s*(?:[;:–—|]|,|\s-)\s+")
# A headline must not be cut behind one of these.
_OPEN_ENDS = (
    "a an the of in on at to for from with by and or but nor as if when while after before over under into amid about "
    "against than that which who whose is are was were be has have had will would could may might must should says said "
    "his her its their our your new more most not no"
)
_LEAVES_OPEN = frozenset(_OPEN_ENDS.split())


def shorten(headline: str, room: int) -> str:
    """``headline`` in at most ``room`` characters: whole, or its first clause, or its first words; empty if that fails."""
    text = " ".join(headline.split()).rstrip(".")
    if len(text) <= room:
        return text
    clause = _CLAUSE.split(text)[0]
    if len(clause) <= room and len(clause.split()) >= _FEWEST_WORDS:
        return clause
    words = text[: room + 1].rpartition(" ")[0].split()
    while words and words[-1].lower().strip(",;:") in _LEAVES_OPEN:
        words.pop()
    return " ".join(words).rstrip(",;:–—- ") if len(words) >= _FEWEST_WORDS else ""


def subject(headlines: Sequence[str]) -> str:
    """The first headlines and how many more: "Texas map passes · Maxwell files released · 5 more"."""
    for shown in (2, 1):
        rest = len(headlines) - shown
        if rest < 0:
            continue
        tail = f" · {rest} more" if rest else ""
        room = LONGEST_SUBJECT - len(tail)
        parts = []
        for left, headline in zip(range(shown, 0, -1), headlines, strict=False):
            part = shorten(headline, (room - 3 * (left - 1)) // left)
            parts.append(part)
            room -= len(part) + 3
        if all(parts):
            return " · ".join(parts) + tail
    return headlines[0][:LONGEST_SUBJECT] if headlines else ""


def preheader(headlines: Sequence[str]) -> str:
    """Whole headlines of the Stories the subject line does not name, as many as there is room for."""
    text = "Also: "
    parts: list[str] = []
    for headline in headlines[2:]:
        room = LONGEST_PREHEADER - len(text) - len("; ".join(parts)) - 2
        part = shorten(headline, room)
        if not part:
            break
        parts.append(part)
    return text + "; ".join(parts) if parts else ""
