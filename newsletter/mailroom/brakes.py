"""When a dispatch must stop and ask an operator: too much went wrong, in a row or as a share. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FAILED_IN_A_ROW: Final = 100  # definite refusals without a single acceptance between the batches
FAILED_SHARE: Final = 0.10  # of what was settled in this run …
FAILED_SHARE_FROM: Final = 200  # … once so many were settled
DOUBTFUL_BATCHES: Final = 2  # batches in a row of which nothing but doubt came back


@dataclass
class Brakes:
    """Counts what came back and says when to stop. One for each run of a dispatch."""

    settled: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    doubtful_batches: int = 0

    def note(self, *, accepted: int, failed: int, uncertain: int) -> str | None:
        """Take in what one batch brought; a reason to hold the Issue, or None."""
        self.settled += accepted + failed
        self.failed += failed
        self.failed_in_a_row = 0 if accepted else self.failed_in_a_row + failed
        if uncertain and not accepted and not failed:
            self.doubtful_batches += 1
        elif accepted:
            self.doubtful_batches = 0
        if self.failed_in_a_row >= FAILED_IN_A_ROW:
            return f"{self.failed_in_a_row} Messages in a row were refused"
        if self.settled >= FAILED_SHARE_FROM and self.failed > FAILED_SHARE * self.settled:
            return f"{self.failed} of {self.settled} Messages were refused"
        if self.doubtful_batches >= DOUBTFUL_BATCHES:
            return f"{self.doubtful_batches} batches in a row went unanswered"
        return None
