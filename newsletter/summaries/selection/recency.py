"""Which sentences later ones have overtaken: what was still to come and has come, and a toll that has risen since. Pure.

Excerpts of several days stand side by side in one Story. A careful editor prints none that says "were poised to vote"
beside one that says they voted, nor two tolls of the same dead.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from newsletter.stories.terms import STOPWORDS, stem
from newsletter.summaries.coherence import unquoted
from newsletter.summaries.grounding.facts import numbers
from newsletter.summaries.selection.statements import Statement

SAME_MATTER = 0.35  # cosine from which a sentence in the past tense speaks of the same as one in the future
FEWEST = 2  # Outlets that tell as done on a weekday what another calls coming on it
LOOKED_AT = 5  # words after "will" or "poised to" that may be its verb or name its matter
RECENT = timedelta(hours=18)  # of the newest Article: what these Articles count is the newest toll
_STATE = "expected|poised|set|due|scheduled|slated|about|planning|preparing|likely"
_WAS_COMING = re.compile(
    rf"\b(?:was|were|had been) (?:\w+ )?(?:{_STATE})(?: \w+)? to\b|\b(?:planned|hoped|sought|intended|aimed) (?:\w+ )?to\b"
)
_COMING = re.compile(
    rf"(?<!that )(?<!which )\b(?:will\b|(?:is|are) (?:{_STATE})(?: \w+)? to\b|if (?:it|they) pass(?:es)?\b"
    r"|could (?=(?:\w+ ){1,3}(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day))"
)
_TO_COME = re.compile(
    r"^(?:[A-Z$€£\d][\w’'.,&$-]*\s+){1,6}to\s+(?=[a-z]{2,}\b)"
)  # "Council to vote on harbor wall"
_PAST_OF = {
    "gave": "give", "given": "give", "met": "meet", "took": "take", "taken": "take", "made": "make", "held": "hold", "began": "begin",
    "sent": "send", "won": "win", "left": "leave", "struck": "strike", "came": "come", "went": "go", "got": "get", "ran": "run",
    "paid": "pay", "fell": "fall", "rose": "rise", "lost": "lose", "found": "find", "led": "lead", "told": "tell", "spoke": "speak",
}  # fmt: skip
_PASSED = frozenset({stem("passed"), stem("approved")})
# What a court was still to say, and that it has said it.
_AWAITS_COURT = re.compile(
    r"\bfaces? (?:a |the )?(?:verdict|ruling|judgment)\b|\bif (?:he|she|they|found|convicted|the (?:\w+ )?court)\b[^.]{0,40}\b(?:guilty|convicted)\b|\bif convicted\b"
    r"|\bjudge?ment day\b|\b(?:awaits?|awaiting) (?:a |the |his |her |their )?(?:verdict|ruling|judgment)\b|\bis poised to (?:decide|rule)\b",
    re.IGNORECASE,
)
_COURT_SPOKE = re.compile(
    r"\b(?:acquit(?:s|ted)|clear(?:s|ed)\b.{0,60}\b(?:of|charges?)|found (?:not )?guilty|convict(?:s|ed)|sentenced|dismiss(?:es|ed)\b.{0,60}\b(?:case|charges?))\b",
    re.IGNORECASE,
)
COURTS = 0.25  # share of the headlines that tell of it
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ON_DATE = re.compile(
    r"\b(?P<month>Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\.? (?P<day>\d{1,2})\b(?!\s*,?\s*\d{4})"
    r"|\b(?P<weekday>Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|\b(?P<near>today|tonight|tomorrow|this (?:morning|afternoon|evening))\b"
)
_WEEKDAY = re.compile(r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b")
_N = r"(?<!of )(?<![\w$€£.,-])(?P<n>(?!(?:19|20)\d\d\b)(?:\d{1,3}(?:,\d{3})+|\d+)|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_TOLL = re.compile(
    rf"(?P<about>at least |more than |over |nearly |almost |some |about )?{_N} (?:(?!(?:percent|out|per|in)\b)[a-zA-Z-]+ ){{0,4}}?(?:killed|dead|died|die|dies)\b",
    re.IGNORECASE,
)
_TOLL_BEHIND = re.compile(
    rf"\b(?:kill(?:s|ed|ing)?|death toll (?:\w+ ){{0,2}}(?:to|of|at)|deaths? of)(?: [a-z-]+)? (?P<about>at least |more than |over |nearly |almost |some |about )?{_N}\b(?! percent| out of| in )",
    re.IGNORECASE,
)


def current(pool: Sequence[Statement]) -> list[Statement]:
    """The sentences that no other has overtaken; all of them when nothing would be left of an excerpt or headline."""
    latest = max((s.article.published_at for s in pool), default=None)
    headlines = {s.article.id: s.article.headline for s in pool}
    spoke = sum(bool(_COURT_SPOKE.search(h)) and not _AWAITS_COURT.search(h) for h in headlines.values())
    decided = spoke >= max(FEWEST, COURTS * len(headlines))
    kept = [
        s
        for s in pool
        if not overtaken(s, pool, latest) and not (decided and _AWAITS_COURT.search(unquoted(s.text)))
    ]
    return kept or list(pool)


def overtaken(statement: Statement, pool: Sequence[Statement], latest: datetime | None) -> bool:
    """What it calls coming has happened: its day is past, or another sentence tells the same in the past tense."""
    own = unquoted(statement.text)
    was, comes = _WAS_COMING.search(own), _COMING.search(own) or _TO_COME.match(own)
    marker = was or comes
    if marker is None:
        return False
    published = statement.article.published_at
    after = re.split(r"[,;]|\bsaid\b", own[marker.end() :])[0]
    if latest is not None and (day := _day_meant(after, published.date())) and day < latest.date():
        return True
    if not was and _done(own[: marker.start()]):
        return False
    if not was and _done_that_day(statement, _WEEKDAY.findall(after), pool):
        return True
    matter = _matter(own[marker.end() :]) | (_PASSED if marker.group().startswith("if") else frozenset())
    return any(
        (was or other.article.published_at >= published)
        and matter & _done(other.text)
        and statement.like(other) >= SAME_MATTER
        for other in pool
        if other is not statement
    )


def has_come(statement: Statement, pool: Sequence[Statement]) -> bool:
    """What the sentence calls coming, behind what it tells as done, another of no earlier time tells as done too.

    Or :data:`FEWEST` Outlets of any time do: an old text may bear the date of the day on which its Feed showed it.
    """
    own = unquoted(statement.text)
    comes = _COMING.search(own)
    if comes is None:
        return False
    matter = _matter(own[comes.end() :]) - _done(own[: comes.start()])
    telling = [
        other.article
        for other in pool
        if other.article.id != statement.article.id
        and matter & _done(other.text)
        and statement.like(other) >= SAME_MATTER
    ]
    later = any(article.published_at >= statement.article.published_at for article in telling)
    return later or len({article.outlet for article in telling} - {statement.article.outlet}) >= FEWEST


def _done_that_day(statement: Statement, days: Sequence[str], pool: Sequence[Statement]) -> bool:
    """Two Outlets tell something like it as done on the very weekday that it calls coming."""
    if not days:
        return False
    telling = {
        other.article.outlet
        for other in pool
        if days[0] in other.text and _done(other.text) and statement.like(other) >= SAME_MATTER
    }
    return len(telling - {statement.article.outlet}) >= FEWEST


def _matter(text: str) -> frozenset[str]:
    words = [w for w in re.findall(r"[a-z]+", text.lower())[:LOOKED_AT] if w not in STOPWORDS]
    return frozenset(stem(w) for w in words)


def _done(text: str) -> frozenset[str]:
    """Stems of what the sentence tells as done; nothing for one that is itself about what comes."""
    own = unquoted(text)
    if _WAS_COMING.search(own) or _COMING.search(own) or _TO_COME.match(own):
        return frozenset()
    words = re.findall(r"[a-z]+", own.lower())
    return frozenset(
        stem(_PAST_OF.get(w, w)) for w in words if w in _PAST_OF or (w.endswith("ed") and len(w) > 4)
    )


def _day_meant(text: str, published: date) -> date | None:
    """The day the words name, as somebody meant it who wrote them on the day ``published``."""
    match = _ON_DATE.search(text)
    if match is None:
        return None
    if match["near"]:
        return published + timedelta(days=1 if match["near"] == "tomorrow" else 0)
    if match["weekday"]:
        wanted = next(i for i, d in enumerate(_WEEKDAYS) if d.startswith(match["weekday"].lower()))
        return published + timedelta(days=(wanted - published.weekday()) % 7)
    try:
        return date(published.year, 1 + _MONTHS.index(match["month"][:3].lower()), int(match["day"]))
    except ValueError:
        return None


def toll(text: str) -> tuple[int, bool] | None:
    """How many dead the text counts, and whether it says so exactly; None when it counts none."""
    own = unquoted(text)
    found = _TOLL.search(own) or _TOLL_BEHIND.search(own)
    if found is None:
        return None
    (number,) = numbers(found["n"]) or ("0",)
    return int(float(number)), not found["about"]


def newest_toll(pool: Sequence[Statement]) -> int | None:
    """The toll that most of the newest headlines and first sentences name, the higher of two; None without two that differ."""
    first = [(s, t) for s in pool if s.position <= 0 and (t := toll(s.text)) and t[0] > 1]
    if len({t[0] for _, t in first}) < 2:
        return None
    latest = max(s.article.published_at for s, _ in first)
    named = Counter(t[0] for s, t in first if latest - s.article.published_at <= RECENT)
    return max(named, key=lambda n: (named[n], n))


def other_toll(text: str, newest: int | None) -> bool:
    """The text counts another number of dead than the newest toll. "More than 70" is none other than 78."""
    told = toll(text)
    if newest is None or told is None or told[0] * 10 <= newest or told[0] >= 10 * newest:
        return False
    number, exact = told
    rounded = not exact and number % 10 == 0 and 0 <= newest - number < 10
    return number != newest and not rounded
