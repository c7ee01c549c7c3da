"""How evenly the mail tells the left and the right: words and quotations of each, Story by Story. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from newsletter.feeds.leans import Side
from newsletter.issues.reading_time import words_in
from newsletter.issues.shortened import WHOLE_ISSUE, shortened
from newsletter.issues.views import StoryView
from newsletter.summaries.story_text import Summary

TILTED = 1.5  # how many times the words of one Side the other's may have over a whole Issue
TILTED_STORY = 2.2  # and in one Story …
TILTED_BY = 25  # … if it is more than so many words
MOST_TURNS = 12  # small changes that one press may make
UNEVEN_QUOTES = 1  # how many more quotations of one Side than of the other pass unremarked


@dataclass(frozen=True)
class Weight:
    """What the mail gives the left and the right of one Story, or of all that tell both."""

    story_id: int  # 0 for all of them
    left_words: int
    right_words: int
    left_quotes: int
    right_quotes: int

    @property
    def heavier(self) -> Side:
        """The Side with more words."""
        return Side.LEFT if self.left_words >= self.right_words else Side.RIGHT

    @property
    def times(self) -> float:
        """How many times the words of the lighter Side the heavier one has."""
        return max(self.left_words, self.right_words) / max(1, min(self.left_words, self.right_words))

    @property
    def more_quotes(self) -> int:
        """How many more quotations the left has than the right; negative when the right has more."""
        return self.left_quotes - self.right_quotes

    @property
    def tilted(self) -> bool:
        """Whether the words deserve a look."""
        if not self.story_id:
            return self.times > TILTED
        return self.times > TILTED_STORY and abs(self.left_words - self.right_words) > TILTED_BY


def weights(stories: Sequence[StoryView], intro: str = "") -> list[Weight]:
    """One for each Story of which the mail tells both the left and the right, in its order."""
    room = WHOLE_ISSUE - words_in((intro,))
    found = []
    for story in shortened(stories, room):
        left, right = story.telling.summary(Side.LEFT), story.telling.summary(Side.RIGHT)
        if left is not None and right is not None:
            found.append(Weight(story.id, _words(left), _words(right), len(left.quotes), len(right.quotes)))
    return found


def together(found: Iterable[Weight]) -> Weight:
    """The sum over Stories."""
    rows = list(found)
    return Weight(
        0,
        sum(w.left_words for w in rows),
        sum(w.right_words for w in rows),
        sum(w.left_quotes for w in rows),
        sum(w.right_quotes for w in rows),
    )


def _words(summary: Summary) -> int:
    return words_in([*(s.text for s in summary.sentences), *(q.words for q in summary.quotes)])


def uneven(found: Sequence[Weight]) -> bool:
    """Whether any Story, or all of them together, deserve a look."""
    whole = together(found)
    return any(w.tilted for w in found) or whole.tilted or abs(whole.more_quotes) > UNEVEN_QUOTES


def evened(stories: Sequence[StoryView], intro: str = "") -> tuple[StoryView, ...]:
    """The Stories with what the mail gives the heavier Side shortened, step by step, until words and quotes are even or
    nothing more can go.

    A step takes out the last sentence of that Side, or lets its shortest sentence come first, or takes out quotes that the
    other Side has no answer to. No Side loses its last sentence.
    """
    now = list(stories)
    for _ in range(MOST_TURNS):
        step = next((s for s in _steps(now, weights(now, intro)) if s is not None), None)
        if step is None:
            break
        now = [step if s.id == step.id else s for s in now]
    return tuple(now)


def _steps(stories: Sequence[StoryView], found: Sequence[Weight]) -> Iterable[StoryView | None]:
    """Each one Story changed a little, what helps most first; None where a Story has nothing to give."""
    by_id = {s.id: s for s in stories}
    whole = together(found)
    tilted = [w for w in found if w.tilted]
    if whole.tilted:  # the Story that tilts most to the heavier Side
        tilted += sorted(
            (w for w in found if w.heavier is whole.heavier),
            key=lambda w: -abs(w.left_words - w.right_words),
        )
    for weight in tilted:
        yield _shorter(by_id[weight.story_id], weight.heavier)
    if abs(whole.more_quotes) > UNEVEN_QUOTES:
        side = Side.LEFT if whole.more_quotes > 0 else Side.RIGHT
        for weight in found:
            if weight.more_quotes and (weight.more_quotes > 0) == (side is Side.LEFT):
                yield _changed(by_id[weight.story_id], side, quotes=())


def _shorter(story: StoryView, side: Side) -> StoryView | None:
    summary = story.telling.summary(side)
    if summary is None or len(summary.sentences) < 2:
        return None
    shortest = min(summary.sentences, key=lambda s: words_in((s.text,)))
    kept = summary.sentences[:-1]
    if shortest not in kept:
        kept = (shortest, *kept[1:])
    return _changed(story, side, sentences=kept)


def _changed(story: StoryView, side: Side, **parts: object) -> StoryView:
    told = tuple(
        replace(s, **parts) if s.side is side else s  # type: ignore[arg-type]
        for s in story.telling.summaries
    )
    return replace(story, telling=replace(story.telling, summaries=told))
