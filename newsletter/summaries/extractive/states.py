"""States of things: what is still open, what a later text has settled, which texts contradict each other. Pure."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from newsletter.stories.words import fold, stem, terms
from newsletter.summaries.extractive.reading import unquoted
from newsletter.summaries.extractive.similarity import Weights
from newsletter.summaries.protocol import ArticleText

LATER = timedelta(hours=1)
LONG_AGO = 30  # days before the day of writing: what happened then is no news
FAR = 5  # days ahead that writers do not call by their weekday alone
NEAR = 14  # words behind "will" among which its day stands
SAME_MATTER = 0.5  # how far a later headline repeats an earlier one
_OPEN = re.compile(
    r"\b(?:will|would|could|may|might|awaits?|awaiting|missing|seeks?|faces?|facing|plans?|hopes?|prepares?|considers?|weighs?|"
    r"searching|(?:is|are|was|were)\s+(?:\w+\s+)?(?:expected|set|due|poised|scheduled|slated|likely|planning|preparing|about)\s+to)\b"
    r"|(?<=[a-z]) to (?=[a-z]+ )|\b(?:expected|set|due|poised|scheduled) to\b"
)
_PENDING = re.compile(
    r"\b(?:(?:was|were|is|are) (?:scheduled|expected|due|slated) |will|awaits?|awaiting|missing|searching|(?:expected|set|due|poised|scheduled|slated|likely|planning|preparing|about)\s+to"
    r"|has(?:n[’']t| not) yet|not yet|yet to|upcoming|tomorrow|tonight|today)\b"
)
# Outcomes that exclude each other; a text with both tells the second.
_OPPOSITES = (
    (r"missing|trapped|unaccounted", r"found|rescued|recovered"),
    (r"alive|survived?", r"dead|died|killed"),
    (r"freed|released", r"detained|arrested|held|jailed|custody"),
    (r"acquitted|cleared|not guilty", r"convicted|guilty"),
    (r"approve[sd]?|passe[sd]|pass|adopt(?:s|ed)", r"reject(?:s|ed)?|defeat(?:s|ed)|fail(?:s|ed)|block(?:s|ed)?"),
    (r"resum(?:es?|ed)|reopen(?:s|ed)", r"suspend(?:s|ed)|halt(?:s|ed)|paus(?:es?|ed)"),
)  # fmt: skip
_POLES = tuple((re.compile(rf"\b(?:{a})\b", re.I), re.compile(rf"\b(?:{b})\b", re.I)) for a, b in _OPPOSITES)
_SPELLED = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_SMALL = {word: str(number) for number, word in enumerate(_SPELLED.split())}
_NUMBER = re.compile(
    rf"(?<![\w$.-])(\d[\d,]*(?:\.\d+)?(?:\s(?:million|billion|trillion))?|{'|'.join(list(_SMALL)[2:])})"
    r"(?![\w-])\s+((?:[a-zA-Z’'-]+\s*){1,3})",
    re.IGNORECASE,
)
_HURT = r"(?:kill(?:s|ed|ing)?|dead|die[sd]?|deaths?|injur(?:es?|ed|ing)|wound(?:s|ed|ing)?|arrest(?:s|ed)?)"
_COUNT = rf"(?<![\w$.-])(?:\d[\d,]*|{'|'.join(list(_SMALL)[2:])})(?![\w%-])"
_TOLL = re.compile(
    rf"\b{_HURT}\s+(?:[a-z]+ ){{0,3}}?(?P<behind>{_COUNT})|(?P<before>{_COUNT})\s+(?:[\w’'-]+ ){{0,4}}?{_HURT}\b",
    re.IGNORECASE,
)
_VOTES = re.compile(r"(?<![\w$.-])(\d{1,3})(?: votes)?(?:-to-|[-–]| to )(\d{1,3})(?![\w%-])")
_DAY = re.compile(
    rf"\b(?P<weekday>{'|'.join(calendar.day_name)})\b"
    rf"|\b(?P<month>{'|'.join(calendar.month_abbr[1:])})[a-z]*\.? (?P<day>\d{{1,2}})\b(?:, (?P<year>\d{{4}}))?"
    rf"|\b(?P<dmy>\d{{1,2}}) (?P<month2>{'|'.join(calendar.month_name[1:])})\b"
    r"|\b(?P<next>next (?:week|month|year))\b"
)
_COMING = re.compile(
    r"\b(?:will|(?:is|are) (?:\w+ )?(?:expected|set|due|scheduled|slated|poised) (?:to|for|in|on))\b"
)


def open_ended(headline: str) -> bool:
    """Return whether the headline calls something coming or unsettled."""
    return bool(_OPEN.search(unquoted(headline)))


def pending(text: str) -> bool:
    """The sentence holds only until something happens: "will meet", "are missing"."""
    return bool(_PENDING.search(unquoted(text)))


def overtaken(article: ArticleText, articles: Sequence[ArticleText], weights: Weights) -> bool:
    """Return whether a later headline on the same matter tells as settled what this Article's headline leaves open."""
    own = terms(article.headline)
    return open_ended(article.headline) and any(
        other.published_at >= article.published_at + LATER
        and not open_ended(other.headline)
        and weights.repeats(own, terms(other.headline)) >= SAME_MATTER
        for other in articles
    )


