"""Access: what a reader may read. It is computed from facts and never stored. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

# How long a reader keeps full Access after a payment failed.
PAST_DUE_GRACE = timedelta(days=7)
# How long full Access goes on after the paid time, in which the processor may still report a renewal.
RENEWAL_GRACE = timedelta(days=2)
COMP: Final = "comp"  # the ``processor`` of an agreement that an Operator gave for free


class Access(StrEnum):
    """What a reader may read: everything (because they pay, or in their Trial), or what the Meter allows."""

    FULL = "full"
    TRIAL = "trial"
    METERED = "metered"

    @property
    def rendition(self) -> str:
        """The kind of Rendition that this reader gets."""
        return "metered" if self is Access.METERED else "full"


class Agreement(Protocol):
    """The columns of a Subscription that Access depends on."""

    @property
    def status(self) -> str: ...
    @property
    def paid_until(self) -> datetime | None: ...
    @property
    def past_due_at(self) -> datetime | None: ...
    @property
    def cancel_at(self) -> datetime | None: ...


class ChargedAgreement(Agreement, Protocol):
    """An agreement and the processor that charges for it."""

    @property
    def processor(self) -> str: ...


def charges_on(agreement: ChargedAgreement) -> bool:
    """Whether a processor will charge for this agreement again unless it is cancelled."""
    return agreement.processor != COMP and agreement.status != "canceled" and agreement.cancel_at is None


@dataclass(frozen=True)
class Facts:
    """What Access is computed from. ``trial`` is the length of a Trial; ``all_free``: nothing is sold, and everybody reads everything."""

    trial_started_at: datetime | None = None
    agreements: tuple[Agreement, ...] = ()
    trial: timedelta = timedelta(days=7)
    all_free: bool = False


def access(facts: Facts, *, now: datetime) -> Access:
    """Full where nothing is sold and while an agreement pays for it (a comp included), else trial while the Trial runs, else metered."""
    if facts.all_free or any(pays(a, now=now) for a in facts.agreements):
        return Access.FULL
    ends_at = trial_ends_at(facts)
    if facts.trial_started_at is not None and ends_at is not None and facts.trial_started_at <= now < ends_at:
        return Access.TRIAL
    return Access.METERED


def pays(agreement: Agreement, *, now: datetime) -> bool:
    """Whether this agreement gives full Access at ``now``. ``paid_until`` None means without end (a comp)."""
    if agreement.cancel_at is not None and agreement.cancel_at <= now:
        return False
    if agreement.status in ("active", "trialing"):
        return agreement.paid_until is None or now < agreement.paid_until + RENEWAL_GRACE
    if agreement.status == "past_due":
        return agreement.past_due_at is None or now < agreement.past_due_at + PAST_DUE_GRACE
    return False


def trial_ends_at(facts: Facts) -> datetime | None:
    """The first moment after the Trial; None when there was no Trial."""
    return None if facts.trial_started_at is None else facts.trial_started_at + facts.trial


WEEKLY_ON = 5  # the weekday of weekly readers, as date.weekday() counts: Saturday


@dataclass(frozen=True)
class MailFacts:
    """What decides whether a reader gets an Issue: consent, deliverability and preferences."""

    confirmed_at: datetime | None
    unsubscribed_at: datetime | None
    suppressed: bool
    paused_until: date | None
    cadence: str
    topics: Collection[str] | None = None  # those that the reader chose; None: all


def why_not(
    reader: MailFacts, *, on: date, week_had_one: bool = True, issue_topics: Collection[str] = ()
) -> str | None:
    """Why a reader is left out of the Issue of the day ``on``, as a word; None when they get it.

    ``week_had_one`` says whether the Issue of the last :data:`WEEKLY_ON` was sent, or a later one in its place; if not, this one is
    sent to weekly readers. ``issue_topics`` are those of the Issue's Stories (none: no reason). Topics decide whether a daily reader gets an Issue, not what is in it; a weekly reader gets theirs whatever its Topics.

    ``audience.py`` computes the same in SQL; ``tests/subscribers/test_audience_by_chance.py`` compares the two.
    """
    reasons: Iterable[tuple[str, bool]] = (
        ("unconfirmed", reader.confirmed_at is None),
        ("unsubscribed", reader.unsubscribed_at is not None),
        ("suppressed", reader.suppressed),
        ("paused", reader.paused_until is not None and on < reader.paused_until),
        ("weekly-not-today", reader.cadence == "weekly" and on.weekday() != WEEKLY_ON and week_had_one),
        (
            "other-topics",
            reader.cadence == "daily"
            and reader.topics is not None
            and bool(issue_topics)
            and set(reader.topics).isdisjoint(issue_topics),
        ),
    )
    return next((reason for reason, holds in reasons if holds), None)
