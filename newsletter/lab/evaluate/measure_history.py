"""Compares the History's links with pairs of Stories that were judged by hand. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from newsletter.stories.threads import Link, Thread, links

Pair = tuple[int, int]  # a Story and an earlier one


def found_in(stories: Sequence[Thread]) -> list[Link]:
    """Return the History of every Story, as if each were of today."""
    return links(stories, frozenset(s.id for s in stories))


def measure(found: Sequence[Link], judged: Mapping[Pair, bool]) -> dict[str, float]:
    """Return the percentages of judged links that are right, of right pairs that are linked, and of Stories with a right pair that have
    a right link; and how many links were not judged. Pairs that are right but not linked because a Story has its
    full number of links count as missed."""
    linked = [(x.story_id, x.earlier_id) for x in found]
    known = [p for p in linked if p in judged]
    right = [p for p, same in judged.items() if same]
    hits = [p for p in known if judged[p]]
    threads = {story for story, _ in right}
    return {
        "precision": _percent(len(hits), len(known)),
        "recall": _percent(len(hits), len(right)),
        "stories_recall": _percent(len({story for story, _ in hits}), len(threads)),
        "judged": len(judged),
        "unjudged": len(linked) - len(known),
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0
