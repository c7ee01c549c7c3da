"""Shortens each Story for the mail, so that a whole Issue is read in five minutes. Pure.

Sentences are kept whole or left out, and a paragraph loses its last sentences first. The story page shows everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from newsletter.issues.reading_time import LONGEST_READ, WORDS_A_MINUTE, seconds_for, words_in
from newsletter.issues.views import StoryView
from newsletter.summaries.story_text import PickedHeadline, Row, RowKind, Sentence, StoryKind, StoryText

FRAME_WORDS = 60  # words of the masthead, list heading, ending and foot, which appear once
WHOLE_ISSUE = LONGEST_READ * WORDS_A_MINUTE // 60 - FRAME_WORDS
SPARED = 300  # words of the limit that only the leading Stories may use
LEADING = 3  # Stories
# Words of one Story's own labels, counts, outlet names and links, as counted in finished mails.
LABELS = 24
LABELS_OF_ROW, LABELS_OF_SENTENCE, LABELS_OF_HEADLINE = 6, 6, 6
METERED_LABELS = 16

FULL_DETAIL = 3
# For each detail: sentences of the overview, and of each kind of row.
_OVERVIEW = {0: 0, 1: 1, 2: 4, 3: 4}
_SENTENCES: dict[RowKind, dict[int, int]] = {
    RowKind.NOT_DISPUTED: {0: 0, 1: 0, 2: 1, 3: 1},
    RowKind.LEFT_STRESSES: {0: 0, 1: 1, 2: 1, 3: 2},
    RowKind.RIGHT_STRESSES: {0: 0, 1: 1, 2: 1, 3: 2},
    RowKind.ONLY_ONE_SIDE: {0: 0, 1: 0, 2: 0, 3: 1},
    RowKind.NEXT: {0: 0, 1: 0, 2: 1, 3: 1},
}
# A Story without sides keeps the lede and one more sentence within so many words, because a lede alone may be background. Its
# first sentence is kept whatever its length.
BRIEF_WORDS = 70


def mailed(text: StoryText, detail: int = FULL_DETAIL) -> StoryText:
    """Return the Story shortened for the full Rendition. ``detail`` is from 0 (headline, lede, the two headlines) to 3."""
    if text.kind is StoryKind.BLIND_SPOT:
        return StoryText(text.headline, text.kind, lede=(*text.lede, *text.overview)[:1])
    if text.kind is StoryKind.NO_SIDES:
        return StoryText(text.headline, text.kind, lede=_brief((*text.lede, *text.overview[:1])))
    rows = (replace(r, sentences=r.sentences[: _SENTENCES[r.kind][detail]]) for r in text.rows)
    return replace(
        text,
        overview=text.overview[: _OVERVIEW[detail]],
        headlines=_first_of_each_side(text.headlines),
        rows=tuple(r for r in rows if r.sentences),
        quotes=(),
        questions=(),
    )


def _brief(paragraph: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """Return the first sentence, and those after it that are short enough."""
    kept = 1
    while kept < len(paragraph) and words_in(s.text for s in paragraph[: kept + 1]) <= BRIEF_WORDS:
        kept += 1
    return tuple(paragraph[:kept])


def _first_of_each_side(headlines: Sequence[PickedHeadline]) -> tuple[PickedHeadline, ...]:
    """Return one headline for each Side: the mail shows the pair, the story page up to two of each."""
    by_side = {h.side: h for h in reversed(headlines)}
    return tuple(h for h in headlines if by_side[h.side] is h)


def fitted(stories: Sequence[StoryView], words: int = WHOLE_ISSUE) -> tuple[StoryView, ...]:
    """Return every Story with a text so short that all of them together stay within ``words``, if they can.

    The last Stories are shortened first, each by one step of detail, until ``SPARED`` words are free, so that a phone's page stays
    short. The first ``LEADING`` keep one sentence for each Side unless even ``words`` do not suffice.
    """
    details = [FULL_DETAIL if s.kind is StoryKind.WITH_SIDES else 0 for s in stories]
    texts = [mailed(s.text) for s in stories]
    while True:
        spent = sum(words_of(replace(s, text=t)) for s, t in zip(stories, texts, strict=True))
        kept = LEADING if spent <= words else 0
        shorter = [n for n, d in enumerate(details) if d > (n < kept)]
        if spent <= words - SPARED or not shorter:
            break
        last = max(shorter, key=lambda n: (details[n], n))
        details[last] -= 1
        texts[last] = mailed(stories[last].text, details[last])
    return tuple(replace(s, text=t) for s, t in zip(stories, texts, strict=True))


def metered(story: StoryView) -> StoryView:
    """Return the Story shortened for the metered Rendition: headline, lede and coverage only."""
    text = story.text
    return replace(story, text=StoryText(text.headline, text.kind, lede=text.lede[:2]), history=())


def words_of(story: StoryView) -> int:
    """Return the number of words of this Story that a reader reads (mostly one from :func:`fitted`), labels included."""
    listed = words_in((story.headline,))  # the headline again, in the list at the top
    return listed + words_in((story.development, *texts_of(story.text))) + labels_of(story.text)


def labels_of(text: StoryText) -> int:
    """Return the number of words in the labels around this text in the mail."""
    sentences = sum(len(r.sentences) for r in text.rows)
    return (
        LABELS
        + LABELS_OF_ROW * len(text.rows)
        + LABELS_OF_SENTENCE * sentences
        + LABELS_OF_HEADLINE * len(text.headlines)
    )


def metered_words_of(story: StoryView) -> int:
    """Return :func:`words_of` for a Story shortened by :func:`metered`."""
    return METERED_LABELS + words_in((story.development, *texts_of(story.text)))


def texts_of(text: StoryText) -> Iterable[str]:
    """Return all the texts of the Story, in reading order."""
    yield text.headline
    yield from (s.text for s in text.sentences())
    yield from (h.text for h in text.headlines)
    yield from (f"{q.words} {q.speaker}" for q in text.quotes)


def reading_seconds(stories: Sequence[StoryView]) -> int:
    """Return how long the full Rendition of these Stories takes to read."""
    return seconds_for(FRAME_WORDS + sum(words_of(s) for s in fitted(stories)))


def row_words(row: Row | None) -> int:
    """Return the number of words in the sentences of a row; 0 without a row."""
    return words_in(s.text for s in row.sentences) if row else 0
