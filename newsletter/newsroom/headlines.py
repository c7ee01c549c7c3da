"""Outlets' headlines made plain: without labels, site names and shouting, in sentence case. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.newsroom.leans import Side
from newsletter.newsroom.loaded_words import loaded_in
from newsletter.newsroom.salience import STOPWORDS, centroid, cosine, terms
from newsletter.newsroom.summarizers.protocol import ArticleText

_LABEL = re.compile(
    r"^(?:(?:BREAKING|UPDATED?|WATCH|EXCLUSIVE|JUST IN|DEVELOPING|VIDEO|OPINION|LIVE|ANALYSIS|REPORT|FACT[- ]?CHECK|EXPLAINER|"
    r"Breaking|Updated?|Watch|Exclusive|Video|Opinion|Live|Analysis|Report|Explainer|WATCH LIVE|Editorial|First on \w+)"
    r"(?:\s+(?:NEWS|News))?\s*[:\-–—|]+\s*|[•·►▶|*]+\s*)+"
)
_TAIL = re.compile(r"\s*(?:\s[|*•·»]|\s[-–—]{1,2}|\s::|\s/)\s+([^|*•»]{1,60})$")
_SENTENCE_START = re.compile(r"(?:^|[.!?:—–|]\s+|[\"“‘(])$")
_WORD = re.compile(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ’'\-]*")
_ENDS = re.compile(r"[.!?…]+[\"”’']?$")
_SMALL = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "or",
        "but",
        "nor",
        "of",
        "to",
        "in",
        "on",
        "at",
        "by",
        "for",
        "from",
        "with",
        "as",
        "into",
        "over",
        "after",
        "amid",
        "than",
        "via",
        "vs",
        "is",
        "are",
        "be",
        "it",
        "its",
        "his",
        "her",
    ]
)
_PROPER = frozenset(
    [
        "i",
        "us",
        "uk",
        "eu",
        "un",
        "usa",
        "gop",
        "nato",
        "fbi",
        "cia",
        "ice",
        "doj",
        "dhs",
        "epa",
        "cdc",
        "fda",
        "irs",
        "nyc",
        "la",
        "dc",
        "tv",
        "ai",
        "idf",
        "hamas",
        "trump",
        "biden",
        "israel",
        "israeli",
        "russia",
        "russian",
        "ukraine",
        "ukrainian",
        "china",
        "chinese",
        "america",
        "american",
        "americans",
        "republican",
        "republicans",
        "democrat",
        "democrats",
        "democratic",
        "gaza",
        "texas",
        "california",
        "senate",
        "house",
        "congress",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "january",
        "february",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ]
)


@dataclass(frozen=True)
class Line:
    """A headline as a sentence, and the slice of the headline it was made from."""

    text: str
    passage: str


@dataclass(frozen=True)
class Casing:
    """Which words the Story's running text writes small in the middle of sentences, and which with a capital."""

    small: frozenset[str]
    capital: frozenset[str]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Casing:
        small: Counter[str] = Counter()
        capital: Counter[str] = Counter()
        for text in texts:
            for match in _WORD.finditer(text):
                word = match.group()
                if word[0].islower():
                    small[word.lower()] += 1
                elif not _SENTENCE_START.search(text[max(0, match.start() - 3) : match.start()]):
                    capital[word.lower()] += 1
        return cls(
            frozenset(w for w, n in small.items() if n >= capital[w]),
            frozenset(w for w, n in capital.items() if n > small[w]),
        )


def clean(headline: str, outlets: Sequence[str] = ()) -> str:
    """The verbatim slice of the headline without labels in front and site names or bylines behind."""
    text = _LABEL.sub("", headline.strip())
    while (match := _TAIL.search(text)) and len(text[: match.start()].split()) >= 4:
        if not _is_site(match.group(1)) and not match.group(0).lstrip().startswith(
            ("|", "*", "•", "»", "::")
        ):
            break
        text = text[: match.start()]
    return text.strip()


