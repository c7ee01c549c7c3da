"""Reads why the provider takes nothing at present, as the last Run of the dispatch recorded it. Read-only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db.models import Run
from newsletter.delivery import providers
from newsletter.settings import Settings

FORGET_AFTER: Final = timedelta(
    minutes=5
)  # after the end of the pause, when the next Run would have recorded it again
_LOOKED_AT: Final = 20  # Runs that are read; where workers submit, those of the scheduler do not say it


@dataclass(frozen=True)
class DispatchWait:
    """The provider asked us to wait ``until``, or refused us. ``refused_us`` means that waiting alone does not help."""

    because: str
    until: datetime
    refused_us: bool

    @property
    def in_words(self) -> str:
        """The sentence after the reason: what happens by itself, or what an operator must do."""
        if not self.refused_us:
            return "It is tried again by itself."
        return "Nothing goes out until you mend that."


def dispatch_wait(session: Session, *, now: datetime) -> DispatchWait | None:
    """Return what the dispatch waits for; None when the last one succeeded, or was long ago."""
    runs = session.scalars(
        select(Run)
        .where(Run.step == "dispatch")
        .order_by(Run.started_at.desc(), Run.id.desc())
        .limit(_LOOKED_AT)
    )
    for run in runs:
        if run.outcome == "running" or "deferred" in run.detail:
            continue
        said = run.detail.get("paused_until")
        if said is None or (until := datetime.fromisoformat(said)) + FORGET_AFTER <= now:
            return None
        return DispatchWait(
            run.detail.get("paused_because", ""), until, bool(run.detail.get("refused_us", False))
        )
    return None


def how_to_mend(settings: Settings) -> str:
    """Return what an operator does about a provider that refuses us."""
    return f"Correct {providers.registered(settings).login_settings}, start the services anew, and let python -m newsletter doctor log in."
