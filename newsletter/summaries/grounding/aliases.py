"""Other ways to say the same name or number: "U.S." and "United States", "about 3,000" for 3,012. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from newsletter.summaries.grounding.facts import NUMBER, numbers

ROUNDED = 0.05  # how far "about 3,000" may be from 3,012, as a share
_ABOUT = re.compile(
    r"\b(?:about|around|roughly|nearly|almost|approximately|some|over|more than|at least|close to|just under|just over|up to)\s+[$€£]?$",
    re.IGNORECASE,
)
# What a text says, and what may be written for it: common abbreviations of American news style, chosen by hand.
_GROUPS = tuple(
    (re.compile(rf"(?<![\w.])(?:{written})(?![\w])"), frozenset(words.split()))
    for written, words in (
        (
            r"U\.S\.|US|USA|U\.S\.A|United States|America|Americans?",
            "u s us usa united states america american americans",
        ),
        (r"U\.K\.|UK|United Kingdom|Britain|British", "u k uk united kingdom britain british"),
        (r"U\.N\.|UN|United Nations", "u n un united nations"),
        (r"E\.U\.|EU|European Union", "e u eu european union"),
        (r"GOP|Republicans?", "gop republican republicans"),
        (r"Democrats?|Democratic", "democrat democrats democratic"),
        (r"D\.C\.|Washington", "washington d c"),
        (r"COVID(?:-19)?|Covid(?:-19)?|coronavirus", "covid covid-19 coronavirus 19"),
    )
)
_RUN = re.compile(r"[A-Z][\w’'-]+(?:\s+(?:of|the|for|and|on|[A-Z][\w’'-]+))*\s+[A-Z][\w’'-]+")


@lru_cache(maxsize=10_000)
def also_called(text: str) -> frozenset[str]:
    """Words, in small letters, that name what the text names otherwise: short forms spelled out, and made of its names."""
    found: frozenset[str] = frozenset()
    for written, words in _GROUPS:
        if written.search(text):
            found |= words
    short = {"".join(w[0] for w in run.split() if w[0].isupper()).lower() for run in _RUN.findall(text)}
    return found | {s for s in short if len(s) > 1}


def about(number: str, text: str) -> bool:
    """The text says of this number that it is not exact."""
    return any(
        number in numbers(m.group()) and _ABOUT.search(text[: m.start()]) for m in NUMBER.finditer(text)
    )


def near_to(number: str, others: Iterable[str]) -> bool:
    """One of the others is so near that this may stand for it: rounder, and not far off."""
    return any(
        _digits(number) < _digits(o) and abs(float(number) - float(o)) <= ROUNDED * abs(float(o))
        for o in others
    )


def _digits(number: str) -> int:
    """Return how many digits say something: 3 of 3,010, 1 of 3,000."""
    return len(number.replace(".", "").strip("0"))
