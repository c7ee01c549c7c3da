"""Measures how evenly the mail covers the left and the right: words of each Side in each Story. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from newsletter.feeds.leans import Side
from newsletter.issues.length import WHOLE_ISSUE, fitted, row_words
from newsletter.issues.reading_time import words_in
from newsletter.issues.views import StoryView
from newsletter.summaries.story_text import RowKind, StoryKind

TILTED = 1.5  # most words of one Side for each word of the other, over a whole Issue; chosen by hand, like the two below
TILTED_STORY = 2.2  # the same in one Story …
TILTED_BY = 25  # … if the Sides differ by more than so many words


@dataclass(frozen=True)
class Weight:
    """Numbers of words in the mail from the left and the right of one Story, or of all Stories with both (``story_id`` 0)."""

    story_id: int
    left_words: int
    right_words: int

    @property
    def heavier(self) -> Side:
        """The Side with more words."""
        return Side.LEFT if self.left_words >= self.right_words else Side.RIGHT

    @property
    def times(self) -> float:
        """Words of the Side with more, divided by words of the other."""
        return max(self.left_words, self.right_words) / max(1, min(self.left_words, self.right_words))

    @property
    def tilted(self) -> bool:
        """Whether the difference is large enough to report."""
        if not self.story_id:
            return self.times > TILTED
        return self.times > TILTED_STORY and abs(self.left_words - self.right_words) > TILTED_BY


def weights(stories: Sequence[StoryView], intro: str = "") -> list[Weight]:
    """Return a Weight for each Story with sides in the mail, in the mail's order."""
    found = []
    for story in fitted(stories, WHOLE_ISSUE - words_in((intro,))):
        if story.kind is StoryKind.WITH_SIDES:
            found.append(
                Weight(
                    story.id,
                    _words(story, Side.LEFT, RowKind.LEFT_STRESSES),
                    _words(story, Side.RIGHT, RowKind.RIGHT_STRESSES),
                )
            )
    return found


def total(found: Iterable[Weight]) -> Weight:
    """Return the sum over Stories, as a Weight with ``story_id`` 0."""
    rows = list(found)
    return Weight(0, sum(w.left_words for w in rows), sum(w.right_words for w in rows))


def _words(story: StoryView, side: Side, kind: RowKind) -> int:
    return row_words(story.text.row(kind)) + words_in(h.text for h in story.text.headlines if h.side is side)
