"""Hard facts, checked by program: citations exist, passages and quotations are verbatim, numbers and names occur in the
cited Articles taken together. In a judged sentence a number may be counted, rounded, summed or subtracted, or the day on which
a cited Article appeared, and a name may stand in any Article of the Story: the judge says whether it is the right one. Pure.

Whether a sentence means what its Articles mean is not decided here: no rule about words can (a model judges it, and an
outlet's own sentence needs no judge). Outlet names, sides, weekdays and months are allowed anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from newsletter.summaries.extractive.reading import split
from newsletter.summaries.grounding.aliases import about, near_to
from newsletter.summaries.grounding.facts import QUOTED, SINGLE_QUOTED, name_words, numbers, spelled
from newsletter.summaries.grounding.names import small_words, unknown_names, without_outlets
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import Question, Quote, Sentence, StoryText, Verdict

SHORTEST_QUOTE = 3  # words: fewer may stand in any text by chance
LONGEST_QUESTION = 25  # words
COUNTED = 12  # up to here a judged sentence may count what its Articles list
# Where a reader could be led: links only ever come from us. "Booking.com" goes with them.
_ADDRESS = re.compile(
    r"https?:|\bwww\.|\b[\w-]+\.(?:com|org|net|info|io|co|me|ru|cn|tv|ly|gg|app|dev|xyz|site|online|shop|link|top|example)\b|\w@\w|[@#]\w",
    re.IGNORECASE,
)
_SPLIT_THOUSANDS = re.compile(r"(?<=\d)\s?,\s(?=\d{3}\b)")  # "235, 000": markup that was taken out of a page
_SELF_TALK = re.compile(
    r"\bas an ai\b|language model|\bi (?:cannot|can't|am unable|don't have)\b|\bi['’]m sorry\b|ignore (?:all|your|previous)|"
    r"\b(?:the|these|this|provided|given|supplied|above) (?:provided |given |supplied )?(?:articles?|texts?|excerpts?|sources?|"
    r"passages?) (?:provided|say|says|state|states|mention|mentions|do not|does not|above)\b|\bbased on the (?:articles?|excerpts?|"
    r"text|information) (?:provided|given|above)\b|\bhere (?:is|are) (?:the|a|my) (?:summary|overview|json)\b|\bin summary\b",
    re.IGNORECASE,
)


class Refusal(StrEnum):
    """Why a sentence or quotation may not stand."""

    NO_CITATION = "it cites no article"
    UNKNOWN_ARTICLE = "it cites an article that is not part of the story"
    PASSAGE = "the cited passage does not stand in the article"
    QUOTE = "it quotes words that do not stand in a cited article"
    NUMBER = "it has a number that no cited article has"
    NAME = "it has a name that no cited article has"
    SPEAKER = "the article does not say that this person said it"
    ADDRESS = "it leads to an address"
    SELF_TALK = "it speaks of its writer or of its instructions"
    NO_QUESTION = "it is no short question"


@dataclass(frozen=True)
class Refused:
    """A sentence or quotation that was taken out, and why."""

    text: str
    reason: Refusal


def refusal(sentence: Sentence, articles: Mapping[int, ArticleText]) -> Refusal | None:
    """Return why the sentence may not stand, or None. ``articles`` are the Story's, by id."""
    if reason := _citations(sentence, articles):
        return reason
    cited = [articles[i] for i in dict.fromkeys(c.article_id for c in sentence.citations)]
    is_judged = sentence.verdict is Verdict.JUDGED
    beside = tuple(articles.values()) if is_judged else ()
    return _addressed(_named(sentence.text, cited)) or _facts(sentence.text, cited, beside)


def quote_refusal(quote: Quote, articles: Mapping[int, ArticleText]) -> Refusal | None:
    """Return why the quotation may not stand, or None."""
    article = articles.get(quote.citation.article_id)
    if article is None:
        return Refusal.UNKNOWN_ARTICLE
    if not stands_in(quote.citation.passage, article):
        return Refusal.PASSAGE
    if len(quote.words.split()) < SHORTEST_QUOTE or spelled(quote.words) not in spelled(_all_of(article)):
        return Refusal.QUOTE
    if not small_words(quote.speaker) <= small_words(_all_of(article)):
        return Refusal.NAME
    return None if _said_by(quote, article) else Refusal.SPEAKER


def checked(story: StoryText, articles: Sequence[ArticleText]) -> tuple[StoryText, tuple[Refused, ...]]:
    """The Story without what its Articles do not carry, and what was taken out.

    An operator's sentence stays: the operator answers for it.
    """
    check = _Check({a.id: a for a in articles})
    rows = (replace(r, sentences=check.sentences(r.sentences)) for r in story.rows)
    asked = (replace(q, answer=check.sentences(q.answer)) for q in story.questions)
    kept = replace(
        story,
        lede=check.sentences(story.lede),
        overview=check.sentences(story.overview),
        headlines=tuple(h for h in story.headlines if h.article_id in check.articles),
        rows=tuple(r for r in rows if r.sentences),
        quotes=tuple(q for q in story.quotes if check.quote(q)),
        questions=tuple(q for q in asked if q.answer and check.question(q)),
    )
    return kept, tuple(check.refused)


