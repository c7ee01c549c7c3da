"""Short verbatim quotations and who spoke them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from newsletter.newsroom.salience import terms
from newsletter.newsroom.sentences import plain, split
from newsletter.newsroom.summarizers.protocol import ArticleText
from newsletter.newsroom.telling import Citation, Quote

SHORTEST, LONGEST = 5, 28  # words of a Quote
_QUOTED = re.compile(r"“([^“”]{12,260})”|\"([^\"]{12,260})\"")
_VERB = re.compile(
    r"\b(?:is|are|was|were|am|be|been|has|have|had|do|does|did|will|would|can|could|should|must|may|might|cannot|want|need|know|"
    r"think|believe|make|makes|made|take|say|says|said|get|got|go|went|\w{3,}ed)\b|\w(?:n[’']t|[’'](?:re|ve|ll|m))\b",
    re.IGNORECASE,
)
_NAME = r"(?:\b(?:de|van|von|bin|al)\s+)?(?:(?:[A-Z][\w’'\-]+\.?|[A-Z]\.)\s+(?:(?:of|for|de|van|von|bin|al)\s+)?){0,5}[A-Z][\w’\-]+"
_SAID = r"(?:said|says|told|wrote|added|argued|stated|tweeted|posted|declared|warned|noted|insisted|claimed|explained|called|vowed|asked)"
# Small words that lead to a name: "Secretary of State Marco Teal", "Arnon's wife Ann Teal", "the harbor engineer Cole Teal".
_LEAD = r"(?:(?:[a-z][a-z’'\-]+|[A-Z][\w’'\-]+)\s+){0,7}?"
_PARTY = r"(?:\s*\([^()]{1,25}\))?"
_AFTER = re.compile(
    rf"^[,.]?\s*(?:{_SAID}\s+{_LEAD}(?P<a>{_NAME})|{_LEAD}(?P<b>{_NAME}){_PARTY}(?:,[^,“”\"]{{2,60}},)?\s+{_SAID}\b)"
)
_DESCRIBED = re.compile(
    rf"^[,.]?\s*(?:{_SAID}\s+(?P<c>(?:an?|one)(?: [a-z’\-]+| [A-Z][\w’\-]+){{1,6}}?)(?=[.,;]|$| (?:in|on|at|to|who|by)\b)"
    rf"|(?P<d>(?:an?|one|the)(?: [a-z’\-]+| [A-Z][\w’\-]+){{1,6}}?)\s+{_SAID}\b)"
)
_BODY = re.compile(
    r"\b(?:statement|opinion|ministry|court|agency|department|office|report|letter|memo|company|group|union|army|military|police)$"
)
_BEFORE = re.compile(rf"(?P<name>{_NAME})(?:,[^,“”\"]{{2,60}},)?\s+{_SAID}\b[^.“”\"]{{0,80}}$")
_RANKS = frozenset(
    "president senator sen rep gov governor mayor judge justice minister secretary chairman chairwoman director general officer chief "  # noqa: SIM905 - a list of words reads as words
    "speaker mr mrs ms dr sheriff detective professor prof king queen prince princess attorney".split()
)
_NOT_A_NAME = frozenset(
    [
        "The",
        "A",
        "An",
        "In",
        "On",
        "At",
        "It",
        "He",
        "She",
        "They",
        "This",
        "That",
        "But",
        "And",
        "His",
        "Her",
        "Their",
        "We",
        "I",
        "If",
        "When",
        "While",
        "After",
        "Before",
        "As",
        "For",
        "With",
    ]
)


def quotes(
    articles: Sequence[ArticleText], *, limit: int = 2, taken: Sequence[str] = ()
) -> tuple[Quote, ...]:
    """At most ``limit`` Quotes, at most one of each Article, those with a named speaker first, then the shorter. Words of
    which the Article does not say whose they are are nobody's, and not quoted.

    Each stands by itself: a clause from its start. What is ``taken`` (printed elsewhere) is not quoted again.
    """
    found = []
    matter = {t for a in articles for t in terms(a.headline)}
    for order, article in enumerate(articles):
        best = None
        for passage in split(article.excerpt):
            for match in _QUOTED.finditer(passage):
                words = (match.group(1) or match.group(2)).strip()
                opened = article.excerpt.find(passage) + match.start()
                if article.excerpt[opened] == '"' and article.excerpt.count('"', 0, opened) % 2:
                    continue  # what stands here is between two quotations
                if not _worth(words) or not _is_clause(passage, match, words):
                    continue
                if matter and not matter & set(terms(passage)):
                    continue  # beside what the Story is about
                named = in_full(speaker(passage, match), article)
                who = named or described(passage, match)
                if not who:
                    continue
                quote = Quote(_inner(words), who, Citation(article.id, _verbatim(words)))
                rank = (not named, abs(len(words.split()) - 14))
                if best is None or rank < best[0]:
                    best = (rank, order, quote)
        if best is not None:
            found.append(best)
    chosen: list[Quote] = []
    for _, _, quote in sorted(found, key=lambda f: f[:2]):
        if not any(_same(quote.words, other) for other in (*taken, *(q.words for q in chosen))):
            chosen.append(quote)
    return tuple(chosen[:limit])


def _worth(words: str) -> bool:
    count = len(words.split())
    return SHORTEST <= count <= LONGEST and not re.search(r"https?:|[@#]\w|\.\.\.|…|[“”\"\[\]]", words)


def _is_clause(passage: str, match: re.Match[str], words: str) -> bool:
    """From a clause's start to a stop, with a verb; and between two marks that belong together."""
    before, after = passage[: match.start()], passage[match.end() :]
    if before[-1:].isalnum() or after[:1].isalnum() or before.count('"') % 2:
        return False
    if not re.match(r"[A-Z]", words) or re.search(r"[a-z]:\s", words) or not _VERB.search(words):
        return False
    return words[-1] in ".,!?" or bool(re.match(r"[.,;]|\s*$", after))


