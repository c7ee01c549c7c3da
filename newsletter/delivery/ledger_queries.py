"""Read-only queries of the ledger: sums that must add up, uncertain Deliveries, and the history of one reader's Issues."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import db, formatting
from newsletter.db.models import Delivery, DeliveryEvent, Issue, LeftOut
from newsletter.delivery import circuit_breaker
from newsletter.delivery.circuit_breaker import DOUBTFUL_BATCHES, FAILED_SHARE_FROM, RecentOutcomes
from newsletter.delivery.states import ACCEPTED, FAILED, OPEN, STATES, UNCERTAIN
from newsletter.delivery.transitions import LEASE_EXPIRED

LARGEST_BATCH: Final = 1000  # lines, as BATCH_SIZE allows


@dataclass(frozen=True)
class LedgerSum:
    """How many Deliveries of an Issue are in which state, beside the size of the Audience when it was frozen."""

    audience: int
    pending: int = 0
    submitting: int = 0
    accepted: int = 0
    failed: int = 0
    uncertain: int = 0
    withdrawn: int = 0

    @property
    def total(self) -> int:
        return self.pending + self.submitting + self.accepted + self.failed + self.uncertain + self.withdrawn

    @property
    def adds_up(self) -> bool:
        return self.audience == self.total

    @property
    def is_open(self) -> bool:
        """Whether a Delivery is pending or submitting."""
        return self.pending + self.submitting > 0

    @property
    def in_words(self) -> str:
        """ "100 = 0 pending + 0 submitting + 97 accepted + 1 failed + 1 uncertain + 1 withdrawn"."""
        parts = " + ".join(f"{getattr(self, state)} {state}" for state in STATES)
        return f"{self.audience} {'=' if self.adds_up else '≠'} {parts}"


def sum_up(session: Session, issue_id: int) -> LedgerSum:
    """Return the sum over an Issue's ledger. The audience is 0 before the freeze."""
    audience = session.scalar(select(Issue.audience_size).where(Issue.id == issue_id)) or 0
    counted = session.execute(
        select(Delivery.state, func.count()).where(Delivery.issue_id == issue_id).group_by(Delivery.state)
    )
    return LedgerSum(audience, **{state: count for state, count in counted})


def has_open(session: Session, issue_id: int) -> bool:
    """Return whether a Delivery of this Issue is pending or submitting."""
    statement = select(Delivery.id).where(Delivery.issue_id == issue_id, Delivery.state.in_(OPEN)).limit(1)
    return session.scalar(statement) is not None


def has_submitted(session: Session, issue_id: int) -> bool:
    """Return whether a Delivery of this Issue was ever claimed."""
    begun = tuple(state for state in STATES if state not in ("pending", "withdrawn"))
    statement = select(Delivery.id).where(Delivery.issue_id == issue_id, Delivery.state.in_(begun)).limit(1)
    return session.scalar(statement) is not None


def next_due(session: Session, issue_id: int) -> datetime | None:
    """When the next pending Delivery is due; None when none is pending."""
    return session.scalar(
        select(Delivery.due_at)
        .where(Delivery.issue_id == issue_id, Delivery.state == "pending")
        .order_by(Delivery.due_at)
        .limit(1)
    )


def recent_outcomes(session: Session, issue: Issue) -> RecentOutcomes:
    """Outcomes of the latest submissions of this Issue, since an operator resumed it if one did, for the circuit breaker.

    Deliveries whose worker died are left out: they say nothing about the provider. Only a few rows at the end of the order of
    claims are read, however many there are.
    """
    since = issue.released_at

    def latest(state: str, most: int) -> Iterable[tuple[datetime, str | None]]:
        rows = session.execute(
            select(Delivery.submitted_at, Delivery.reason)
            .where(Delivery.issue_id == issue.id, Delivery.state == state)
            .order_by(Delivery.due_at.desc(), Delivery.id.desc())
            .limit(most)
        )
        return ((at, why) for at, why in rows if at is not None and (since is None or at > since))

    accepted, failed = ([at for at, _ in latest(s, FAILED_SHARE_FROM)] for s in (ACCEPTED, FAILED))
    doubtful = {at for at, why in latest(UNCERTAIN, DOUBTFUL_BATCHES * LARGEST_BATCH) if why != LEASE_EXPIRED}
    return circuit_breaker.recent_outcomes(accepted, failed, doubtful)


@dataclass(frozen=True)
class UncertainDelivery:
    """An uncertain Delivery, for an operator to decide."""

    delivery_id: int
    issued_on: date
    subscriber_id: int | None
    submitted_at: datetime | None
    reason: str


def uncertain_deliveries(session: Session, issue_id: int, *, limit: int = 1000) -> list[UncertainDelivery]:
    """Return the uncertain Deliveries of an Issue, oldest first."""
    found = session.execute(
        select(Delivery, Issue.issued_on)
        .join(Issue, Issue.id == Delivery.issue_id)
        .where(Delivery.issue_id == issue_id, Delivery.state == UNCERTAIN)
        .order_by(Delivery.id)
        .limit(limit)
    )
    return [UncertainDelivery(d.id, on, d.subscriber_id, d.submitted_at, d.reason or "") for d, on in found]


