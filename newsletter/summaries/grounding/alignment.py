"""Whether a sentence puts facts together as its source does: who did what to whom, how many of what, on which day, not or yes.

Every number and name of a false sentence may stand in the article. So each is looked for *where* the source tells it: in the
sentences that carry the claim. Pure. What stands verbatim in the source needs none of this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache

from newsletter.stories.terms import STOPWORDS, stem
from newsletter.summaries.grounding.aliases import about, also_called, near_to
from newsletter.summaries.grounding.facts import NUMBER, QUOTED, name_words, numbers, spelled
from newsletter.summaries.selection.speakers import speaker

NEGATED_WITHIN = 3  # words after "not" that it may turn
BESIDE = 3  # meaning words on each side of a number or name that say what it is about
SHARED = 0.34  # share of them that must stand in the sentence it comes from
AT_HOME = 0.4  # share of them beside it there from which no rival is asked about
RIVAL = 0.3  # by how much more another number or name must be beside the same words to be the one that belongs there
_TOKEN = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*|%|\$")
_NOT = frozenset("not never no nobody none neither nor without cannot".split())  # noqa: SIM905 - a list of words reads as words
_NO_DENIAL = re.compile(
    r"\b(?:no (?:more|less|fewer|later|earlier) than|not (?:only|just|merely)|no doubt|whether or not)\b",
    re.IGNORECASE,
)
_DAYS = "monday tuesday wednesday thursday friday saturday sunday yesterday today tomorrow".split()  # noqa: SIM905
_MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
_DATES = (
    {w: w for w in _DAYS} | {w: w[:3] for w in _MONTHS} | {w[:3]: w[:3] for w in _MONTHS} | {"sept": "sep"}
)
UNITS = {
    "%": "percent", "percent": "percent", "per": "", "percentage": "points", "points": "points", "point": "points",
    "pp": "points", "basis": "basis points", "miles": "miles", "mile": "miles", "kilometers": "km", "kilometres": "km",
    "km": "km", "meters": "m", "metres": "m", "feet": "feet", "foot": "feet", "tons": "tons", "tonnes": "tonnes",
    "pounds": "pounds", "kilograms": "kg", "kg": "kg", "dollars": "dollars", "euros": "euros", "years": "years",
    "year": "years", "months": "months", "month": "months", "weeks": "weeks", "week": "weeks", "days": "days",
    "day": "days", "hours": "hours", "hour": "hours", "minutes": "minutes", "seconds": "seconds", "degrees": "degrees",
    "acres": "acres", "hectares": "hectares", "gallons": "gallons", "liters": "liters", "votes": "votes",
}  # fmt: skip
_SIGNS = {"$": "dollars", "€": "euros", "£": "pounds sterling"}
_QUANTITIES = (
    "half halves double doubled doubling triple tripled tripling quadrupled twice thrice dozens hundreds thousands millions "
    "billions third thirds quarter quarters majority minority unanimous unanimously all none every most"
)
_QUANTITY = frozenset(_QUANTITIES.split())


class Turned(StrEnum):
    """What is put together wrongly."""

    NAME = "a name is not where the cited article tells this"
    NUMBER = "a number is not where the cited article tells this"
    DATE = "a day is not where the cited article tells this"
    NEGATION = "turns a statement into its opposite"
    SWAPPED = "puts one name in another's place"
    SPEAKER = "gives a quotation to somebody else"


def turned(text: str, near: Sequence[str], whole: str) -> Turned | None:
    """What is wrong with ``text``, judged by the sentences ``near`` that carry it and the ``whole`` of what it cites."""
    if not all(_named_alike(text, n, near, whole) for n in name_words(text)):
        return Turned.NAME
    if dates(text) - frozenset().union(*map(dates, near)):
        return Turned.DATE
    if not all(_counted_alike(text, match, near) for match in NUMBER.finditer(text)):
        return Turned.NUMBER
    if quantities(text) - quantities(" ".join(near)):
        return Turned.NUMBER
    if negation_turned(text, near):
        return Turned.NEGATION
    if any(swapped(part, s) for part in re.split(r"[;.!?]\s", text) for s in near):
        return Turned.SWAPPED
    return Turned.SPEAKER if other_speaker(text, whole) else None


@lru_cache(maxsize=10_000)
def dates(text: str) -> frozenset[str]:
    """The days of the week, and the months that stand with a capital, each in one spelling."""
    found = re.findall(r"\b[A-Z][a-z]+\b", text)
    return frozenset(_DATES[w.lower()] for w in found if w.lower() in _DATES and w != "May") | frozenset(
        "may" for _ in re.findall(r"\bMay \d|\b(?:in|of|since|until|last|next) May\b", text)
    )


@lru_cache(maxsize=10_000)
def quantities(text: str) -> frozenset[str]:
    """Words that say how much without a number: "half", "twice", "unanimously"."""
    return frozenset(stem(w) for w in _lower(text) if w in _QUANTITY)


def _full_names(near: Sequence[str], whole: str) -> frozenset[str]:
    """The words of the sentences, and of every name elsewhere that shares its last word with one of theirs."""
    known = frozenset().union(*(_parts(s) for s in near))
    runs = re.findall(r"[A-ZÀ-Þ][\w.’'\-]*(?:\s+[A-ZÀ-Þ][\w.’'\-]*)+", whole)
    return known.union(*(_parts(r) for r in runs if _parts(r.split()[-1]) <= known))


@lru_cache(maxsize=20_000)
def _parts(text: str) -> frozenset[str]:
    return frozenset(w.removesuffix("'s") for w in re.findall(r"[^\W_]+(?:'[^\W_]+)*", spelled(text)))


@lru_cache(maxsize=10_000)
def _lower(text: str) -> tuple[str, ...]:
    return tuple(t.lower().replace("’", "'") for t in _TOKEN.findall(text))


def _meaning(text: str) -> list[str]:
    return [stem(w) for w in _lower(text) if w not in STOPWORDS and len(w) > 2 and not w[0].isdigit()]


def _counted_alike(text: str, match: re.Match[str], near: Sequence[str]) -> bool:
    """The number stands near, with the same unit, beside one of the same words, and no other number belongs there more."""
    value = numbers(match.group())
    if not value:
        return True
    ours = _beside(text, match)
    stands, own, rival = False, 0.0, 0.0
    for sentence in near:
        for other in NUMBER.finditer(sentence):
            theirs, units = numbers(other.group()), (_unit(text, match), _unit(sentence, other))
            alike = len(ours & _beside(sentence, other)) / max(1, len(ours))
            if all(units) and units[0] != units[1]:
                continue
            if value <= theirs or all(about(n, text) and near_to(n, theirs) for n in value):
                stands = stands or _shares(ours, sentence)
                own = max(own, alike)
            elif theirs and not theirs & numbers(text):
                rival = max(rival, alike)
    return stands and (rival - own < RIVAL or own >= AT_HOME)


def _named_alike(text: str, name: str, near: Sequence[str], whole: str) -> bool:
    """The name, or one by which the whole calls the same, stands in a sentence beside some of the same words, and no name
    that the text leaves out belongs there more."""
    match = _place_of(name, text)
    ours = _beside(text, match) - frozenset(_meaning(name)) if match else frozenset()
    if not any(_parts(name) <= _full_names([s], whole) | also_called(s) and _shares(ours, s) for s in near):
        return False
    here = [m for s in near if (m := _place_of(name, s))]
    if not ours or not here:
        return True
    own = max(len(ours & _beside(m.string, m)) for m in here)
    told = _parts(text)
    rivals = [
        len(ours & _beside(s, m))
        for s in near
        for other in dict.fromkeys(name_words(s))
        if not _parts(other) <= told and (m := _place_of(other, s))
    ]
    return max(rivals, default=0) - own < RIVAL * len(ours) or own >= AT_HOME * len(ours) or len(ours) < 2


def _place_of(name: str, text: str) -> re.Match[str] | None:
    return re.search(rf"(?<![\w’']){re.escape(name)}(?!\w)", text)


def _shares(ours: frozenset[str], sentence: str) -> bool:
    return len(ours & frozenset(_meaning(sentence))) >= SHARED * len(ours)


def _beside(text: str, match: re.Match[str]) -> frozenset[str]:
    return frozenset(_meaning(text[: match.start()])[-BESIDE:] + _meaning(text[match.end() :])[:BESIDE])


def _unit(text: str, match: re.Match[str]) -> str:
    before, after = text[: match.start()][-1:] + match.group()[:1], text[match.end() :]
    sign = next((_SIGNS[c] for c in before if c in _SIGNS), "")
    words = [w for w in _lower(after[:30])][:2]
    if words[:2] == ["per", "cent"]:
        return "percent"
    return sign or (UNITS.get(words[0], "") if words else "")


def negation_turned(text: str, near: Sequence[str]) -> bool:
    """The text denies what the source says, or says what the source denies."""
    ours, own = _denied(text), frozenset(_meaning(text))
    theirs = frozenset().union(*(_denied(s) for s in near))
    plain = frozenset().union(*(frozenset(_meaning(s)) - _denied(s) for s in near))
    if any(w in plain and w not in theirs for w in ours):
        return True
    best = max(near, key=lambda s: len(own & frozenset(_meaning(s))), default="")
    return any(w in own and w not in ours and w not in plain for w in _denied(best, within=1))


@lru_cache(maxsize=10_000)
def _denied(text: str, within: int = NEGATED_WITHIN) -> frozenset[str]:
    """Stems of the meaning words that follow a "not"."""
    words = _lower(_NO_DENIAL.sub(" ", text))
    found: set[str] = set()
    for place, word in enumerate(words):
        if word in _NOT or word.endswith("n't"):
            after = [w for w in words[place + 1 : place + 1 + 2 * NEGATED_WITHIN] if w not in STOPWORDS]
            found.update(stem(w) for w in after[:within] if len(w) > 2)
    return frozenset(found)


def swapped(text: str, source: str) -> bool:
    """Two names stand on the other sides of the same verb: "Holt sued Weir" for "Weir sued Holt"."""
    ours, theirs = _order(text), _order(source)
    names = [w for w in ours if w in theirs and w[0].isupper()]
    for one, other in ((a, b) for a in names for b in names if ours[a] < ours[b] and theirs[a] > theirs[b]):
        verbs = {w for w in ours if w[0].islower() and ours[one] < ours[w] < ours[other]}
        if verbs & {w for w in theirs if theirs[other] < theirs[w] < theirs[one]} and not (
            re.search(r"\bby\b", text) or re.search(r"\bby\b", source)
        ):
            return True
    return False


def _order(text: str) -> dict[str, int]:
    """Where each name (with a capital) and each meaning word (its stem) stands first."""
    found: dict[str, int] = {}
    named = {n.removesuffix("'s").removesuffix("’s") for n in name_words(text)}
    for place, match in enumerate(_TOKEN.finditer(text)):
        word = match.group().removesuffix("'s").removesuffix("’s")
        if word in named:
            found.setdefault(word, place)
        elif word.lower() not in STOPWORDS and word[0].islower() and len(word) > 2:
            found.setdefault(stem(word), place)
    return found


def other_speaker(text: str, whole: str) -> bool:
    """A quotation's speaker is named, and where the source has these words it names somebody else."""
    for match in QUOTED.finditer(text):
        ours = speaker(text, match)
        theirs = list(_speakers("".join(g or "" for g in match.groups()), whole)) if ours else []
        if theirs and not any(_parts(ours) & _parts(name) for name in theirs):
            return True
    return False


def _speakers(words: str, whole: str) -> Iterator[str]:
    wanted = spelled(words).strip(" .,;:!?")
    for match in QUOTED.finditer(whole):
        if wanted in spelled("".join(g or "" for g in match.groups())):
            sentence_start = max(whole.rfind(". ", 0, match.start()), 0)
            if name := speaker(
                whole[sentence_start : match.end() + 120], _again(whole, match, sentence_start)
            ):
                yield name


def _again(whole: str, match: re.Match[str], start: int) -> re.Match[str]:
    """The same quotation, found in the part of the text that ``speaker`` is shown."""
    found = QUOTED.search(whole[start : match.end() + 120], match.start() - start)
    return found or match
