"""Decides when a dispatch must stop and wait for an operator: too many failures in a row, or too large a share of them. Pure.

One Issue may be dispatched in several runs and by several processes, so a run starts from the outcomes before it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

FAILED_IN_A_ROW: Final = 100  # refused Messages without an accepted one between them
FAILED_SHARE: Final = 0.10  # of the Messages settled in this run, or of the latest …
FAILED_SHARE_FROM: Final = 200  # … once so many were settled
DOUBTFUL_BATCHES: Final = 2  # batches in a row of which every Message is uncertain


@dataclass(frozen=True)
class RecentOutcomes:
    """Outcomes of the latest Deliveries of an Issue when a run of its dispatch began."""

    settled: int = 0  # of the latest, FAILED_SHARE_FROM at most
    failed: int = 0  # of these
    failed_in_a_row: int = 0
    doubtful_batches: int = 0


def recent_outcomes(
    accepted: Sequence[datetime], failed: Sequence[datetime], doubtful: Collection[datetime]
) -> RecentOutcomes:
    """Count outcomes from the moments of submission. All Deliveries of a batch have the same moment; ``doubtful`` has each batch once."""
    last = max(accepted, default=None)
    settled = sorted([*((at, 0) for at in accepted), *((at, 1) for at in failed)])[-FAILED_SHARE_FROM:]
    return RecentOutcomes(
        settled=len(settled),
        failed=sum(refused for _, refused in settled),
        failed_in_a_row=sum(last is None or at > last for at in failed),
        doubtful_batches=sum(last is None or at > last for at in doubtful),
    )


class CircuitBreaker:
    """Counts outcomes and says when to stop. Each run of a dispatch has one, which starts from the outcomes ``before`` it."""

    def __init__(self, before: RecentOutcomes | None = None) -> None:
        self._before = before or RecentOutcomes()
        self._settled = self._failed = 0
        self._failed_in_a_row = self._before.failed_in_a_row
        self._doubtful_batches = self._before.doubtful_batches

    def record(self, *, accepted: int, failed: int, uncertain: int) -> str | None:
        """Count the outcomes of one batch. Returns a reason to hold the Issue, or None."""
        self._settled += accepted + failed
        self._failed += failed
        self._failed_in_a_row = 0 if accepted else self._failed_in_a_row + failed
        if uncertain and not accepted and not failed:
            self._doubtful_batches += 1
        elif accepted:
            self._doubtful_batches = 0
        if self._failed_in_a_row >= FAILED_IN_A_ROW:
            return f"{self._failed_in_a_row} Messages in a row were refused"
        lately = (self._before.settled + self._settled, self._before.failed + self._failed)
        for settled, refused in ((self._settled, self._failed), lately):
            if settled >= FAILED_SHARE_FROM and refused > FAILED_SHARE * settled:
                return f"{refused} of {settled} Messages were refused"
        if self._doubtful_batches >= DOUBTFUL_BATCHES:
            return f"{self._doubtful_batches} batches in a row went unanswered"
        return None
