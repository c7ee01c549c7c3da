"""Short verbatim quotations with a named speaker. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from newsletter.feeds.leans import Side
from newsletter.stories.words import terms
from newsletter.summaries.extractive.evidence import OTHER_SIDE, Evidence
from newsletter.summaries.extractive.reading import Said, unquoted
from newsletter.summaries.story_text import Citation, Quote

SHORTEST, LONGEST, HANDY = 6, 32, 16  # words of a quotation, and of the best one
MOST = 1  # of a side
ON_TOPIC = 0.06
OTHERS = 0.3  # against a quotation that the other side has too
TOLD = 0.6  # how far an outlet of the other side says a quotation to have it too
_QUOTED = re.compile(r"“([^“”]{20,260})”|\"([^\"]{20,260})\"")
_SAYING = (
    r"(?:said|says|told|tells|wrote|writes|added|adds|asked|argued|argues|warned|warns|tweeted|posted|declared|explained|insisted|"
    r"noted|stated|claimed|continued|concluded)"
)
_NAME = r"(?:[A-Z][\w.’'-]*|al-[A-Z]\w+)(?:\s+(?:(?:of|for|the|de|van|bin|al)\s+){0,2}(?:[A-Z][\w.’'-]*|al-[A-Z]\w+)){0,6}"
_BEFORE = re.compile(rf"({_NAME})(?:,[^,]{{3,80}},)?\s+(?:\w+ly\s+)?{_SAYING}\b")
_BEHIND = re.compile(
    rf"\b(?!told|tells){_SAYING}\s+(?:(?!in|on|at|to|that|of|by|during|after|before|when|as|with|from)[a-z]+\s+){{0,3}}?({_NAME})"
)
_NO_NAMES = "He She They It The A An This That In On But And When While After I We"
_NO_NAMES += " Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_NOBODY = frozenset(_NO_NAMES.split())


@dataclass(frozen=True)
class Spoken:
    """A quotation in a sentence: its words and the name of who said it."""

    words: str
    speaker: str


def spoken(said: Said) -> Spoken | None:
    """Return the sentence's first whole quotation with a named speaker; None without one."""
    for match in _QUOTED.finditer(said.text):
        words = (match[1] or match[2]).strip()
        if SHORTEST <= len(words.split()) <= LONGEST and (name := speaker(said)):
            return Spoken(words.rstrip(",."), name)
    return None


def speaker(said: Said) -> str | None:
    """Who the sentence says speaks, by name and with the title it stands with; None without a name."""
    around = unquoted(said.text)
    found = _BEFORE.search(around) or _BEHIND.search(around)
    if found is None:
        return None
    name = found[1].strip(" .,’'")
    name = re.sub(r"[’']s$", "", name)
    first, *more = name.split()
    if first in _NOBODY:
        name = " ".join(more) if first == "The" else ""
    return _in_full(name, said.article.text) if name else None


def _in_full(name: str, text: str) -> str:
    """Return a surname alone with the given name or title that the Article mostly puts right before it."""
    if " " in name:
        return name
    before = re.findall(rf"(?<![\w.])([A-Z][\w’-]+|[A-Z][a-z]{{0,3}}\.)\s+{re.escape(name)}\b", text)
    usual = Counter(word for word in before if word not in _NOBODY).most_common(1)
    return f"{usual[0][0]} {name}" if usual else name


def side_quotes(evidence: Evidence) -> tuple[Quote, ...]:
    """The best quotations of the left's and the right's Outlets that nothing in the Story has printed."""
    found: list[Quote] = []
    for side in (Side.LEFT, Side.RIGHT):
        for _, said, quote in sorted(_candidates(evidence, side), key=lambda c: (-c[0], c[1].article.id))[:8]:
            if (
                sum(q.side is side for q in found) < MOST
                and evidence.is_fresh(terms(quote.words))
                and evidence.is_fresh(said.terms)
            ):
                evidence.mark_printed(quote.words)
                found.append(Quote(quote.words, quote.speaker, side, Citation(said.article.id, said.passage)))
    return tuple(found)


def _candidates(evidence: Evidence, side: Side) -> list[tuple[float, Said, Spoken]]:
    found: list[tuple[float, Said, Spoken]] = []
    for said in evidence.of_side(side, opinion=True):
        quote = spoken(said)
        if (
            quote is None
            or not quote.words[0].isupper()
            or " " not in quote.speaker
            or evidence.weights.central(said.terms) < ON_TOPIC
        ):
            continue
        lean = evidence.side_log_odds(said.terms, side)
        if lean <= 0:
            continue
        own = terms(quote.words)
        other = evidence.tellers(own, OTHER_SIDE[side], least=TOLD) > 0
        length = abs(len(quote.words.split()) - HANDY) / HANDY
        found.append(
            (evidence.weights.central(own) * 2 + lean / 4 - OTHERS * other - 0.3 * length, said, quote)
        )
    return found
