"""What follows from the paying agreements: who is charged on, and what comes in each month. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final, Protocol

from newsletter.circulation.access import Agreement, pays

COMP: Final = "comp"  # the "processor" of what we gave away


class Kept(Agreement, Protocol):
    """An agreement, with who charges for it."""

    @property
    def processor(self) -> str: ...


def charges_on(agreement: Kept) -> bool:
    """Whether a processor will go on charging for this agreement by itself."""
    return agreement.processor != COMP and agreement.status != "canceled" and agreement.cancel_at is None


def mrr_cents(agreements: Iterable[Kept], *, month_cents: int, now: datetime) -> int:
    """Monthly recurring revenue: a month's price for each agreement that is paid for and renews.

    Trials, comps and what is cancelled bring nothing; a failed payment counts while its grace lasts.
    """
    paying = (a for a in agreements if charges_on(a) and a.status != "trialing" and pays(a, now=now))
    return month_cents * sum(1 for _ in paying)


def cents_in(words: str) -> int:
    """The hundredths in a price as shown: 500 in ``$5``, 1250 in ``€12.50`` or ``12,50 €``; 0 without a number."""
    found = re.search(r"(\d+)(?:[.,](\d{2})(?!\d))?", words)
    return int(found[1]) * 100 + int(found[2] or 0) if found else 0


def amount(cents: int, currency: str) -> str:
    """``$5.00``, ``12.50 EUR``. ``currency`` is ISO 4217."""
    number = f"{cents // 100}.{cents % 100:02d}"
    return f"${number}" if currency.lower() == "usd" else f"{number} {currency.upper()}"