def contradict(one: str, other: str) -> bool:
    """Return whether the texts count the same things differently, or tell outcomes that exclude each other."""
    numbers, others = _counted(one), _counted(other)
    if any(numbers[noun].isdisjoint(others[noun]) for noun in numbers.keys() & others.keys()):
        return True
    votes, other_votes = ({m.groups() for m in _VOTES.finditer(t)} for t in (one, other))
    if votes and other_votes and votes.isdisjoint(other_votes):
        return True
    if (toll := _toll(one)) and (other_toll := _toll(other)) and toll.isdisjoint(other_toll):
        return True
    for first, second in _POLES:
        ended, other_ended = bool(second.search(one)), bool(second.search(other))
        if ended != other_ended and first.search(other if ended else one):
            return True
    return False


def _toll(text: str) -> set[str]:
    """Return how many dead, hurt or arrested the text counts."""
    return {
        _SMALL.get(n.lower(), n.replace(",", ""))
        for m in _TOLL.finditer(text)
        for n in (m["before"], m["behind"])
        if n
    }


def other_day(one: str, other: str) -> bool:
    """Both texts name weekdays, and none in common."""
    days = [{m["weekday"].lower() for m in _DAY.finditer(t) if m["weekday"]} for t in (one, other)]
    return bool(days[0] and days[1] and days[0].isdisjoint(days[1]))


def _counted(text: str) -> dict[str, set[str]]:
    """Return what the text counts: the stem of each noun behind a number, with the numbers."""
    found: dict[str, set[str]] = {}
    for match in _NUMBER.finditer(text):
        number = _SMALL.get(match[1].lower(), match[1].replace(",", ""))
        for word in match[2].split():
            if word[0].islower() and terms(word):
                found.setdefault(stem(fold(word)), set()).add(number)
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


def by_weekday(text: str) -> bool:
    """Return whether the sentence names what comes by a weekday or "next week", which only holds for a while after it was written."""
    return not any(m["month"] or m["month2"] for m in _DAY.finditer(unquoted(text)))


def day_told(text: str, published_at: datetime) -> date | None:
    """Return the first day that the text names, as the latest such day up to the day of writing; None when it names none."""
    written = published_at.date()
    for found in _DAY.finditer(text):
        if found["weekday"]:
            return written - timedelta(
                days=(written.weekday() - list(calendar.day_name).index(found["weekday"])) % 7
            )
        day = None if found["next"] else _day(found, written)
        if day is not None and written - timedelta(days=LONG_AGO) <= day <= written:
            return day
    return None


def _day(found: re.Match[str], written: date) -> date | None:
    if found["weekday"]:
        ahead = (list(calendar.day_name).index(found["weekday"]) - written.weekday()) % 7
        # Today or in a week, and "Friday" on a Saturday: it cannot be known which is meant.
        return written + timedelta(days=ahead) if 0 < ahead < FAR else None
    if found["next"]:
        if found["next"] == "next week":
            return written + timedelta(days=7 - written.weekday())
        if found["next"] == "next month":
            return (written.replace(day=1) + timedelta(days=32)).replace(day=1)
        return date(written.year + 1, 1, 1)
    month = list(calendar.month_abbr).index((found["month"] or found["month2"])[:3])
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
