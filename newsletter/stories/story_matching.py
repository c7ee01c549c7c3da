"""Match new groups of Articles with the existing Stories. Pure.

A Story keeps its identity, and so its address, as Articles arrive: each group continues the Story with which it shares
most Articles. Articles that an operator moved stay where the operator put them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Change:
    """Articles that change from one Story to another. ``to`` is a Story's id, or the negative number of a new Story in
    :class:`Assignment`."""

    kind: str  # "merged", "split" or "moved"
    story_id: int
    to: int
    article_ids: tuple[int, ...]


@dataclass
class Assignment:
    """The Story of every Article from now on.

    ``story_of`` maps Articles to Stories, and holds only Articles that change their Story. New Stories have the numbers
    -1, -2, … until they are stored; ``new`` maps such a number to the ids of its Articles.
    """

    story_of: dict[int, int] = field(default_factory=dict)
    new: dict[int, tuple[int, ...]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def count(self, kind: str) -> int:
        return sum(1 for c in self.changes if c.kind == kind)


def match_groups(
    groups: Sequence[Sequence[int]], story_of: Mapping[int, int], pinned: Collection[int] = frozenset()
) -> Assignment:
    """Match ``groups`` of Article ids with Stories.

    ``story_of`` maps Articles to their present Stories; an Article that is not in it has none. Articles in ``pinned`` were
    placed by an operator and do not move. A group of one Article that has no Story stays without one.
    """
    chosen = _choose_stories(groups, story_of, pinned)
    result = Assignment()
    for number, group in enumerate(groups):
        free = [a for a in group if a not in pinned]
        target = chosen.get(number)
        if target is None:
            if not free or (len(group) == 1 and group[0] not in story_of):
                continue
            target = -1 - len(result.new)
            result.new[target] = tuple(free)
        for article in free:
            if story_of.get(article) != target:
                result.story_of[article] = target
    _record_changes(result, story_of, [a for g in groups for a in g])
    return result


def _choose_stories(
    groups: Sequence[Sequence[int]], story_of: Mapping[int, int], pinned: Collection[int]
) -> dict[int, int]:
    """Return the Story that each group continues, by the group's place.

    Pairs of group and Story are chosen greedily: the greatest overlap first, and of equal overlaps the older Story. Each
    Story is continued by one group. Before that, a group of which an operator placed more than half in one Story gets it.
    """
    chosen: dict[int, int] = {}
    candidates: list[tuple[int, int, int]] = []
    for number, group in enumerate(groups):
        placed = Counter(story_of[a] for a in group if a in pinned and a in story_of)
        if placed:
            story, count = min(placed.items(), key=lambda item: (-item[1], item[0]))
            if 2 * count > len(group):
                chosen[number] = story
                continue
        overlap = Counter(story_of[a] for a in group if a in story_of)
        candidates.extend((-count, story, number) for story, count in overlap.items())
    taken = set(chosen.values())
    for _, story, number in sorted(candidates):
        if number not in chosen and story not in taken:
            chosen[number] = story
            taken.add(story)
    return chosen


def _record_changes(result: Assignment, story_of: Mapping[int, int], articles: Sequence[int]) -> None:
    """Record how Stories lose Articles: "merged" when all leave and most go to one Story, "split" when Articles go to a new
    Story, and "moved" otherwise."""
    continuing = {story_of[a] for a in articles if a in story_of and a not in result.story_of}
    moved_to: dict[int, dict[int, list[int]]] = {}
    for article in sorted(result.story_of):
        if article in story_of:
            moved_to.setdefault(story_of[article], {}).setdefault(result.story_of[article], []).append(
                article
            )
    for story, parts in sorted(moved_to.items()):
        main_target = max(parts, key=lambda to: (len(parts[to]), to > 0, -to))
        for to, moved in sorted(parts.items()):
            kind = "split" if to < 0 else "moved"
            if to == main_target and story not in continuing:
                kind = "merged"
            result.changes.append(Change(kind, story, to, tuple(moved)))
