"""What may become of a Delivery, a Notice and an Issue: every allowed change as data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

PENDING: Final = "pending"
SUBMITTING: Final = "submitting"
ACCEPTED: Final = "accepted"
FAILED: Final = "failed"
UNCERTAIN: Final = "uncertain"
WITHDRAWN: Final = "withdrawn"

STATES: Final = (PENDING, SUBMITTING, ACCEPTED, FAILED, UNCERTAIN, WITHDRAWN)
OPEN: Final = (PENDING, SUBMITTING)  # not decided yet

# A Delivery or a Notice. It returns from submitting to pending only after a definite no: nothing was sent, or nothing accepted.
# It returns from uncertain to pending only by a decision, or once under the conditions of ``resubmit.py``. It goes from pending to
# accepted when the provider reports it after all (it was to be sent once more, or this database is a restored copy), and from
# pending to uncertain only in a restored copy, when it was uncertain in the database that was replaced.
MOVES: Final[Mapping[str, frozenset[str]]] = {
    PENDING: frozenset({SUBMITTING, WITHDRAWN, ACCEPTED, UNCERTAIN}),
    SUBMITTING: frozenset({ACCEPTED, FAILED, UNCERTAIN, PENDING}),
    UNCERTAIN: frozenset({ACCEPTED, WITHDRAWN, PENDING}),
    ACCEPTED: frozenset(),
    FAILED: frozenset(),
    WITHDRAWN: frozenset(),
}

# An Issue. It returns from dispatched to dispatching only when an uncertain Delivery is to be sent once more.
ISSUE_MOVES: Final[Mapping[str, frozenset[str]]] = {
    "draft": frozenset({"approved", "held", "withdrawn"}),
    "approved": frozenset({"draft", "dispatching", "held", "withdrawn"}),
    "dispatching": frozenset({"dispatched", "held", "withdrawn"}),
    "held": frozenset({"draft", "approved", "dispatching", "withdrawn"}),
    "dispatched": frozenset({"dispatching"}),
    "withdrawn": frozenset(),
}

LEASE: Final = timedelta(
    minutes=10
)  # longer than any provider's own time limits; after it the worker counts as dead
LEASE_RESERVE: Final = timedelta(minutes=2)  # nothing is begun with less than this left of its lease


def allowed(before: str, after: str) -> bool:
    """Return whether a Delivery or Notice may go from ``before`` to ``after``."""
    return after in MOVES[before]


def issue_allowed(before: str, after: str) -> bool:
    """Return whether an Issue may go from ``before`` to ``after``."""
    return after in ISSUE_MOVES[before]
