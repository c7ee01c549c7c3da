"""What a reader may read, computed from facts and never stored. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

# How long a reader whose payment failed reads on while the card is sorted out.
PAST_DUE_GRACE = timedelta(days=7)
# How long after the paid month we wait for the processor's word before believing that it ended.
RENEWAL_GRACE = timedelta(days=2)
COMP: Final = "comp"  # the "processor" of what we gave away


class Access(StrEnum):
    """The answer."""

    FULL = "full"
    TRIAL = "trial"
    METERED = "metered"

    @property
    def rendition(self) -> str:
        """The kind of Rendition this reader is owed."""
        return "metered" if self is Access.METERED else "full"


class Agreement(Protocol):
    """What of a Subscription counts here."""

    @property
    def status(self) -> str: ...
    @property
    def paid_until(self) -> datetime | None: ...
    @property
    def past_due_at(self) -> datetime | None: ...
    @property
    def cancel_at(self) -> datetime | None: ...


class Kept(Agreement, Protocol):
    """An agreement, with who charges for it."""

    @property
    def processor(self) -> str: ...


def charges_on(agreement: Kept) -> bool:
    """Whether a processor will go on charging for this agreement by itself."""
    return agreement.processor != COMP and agreement.status != "canceled" and agreement.cancel_at is None


@dataclass(frozen=True)
class Facts:
    """What the answer is computed from."""

    trial_started_at: datetime | None = None
    agreements: tuple[Agreement, ...] = ()
    trial: timedelta = timedelta(days=7)


def access(facts: Facts, *, now: datetime) -> Access:
    """Full while somebody pays (or we gave it), else trial while it runs, else metered. Never nothing."""
    if any(pays(a, now=now) for a in facts.agreements):
        return Access.FULL
    ends_at = trial_ends_at(facts)
    if facts.trial_started_at is not None and ends_at is not None and facts.trial_started_at <= now < ends_at:
        return Access.TRIAL
    return Access.METERED


def pays(agreement: Agreement, *, now: datetime) -> bool:
    """Whether this Subscription gives full Access at ``now``. ``paid_until`` None has no end (a comp)."""
    if agreement.cancel_at is not None and agreement.cancel_at <= now:
        return False
    if agreement.status in ("active", "trialing"):
        return agreement.paid_until is None or now < agreement.paid_until + RENEWAL_GRACE
    if agreement.status == "past_due":
        return agreement.past_due_at is None or now < agreement.past_due_at + PAST_DUE_GRACE
    return False


def trial_ends_at(facts: Facts) -> datetime | None:
    """The first moment after the Trial; None when there was none."""
    return None if facts.trial_started_at is None else facts.trial_started_at + facts.trial


WEEKLY_ON = 5  # Saturday, as date.weekday() counts


def why_not(
    *,
    confirmed_at: datetime | None,
    unsubscribed_at: datetime | None,
    suppressed: bool,
    paused_until: date | None,
    cadence: str,
    on: date,
    week_had_one: bool = True,
    topics: Collection[str] | None = None,
    issue_topics: Collection[str] = (),
) -> str | None:
    """Why a reader is left out of the Issue of the day ``on``, as a word; None when they are not.

    ``week_had_one``: whether the Issue of the last weekly day went out, or one since that stood in for it; else this one does.
    ``topics`` are those they chose (None: all), ``issue_topics`` those of the Issue's Stories (none known: never a reason).
    Everybody who gets an Issue gets the same words: Topics decide whether it comes, not what it says. Who reads weekly
    gets that one Issue whatever it is about.

    ``audience.py`` says the same in SQL; a test holds the two together.
    """
    reasons: Iterable[tuple[str, bool]] = (
        ("unconfirmed", confirmed_at is None),
        ("unsubscribed", unsubscribed_at is not None),
        ("suppressed", suppressed),
        ("paused", paused_until is not None and on < paused_until),
        ("weekly-not-today", cadence == "weekly" and on.weekday() != WEEKLY_ON and week_had_one),
        (
            "other-topics",
            cadence == "daily"
            and topics is not None
            and bool(issue_topics)
            and set(topics).isdisjoint(issue_topics),
        ),
    )
    return next((reason for reason, holds in reasons if holds), None)
