"""The Story's Questions: asked from what its sentences answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from datetime import datetime, timedelta

from newsletter.stories.terms import STOPWORDS, stem, terms
from newsletter.summaries.coherence import unquoted
from newsletter.summaries.selection.recency import toll
from newsletter.summaries.selection.statements import Statement

MOST = 4
_HOW_MANY_KILLED = "How many people were killed?"
_NEXT = ("What happens next?", "What happens next, and when?")
FRESH = timedelta(hours=36)  # what an older Article calls coming may have happened
EARLY = 100  # characters before what is to come: further behind it stands in somebody's claim
NEW = 0.3  # share of an answer's words that stand nowhere above: less tells a reader nothing new
ABOUT = 0.15  # cosine to the Story's headlines under which a sentence speaks of something else
_PART = r"[A-ZÀ-Þ](?:[\w’\-]*[a-zà-ÿA-Z]\.?|\.)"
_NAME = rf"{_PART}(?:\s+(?:{_PART}|bin|al|de|van|von)){{1,4}}"
_COMING = re.compile(
    r"(?<!that )(?<!which )(?<!who )(?<!hoping )\b(?:will(?! have been\b)|(?:is|are) (?:expected|scheduled|set|due|slated|poised) to|(?:is|are) (?:scheduled|due) (?:for|on|in)|"
    r"(?:is|are) planning to|has until|have until|goes next to)\b"
)
# Somebody's fear, hope or charge is not what comes next.
_SUPPOSED = re.compile(
    r"\b(?:fear|suggest|alleg|claim|vow|warn|argu|hop(?:e|ing)|insist|predict|projection|if|whether)\w*\b",
    re.IGNORECASE,
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
    rf"^(?P<who>{_NAME}), (?:(?:an?|the) (?:[a-z’\-]+ )*[a-z’\-]{{3,}}|who (?:was|is|has|served|led|ran|became|had)\b)"
)
_WHEN = re.compile(
    r"\b(?:on|by|until) (?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan\.|Feb\.|Aug\.|Sept\.|Oct\.|Nov\.|Dec\.) \d)"
)
_WHY = {
    "What is the accusation?": re.compile(
        r"\baccus(?:es|ed|ing)\b.{3,80}\bof\b|\bover (?:alleged|allegations|accusations)\b|\bon (?:suspicion|charges) of\b|\bcharged with\b"
    ),
    "What prompted it?": re.compile(r"\bin (?:response to|retaliation for|reaction to)\b|\bprompted by\b"),
    "What is the aim?": re.compile(r"\b(?:aimed at|in an effort to|in order to|in a bid to)\b"),
    "What reason is given?": re.compile(
        r"\bbecause\b|\bciting (?!(?:\w+ ){0,2}(?:officials?|sources?|media|reports?|people|police|authorities)\b)"
    ),
}
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
    coming = _COMING.search(own)
    return (
        coming is not None
        and coming.start() <= EARLY
        and not _PAST.search(own)
        and not _SUPPOSED.search(own[: coming.start()])
    )


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
    Whom it asks after must be one of the ``topic``'s (stems of what the Story's headlines, or several Outlets, name)."""
    text = statement.text
    if (match := _WHO.match(text)) and is_person(match["who"]):
        return f"Who is {match['who']}?" if _known(match["who"], topic) else None
    if match := _SPOKE.match(text):
        who = match["who"]
        return f"What did {who} say?" if is_person(who) and _known(who, topic) else None
    own = unquoted(text)
    if tells_next(text):
        return "What happens next, and when?" if _WHEN.search(own) else "What happens next?"
    if (match := _KILLED.search(own)) and not re.search(r"%|\bpercent\b|\bout of\b", own):
        how = (match["how"] or match["how2"]).lower()
        return "How many people were injured?" if how.startswith(("inj", "wound")) else _HOW_MANY_KILLED
    return next((question for question, pattern in _WHY.items() if pattern.search(own)), None)


def _known(who: str, topic: Container[str]) -> bool:
    return stem(who.split()[-1].lower()) in topic


def ask(
    pool: Sequence[Statement], said: Sequence[Statement], *, repeated: float = 0.6
) -> list[tuple[str, Statement]]:
    """Two to four questions, each asked once, answered by sentences that are not shown elsewhere where there are such."""
    found: dict[str, Statement] = {}
    kinds: dict[str, int] = {}
    shown = {s.text for s in said}
    topic = _topic(pool)
    told = frozenset(t for s in said for t in s.terms)
    tolls = {0, *(t[0] for s in said if (t := toll(s.text)))}
    latest = max((s.article.published_at for s in pool), default=None)
    for statement in sorted(pool, key=lambda s: (-s.salience, s.article.id, s.position)):
        if (
            not statement.stands_alone
            or statement.is_headline
            or statement.text in shown
            or statement.about < ABOUT
        ):
            continue
        if len(set(statement.terms) - told) < NEW * len(set(statement.terms)):
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
        if question == _HOW_MANY_KILLED and (toll(statement.text) or (0, True))[0] in tolls:
            continue
        kind = "next" if tells_next(statement.text) and question in _NEXT else " ".join(question.split()[:2])
        if kinds.get(kind, 0) < (2 if kind == "What did" else 1):
            kinds[kind] = kinds.get(kind, 0) + 1
            found[question] = statement
        if len(found) == MOST:
            break
    return sorted(found.items(), key=lambda q: q[0] in _NEXT)


def of_substance(found: Sequence[tuple[str, Statement]]) -> list[tuple[str, Statement]]:
    """Without those that only ask what somebody said or how many there were: not worth telling a sentence again."""
    return [(q, s) for q, s in found if not q.startswith(("What did ", "How many "))]


def _topic(pool: Sequence[Statement]) -> frozenset[str]:
    """Stems of the headlines, and of every word that two Outlets or more use."""
    outlets: dict[str, set[str]] = {}
    for s in pool:
        for term in s.terms:
            outlets.setdefault(term, set()).add(s.article.outlet)
    titles = frozenset(t for s in pool for t in terms(s.article.headline))
    return titles | {t for t, who in outlets.items() if len(who) >= 2}


def is_fresh(statement: Statement, latest: datetime | None) -> bool:
    """Young enough for what it calls coming to be still to come."""
    return latest is None or latest - statement.article.published_at <= FRESH
