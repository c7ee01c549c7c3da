"""Counts how often Articles change their Story while more arrive, by repeating the grouping of each hour. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from newsletter.stories.clustering import Piece, cluster
from newsletter.stories.story_matching import match_groups

WINDOW = timedelta(days=7)  # the window of ``group``


@dataclass
class Stability:
    """``story_of`` each Article at the end, by its place; the Articles that changed their Story at least once, by how: with
    their whole Story into another (its address leads there), out of it into a new one, or from one to another."""

    story_of: dict[int, int] = field(default_factory=dict)
    changed: dict[str, set[int]] = field(
        default_factory=lambda: {"merged": set(), "split": set(), "moved": set()}
    )
    rounds: int = 0

    def counts(self) -> dict[str, int]:
        """Return how many Articles changed in each way, and in any way."""
        return {
            **{kind: len(articles) for kind, articles in self.changed.items()},
            "changed": len(frozenset().union(*self.changed.values())),
        }


def replayed(
    pieces: Sequence[Piece],
    *,
    every: timedelta,
    progress: Callable[[int, int], None] | None = None,
    judge: Callable[[Sequence[int], Sequence[int]], None] | None = None,
) -> Stability:
    """Group the pieces published so far, again after each ``every``, as ``group`` does. All pieces must have a date.

    ``judge`` is called after each round with the indices of the grouped pieces and the Story of each.
    """
    moments = [moment(p) for p in pieces]
    found = Stability()
    if not pieces:
        return found
    start, end = min(moments), max(moments)
    steps = int((end - start) / every) + 1
    last = 0
    for step in range(1, steps + 1):
        now = start + step * every
        seen = [i for i, m in enumerate(moments) if now - WINDOW <= m < now]
        if progress is not None:
            progress(step, steps)
        arrived = sum(m < now for m in moments)
        if arrived == last:
            continue
        last = arrived
        found.rounds += 1
        _group(found, pieces, sorted(seen, key=lambda i: (moments[i], i)))
        if judge is not None:
            grown = stories(found, len(pieces))
            judge(seen, [grown[i] for i in seen])
    return found


def moment(piece: Piece) -> datetime:
    """Return when the piece was published; a day without a time means midnight. Raises ValueError without a date."""
    if piece.date is None:
        raise ValueError("a piece without a date cannot arrive")
    if isinstance(piece.date, datetime):
        return piece.date if piece.date.tzinfo else piece.date.replace(tzinfo=UTC)
    return datetime.combine(piece.date, time(), tzinfo=UTC)


def stories(found: Stability, count: int) -> list[int]:
    """Return the Story of each of ``count`` pieces at the end; a piece alone in its Story has a number of its own."""
    return [found.story_of.get(i, -1 - i) for i in range(count)]


def _group(found: Stability, pieces: Sequence[Piece], seen: Sequence[int]) -> None:
    labels = cluster([pieces[i] for i in seen], None, [found.story_of.get(i) for i in seen])
    groups: dict[int, list[int]] = {}
    for place, label in zip(seen, labels, strict=True):
        groups.setdefault(label, []).append(place)
    known: Mapping[int, int] = {i: found.story_of[i] for i in seen if i in found.story_of}
    decided = match_groups(list(groups.values()), known)
    top = max(found.story_of.values(), default=0)
    for article, to in decided.story_of.items():
        found.story_of[article] = to if to >= 0 else top - to
    for change in decided.changes:
        found.changed[change.kind].update(change.article_ids)
        if change.kind == "merged":
            target = change.to if change.to >= 0 else top - change.to
            left = [a for a, story in found.story_of.items() if story == change.story_id]
            found.story_of.update(dict.fromkeys(left, target))
