"""The grounding gate: no sentence is published that its cited Articles do not carry. Pure, and no model needed.

What is checked of every sentence (DESIGN §3): it cites Articles that exist, by passages that stand in them; its numbers,
names and quotations are found in a *cited* Article; enough of its words stand in the best two sentences of it; a Side's
claim cites that Side, an agreement both; no direction is flipped; nobody talks about themselves. What fails is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from newsletter.feeds.leans import Side
from newsletter.summaries.grounding.aliases import about, also_called, near_to, one_spelling
from newsletter.summaries.grounding.alignment import Turned, other_speaker, turned
from newsletter.summaries.grounding.facts import QUOTED, SINGLE_QUOTED, flipped, name_words, numbers, spelled
from newsletter.summaries.grounding.near_copies import copied
from newsletter.summaries.grounding.refusals import ADDRESS, CHANGED, SELF_TALK, Reason
from newsletter.summaries.grounding.support import best_sentences, longest_copied, support_of
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.segmentation import plain
from newsletter.summaries.selection import differences
from newsletter.summaries.story_text import (
    Bullet,
    BulletKind,
    Citation,
    Question,
    Quote,
    Sentence,
    Summary,
    Telling,
    Verdict,
)

SUPPORT = 0.45  # share of a sentence's words that the best two sentences of the cited Articles must carry
NEAR = 3  # sentences of each cited Article that the facts of a sentence must come from
LONGEST_QUESTION = 25  # words
COPIED = 15  # words in a row that model-written text may share with an Article outside quotation marks


@dataclass(frozen=True)
class Finding:
    """The gate's word on one sentence: ``reason`` is None when it may stand."""

    where: str
    text: str
    support: float
    reason: Reason | Turned | None


@dataclass(frozen=True)
class GroundedTelling:
    """What may be published, and what was said of every sentence, kept and dropped."""

    telling: Telling
    findings: tuple[Finding, ...]

    @property
    def dropped(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.reason is not None)


def keep_grounded(
    telling: Telling, articles: Sequence[ArticleText], *, max_copied: int | None = None
) -> Telling:
    """The Telling without what its Articles do not carry. ``max_copied`` bounds verbatim runs (None: sentences are the
    outlets' own, as the extractive summarizer's are)."""
    return examine(telling, articles, max_copied=max_copied).telling


def examine(
    telling: Telling, articles: Sequence[ArticleText], *, max_copied: int | None = None
) -> GroundedTelling:
    """Check every sentence and quotation of the Telling against the Articles it cites."""
    gate = _Gate({a.id: a for a in articles}, max_copied)
    kept = replace(
        telling,
        lede=gate.sentences("lede", telling.lede),
        overview=gate.sentences("overview", telling.overview),
        analysis=gate.bullets(telling.analysis),
        summaries=gate.summaries(telling.summaries),
        questions=gate.questions(telling.questions),
        side_words=gate.side_words(telling.side_words),
    )
    return GroundedTelling(kept, tuple(gate.findings))


def judge(
    sentence: Sentence,
    articles: Mapping[int, ArticleText],
    *,
    side: Side | None = None,
    both: bool = False,
    max_copied: int | None = None,
) -> tuple[float, Reason | Turned | None]:
    """The support of one sentence, 0…1, and why it is refused, if it is."""
    if sentence.verdict is Verdict.OPERATOR:
        return sentence.support, None
    if reason := _citations(sentence.citations, articles):
        return 0.0, reason
    cited = [articles[i] for i in dict.fromkeys(c.article_id for c in sentence.citations)]
    text = plain(sentence.text)
    counted = differences.holds(text, list(articles.values()))
    if counted is not None:
        return (1.0, None) if counted else (0.0, Reason.COUNT)
    if SELF_TALK.search(text):
        return 0.0, Reason.SELF_TALK
    if ADDRESS.search(differences.without_opening(text, [a.outlet for a in cited])):
        return 0.0, Reason.ADDRESS
    if side is not None and not any(a.side is side for a in cited):
        return 0.0, Reason.SIDE
    if reason := _facts(text, cited):
        return 0.0, reason
    support = max(support_of(text, a) for a in cited)
    if both and (reason := _both(text, cited, articles)):
        return support, reason
    if support < SUPPORT:
        return support, Reason.SUPPORT
    if any(flipped(text, " ".join(best_sentences(text, a))) for a in cited if support_of(text, a) == support):
        return support, Reason.FLIPPED
    if wrong := _put_together(text, cited):
        return support, wrong
    if max_copied is not None and longest_copied(text, cited) > max_copied:
        return support, Reason.COPIED
    return support, None


