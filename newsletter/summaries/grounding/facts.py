"""Numbers, names and quotations in a sentence: what must not be wrong. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from newsletter.feeds.leans import LEAN_NAMES, SIDE_NAMES
from newsletter.stories.words import STOP_WORDS

QUOTED = re.compile(r"“([^“”]+)”|\"([^\"]+)\"")
# Of three words or more: shorter, and it may be an apostrophe.
SINGLE_QUOTED = re.compile(r"(?<!\w)[‘']((?:[^\s‘’']+ ){2,}[^\s‘’']+)[’'](?!\w)")
_UNITS = dict(
    zip(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ],
        range(21),
        strict=True,
    )
)
_TENS = {
    w: 10 * n
    for n, w in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SHORT = {"k": 1_000, "m": 10**6, "mn": 10**6, "b": 10**9, "bn": 10**9, "tn": 10**12}
_DIGITS = re.compile(
    r"(?<![\w.])[$€£]?(\d[\d,]*(?:\.\d+)?)[\s\-]?(?:(hundred|thousand|million|billion|trillion)\b|(k|mn?|bn?|tn)\b)?",
    re.IGNORECASE,
)
_WORDS = re.compile(
    rf"\b(?:(?:{'|'.join([*_UNITS, *_TENS])})[\s\-]?)+(?:(?:{'|'.join(_SCALES)})\b)?", re.IGNORECASE
)
_DOZENS = {"a": 1, "one": 1, "half a": 0.5, "two": 2, "three": 3, "four": 4, "five": 5}
_DOZEN = re.compile(r"\b(?P<how>half a|a|one|two|three|four|five) dozen\b", re.IGNORECASE)
NUMBER = re.compile(
    rf"{_DIGITS.pattern}|{_WORDS.pattern}", re.IGNORECASE
)  # one number, in digits or in words
# Words that start sentences without naming anybody, chosen by hand from English grammar; any other word with a capital is looked up
# in the cited Article.
_OPENERS = frozenset(
    [
        "the",
        "a",
        "an",
        "in",
        "on",
        "at",
        "by",
        "for",
        "from",
        "with",
        "without",
        "while",
        "when",
        "after",
        "before",
        "since",
        "although",
        "though",
        "as",
        "if",
        "it",
        "he",
        "she",
        "they",
        "this",
        "that",
        "these",
        "those",
        "there",
        "here",
        "but",
        "and",
        "or",
        "so",
        "yet",
        "however",
        "meanwhile",
        "also",
        "both",
        "some",
        "many",
        "most",
        "several",
        "few",
        "all",
        "each",
        "every",
        "no",
        "not",
        "more",
        "less",
        "officials",
        "lawmakers",
        "critics",
        "supporters",
        "opponents",
        "police",
        "authorities",
        "prosecutors",
        "voters",
        "experts",
        "analysts",
        "researchers",
        "scientists",
        "leaders",
        "members",
        "residents",
        "people",
        "left-leaning",
        "right-leaning",
        "outlets",
        "headlines",
        "word",
        "one",
        "two",
        "three",
        "according",
        "during",
        "under",
        "over",
        "about",
        "against",
        "between",
        "among",
        "because",
        "until",
        "despite",
        "following",
    ]
)
_CAPITAL = re.compile(r"(?<![\w’'])[A-ZÀ-Þ][\w’'À-ÿ\-]*(?:\.[A-Z])*")


@lru_cache(maxsize=20_000)
def spelled(text: str) -> str:
    """Return the text in small letters with plain quotes and single spaces, for comparing spellings, not typography."""
    table: dict[str, str | int | None] = {
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "\xa0": " ",
    }
    return re.sub(r"\s+", " ", text.translate(str.maketrans(table))).strip().lower()


@lru_cache(maxsize=20_000)
def numbers(text: str) -> frozenset[str]:
    """Return all numbers in one spelling: "1,200", "1.2 thousand" and "twelve hundred" are "1200". "One" alone names no number."""
    found = {_show(12.0 * _DOZENS[m["how"].lower()]) for m in _DOZEN.finditer(text)}
    text = _DOZEN.sub(" ", text)
    for digits, scale, short in _DIGITS.findall(text):
        value = float(digits.replace(",", "").rstrip(".") or 0)
        found.add(_show(value * _SCALES.get(scale.lower(), 1) * _SHORT.get(short.lower(), 1)))
    for match in _WORDS.finditer(text):
        value, last = 0.0, 0
        for word in re.findall(r"[a-z]+", match.group().lower()):
            if word in _SCALES:
                value *= _SCALES[word]
            else:
                last = _UNITS.get(word, _TENS.get(word, 0))
                value += last
        if match.group().lower().strip() not in ("one", "zero"):
            found.add(_show(value))
    return frozenset(found)


def _show(value: float) -> str:
    return f"{value:.6g}" if value != int(value) else str(int(value))


_OURS = frozenset(w.lower() for n in (*SIDE_NAMES.values(), *LEAN_NAMES.values()) for w in n.split())


@lru_cache(maxsize=20_000)
def name_words(text: str) -> tuple[str, ...]:
    """Return words with a capital that name somebody or something. A sentence's first word counts unless it is a common opener."""
    found = []
    for match in _CAPITAL.finditer(text):
        word = match.group().rstrip(".'’-")
        low = word.lower().replace("’", "'")
        if low in _OPENERS or low in STOP_WORDS or low in _OURS or len(low) < 2:
            continue
        found.append(word)
    return tuple(found)