@dataclass(frozen=True)
class UncertainBatch:
    """The uncertain Deliveries that were submitted together; most often they have the same fate."""

    first: int  # the lowest number; names the batch
    submitted_at: datetime | None
    provider: str
    reason: str
    copies: int


def uncertain_batches(session: Session, issue_id: int) -> list[UncertainBatch]:
    """Return the batches of an Issue with uncertain Deliveries, oldest first. All Deliveries of a claim have the same ``submitted_at``."""
    same = (Delivery.submitted_at, Delivery.provider, Delivery.reason)
    counted = session.execute(
        select(func.min(Delivery.id), *same, func.count())
        .where(Delivery.issue_id == issue_id, Delivery.state == UNCERTAIN)
        .group_by(*same)
        .order_by(Delivery.submitted_at, func.min(Delivery.id))
    )
    return [UncertainBatch(first, at, by or "", why or "", n) for first, at, by, why, n in counted]


def uncertain_in_batch_of(session: Session, issue_id: int, delivery_id: int) -> list[int]:
    """Ids of the uncertain Deliveries submitted together with this one, itself included; empty when it is not uncertain."""
    of_issue = (Delivery.issue_id == issue_id, Delivery.state == UNCERTAIN)
    at = select(Delivery.submitted_at).where(Delivery.id == delivery_id, *of_issue).scalar_subquery()
    statement = select(Delivery.id).where(*of_issue, Delivery.submitted_at == at).order_by(Delivery.id)
    return list(session.scalars(statement))


def only_of_issue(session: Session, issue_id: int, delivery_ids: Sequence[int]) -> list[int]:
    """Return those of these Deliveries that are of this Issue."""
    dialect = db.dialect_of(session)
    statement = select(Delivery.id).where(Delivery.issue_id == issue_id, db.id_in(dialect, Delivery.id))
    return list(session.scalars(statement, {"ids": db.ids_value(dialect, delivery_ids)}))


@dataclass(frozen=True)
class DeliveryHistory:
    """What became of one Issue for one Subscriber, for ``why``. ``state`` is "left out" when nothing was owed."""

    issued_on: date
    state: str
    reason: str
    rendition: str | None = None
    due_at: datetime | None = None
    submitted_at: datetime | None = None
    settled_at: datetime | None = None
    provider: str | None = None
    provider_id: str | None = None
    heard: tuple[
        tuple[str, datetime, str], ...
    ] = ()  # what the provider reported later: kind, moment, reason

    @property
    def in_words(self) -> str:
        """One line, without an address: "2026-03-02: accepted by outbox at 2026-03-02 11:00 UTC"."""
        if self.state == "accepted":
            said = f"accepted by {self.provider or 'the provider'}"
        elif self.state == "pending":
            said = f"pending, due {_moment(self.due_at)}"
        else:
            said = f"{self.state}: {self.reason}" if self.reason else self.state
        if self.state != "pending" and (at := self.settled_at or self.submitted_at):
            said += f" at {_moment(at)}"
        for kind, moment, reason in self.heard:
            said += f"; {kind} {_moment(moment)}" + (f" ({reason})" if reason else "")
        return f"{self.issued_on}: {said}"


def _moment(at: datetime | None) -> str:
    return formatting.utc_minute(at) if at else "at no known time"


def history_of(session: Session, subscriber_id: int, *, limit: int = 30) -> list[DeliveryHistory]:
    """Return what became of the latest Issues for one Subscriber, newest first."""
    owed = session.execute(
        select(Delivery, Issue.issued_on)
        .join(Issue, Issue.id == Delivery.issue_id)
        .where(Delivery.subscriber_id == subscriber_id)
        .order_by(Issue.issued_on.desc())
        .limit(limit)
    ).all()
    heard: dict[int, list[tuple[str, datetime, str]]] = {}
    for e in session.scalars(
        select(DeliveryEvent)
        .where(DeliveryEvent.delivery_id.in_([d.id for d, _ in owed]))
        .order_by(DeliveryEvent.happened_at, DeliveryEvent.id)
    ):
        heard.setdefault(e.delivery_id or 0, []).append((e.kind, e.happened_at, e.reason))
    stories = [
        DeliveryHistory(
            on,
            d.state,
            d.reason or "",
            d.rendition,
            d.due_at,
            d.submitted_at,
            d.settled_at,
            d.provider,
            d.provider_id,
            tuple(heard.get(d.id, ())),
        )
        for d, on in owed
    ]
    left = session.execute(
        select(Issue.issued_on, LeftOut.reason)
        .join(Issue, Issue.id == LeftOut.issue_id)
        .where(LeftOut.subscriber_id == subscriber_id)
        .order_by(Issue.issued_on.desc())
        .limit(limit)
    )
    stories += [DeliveryHistory(on, "left out", why) for on, why in left]
    return sorted(stories, key=lambda s: s.issued_on, reverse=True)[:limit]