def headline_holds(headline: str, articles: Sequence[ArticleText]) -> bool:
    """One of the Articles alone carries the Headline."""
    known = {a.id: a for a in articles}
    return any(judge(Sentence(headline, (Citation(a.id, a.headline),)), known)[1] is None for a in articles)


def stands_in(passage: str, article: ArticleText) -> bool:
    """The passage stands verbatim in the headline or the excerpt."""
    return bool(passage.strip()) and (passage in article.headline or passage in article.excerpt)


def _citations(citations: Sequence[Citation], articles: Mapping[int, ArticleText]) -> Reason | None:
    if not citations:
        return Reason.NO_CITATION
    if any(c.article_id not in articles for c in citations):
        return Reason.UNKNOWN_ARTICLE
    if not all(stands_in(c.passage, articles[c.article_id]) for c in citations):
        return Reason.PASSAGE
    return None


def _facts(text: str, cited: Sequence[ArticleText]) -> Reason | None:
    sources = [f"{a.headline}. {a.excerpt}" for a in cited]
    quoted = ["".join(q) for q in QUOTED.findall(text)] + SINGLE_QUOTED.findall(text)
    if any(not any(spelled(q).strip(" .,;:!?") in spelled(s) for s in sources) for q in quoted):
        return Reason.QUOTE
    there = frozenset().union(*(numbers(s) for s in sources))
    if any(n not in there and not (about(n, text) and near_to(n, there)) for n in numbers(text)):
        return Reason.NUMBER
    known = frozenset().union(*(_small_words(s) for s in sources), *(_small_words(a.outlet) for a in cited))
    known |= frozenset().union(*(also_called(s) for s in sources))
    if any(not (_small_words(name) <= known) for name in name_words(text)):
        return Reason.NAME
    return None


def _put_together(text: str, cited: Sequence[ArticleText]) -> Reason | Turned | None:
    """What an alignment with the sentences that carry the text finds wrong; nothing in what an Article says word for word."""
    said = differences.without_opening(text, [a.outlet for a in cited])
    sources = [f"{a.headline}. {a.excerpt}" for a in cited]
    if any(spelled(said) in spelled(s) for s in sources):
        return None
    near = [one_spelling(s) for a in cited for s in (a.headline, *best_sentences(said, a, NEAR))]
    said = one_spelling(said)
    parts = [p for p in re.split(r"[;.!?]\s+(?=[A-Z“\"'])", said) if p.strip()]
    copies = [copied(p, near) for p in parts]
    if change := next((c.change for c in copies if c is not None and c.change is not None), None):
        return CHANGED[change]
    if all(c is not None and c.adds_nothing for c in copies):
        return Turned.SPEAKER if other_speaker(said, " ".join(sources)) else None
    return turned(said, near, one_spelling(" ".join([*sources, *(a.outlet for a in cited)])))


@lru_cache(maxsize=10_000)
def _small_words(text: str) -> frozenset[str]:
    return frozenset(w.removesuffix("'s") for w in re.findall(r"[^\W_]+(?:'[^\W_]+)*", spelled(text)))


def _both(text: str, cited: Sequence[ArticleText], articles: Mapping[int, ArticleText]) -> Reason | None:
    """An agreement needs left and right where the Story has them, otherwise two Sides, and each must carry it."""
    present = {a.side for a in articles.values()}
    carrying = {a.side for a in cited if support_of(text, a) >= SUPPORT}
    wanted = {Side.LEFT, Side.RIGHT}
    enough = wanted <= carrying if wanted <= present else len(carrying) >= 2
    return None if enough else Reason.BOTH


