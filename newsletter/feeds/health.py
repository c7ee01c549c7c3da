"""The health of a Feed for an operator: whether it can be read, how recent it is, and what needs attention. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.feeds.catalogue import OutletEntry
from newsletter.feeds.crawl import Outcome, Visit

STALE_AFTER = timedelta(days=14)  # a news outlet without an entry for so long has probably moved its feed


@dataclass(frozen=True)
class FeedHealth:
    """The state of one Feed of the Catalogue after a visit. ``outcome`` is "read", "unchanged" or "refused"."""

    outlet: str
    lean: str
    feed: str
    outcome: str
    entries: int
    dated: int
    newest_at: datetime | None  # None when no Entry has a usable date
    reason: str  # why it was refused; empty otherwise
    remarks: tuple[str, ...]  # what needs an operator's attention, each a few words


_WORDS = {Outcome.FETCHED: "read", Outcome.UNCHANGED: "unchanged", Outcome.FAILED: "refused"}


def health(outlet: OutletEntry, visit: Visit, *, now: datetime) -> FeedHealth:
    """Return the health of a Feed according to its last Visit."""
    moments = [e.published_at for e in visit.entries if e.published_at is not None]
    newest = max(moments, default=None)
    remarks = [] if outlet.lean_basis else ["its lean has no basis"]
    if visit.outcome is Outcome.FETCHED:
        if not visit.entries:
            remarks.append("it holds no entry we can use")
        elif newest is None:
            remarks.append("no entry is dated")
        elif now - newest > STALE_AFTER:
            remarks.append(f"its newest entry is {(now - newest).days} days old")
    return FeedHealth(
        outlet=outlet.name,
        lean=outlet.lean.value,
        feed=visit.feed.url,
        outcome=_WORDS[visit.outcome],
        entries=len(visit.entries),
        dated=len(moments),
        newest_at=newest,
        reason=visit.error,
        remarks=tuple(remarks),
    )
