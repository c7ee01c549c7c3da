"""How today's groups of Articles carry on the Stories there already are. Pure.

A Story keeps its identity, and so its address, as Articles arrive: each group continues the Story with which it shares
most Articles. What an operator moved stays where the operator put it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Change:
    """Articles that go from one Story to another. ``to`` is a Story's number, or the negative of a new one's place."""

    kind: str  # "merged", "split" or "moved"
    story_id: int
    to: int
    article_ids: tuple[int, ...]


@dataclass
class Plan:
    """Where every Article belongs from now on.

    ``story_of`` holds only Articles that change their Story. A new Story is numbered -1, -2, … until it is stored;
    ``new`` maps that number to its Articles.
    """

    story_of: dict[int, int] = field(default_factory=dict)
    new: dict[int, tuple[int, ...]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def count(self, kind: str) -> int:
        return sum(1 for c in self.changes if c.kind == kind)


def plan(
    groups: Sequence[Sequence[int]], story_of: Mapping[int, int], pinned: Collection[int] = frozenset()
) -> Plan:
    """Match ``groups`` of Article numbers with Stories.

    ``story_of`` says which Story an Article is in now (absent: none); ``pinned`` Articles were placed by an operator
    and do not move. A group of one Article that has no Story yet stays without one.
    """
    chosen = _choose(groups, story_of, pinned)
    result = Plan()
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
    _tell_changes(result, story_of, [a for g in groups for a in g])
    return result


def _choose(
    groups: Sequence[Sequence[int]], story_of: Mapping[int, int], pinned: Collection[int]
) -> dict[int, int]:
    """Which Story each group continues: greatest overlap first, then the older Story; one group for each Story,
    except that a group most of which an operator placed in a Story follows the operator."""
    chosen: dict[int, int] = {}
    wishes: list[tuple[int, int, int]] = []
    for number, group in enumerate(groups):
        placed = Counter(story_of[a] for a in group if a in pinned and a in story_of)
        if placed:
            story, times = min(placed.items(), key=lambda item: (-item[1], item[0]))
            if 2 * times > len(group):
                chosen[number] = story
                continue
        overlap = Counter(story_of[a] for a in group if a in story_of)
        wishes.extend((-times, story, number) for story, times in overlap.items())
    taken = set(chosen.values())
    for _, story, number in sorted(wishes):
        if number not in chosen and story not in taken:
            chosen[number] = story
            taken.add(story)
    return chosen


def _tell_changes(result: Plan, story_of: Mapping[int, int], articles: Sequence[int]) -> None:
    """Say what becomes of Stories that lose Articles: merged when all leave and most for one Story, split when a new
    Story comes out of it, moved otherwise."""
    staying = {story_of[a] for a in articles if a in story_of and a not in result.story_of}
    leaving: dict[int, dict[int, list[int]]] = {}
    for article in sorted(result.story_of):
        if article in story_of:
            leaving.setdefault(story_of[article], {}).setdefault(result.story_of[article], []).append(article)
    for story, parts in sorted(leaving.items()):
        heir = max(parts, key=lambda to: (len(parts[to]), to > 0, -to))
        for to, gone in sorted(parts.items()):
            kind = "split" if to < 0 else "moved"
            if to == heir and story not in staying:
                kind = "merged"
            result.changes.append(Change(kind, story, to, tuple(gone)))