class _Gate:
    """One pass over a Telling, noting what was found."""

    def __init__(self, articles: Mapping[int, ArticleText], max_copied: int | None) -> None:
        self.articles = articles
        self.max_copied = max_copied
        self.findings: list[Finding] = []

    def _keep(
        self, where: str, sentence: Sentence, *, side: Side | None = None, both: bool = False
    ) -> Sentence | None:
        support, reason = judge(sentence, self.articles, side=side, both=both, max_copied=self.max_copied)
        self.findings.append(Finding(where, sentence.text, support, reason))
        return None if reason else replace(sentence, support=support)

    def sentences(
        self, where: str, found: Sequence[Sentence], *, side: Side | None = None
    ) -> tuple[Sentence, ...]:
        return tuple(k for s in found if (k := self._keep(where, s, side=side)))

    def bullets(self, found: Sequence[Bullet]) -> tuple[Bullet, ...]:
        kept = ((b, self._keep("analysis", b.sentence, both=b.kind is BulletKind.AGREE)) for b in found)
        return tuple(replace(b, sentence=s) for b, s in kept if s)

    def summaries(self, found: Sequence[Summary]) -> tuple[Summary, ...]:
        kept = []
        for summary in found:
            sentences = self.sentences(f"summary {summary.side}", summary.sentences, side=summary.side)
            if sentences:
                quotes = tuple(q for q in summary.quotes if self._quote(q, summary.side))
                kept.append(replace(summary, sentences=sentences, quotes=quotes))
        return tuple(kept)

    def _quote(self, quote: Quote, side: Side) -> bool:
        article = self.articles.get(quote.citation.article_id)
        reason: Reason | Turned | None = None
        if article is None:
            reason = Reason.UNKNOWN_ARTICLE
        elif not stands_in(quote.citation.passage, article):
            reason = Reason.PASSAGE
        elif len(quote.words.split()) < 3 or spelled(quote.words) not in spelled(
            f"{article.headline} . {article.excerpt}"
        ):
            reason = Reason.QUOTE
        elif not _small_words(quote.speaker) <= _small_words(f"{article.headline} {article.excerpt}"):
            reason = Reason.NAME
        elif article.side is not side:
            reason = Reason.SIDE
        elif quote.speaker and other_speaker(
            f"“{quote.words},” {quote.speaker} said", f"{article.headline}. {article.excerpt}"
        ):
            reason = Turned.SPEAKER
        self.findings.append(Finding(f"quote {side}", quote.words, 0.0 if reason else 1.0, reason))
        return reason is None

    def questions(self, found: Sequence[Question]) -> tuple[Question, ...]:
        kept = (replace(q, answer=self.sentences("questions", q.answer)) for q in found)
        return tuple(q for q in kept if q.answer and self._asked(q))

    def _asked(self, question: Question) -> bool:
        """A question presumes what it names: its names and numbers stand where its answer's do."""
        text = plain(question.question)
        cited = [
            self.articles[i]
            for i in {c.article_id for s in question.answer for c in s.citations}
            if i in self.articles
        ]
        reason: Reason | None = None
        if not text.endswith("?") or len(text.split()) > LONGEST_QUESTION:
            reason = Reason.NO_QUESTION
        elif SELF_TALK.search(text) or ADDRESS.search(text):
            reason = Reason.SELF_TALK if SELF_TALK.search(text) else Reason.ADDRESS
        elif any(s.verdict is not Verdict.OPERATOR for s in question.answer):
            reason = _facts(f"{text[:1].lower()}{text[1:]}", cited)
        self.findings.append(Finding("question", text, 0.0 if reason else 1.0, reason))
        return reason is None

    def side_words(self, found: Mapping[Side, tuple[str, ...]]) -> dict[Side, tuple[str, ...]]:
        """Words that stand in a headline of their Side and in none of another's."""
        own = {
            s: _small_words(" ".join(a.headline for a in self.articles.values() if a.side is s)) for s in Side
        }
        kept = {}
        for side, words in found.items():
            others = frozenset().union(*(own[s] for s in own if s is not side))
            if true := tuple(
                w for w in words if _small_words(w) <= own[side] and not _small_words(w) <= others
            ):
                kept[side] = true
        return kept
