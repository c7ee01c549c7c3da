"""The Story's Questions: asked from what its sentences answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from datetime import datetime, timedelta

from newsletter.newsroom.leaning import unquoted
from newsletter.newsroom.salience import STOPWORDS, stem
from newsletter.newsroom.statements import Statement

MOST = 4
_NEXT = ("What happens next?", "When is the next step?")
FRESH = timedelta(hours=36)  # what an older Article calls coming may have happened
ABOUT = 0.15  # cosine to the Story's headlines under which a sentence speaks of something else
_PART = r"[A-ZÀ-Þ](?:[\w’\-]*[a-zà-ÿA-Z]\.?|\.)"
_NAME = rf"{_PART}(?:\s+(?:{_PART}|bin|al|de|van|von)){{1,4}}"
_COMING = re.compile(
    r"(?<!that )(?<!which )(?<!who )(?<!hoping )\b(?:will(?! have been\b)|(?:is|are) (?:expected|scheduled|set|due|slated|poised) to|(?:is|are) (?:scheduled|due) (?:for|on|in)|"
    r"(?:is|are) planning to|has until|have until|goes next to)\b"
)
_PAST = re.compile(r"\b(?:will(?:ing|s)\b|(?:was|were) (?:expected|scheduled|set|due|slated|poised))\b")
_KILLED = re.compile(
    r"\b(?:[\d,]+|two|three|four|five|six|seven|eight|nine|ten|dozens|hundreds|thousands)\b[^.]{0,40}\b(?P<how>killed|dead|died|injured|wounded)\b"
    r"|\b(?P<how2>killed|killing|injured|injuring|wounded|wounding)\b[^.,]{0,25}\b(?:[\d,]{1,6}|two|three|four|five|six|seven|eight|nine|ten|dozens|hundreds|thousands)\b (?:[a-z]+ ){0,2}"
    r"(?:people|civilians|soldiers|children|women|men|Palestinians|others|workers|students)\b",
    re.IGNORECASE,
)
_SPOKE = re.compile(
    rf"^(?P<who>{_NAME})(?:,[^,“”\"]{{3,70}},)?(?:\s+(?:also|then|later|has|had))?\s+(?:said|told|called|described|criticized|condemned|welcomed|praised|"
    r"denied|rejected|warned|argued|accused|announced|wrote|vowed)\b"
)
_WHO = re.compile(
    rf"^(?P<who>{_NAME}), (?:(?:an?|the) (?:[a-z’\-]+ )*[a-z’\-]{{3,}}|who (?:was|is|has|served|led|ran|became|had)|\d\d,)"
)
_COUNT = re.compile(
    r"(?<![$€£\w.,:])(?P<n>\d{1,3}(?:,\d{3})+|\d{1,3}|two|three|four|five|six|seven|eight|nine|ten|dozens of|hundreds of|thousands of)"
    r"(?: (?:more|new|other|additional))? (?P<noun>(?:[a-z]{4,} )?[a-z]{3,}s)\b"
)
_NOT_COUNTED = frozenset(
    [
        "years",
        "months",
        "weeks",
        "days",
        "hours",
        "minutes",
        "seconds",
        "times",
        "percent",
        "cents",
        "dollars",
        "pounds",
        "miles",
        "points",
        "ages",
        "others",
        "kilometers",
        "metres",
        "kilometres",
        "feet",
        "inches",
        "degrees",
        "has",
        "was",
        "is",
        "this",
        "its",
        "vs",
        "weeks",
        "decades",
        "centuries",
        "thousands",
        "millions",
        "hundreds",
        "dozens",
    ]
)
_WHEN = re.compile(
    r"\b(?:on|by|until) (?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan\.|Feb\.|Aug\.|Sept\.|Oct\.|Nov\.|Dec\.) \d)"
)
_WHY = re.compile(
    r"\b(?:because of|because|in response to|in retaliation for|aimed at|in an effort to|in order to|accus(?:es|ed|ing) .{3,60} of|"
    r"over (?:alleged|claims|allegations|accusations))\b"
)
# A capital at the head of a sentence makes no name of these.
_NO_NAME = STOPWORDS | frozenset(
    [
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "president",
        "former",
        "yesterday",
        "today",
        "tonight",
        "asked",
        "speaking",
        "based",
        "earlier",
        "later",
        "meanwhile",
        "however",
    ]
)
_BODIES = frozenset(
    [
        "department",
        "ministry",
        "court",
        "senate",
        "house",
        "council",
        "committee",
        "office",
        "agency",
        "bureau",
        "government",
        "administration",
        "police",
        "university",
        "news",
        "times",
        "post",
        "press",
        "party",
        "union",
        "army",
        "forces",
        "states",
        "kingdom",
        "city",
        "county",
        "street",
        "journal",
        "company",
        "corporation",
        "group",
        "bank",
        "street",
        "board",
        "commission",
        "association",
        "institute",
        "international",
        "center",
        "centre",
        "democrats",
        "republicans",
    ]
)


def tells_next(text: str) -> bool:
    """The sentence states a coming step in its own words, not in a quotation, and as still to come."""
    own = unquoted(text)
    return bool(_COMING.search(own)) and not _PAST.search(own)


def is_person(name: str) -> bool:
    """Two words or more that may name a person: no day, no opener, no body such as a court."""
    words = [w.strip(".").lower() for w in name.split()]
    named = [w for w in words if w not in {"president", "former"}]
    return (
        len(named) >= 2
        and words[0] not in _NO_NAME - {"president", "former"}
        and not any(w in _BODIES or (w in STOPWORDS and len(w) > 2) for w in words)
    )


def asked(statement: Statement, topic: Container[str] = ()) -> str | None:
    """The question this sentence answers, in plain words, or None when none of our patterns fits.
    What is counted must be the ``topic``'s (stems of the Story's headlines)."""
    text = statement.text
    if (match := _WHO.match(text)) and is_person(match["who"]):
        return f"Who is {match['who']}?"
    if match := _SPOKE.match(text):
        return f"What did {match['who']} say?" if is_person(match["who"]) else None
    own = unquoted(text)
    if tells_next(text):
        return "When is the next step?" if _WHEN.search(own) else "What happens next?"
    if match := _KILLED.search(own):
        how = (match["how"] or match["how2"]).lower()
        return f"How many people were {'injured' if how.startswith(('inj', 'wound')) else 'killed'}?"
    if _WHY.search(own):
        return "What is behind it?"
    for match in _COUNT.finditer(own):
        noun = match["noun"].split()[-1]
        if stem(noun) in topic and noun not in _NOT_COUNTED:
            return f"How many {noun} are involved?"
    return None


def ask(
    pool: Sequence[Statement], said: Sequence[Statement], *, repeated: float = 0.6
) -> list[tuple[str, Statement]]:
    """Two to four questions, each asked once, answered by sentences that are not shown elsewhere where there are such."""
    found: dict[str, Statement] = {}
    kinds: dict[str, int] = {}
    shown = {s.text for s in said}
    topic = frozenset(t for s in pool if s.is_headline for t in s.terms)
    latest = max((s.article.published_at for s in pool), default=None)
    for statement in sorted(pool, key=lambda s: (-s.salience, s.article.id, s.position)):
        if not statement.fit or statement.is_headline or statement.text in shown or statement.about < ABOUT:
            continue
        if any(statement.like(s) >= repeated for s in [*said, *found.values()]):
            continue
        question = asked(statement, topic)
        if (
            question is None
            or question in found
            or (tells_next(statement.text) and not is_fresh(statement, latest))
        ):
            continue
        kind = "next" if tells_next(statement.text) and question in _NEXT else " ".join(question.split()[:2])
        if kinds.get(kind, 0) < (2 if kind == "What did" else 1):
            kinds[kind] = kinds.get(kind, 0) + 1
            found[question] = statement
        if len(found) == MOST:
            break
    return sorted(found.items(), key=lambda q: q[0] in _NEXT)


def is_fresh(statement: Statement, latest: datetime | None) -> bool:
    """Young enough for what it calls coming to be still to come."""
    return latest is None or latest - statement.article.published_at <= FRESH
