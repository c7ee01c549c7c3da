"""Outlets' headlines made plain: without labels, site names and shouting, in sentence case. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.feeds.leans import Side
from newsletter.stories.terms import centroid, cosine, terms
from newsletter.summaries.loaded_words import loaded_in
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import split
from newsletter.summaries.truecasing import Casing, in_capitals, sentence_case

_LABEL = re.compile(
    r"^(?:(?:BREAKING|UPDATED?|WATCH|EXCLUSIVE|JUST IN|DEVELOPING|VIDEO|OPINION|LIVE|ANALYSIS|REPORT|FACT[- ]?CHECK|EXPLAINER|"
    r"NEW|Breaking|Updated?|Watch|Exclusive|Video|Opinion|Live|Analysis|Report|Explainer|WATCH LIVE|READ|ICYMI|(?:[A-Z]\w+ )?(?:latest|Latest|LATEST)|ALERT|Alert|Editorial|First on \w+)"
    r"(?:\s+(?:NEWS|News|\d{1,2}))?\s*[:\-–—|]+\s*|[•·►▶|*]+\s*)+"
)
_SITE_IN_FRONT = re.compile(r"^(?:[A-Z][\w.&’']*\s+){0,2}[A-Z][\w.&’']*\s+[|»›]\s+(?=\S+(?:\s+\S+){3})")
_TAIL = re.compile(r"\s*(?:\s[|*•·»›]|\s[-–—]{1,2}|\s::|\s/)\s+((?:(?!\s[-–—]{1,2}\s)[^|*•»›]){1,60})$")
ROOM = 60  # characters that a subject line has for a whole headline
_ENDS = re.compile(r"[.!?…]+[\"”’']?$")
_ENDING = re.compile(r"(?:[’']?s|es|ed|d|ing|ly|edly|er|ers|ian|an)")
_ASK_OR_POINT = re.compile(r"(?i)(?:how|why|what|who|where|here|this|these)\b")
_WE_OR_YOU = re.compile(r"\b(?:I|[Ww]e|[Oo]ur|[Yy]ou|[Yy]our)\b")
_BROKEN = re.compile(r"[:;“”\"‘|]|\s[-–—]\s")
_IN_BRACKETS = re.compile(r"\s+\((?:[A-Z]\w+|[A-Z.]+:\w+)\)$")  # "(Business)", "(ABC:nyse)"
# Lists of several matters, calls to look, and promises to tell: nothing of this states what happened.
_NO_STATEMENT = re.compile(
    r"(?i)^(?:\w+ ){0,3}(?:brief|briefing|roundup|round-up|digest|wrap|wrap-up|newsletter|live|live blog|live updates|daily)\s*[:|]"
    r"|\b(?:things?|need|want|should|got) to know\b|\byou (?:should|must) know\b|\bhere[’']s\b|[:–—-]\s*(?:photos?|videos?|pictures?|watch|live)$"
    r"|\b(?:this is|that[’']s) (?:how|why|what)\b|\band (?:he|she|they|it) knows? it\b|\bthere[’']s an? \w+(?: \w+)? angle\b|\band other (?:\w+ )?(?:headlines|news|stories)\b|^\d{1,2} \w+ \d{4}:"
)
_KEEPS_SCORE = re.compile(
    r"(?i)\bin (?:an? )?(?:\w+ )?(?:win|victory|defeat|loss|rebuke|setback|blow) (?:for|to|of)\b|\bde(?:al|aling|als|alt) (?:an? )?(?:\w+ )?blow\b"
)
_TELLS_NOTHING = re.compile(
    r"(?i)\b(?:comments? on|reacts? to|responds? to|weighs? in|speaks? out|breaks? (?:his|her) silence|opens up|a look at)\b"
)


@dataclass(frozen=True)
class Line:
    """A headline as a sentence, and the slice of the headline it was made from."""

    text: str
    passage: str


def clean(headline: str, outlets: Sequence[str] = ()) -> str:
    """The verbatim slice of the headline without labels in front and site names or bylines behind."""
    text = _SITE_IN_FRONT.sub("", _LABEL.sub("", headline.strip()))
    while (match := _TAIL.search(text)) and len(text[: match.start()].split()) >= 4:
        if not _is_site(match.group(1)) and not match.group(0).lstrip().startswith(
            ("|", "*", "•", "»", "›", "::")
        ):
            break
        text = text[: match.start()]
    return _IN_BRACKETS.sub("", text).strip()


def is_cut_off(headline: str, others: frozenset[str]) -> bool:
    """The last word is only the beginning of one: of ``others`` (the words of the other Articles) several go on where it
    ends, and none is it."""
    last = re.search(r"[\w’'-]{4,}$", headline)
    if last is None or last.group().lower() in others:
        return False
    word = last.group().lower()
    return any(o.startswith(word) and not _ENDING.fullmatch(o[len(word) :]) for o in others)


def words_of_others(articles: Sequence[ArticleText]) -> dict[int, frozenset[str]]:
    """For each Article, by its number, all words of the others, in small letters."""
    own = {a.id: frozenset(re.findall(r"[\w’'-]+", f"{a.headline} {a.excerpt}".lower())) for a in articles}
    using = Counter(w for words in own.values() for w in words)
    return {
        number: frozenset(w for w, n in using.items() if n > (w in words)) for number, words in own.items()
    }


def _is_site(tail: str) -> bool:
    words = tail.split()
    small = {"of", "the", "and", "by", "&", "news"}
    return len(words) <= 5 and (all(w[:1].isupper() or w in small or "." in w for w in words))


def as_sentence(headline: str, casing: Casing) -> Line | None:
    """The headline as one sentence, or None when it is a question, a teaser or too short to say anything."""
    passage = clean(headline)
    words = passage.split()
    if (
        not 5 <= len(words) <= 30
        or passage.endswith(("?", "…", "...", "!"))
        or re.search(r"https?:|[@#]\w|\?|\.\.\.|…", passage)
        or _NO_STATEMENT.search(passage)
        or _quotation_open(passage)
        or len(split(passage)) > 1
    ):
        return None
    if re.match(
        r"(?i)(?:how|why|what|who|where|when|here|this|these|watch|see|\d+ (?:things|ways|reasons))\b",
        passage,
    ):
        return None
    text = sentence_case(passage, casing)
    return Line(text if _ENDS.search(text) else text + ".", passage)


def _quotation_open(text: str) -> bool:
    """A quotation mark is opened and not closed, or closed and not opened."""
    opened = len(re.findall(r"(?:^|[\s(—–:])[‘'](?=\w)", text))
    closed = len(re.findall(r"(?<=[\w.,!?])[’'](?=$|[\s),.:;—–])", text))
    return opened > closed or text.count("“") != text.count("”") or text.count('"') % 2 == 1


def neutral(articles: Sequence[ArticleText]) -> str:
    """The Story's Headline: of the outlets' own the most central and least loaded, preferring the center's, made plain."""
    casing = Casing.of([a.excerpt for a in articles] + [a.headline for a in articles])
    weights = centroid([(a.wire_key or a.outlet, terms(a.headline)) for a in articles])
    others = words_of_others(articles)
    best: tuple[float, int, str] | None = None
    for index, article in enumerate(articles):
        text = clean(article.headline)
        if not text:
            continue
        score = cosine(Counter(terms(text)), weights) + 0.08 * (article.side is Side.CENTER) - _flaws(text)
        score -= 0.5 * is_cut_off(text, others[article.id])
        if best is None or (score, -index) > best[:2]:
            best = (score, -index, text)
    if best is None:
        return plain_first(articles)
    return sentence_case(best[2], casing).rstrip(".")