def judged(story: StoryText, articles: Sequence[ArticleText]) -> StoryText:
    """Return the Story with the program's finding at each sentence that an operator wrote: it stays, and it says why it was doubted."""
    known = {a.id: a for a in articles}

    def note(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
        return tuple(
            replace(s, refused=str(refusal(s, known) or "")) if s.verdict is Verdict.OPERATOR else s
            for s in sentences
        )

    return replace(
        story,
        lede=note(story.lede),
        overview=note(story.overview),
        rows=tuple(replace(r, sentences=note(r.sentences)) for r in story.rows),
        questions=tuple(replace(q, answer=note(q.answer)) for q in story.questions),
    )


def stands_in(passage: str, article: ArticleText) -> bool:
    """The passage stands verbatim in the headline or the text."""
    return bool(passage.strip()) and (passage in article.headline or passage in article.text)


class _Check:
    """One pass over a Story, noting what is refused."""

    def __init__(self, articles: Mapping[int, ArticleText]) -> None:
        self.articles = articles
        self.refused: list[Refused] = []

    def sentences(self, found: Sequence[Sentence]) -> tuple[Sentence, ...]:
        kept = []
        for sentence in found:
            reason = None if sentence.verdict is Verdict.OPERATOR else refusal(sentence, self.articles)
            if reason is None:
                kept.append(sentence)
            else:
                self.refused.append(Refused(sentence.text, reason))
        return tuple(kept)

    def quote(self, quote: Quote) -> bool:
        reason = quote_refusal(quote, self.articles)
        if reason is not None:
            self.refused.append(Refused(quote.words, reason))
        return reason is None

    def question(self, question: Question) -> bool:
        """Return whether a question may stand. It presumes what it names, so its names and numbers must be in the Articles of its answer."""
        text = question.question.strip()
        ids = dict.fromkeys(c.article_id for s in question.answer for c in s.citations)
        cited = [self.articles[i] for i in ids if i in self.articles]
        reason: Refusal | None = None
        if not text.endswith("?") or len(text.split()) > LONGEST_QUESTION:
            reason = Refusal.NO_QUESTION
        elif any(s.verdict is not Verdict.OPERATOR for s in question.answer):
            reason = _addressed(_named(text, cited)) or _facts(f"{text[:1].lower()}{text[1:]}", cited)
        if reason is not None:
            self.refused.append(Refused(text, reason))
        return reason is None


def _said_by(quote: Quote, article: ArticleText) -> bool:
    """The speaker is named in the sentence that holds the words, or in the one before when that sentence names nobody."""
    if not quote.speaker.strip():
        return False
    surname = spelled(quote.speaker.split()[-1])
    before = ""
    for sentence in split(article.text):
        if spelled(quote.words) in spelled(sentence):
            around = QUOTED.sub(" ", sentence)
            return surname in spelled(around) or (not name_words(around) and surname in spelled(before))
        before = sentence
    return surname in spelled(_all_of(article))  # the words run over several sentences


def _addressed(text: str) -> Refusal | None:
    """Links come only from us, and nobody speaks of themselves."""
    if _ADDRESS.search(text):
        return Refusal.ADDRESS
    return Refusal.SELF_TALK if _SELF_TALK.search(text) else None


def _citations(sentence: Sentence, articles: Mapping[int, ArticleText]) -> Refusal | None:
    if not sentence.citations:
        return Refusal.NO_CITATION
    if any(c.article_id not in articles for c in sentence.citations):
        return Refusal.UNKNOWN_ARTICLE
    if not all(stands_in(c.passage, articles[c.article_id]) for c in sentence.citations):
        return Refusal.PASSAGE
    return None


def _facts(text: str, cited: Sequence[ArticleText], beside: Sequence[ArticleText] = ()) -> Refusal | None:
    """Return why the text may not stand by its quotations, numbers and names. ``beside``: the Story's Articles, for a judged sentence."""
    sources = [_all_of(a) for a in cited]
    quoted = ["".join(q) for q in QUOTED.findall(text)] + SINGLE_QUOTED.findall(text)
    if any(not any(spelled(q).strip(" .,;:!?") in spelled(s) for s in sources) for q in quoted):
        return Refusal.QUOTE
    text = _named(text, cited)
    there = frozenset().union(*(numbers(s) | numbers(_SPLIT_THOUSANDS.sub(",", s)) for s in sources))
    if beside:
        there |= {str(n) for a in cited for n in (a.published_at.day, a.published_at.year)}
    unknown = [n for n in numbers(text) if n not in there]
    if any(
        not (about(n, text) and near_to(n, there)) and not (beside and _made_of(n, there)) for n in unknown
    ):
        return Refusal.NUMBER
    return Refusal.NAME if unknown_names(text, sources + [_all_of(a) for a in beside]) else None


def _made_of(number: str, there: frozenset[str]) -> bool:
    """The number may be counted, rounded, or the sum or difference of two that are there: a judge says whether it is."""
    value, known = float(number), {float(n) for n in there}
    if value <= COUNTED and value == int(value):
        return True
    return near_to(number, there) or any(value - n in known or value + n in known for n in known)


def _named(text: str, cited: Sequence[ArticleText]) -> str:
    """Return the text without the names of the cited Outlets, which may be an address or have a number in them."""
    return without_outlets(text, [a.outlet for a in cited])


def _all_of(article: ArticleText) -> str:
    return f"{article.headline}. {article.text}"
