"""Which words and sentences carry a Story. Pure.

The centroid weighs a word by the number of outlets that use it: what several newsrooms independently thought worth saying
is what happened. (Centroid summarization: Radev et al., 2004; MMR: Carbonell and Goldstein, 1998.)
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import snowballstemmer

AGREEMENT = 1.5  # exponent on the number of outlets using a word (DESIGN §3)

STOPWORDS = frozenset(
    [
        "a",
        "about",
        "above",
        "after",
        "again",
        "against",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "aren't",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "below",
        "between",
        "both",
        "but",
        "by",
        "can",
        "can't",
        "could",
        "couldn't",
        "did",
        "didn't",
        "do",
        "does",
        "doesn't",
        "doing",
        "don't",
        "down",
        "during",
        "each",
        "few",
        "for",
        "from",
        "further",
        "had",
        "hadn't",
        "has",
        "hasn't",
        "have",
        "haven't",
        "having",
        "he",
        "her",
        "here",
        "hers",
        "herself",
        "him",
        "himself",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "isn't",
        "it",
        "its",
        "itself",
        "just",
        "let",
        "like",
        "may",
        "me",
        "might",
        "more",
        "most",
        "much",
        "must",
        "my",
        "myself",
        "no",
        "nor",
        "not",
        "now",
        "of",
        "off",
        "on",
        "once",
        "one",
        "only",
        "or",
        "other",
        "our",
        "ours",
        "out",
        "over",
        "own",
        "per",
        "said",
        "same",
        "say",
        "says",
        "saying",
        "she",
        "should",
        "so",
        "some",
        "such",
        "tell",
        "than",
        "that",
        "the",
        "their",
        "theirs",
        "them",
        "themselves",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "told",
        "too",
        "two",
        "under",
        "until",
        "up",
        "upon",
        "us",
        "very",
        "via",
        "was",
        "wasn't",
        "we",
        "were",
        "weren't",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "within",
        "without",
        "won't",
        "would",
        "you",
        "your",
        "yours",
        "new",
        "according",
        "including",
        "reported",
        "reportedly",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "mr",
        "mrs",
        "ms",
        "one",
        "first",
        "last",
        "would-be",
        "amid",
        "among",
        "across",
        "around",
        "since",
        "year",
        "years",
        "week",
        "day",
        "days",
        "month",
        "time",
        "people",
        "make",
        "made",
        "get",
        "got",
        "going",
        "back",
        "well",
        "even",
        "still",
        "many",
        "way",
    ]
)
_TOKEN = re.compile(r"[A-Za-zÀ-ÿ0-9][A-Za-zÀ-ÿ0-9]*(?:[.,]\d+)*")
_stemmer = snowballstemmer.stemmer("english")


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The English (Porter2) stem of a word in lower case."""
    return str(_stemmer.stemWord(word))


@lru_cache(maxsize=50_000)
def terms(text: str) -> tuple[str, ...]:
    """The stems of the words that mean something, in order. "U.S." is one word."""
    text = (
        text.replace("U.S.", "US").replace("U.K.", "UK").replace("’s", "").replace("'s", "").replace("’", "'")
    )
    found = (w.lower() for w in _TOKEN.findall(text))
    return tuple(stem(w) for w in found if w not in STOPWORDS and (len(w) > 1 or w.isdigit()))


def cosine(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Cosine of two sparse vectors, 0…1 for weights ≥ 0."""
    if len(a) > len(b):
        a, b = b, a
    dot = sum(w * b[t] for t, w in a.items() if t in b)
    if not dot:
        return 0.0
    return dot / math.sqrt(sum(w * w for w in a.values()) * sum(w * w for w in b.values()))


def overlap(a: Iterable[str], b: Iterable[str]) -> float:
    """How much of the smaller set of terms lies in the other, 0…1."""
    first, second = set(a), set(b)
    return len(first & second) / min(len(first), len(second)) if first and second else 0.0


def centroid(texts: Sequence[tuple[str, Sequence[str]]]) -> dict[str, float]:
    """The weight of each term over ``(outlet, terms)``: log frequency times outlets using it to the power of AGREEMENT."""
    frequency: Counter[str] = Counter()
    outlets: dict[str, set[str]] = {}
    for outlet, found in texts:
        frequency.update(found)
        for term in set(found):
            outlets.setdefault(term, set()).add(outlet)
    return {t: (1 + math.log(n)) * len(outlets[t]) ** AGREEMENT for t, n in frequency.items()}


def log_odds(own: Counter[str], other: Counter[str], prior: Counter[str]) -> dict[str, float]:
    """How much more one Side uses a term than the other: log-odds ratio with an informative Dirichlet prior, as z-scores
    (Monroe, Colaresi and Quinn, 2008, "Fightin' Words")."""
    n_own, n_other, n_prior = sum(own.values()), sum(other.values()), sum(prior.values())
    scores = {}
    for term in own:
        a = prior[term] or 0.01
        x, y = own[term] + a, other[term] + a
        rest_x, rest_y = n_own + n_prior - x, n_other + n_prior - y
        if rest_x <= 0 or rest_y <= 0:
            continue
        delta = math.log(x / rest_x) - math.log(y / rest_y)
        scores[term] = delta / math.sqrt(1 / x + 1 / y)
    return scores
