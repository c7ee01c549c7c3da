"""History measured: only judged links count, and a missed thread is seen."""

from __future__ import annotations

from newsletter.lab.evaluate.measure_history import measure
from newsletter.stories.threads import Link


def test_right_wrong_missed_and_unjudged_links_are_told_apart() -> None:
    found = [Link(5, 1, 0.4, "Teal"), Link(5, 2, 0.3, "Teal"), Link(6, 3, 0.3, "Ann")]
    judged = {(5, 1): True, (5, 2): False, (7, 4): True, (7, 5): True}
    assert measure(found, judged) == {
        "precision": 50.0,
        "recall": 33.3,
        "stories_recall": 50.0,
        "judged": 4,
        "unjudged": 1,
    }
