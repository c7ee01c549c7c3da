"""What the Sides agree on: a fact that an Outlet of each states in its own words. Pure.

A sentence is agreed on when two neighbouring facts of an Article of every other Side carry most of its words, and all its
numbers and names, and neither doubts what the other says. Who is said to judge, to want or to accuse is no fact that two
Sides share; nor is what counts otherwise than the newest toll (its callers leave that out).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from newsletter.feeds.leans import Side
from newsletter.stories.terms import cosine, overlap, stem, terms
from newsletter.summaries.coherence import unquoted
from newsletter.summaries.grounding.aliases import also_called
from newsletter.summaries.grounding.alignment import negation_turned
from newsletter.summaries.grounding.facts import DIRECTIONS, QUOTED, flipped, name_words, numbers, spelled
from newsletter.summaries.grounding.support import best_sentences, support_of
from newsletter.summaries.headlines import tells_nothing
from newsletter.summaries.loaded_words import loaded_in
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import has_verb, split
from newsletter.summaries.selection.selection import SAID_AGAIN, WORD_FOR_WORD
from newsletter.summaries.selection.statements import Statement, origin
from newsletter.summaries.story_text import Citation, Sentence

CARRIED = 0.6  # share of the sentence's words that two sentences of the other Side's Article must carry
COUNTED = 0.5  # the same for a sentence with a number of two digits or more, which few would invent alike
AGREED = 0.5  # cosine from which two agreements say the same
NEW = 0.5  # cosine to what stands above under which an agreement tells something new
REPEATED_HEADLINE = 0.7  # share of its words from which another headline says no more than ours
OTHER_NAMES = (
    0.2  # share of a sentence's name words that the other Side may leave out: a first name, who reported it
)
MOST = 2
MOST_LOOKED_AT = 40  # sentences, the most central first
LONGEST = 40  # words
# Directions that a Story's headlines may disagree on; "more" and "less" are of different things too often.
OPPOSITES = (
    *((frozenset(a.split()), frozenset(b.split())) for a, b in (DIRECTIONS[i] for i in (1, 2, 3, 4, 5, 7))),
    (
        frozenset(("kill", "kills", "killed", "dead", "died")),
        frozenset(("capture", "captures", "captured", "arrest", "arrested", "detained")),
    ),
)
CONTESTED = 0.2  # share of the headlines
# What somebody thinks, wants or accuses another of; and what is doubted.
JUDGED = re.compile(
    r"\b(?:should|ought|must|deserves?|critics?|supporters|opponents|advocates|accus\w+|alleg\w+|blam\w+|condemn\w+|slam\w+|argu\w+|"
    r"claim\w*|insist\w*|believ\w+|fears?|hopes?|hail\w*|prais\w+|welcom\w+|denounc\w+|trash\w*|troubling|important|clearly|obviously|"
    r"finally|unfortunately|surpris\w+|tensions|fireworks|dealing|doom\w*|planned to|sadly|merely|so-called|aim(?:ed|ing)? (?:at|to)|seem\w*|"
    r"appears? to|direct result|up in arms|wrongful\w*|mistaken\w*|grip|fails|reality|stands? up to|vindicat\w+|thank\w*)\b",
    re.IGNORECASE,
)
LABELLED = re.compile(r"^[^:,]{3,40}: ")  # "Ann Teal: the limit stays"
_DOUBTED = re.compile(
    r"\b(?:den(?:y|ies|ied|ying)|false\w*|baseless|unproven|disput\w+|refut\w+|debunk\w*|misleading|hoax|supposed\w*|purported\w*)\b",
    re.IGNORECASE,
)


def agreements(
    pool: Sequence[Statement],
    articles: Sequence[ArticleText],
    *,
    above: Sequence[Statement],
    told: Sequence[Statement],
    headline: str,
) -> list[tuple[Statement, Sentence]]:
    """Up to two sentences that Outlets of both Sides carry, each cited to both; of a Story that lacks a Side, of the two it has.

    What is new comes first. One sentence that tells again what was ``told`` may stand when nothing new is agreed on: that
    both Sides say it is news to the reader. None that stands ``above`` (in Lede and Overview) or in the ``headline``.
    """
    present = {a.side for a in articles}
    wanted = {Side.LEFT, Side.RIGHT} if {Side.LEFT, Side.RIGHT} <= present else present
    if len(wanted) < 2:
        return []
    found: list[tuple[Statement, Sentence]] = []
    headlines = [a.headline for a in articles]
    able = sorted(
        (s for s in pool if is_fact(s) and not contested(s.text, headlines)),
        key=lambda s: (s.is_headline, -s.salience, s.article.id, s.position),
    )[:MOST_LOOKED_AT]
    carried = {id(s): c for s in able if (c := _carriers(s, articles, wanted))}
    for limit, before in ((NEW, told), (SAID_AGAIN, told), (SAID_AGAIN, above), (WORD_FOR_WORD, above)):
        for statement in able:
            brief = statement.is_headline and least_carried(statement.text) == CARRIED  # and counts nothing
            share = REPEATED_HEADLINE if brief else min(limit + 0.25, WORD_FOR_WORD)
            if id(statement) not in carried or repeats(statement.text, headline, share):
                continue
            if any(statement.like(t) >= limit for t in before) or any(
                statement.like(s) >= AGREED for s, _ in found
            ):
                continue
            citations = dict.fromkeys([statement.citation, *carried[id(statement)]])
            found.append((statement, Sentence(statement.text, tuple(citations))))
            if len(found) == (MOST if limit == NEW else 1):
                break
        if found:
            break
    return sorted(found, key=lambda f: least_carried(f[0].text) == CARRIED)  # what counts something first


def is_fact(statement: Statement) -> bool:
    """Stands alone and tells what happened, not what somebody thinks of it."""
    own = unquoted(statement.text)
    return (
        statement.stands_alone
        and not statement.loaded
        and statement.words <= LONGEST
        and not JUDGED.search(own)
        and ";" not in own  # two statements in one: both would have to be shared
        and not LABELLED.match(statement.text)
        and not tells_nothing(statement.text)
        and has_verb(statement.text)
    )


def repeats(text: str, headline: str, share: float) -> bool:
    """The headline says so much of what the text says."""
    words, known = set(terms(text)), set(terms(headline))
    return len(words & known) >= share * len(words)


def contested(text: str, headlines: Sequence[str]) -> bool:
    """A fair share of the Story's headlines say the opposite: "captured" where this says "killed"."""
    said = _small(text)
    for one, other in ((a, b) for pair in OPPOSITES for a, b in (pair, pair[::-1])):
        if said & one and not said & other:
            against = sum(bool(w & other) and not w & one for w in map(_small, headlines))
            if against >= max(2, CONTESTED * len(headlines)):
                return True
    return False


