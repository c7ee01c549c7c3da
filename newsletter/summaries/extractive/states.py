"""States of things: what is still open, what a later text has settled, which texts contradict each other. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from newsletter.summaries.extractive.likeness import Weights, stem, terms
from newsletter.summaries.extractive.reading import unquoted
from newsletter.summaries.protocol import ArticleText

LATER = timedelta(hours=1)
NEAR = 14  # words behind "will" among which its day stands
SAME_MATTER = 0.4  # how far one headline says the other's words
_OPEN = re.compile(
    r"\b(?:will|would|could|may|might|awaits?|awaiting|missing|seeks?|faces?|facing|plans?|hopes?|prepares?|considers?|weighs?|"
    r"searching|(?:is|are|was|were)\s+(?:\w+\s+)?(?:expected|set|due|poised|scheduled|slated|likely|planning|preparing|about)\s+to)\b"
    r"|(?<=[a-z]) to (?=[a-z]+ )|\b(?:expected|set|due|poised|scheduled) to\b"
)
_PENDING = re.compile(
    r"\b(?:will|awaits?|awaiting|missing|searching|(?:expected|set|due|poised|scheduled|slated|likely|planning|preparing|about)\s+to"
    r"|has(?:n[’']t| not) yet|not yet|yet to|upcoming|tomorrow|tonight|today)\b"
)
# Outcomes that exclude each other.
_OPPOSITES = (
    (r"missing|trapped|unaccounted", r"found|rescued|recovered"),
    (r"alive|survived?", r"dead|died|killed"),
    (r"freed|released", r"detained|arrested|held|jailed|custody"),
    (r"acquitted|cleared|not guilty", r"convicted|guilty"),
    (r"approve[sd]?|passe[sd]|pass|adopt(?:s|ed)", r"reject(?:s|ed)?|defeat(?:s|ed)|fail(?:s|ed)|block(?:s|ed)?"),
    (r"resum(?:es?|ed)|reopen(?:s|ed)", r"suspend(?:s|ed)|halt(?:s|ed)|paus(?:es?|ed)"),
)  # fmt: skip
_POLES = tuple((re.compile(rf"\b(?:{a})\b", re.I), re.compile(rf"\b(?:{b})\b", re.I)) for a, b in _OPPOSITES)
_SMALL = {w: str(n) for n, w in enumerate(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen"]
)}  # fmt: skip
_NUMBER = re.compile(
    rf"(?<![\w$.-])(\d[\d,]*(?:\.\d+)?(?:\s(?:million|billion|trillion))?|{'|'.join(list(_SMALL)[2:])})"
    r"(?![\w-])\s+((?:[a-zA-Z’'-]+\s*){1,3})",
    re.IGNORECASE,
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = re.compile(
    r"\b(?P<weekday>(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b"
    r"|\b(?P<month>Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\.? (?P<day>\d{1,2})\b(?:, (?P<year>\d{4}))?"
    r"|\b(?P<dmy>\d{1,2}) (?P<month2>January|February|March|April|May|June|July|August|September|October|November|December)\b"
    r"|\b(?P<next>next (?:week|month|year))\b"
)
_COMING = re.compile(
    r"\b(?:will|(?:is|are) (?:\w+ )?(?:expected|set|due|scheduled|slated|poised) (?:to|for|in|on))\b"
)


def open_ended(headline: str) -> bool:
    """The headline calls something coming or unsettled."""
    return bool(_OPEN.search(unquoted(headline)))


def pending(text: str) -> bool:
    """The sentence holds only until something happens: "will meet", "are missing"."""
    return bool(_PENDING.search(unquoted(text)))


def overtaken(article: ArticleText, articles: Sequence[ArticleText], weights: Weights) -> bool:
    """A later headline on the same matter tells as settled what this Article's headline leaves open."""
    own = terms(article.headline)
    return open_ended(article.headline) and any(
        other.published_at >= article.published_at + LATER
        and not open_ended(other.headline)
        and weights.alike(own, terms(other.headline)) >= SAME_MATTER
        for other in articles
    )


def contradict(one: str, other: str) -> bool:
    """The texts count the same things differently, or tell outcomes that exclude each other."""
    numbers, others = _counted(one), _counted(other)
    if any(numbers[noun].isdisjoint(others[noun]) for noun in numbers.keys() & others.keys()):
        return True
    for first, second in _POLES:
        a = bool(first.search(one)), bool(second.search(one))
        b = bool(first.search(other)), bool(second.search(other))
        if a != b and any(a) and any(b):
            return True
    return False


def other_day(one: str, other: str) -> bool:
    """Both texts name weekdays, and none in common."""
    days = [{m["weekday"].lower() for m in _DAY.finditer(t) if m["weekday"]} for t in (one, other)]
    return bool(days[0] and days[1] and days[0].isdisjoint(days[1]))


def _counted(text: str) -> dict[str, set[str]]:
    """What the text counts: the stem of each noun behind a number, with the numbers."""
    found: dict[str, set[str]] = {}
    for match in _NUMBER.finditer(text):
        number = _SMALL.get(match[1].lower(), match[1].replace(",", ""))
        for word in match[2].split():
            if word[0].islower() and terms(word):
                found.setdefault(stem(word), set()).add(number)
    return found


def coming_on(text: str, published_at: datetime) -> date | None:
    """The day on which the sentence says something will happen, as meant on the day of writing; None without one."""
    own = unquoted(text)
    marker = _COMING.search(own)
    if marker is None:
        return None
    clause = re.split(r"[;:—–]|\b(?:said|after|since|following|when|because|that)\b", own[marker.end() :])[0]
    found = _DAY.search(" ".join(clause.split()[:NEAR]))
    return _day(found, published_at.date()) if found else None


def _day(found: re.Match[str], written: date) -> date | None:
    if found["weekday"]:
        ahead = (_DAYS.index(found["weekday"].lower()) - written.weekday()) % 7
        return written + timedelta(days=ahead) if ahead else None  # today or in a week: it cannot be known
    if found["next"]:
        if found["next"] == "next week":
            return written + timedelta(days=7 - written.weekday())
        if found["next"] == "next month":
            return (written.replace(day=1) + timedelta(days=32)).replace(day=1)
        return date(written.year + 1, 1, 1)
    month = 1 + _MONTHS.index((found["month"] or found["month2"])[:3].lower())
    try:
        named = date(
            int(found["year"] or written.year) if found["month"] else written.year,
            month,
            int(found["day"] or found["dmy"]),
        )
    except ValueError:
        return None
    if found["month"] and found["year"]:
        return named
    return named.replace(year=written.year + 1) if named < written - timedelta(days=180) else named