def _flaws(text: str) -> float:
    """How much speaks against a headline: loaded words, questions, teasers, breaks, capitals, too short or too long."""
    length = len(text.split())
    return (
        0.25 * loaded_in(text)
        + 0.03 * max(0, length - 14)
        + 0.004 * max(0, len(text) - ROOM)
        + 0.08 * max(0, 6 - length)
        + 0.3 * bool(re.search(r"[?!…]|\.\.\.", text))
        + 0.1 * bool(_BROKEN.search(text))
        + 0.3 * bool(_ASK_OR_POINT.match(text))
        + 0.2 * bool(_WE_OR_YOU.search(text))
        + 0.1 * in_capitals(text)
        + 0.15 * bool(_TELLS_NOTHING.search(text) or _KEEPS_SCORE.search(text))
        + 0.3 * bool(_NO_STATEMENT.search(text) or _quotation_open(text))
        + 0.3 * (len(split(text)) > 1)
    )


def tells_nothing(text: str) -> bool:
    """Only that somebody spoke or reacted, or several matters in a row."""
    return bool(_TELLS_NOTHING.search(text) or _NO_STATEMENT.search(text))


def plain_first(articles: Sequence[ArticleText]) -> str:
    """The first headline that says anything at all."""
    return next((a.headline.strip() for a in articles if a.headline.strip()), "Untitled story")
