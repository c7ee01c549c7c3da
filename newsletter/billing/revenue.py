"""Revenue: monthly recurring revenue and the figures of each month, from facts about Subscriptions. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import zip_longest
from operator import attrgetter
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from newsletter.subscribers.access import (
    COMP,
    PAST_DUE_GRACE,
    RENEWAL_GRACE,
    ChargedAgreement,
    charges_on,
    pays,
)


def mrr_cents(agreements: Iterable[ChargedAgreement], *, month_cents: int, now: datetime) -> int:
    """Monthly recurring revenue in hundredths: ``month_cents`` for each agreement that is paid for and renews.

    Trials, comps and cancelled agreements do not count; one with a failed payment counts until its grace ends.
    """
    paying = (a for a in agreements if charges_on(a) and a.status != "trialing" and pays(a, now=now))
    return month_cents * sum(1 for _ in paying)


class MoneyFact(Protocol):
    """The columns of a SubscriptionEvent that are needed here; see :class:`newsletter.db.models.SubscriptionEvent`."""

    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def processor(self) -> str: ...
    @property
    def agreement(self) -> str | None: ...
    @property
    def trial(self) -> str | None: ...
    @property
    def status(self) -> str | None: ...
    @property
    def paid_until(self) -> datetime | None: ...
    @property
    def past_due_at(self) -> datetime | None: ...
    @property
    def cancel_at(self) -> datetime | None: ...
    @property
    def month_cents(self) -> int | None: ...
    @property
    def cents(self) -> int | None: ...


@dataclass(frozen=True)
class Month:
    """The figures of one calendar month; those of the current month are as of now. Cents are hundredths of the currency.

    ``mrr_cents`` is always that of the month before + ``new_cents`` + ``back_cents`` − ``lost_cents`` + ``repriced_cents``.
    """

    first: date  # its first day
    mrr_cents: int  # at the month's end
    paying: int  # Subscriptions that count for it
    new: int  # Subscriptions that count for the first time
    new_cents: int
    back: int  # Subscriptions that had stopped and pay again
    back_cents: int
    lost: int  # Subscriptions that stopped: cancelled (from then on, though paid for longer) or past due after the grace
    lost_cents: int
    repriced_cents: int  # the sum of changes of price
    trials: int  # Trials that began
    converted: int  # of these Trials, those followed by a paid Subscription at any time
    paid_cents: int  # received
    refunded_cents: int  # refunded
    disputed_cents: int  # taken by banks in disputes, less what they returned

    @property
    def returned_cents(self) -> int:
        return self.refunded_cents + self.disputed_cents

    @property
    def loss(self) -> float | None:
        """The lost Subscriptions as a share of those that paid when the month began; None when none did."""
        before = self.paying - self.new - self.back + self.lost
        return self.lost / before if before else None


@dataclass(frozen=True)
class _PaidPeriod:
    """A period in which an agreement counted with ``cents`` a month."""

    agreement: str
    start: datetime
    end: datetime
    cents: int


_NEVER: Final = datetime.max.replace(tzinfo=UTC)


def months_of(
    facts: Sequence[MoneyFact], *, first: date, last: date, zone: str, month_cents: int, now: datetime
) -> list[Month]:
    """Return the figures of each month from ``first`` to ``last``, from facts in the order of their ids.

    ``month_cents`` is the price a month where the processor did not say. Facts and months after ``now`` are ignored.
    """
    facts = [f for f in facts if f.at <= now]
    periods = _paid_periods(facts, month_cents)
    begins: dict[str, datetime] = {}
    for s in periods:
        begins.setdefault(s.agreement, s.start)
    trials_paid = {f.trial for f in facts if f.kind == "changed" and f.trial and f.agreement in begins}
    # Sorted, so that each month reads only its own.
    others = sorted((f for f in facts if f.kind != "changed"), key=attrgetter("at"))
    found = []
    for day in _firsts(first, last):
        start, end = _start_of(day, zone), min(_start_of(_after(day), zone), now)
        if start < now:
            begin, over = (bisect_left(others, moment, key=attrgetter("at")) for moment in (start, end))
            found.append(_month(day, start, end, others[begin:over], periods, begins, trials_paid))
    return found


def _month(
    day: date,
    start: datetime,
    end: datetime,
    within: Sequence[MoneyFact],
    periods: Sequence[_PaidPeriod],
    begins: dict[str, datetime],
    trials_paid: set[str],
) -> Month:
    """Return the figures of one month. ``within`` are its facts of other kinds than "changed", which the ``periods`` are made of."""
    before, after = _paying_at(periods, start), _paying_at(periods, end)
    came, went = after.keys() - before.keys(), before.keys() - after.keys()
    new = {a for a in came if begins[a] >= start}
    trials = {f.trial for f in within if f.kind == "trial" and f.trial}
    return Month(
        first=day,
        mrr_cents=sum(after.values()),
        paying=len(after),
        new=len(new),
        new_cents=sum(after[a] for a in new),
        back=len(came - new),
        back_cents=sum(after[a] for a in came - new),
        lost=len(went),
        lost_cents=sum(before[a] for a in went),
        repriced_cents=sum(after[a] - before[a] for a in after.keys() & before.keys()),
        trials=len(trials),
        converted=len(trials & trials_paid),
        paid_cents=_sum(within, "paid"),
        refunded_cents=_sum(within, "refunded"),
        disputed_cents=_sum(within, "disputed") - _sum(within, "reinstated"),
    )


def _sum(facts: Iterable[MoneyFact], kind: str) -> int:
    return sum(f.cents or 0 for f in facts if f.kind == kind)


def _paid_periods(facts: Sequence[MoneyFact], month_cents: int) -> list[_PaidPeriod]:
    """Return the paid periods of all agreements, in the order of their start."""
    by_agreement: dict[str, list[MoneyFact]] = {}
    for fact in facts:
        if fact.kind == "changed" and fact.agreement:
            by_agreement.setdefault(fact.agreement, []).append(fact)
    found: list[_PaidPeriod] = []
    for agreement, line in by_agreement.items():
        for fact, following in zip_longest(line, line[1:]):
            end = min(_until(fact), following.at if following else _NEVER)
            if fact.at < end:
                cents = month_cents if fact.month_cents is None else fact.month_cents
                start = fact.at
                if found and (found[-1].agreement, found[-1].end, found[-1].cents) == (
                    agreement,
                    start,
                    cents,
                ):
                    start = found.pop().start  # a renewal continues the period
                found.append(_PaidPeriod(agreement, start, end, cents))
    return sorted(found, key=lambda s: s.start)


def _until(fact: MoneyFact) -> datetime:
    """Return until when the agreement counts if nothing else is reported; ``fact.at`` when it does not count at all."""
    if fact.processor == COMP or fact.cancel_at is not None:
        return fact.at
    if fact.status == "active":
        return _NEVER if fact.paid_until is None else fact.paid_until + RENEWAL_GRACE
    if fact.status == "past_due":
        return (fact.past_due_at or fact.at) + PAST_DUE_GRACE
    return fact.at


def _paying_at(periods: Sequence[_PaidPeriod], moment: datetime) -> dict[str, int]:
    return {s.agreement: s.cents for s in periods if s.start < moment <= s.end}


def _firsts(first: date, last: date) -> list[date]:
    day, days = first.replace(day=1), []
    while day <= last:
        days.append(day)
        day = _after(day)
    return days


def _after(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _start_of(day: date, zone: str) -> datetime:
    """Return the moment at which this day begins in ``zone``, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def cents_in(words: str) -> int:
    """Return the amount of a price as text, in hundredths: 500 for ``$5``, 1250 for ``€12.50`` or ``12,50 €``; 0 without a number."""
    found = re.search(r"(\d+)(?:[.,](\d{2})(?!\d))?", words)
    return int(found[1]) * 100 + int(found[2] or 0) if found else 0


def amount(cents: int, currency: str) -> str:
    """Return an amount in hundredths as text: ``$5.00``, ``12.50 EUR``. ``currency`` is ISO 4217."""
    number = f"{cents // 100}.{cents % 100:02d}"
    return f"${number}" if currency.lower() == "usd" else f"{number} {currency.upper()}"