def _is_site(tail: str) -> bool:
    words = tail.split()
    return len(words) <= 5 and (
        all(w[:1].isupper() or w in {"of", "the", "and", "by"} or "." in w for w in words)
    )


def sentence_case(headline: str, casing: Casing) -> str:
    """Title Case and CAPITALS made small where the Story's own running text writes the word small; names are left alone."""
    words = _WORD.findall(headline)
    long = [w for w in words if len(w) > 3]
    if not long or sum(w[0].isupper() for w in long) < 0.7 * len(long):
        return _unshout(headline, casing)
    first = True

    def put(match: re.Match[str]) -> str:
        nonlocal first
        word = match.group()
        low = word.lower()
        opens, first = first or headline[: match.start()].rstrip().endswith((":", ".", "?", "!")), False
        if opens or low in _PROPER or (word.isupper() and 1 < len(word) <= 4 and low not in _SMALL):
            return word if not (word.isupper() and len(word) > 4) else word.capitalize()
        stem = low.removesuffix("’s").removesuffix("'s")
        if low in _SMALL or low in STOPWORDS or (stem in casing.small and stem not in casing.capital):
            return low
        return word.capitalize() if word.isupper() and len(word) > 4 else word

    return _WORD.sub(put, headline)


def _unshout(headline: str, casing: Casing) -> str:
    """Single words in capitals ("PASSES") made small, unless they are short forms."""

    def put(match: re.Match[str]) -> str:
        word = match.group()
        if not word.isupper() or len(word) <= 4:
            return word
        return word.lower() if word.lower() not in casing.capital else word.capitalize()

    return _WORD.sub(put, headline)


def as_sentence(headline: str, casing: Casing) -> Line | None:
    """The headline as one sentence, or None when it is a question, a teaser or too short to say anything."""
    passage = clean(headline)
    words = passage.split()
    if (
        not 5 <= len(words) <= 30
        or passage.endswith(("?", "…", "...", "!"))
        or re.search(r"https?:|[@#]\w|\?", passage)
    ):
        return None
    if re.match(
        r"(?i)(?:how|why|what|who|where|when|here|this|these|watch|see|\d+ (?:things|ways|reasons))\b",
        passage,
    ):
        return None
    text = sentence_case(passage, casing)
    return Line(text if _ENDS.search(text) else text + ".", passage)


def neutral(articles: Sequence[ArticleText]) -> str:
    """The Story's Headline: of the outlets' own the most central and least loaded, preferring the center's, made plain."""
    casing = Casing.of([a.excerpt for a in articles])
    weights = centroid([(a.wire_key or a.outlet, terms(a.headline)) for a in articles])
    best: tuple[float, int, str] | None = None
    for index, article in enumerate(articles):
        text = clean(article.headline)
        words = text.split()
        if not words:
            continue
        score = (
            cosine(Counter(terms(text)), weights)
            - 0.25 * loaded_in(text)
            + (0.08 if article.side is Side.CENTER else 0)
        )
        score -= 0.03 * max(0, len(words) - 14) + 0.08 * max(0, 6 - len(words))
        score -= 0.3 * bool(re.search(r"[?!…]|\.\.\.", text)) + 0.1 * bool(
            re.search(r"[:;“”\"‘|]|\s[-–—]\s", text)
        )
        score -= 0.3 * bool(re.match(r"(?i)(?:how|why|what|who|where|here|this|these)\b", text)) + 0.2 * bool(
            re.search(r"\b(?:I|we|our|you|your)\b", text)
        )
        if best is None or (score, -index) > best[:2]:
            best = (score, -index, text)
    if best is None:
        return plain_first(articles)
    return sentence_case(best[2], casing).rstrip(".")


def plain_first(articles: Sequence[ArticleText]) -> str:
    """The first headline that says anything at all."""
    return next((a.headline.strip() for a in articles if a.headline.strip()), "Untitled story")