def _small(text: str) -> frozenset[str]:
    """The words of the text in small letters."""
    return frozenset(re.findall(r"[a-z]+", text.lower()))


def _carriers(
    statement: Statement, articles: Sequence[ArticleText], wanted: set[Side]
) -> tuple[Citation, ...] | None:
    """For each wanted Side but the statement's own the passage of an Article that carries it best; None when one has none."""
    found = []
    for side in sorted(wanted - {statement.side}):
        near = [
            (support_of(statement.text, a), -a.id, a)
            for a in articles
            if a.side is side
            and origin(a) != origin(statement.article)
            and overlap(statement.terms, terms(f"{a.headline} {a.excerpt}")) >= COUNTED
            and carries(statement.text, a)
        ]
        if not near:
            return None
        best = max(near, key=lambda n: n[:2])[2]
        found.append(Citation(best.id, best_sentences(statement.text, best)[0]))
    return tuple(found)


def _alike(text: str, article: ArticleText) -> bool:
    """One sentence of the Article, or its headline, says the same and hardly more."""
    own = Counter(terms(text))
    return any(cosine(own, Counter(terms(s))) >= AGREED for s in (article.headline, *split(article.excerpt)))


def least_carried(text: str) -> float:
    """How much of the sentence two sentences must carry."""
    return COUNTED if any(len(n.replace(".", "")) > 1 for n in numbers(text)) else CARRIED


def carries(text: str, article: ArticleText) -> bool:
    """The Article by itself states what the text states: words, numbers and names, without doubting it or the other way round."""
    if support_of(text, article) < least_carried(text) and not _alike(text, article):
        return False
    near = best_sentences(text, article, 3)
    whole = f"{article.headline}. {article.excerpt}"
    there = _folded(whole) | also_called(whole)
    names = [w for n in name_words(text) for w in _folded(n)]
    return (
        numbers(text) <= numbers(" ".join(near))
        and sum(w not in there for w in names) <= OTHER_NAMES * len(names)
        and all(spelled("".join(q)).strip(" .,;:!?") in spelled(whole) for q in QUOTED.findall(text))
        and bool(_DOUBTED.search(text)) == bool(_DOUBTED.search(near[0]))
        and not negation_turned(text, near)
        and not flipped(text, " ".join(near))
        and loaded_in(near[0]) <= 1
    )


@lru_cache(maxsize=4_000)
def _folded(text: str) -> frozenset[str]:
    """The words and their stems, in small letters without accents."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", spelled(text)) if not unicodedata.combining(c))
    words = [w for w in re.findall(r"[^\W_]+", bare) if len(w) > 1]
    return frozenset(words) | frozenset(stem(w) for w in words)
