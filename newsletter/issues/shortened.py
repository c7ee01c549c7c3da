"""The words of a Story that the mail carries, so that a whole Issue is read in five minutes. Pure.

Sentences are taken whole or not at all: a sentence cut in half may say the opposite. Nothing is said twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from newsletter.feeds.leans import SIDES, Side
from newsletter.issues.reading_time import LONGEST_READ, WORDS_A_MINUTE, seconds_for, words_in
from newsletter.issues.views import StoryView
from newsletter.stories.terms import cosine, terms
from newsletter.summaries.coherence import dangling, points_back
from newsletter.summaries.selection.differences import is_in_their_words
from newsletter.summaries.selection.selection import REPEATED
from newsletter.summaries.story_text import Bullet, BulletKind, Question, Sentence, Summary, Telling

AROUND = 42  # words of masthead and foot that a reader passes once
WHOLE_ISSUE = LONGEST_READ * WORDS_A_MINUTE // 60 - AROUND
LABELS = 44  # words of one Story's own headings, counts and links, as counted in finished mails
MISSING_SIDE = 10  # "No right-leaning outlet among the 528 we read carried this."
ONE_SIDED_LABEL = 3  # "One-sided so far."
METERED_LABELS = 19  # the same in the metered Rendition, which shows less
EARLIER_LABEL = 4  # "Earlier 5M · 3 articles"
SIDE_WORDS_LABEL = 11  # "Words in the headlines of one side only", and the Sides' names
LEAD_SHARE = 1.25  # the first Story gets a quarter more
LONGEST_SENTENCE = 34  # words; a longer one is taken only when there is no other
LONGEST_QUOTE = 22  # words
MOST_SIDE_WORDS = 3


def shortened(stories: Sequence[StoryView], words: int = WHOLE_ISSUE) -> tuple[StoryView, ...]:
    """Each Story with a Telling short enough that all of them together stay within ``words``, if they can.

    The headline, one sentence of lede and one for each Side are always kept.
    """
    short = []
    left = words
    for place, story in enumerate(stories):
        shares = len(stories) - place - 1 + (LEAD_SHARE if place == 0 else 1)
        budget = int(left / shares * (LEAD_SHARE if place == 0 else 1))
        wishes = _FIRST_WISHES + _WISHES if place == 0 else _WISHES
        short.append(_lengthened(story, _least(story), budget, wishes))
        left -= words_of(short[-1])
    for place, story in enumerate(stories):  # what the shorter ones left over
        so_far = words_of(short[place])
        short[place] = _lengthened(story, short[place], so_far + left, _WISHES)
        left -= words_of(short[place]) - so_far
    return tuple(short)


def words_of(story: StoryView) -> int:
    """Words a reader reads of this Story as it stands (a shortened one, usually), labels included."""
    telling = story.telling
    labels = LABELS + 2 * len(telling.analysis) + EARLIER_LABEL * len(story.history)
    labels += SIDE_WORDS_LABEL if any(telling.side_words.values()) else 0
    labels += MISSING_SIDE * sum(1 for side in SIDES if telling.summary(side) is None)
    return labels + words_in(
        (story.development, *_texts(telling), *_quoted_outlets(story), *(h.headline for h in story.history))
    )


def metered(story: StoryView) -> StoryView:
    """The Story as the metered Rendition carries it: headline, lede and coverage, and nothing more."""
    whole = story.telling
    return replace(story, telling=Telling(headline=whole.headline, lede=whole.lede[:2]), history=())


def metered_words_of(story: StoryView) -> int:
    """:func:`words_of` for what :func:`metered` left."""
    missing = sum(1 for side in (Side.LEFT, Side.RIGHT) if not story.coverage.of(side))
    labels = METERED_LABELS + missing * MISSING_SIDE + (ONE_SIDED_LABEL if missing else 0)
    return labels + words_in((story.development, *_texts(story.telling)))


def _quoted_outlets(story: StoryView) -> Iterable[str]:
    for summary in story.telling.summaries:
        for quote in summary.quotes:
            article = story.article(quote.citation.article_id)
            yield article.outlet if article else ""


def reading_seconds(stories: Sequence[StoryView]) -> int:
    """How long the full Rendition of these Stories takes to read, shortened as the mail shortens them."""
    return seconds_for(AROUND + sum(words_of(s) for s in shortened(stories)))


def _texts(telling: Telling) -> Iterable[str]:
    yield telling.headline
    yield from (s.text for s in telling.sentences())
    for summary in telling.summaries:
        yield from (f"{q.words} {q.speaker}" for q in summary.quotes)
    yield from (q.question for q in telling.questions)
    yield from (word for words in telling.side_words.values() for word in words)


def _least(story: StoryView) -> StoryView:
    """What is always kept. Of each Side, if it can be had, a sentence that does not tell the lede again."""
    whole = story.telling
    said: set[str] = set()
    lede = _fresh(whole.lede, said)[:1]
    least = Telling(
        headline=whole.headline,
        lede=lede,
        summaries=tuple(
            Summary(s.side, _fresh(s.sentences, said, lede)[:1])
            for s in (whole.summary(side) for side in SIDES)
            if s is not None
        ),
    )
    return replace(story, telling=least, history=())


def _lengthened(story: StoryView, short: StoryView, budget: int, wishes: Sequence[_Wish]) -> StoryView:
    """``short`` with what is wished for and not there yet, as far as ``budget`` words go."""
    for add in wishes:
        longer = add(story, short)
        if longer is not None and words_of(longer) <= budget:
            short = longer
    return short


def _fresh(
    sentences: Sequence[Sentence], said: set[str], lede: Sequence[Sentence] = ()
) -> tuple[Sentence, ...]:
    """The sentences in order of choice: what was not said yet, is not too long, leans on no sentence before it and is not
    the ``lede`` in other words first. The first counts as said."""

    def drawbacks(sentence: Sentence) -> tuple[bool, ...]:
        text = sentence.text
        return (
            _key(text) in said,
            words_in((text,)) > LONGEST_SENTENCE,
            points_back(text) or dangling(text),
            any(cosine(Counter(terms(text)), Counter(terms(told.text))) >= REPEATED for told in lede),
        )

    ordered = sorted(sentences, key=drawbacks)
    said.update(_key(s.text) for s in ordered[:1])
    return tuple(ordered)


def _key(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def _unsaid(short: StoryView, sentences: Iterable[Sentence]) -> Sentence | None:
    """The first of ``sentences`` that ``short`` does not have and that is not too long."""
    said = {_key(s.text) for s in short.telling.sentences()}
    return next(
        (s for s in sentences if _key(s.text) not in said and words_in((s.text,)) <= LONGEST_SENTENCE), None
    )


def _bullet(kind: BulletKind) -> _Wish:
    def add(story: StoryView, short: StoryView) -> StoryView | None:
        said = {_key(s.text) for s in short.telling.sentences()}
        able = (
            group
            for group in _together([b for b in story.telling.analysis if b.kind is kind])
            if all(_key(b.sentence.text) not in said for b in group)
            and all(words_in((b.sentence.text,)) <= LONGEST_SENTENCE for b in group)
        )
        group = next(able, None)
        if group is None:
            return None
        bullets = [*short.telling.analysis, *group]
        bullets.sort(key=lambda b: list(BulletKind).index(b.kind))
        return _told(short, analysis=tuple(bullets))

    return add


def _together(bullets: Sequence[Bullet]) -> Iterable[tuple[Bullet, ...]]:
    """Bullet by bullet; but what the two Sides write of the same stands together, or not at all."""
    pair = tuple(b for b in bullets if is_in_their_words(b))
    yield from ((b,) for b in bullets if b not in pair)
    if pair:
        yield pair


def _quote(side: Side) -> _Wish:
    def add(story: StoryView, short: StoryView) -> StoryView | None:
        summary, so_far = story.telling.summary(side), short.telling.summary(side)
        if summary is None or so_far is None or so_far.quotes:
            return None
        told = "".join(_key(s.text) for s in short.telling.sentences())
        for quote in summary.quotes:
            if words_in((quote.words,)) <= LONGEST_QUOTE and _key(quote.words) not in told:
                return _summary(short, replace(so_far, quotes=(quote,)))
        return None

    return add


def _quotes_of_both(story: StoryView, short: StoryView) -> StoryView | None:
    """The left's and the right's quote together: one is no more heard than the other. One alone if the other has none."""
    left = _quote(Side.LEFT)(story, short)
    return _quote(Side.RIGHT)(story, left or short) or left


def _second_sentence(side: Side) -> _Wish:
    def add(story: StoryView, short: StoryView) -> StoryView | None:
        summary, so_far = story.telling.summary(side), short.telling.summary(side)
        if summary is None or so_far is None:
            return None
        more = _unsaid(short, summary.sentences)
        if more is None:
            return None
        in_reading_order = tuple(s for s in summary.sentences if s in (*so_far.sentences, more))
        return _summary(short, replace(so_far, sentences=in_reading_order))

    return add


def _question(story: StoryView, short: StoryView) -> StoryView | None:
    if short.telling.questions:
        return None
    for question in story.telling.questions:
        answer = _unsaid(short, question.answer[:1])
        if answer is not None:
            return _told(short, questions=(Question(question.question, (answer,)),))
    return None


def _second_lede(story: StoryView, short: StoryView) -> StoryView | None:
    more = _unsaid(short, story.telling.lede)
    return None if more is None else _told(short, lede=(*short.telling.lede, more))


def _overview(story: StoryView, short: StoryView) -> StoryView | None:
    more = _unsaid(short, story.telling.overview)
    return None if more is None else _told(short, overview=(*short.telling.overview, more))


def _history(story: StoryView, short: StoryView) -> StoryView | None:
    return replace(short, history=story.history[:1]) if story.history else None


def _side_words(story: StoryView, short: StoryView) -> StoryView | None:
    words = {side: told[:MOST_SIDE_WORDS] for side, told in story.telling.side_words.items() if told}
    return _told(short, side_words=words) if words else None


def _told(short: StoryView, **words: Any) -> StoryView:
    return replace(short, telling=replace(short.telling, **words))


def _summary(short: StoryView, summary: Summary) -> StoryView:
    others = short.telling.summaries
    return _told(short, summaries=tuple(summary if s.side is summary.side else s for s in others))


_Wish = Callable[
    [StoryView, StoryView], StoryView | None
]  # the whole Story, the short one so far → a longer one
# What is added while there is room, most wanted first. Left and right get theirs one after the other.
_FIRST_WISHES: tuple[_Wish, ...] = (_bullet(BulletKind.DIFFER), _question)  # the first Story answers one
_WISHES: tuple[_Wish, ...] = (
    _bullet(BulletKind.DIFFER),
    _bullet(BulletKind.AGREE),
    _quotes_of_both,
    _history,
    _bullet(BulletKind.NEXT),
    _question,
    _second_lede,
    _quote(Side.CENTER),
    _side_words,
    _second_sentence(Side.LEFT),
    _second_sentence(Side.RIGHT),
    _overview,
    _second_sentence(Side.CENTER),
)
