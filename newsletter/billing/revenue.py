"""What follows from the paying agreements: who is charged on, and what comes in each month. Pure."""

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

from newsletter.subscribers.access import COMP, PAST_DUE_GRACE, RENEWAL_GRACE, Kept, charges_on, pays


def mrr_cents(agreements: Iterable[Kept], *, month_cents: int, now: datetime) -> int:
    """Monthly recurring revenue: a month's price for each agreement that is paid for and renews.

    Trials, comps and what is cancelled bring nothing; a failed payment counts while its grace lasts.
    """
    paying = (a for a in agreements if charges_on(a) and a.status != "trialing" and pays(a, now=now))
    return month_cents * sum(1 for _ in paying)


class MoneyFact(Protocol):
    """One SubscriptionEvent, as :class:`newsletter.db.models.SubscriptionEvent` says it."""

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
    """One calendar month's figures; the running month's are as of now. Cents are hundredths of the currency.

    ``mrr_cents`` (at its end) = the month before's + new + come back − lost + repriced, always.
    """

    first: date  # its first day
    mrr_cents: int  # at the month's end
    paying: int  # Subscriptions that make it up
    new: int  # Subscriptions that brought their first money a month
    new_cents: int
    back: int  # that had stopped and pay again
    back_cents: int
    lost: int  # that stopped: cancelled (from the word on, though paid for longer) or owing past the grace
    lost_cents: int
    repriced_cents: int  # what changed prices made up
    trials: int  # begun
    converted: int  # of these Trials, those that a paid Subscription followed, whenever it did
    paid_cents: int  # received
    refunded_cents: int  # given back
    disputed_cents: int  # taken back by banks on a cardholder's word, less what they gave back to us

    @property
    def went_back_cents(self) -> int:
        return self.refunded_cents + self.disputed_cents

    @property
    def loss(self) -> float | None:
        """The lost as a share of those who paid when the month began; None when nobody did."""
        before = self.paying - self.new - self.back + self.lost
        return self.lost / before if before else None


@dataclass(frozen=True)
class _Stretch:
    """From when until when an agreement brought ``cents`` a month."""

    agreement: str
    start: datetime
    end: datetime
    cents: int


_EVER: Final = datetime.max.replace(tzinfo=UTC)


def months_of(
    facts: Sequence[MoneyFact], *, first: date, last: date, zone: str, month_cents: int, now: datetime
) -> list[Month]:
    """The figures of each month from ``first`` to ``last``, from facts in the order in which they were heard.

    ``month_cents`` is what a month costs where the processor did not say. What begins after ``now`` is not looked at.
    """
    facts = [f for f in facts if f.at <= now]
    stretches = _stretches(facts, month_cents)
    begins: dict[str, datetime] = {}
    for s in stretches:
        begins.setdefault(s.agreement, s.start)
    trials_paid = {f.trial for f in facts if f.kind == "changed" and f.trial and f.agreement in begins}
    # Each month looks at its own only.
    others = sorted((f for f in facts if f.kind != "changed"), key=attrgetter("at"))
    found = []
    for day in _firsts(first, last):
        start, end = _edge(day, zone), min(_edge(_after(day), zone), now)
        if start < now:
            begin, over = (bisect_left(others, moment, key=attrgetter("at")) for moment in (start, end))
            found.append(_month(day, start, end, others[begin:over], stretches, begins, trials_paid))
    return found


def _month(
    day: date,
    start: datetime,
    end: datetime,
    within: Sequence[MoneyFact],
    stretches: Sequence[_Stretch],
    begins: dict[str, datetime],
    trials_paid: set[str],
) -> Month:
    """``within`` are the month's facts, but for what changed: of that the ``stretches`` tell."""
    before, after = _paying_at(stretches, start), _paying_at(stretches, end)
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


def _stretches(facts: Sequence[MoneyFact], month_cents: int) -> list[_Stretch]:
    """When each agreement brought money, in the order of its beginning."""
    by_agreement: dict[str, list[MoneyFact]] = {}
    for fact in facts:
        if fact.kind == "changed" and fact.agreement:
            by_agreement.setdefault(fact.agreement, []).append(fact)
    found: list[_Stretch] = []
    for agreement, line in by_agreement.items():
        for fact, following in zip_longest(line, line[1:]):
            end = min(_until(fact), following.at if following else _EVER)
            if fact.at < end:
                cents = month_cents if fact.month_cents is None else fact.month_cents
                start = fact.at
                if found and (found[-1].agreement, found[-1].end, found[-1].cents) == (
                    agreement,
                    start,
                    cents,
                ):
                    start = found.pop().start  # a renewal: the same goes on
                found.append(_Stretch(agreement, start, end, cents))
    return sorted(found, key=lambda s: s.start)


def _until(fact: MoneyFact) -> datetime:
    """Until when this fact alone means money each month; its own moment when it never does."""
    if fact.processor == COMP or fact.cancel_at is not None:
        return fact.at
    if fact.status == "active":
        return _EVER if fact.paid_until is None else fact.paid_until + RENEWAL_GRACE
    if fact.status == "past_due":
        return (fact.past_due_at or fact.at) + PAST_DUE_GRACE
    return fact.at


def _paying_at(stretches: Sequence[_Stretch], moment: datetime) -> dict[str, int]:
    return {s.agreement: s.cents for s in stretches if s.start < moment <= s.end}


def _firsts(first: date, last: date) -> list[date]:
    day, days = first.replace(day=1), []
    while day <= last:
        days.append(day)
        day = _after(day)
    return days


def _after(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _edge(day: date, zone: str) -> datetime:
    """The moment at which this day begins in the zone."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def cents_in(words: str) -> int:
    """The hundredths in a price as shown: 500 in ``$5``, 1250 in ``€12.50`` or ``12,50 €``; 0 without a number."""
    found = re.search(r"(\d+)(?:[.,](\d{2})(?!\d))?", words)
    return int(found[1]) * 100 + int(found[2] or 0) if found else 0


def amount(cents: int, currency: str) -> str:
    """``$5.00``, ``12.50 EUR``. ``currency`` is ISO 4217."""
    number = f"{cents // 100}.{cents % 100:02d}"
    return f"${number}" if currency.lower() == "usd" else f"{number} {currency.upper()}"