def _same(words: str, other: str) -> bool:
    """The two quotations share most of their words."""
    one, two = (set(re.findall(r"\w+", w.lower())) for w in (words, other))
    return len(one & two) >= 0.6 * min(len(one), len(two))


def _inner(words: str) -> str:
    return plain(_verbatim(words))


def _verbatim(words: str) -> str:
    """Without the comma or full stop that American typography puts before the closing mark."""
    return words.rstrip(",.")


def speaker(passage: str, quotation: re.Match[str]) -> str:
    """Who spoke, by the nearest "Name said" in the same sentence; empty when the sentence names nobody."""
    after = _AFTER.match(passage[quotation.end() :])
    if after and (name := _proper(after.group("a") or after.group("b"))):
        return name
    before = _BEFORE.search(passage[: quotation.start()])
    return _proper(before.group("name")) if before else ""


def in_full(name: str, article: ArticleText) -> str:
    """A surname alone with the given name that stands before it elsewhere in the Article, if there is just one."""
    if not name or " " in name:
        return name
    found = set(
        re.findall(rf"\b[A-Z][a-z’'\-]+ {re.escape(name)}\b", f"{article.headline} . {article.excerpt}")
    )
    given = {f for f in found if f.split()[0] not in _NOT_A_NAME and f.split()[0].lower() not in _RANKS}
    return plain(given.pop()) if len(given) == 1 else name


def described(passage: str, quotation: re.Match[str]) -> str:
    """Who spoke, where no name is given: "one resident", "a spokesman of the harbor", "the court". A mere "the officer"
    says nobody to who has not read what stands before."""
    found = _DESCRIBED.match(passage[quotation.end() :])
    if found is None:
        return ""
    who = found["c"] or found["d"]
    return "" if who.startswith("the ") and not _BODY.search(who) else plain(who)


def _proper(name: str) -> str:
    words = name.split()
    while words and words[0] in _NOT_A_NAME:
        words = words[1:]
    return plain(" ".join(words)).removesuffix("’s").removesuffix("'s")
