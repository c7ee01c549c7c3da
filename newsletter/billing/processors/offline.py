"""A payment processor for development and tests: real pages, invented money. It stores its agreements in a folder.

Each agreement is one JSON file, which is always replaced as a whole, so that several processes may read it at once. An agreement renews
as time passes, until it is cancelled or its payment is made to fail.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from newsletter.billing.processors.protocol import (
    ACTIVE,
    CANCELED,
    PAST_DUE,
    TRIALING,
    AgreementFact,
    ForgedWebhook,
    NoSuchAgreement,
    Payment,
    Price,
    ProcessorUnreachable,
    Refund,
    WebhookEvent,
)

MONTH = timedelta(days=30)  # the length of a month here
_ID = re.compile(r"off_[0-9a-f]{24}")


@dataclass(frozen=True)
class StoredAgreement:
    """A checkout that became, or may become, an agreement, as stored. Moments are ISO 8601."""

    id: str
    reference: str
    words: str
    done_url: str
    back_url: str
    trial_ends_at: str | None
    begun_at: str
    started_at: str | None = None  # None until paid
    paid_until: str | None = None
    past_due_at: str | None = None
    cancel_at: str | None = None
    ended: bool = False
    fails: bool = False  # the next payment will fail
    payments: int = 0
    refunded: int = 0  # payments refunded


class OfflineProcessor:
    """See the module. ``page_url`` is the address of its own pages; ``cents`` is the price of a month."""

    name = "offline"

    def __init__(self, folder: Path, *, page_url: str, cents: int = 500) -> None:
        self._folder, self._page_url, self._cents = folder, page_url, cents

    def begin_checkout(
        self,
        reference: str,
        address: str,
        price: Price,
        *,
        done_url: str,
        back_url: str,
        trial_ends_at: datetime | None,
        now: datetime,
    ) -> str:
        page = StoredAgreement(
            id=f"off_{secrets.token_hex(12)}",
            reference=reference,
            words=price.words,
            done_url=done_url,
            back_url=back_url,
            trial_ends_at=trial_ends_at.isoformat() if trial_ends_at else None,
            begun_at=now.isoformat(),
        )
        self._write(page)
        return f"{self._page_url}/{page.id}"

    def portal_url(self, agreement_id: str, *, back_url: str) -> str:
        page = self._read(agreement_id)
        self._write(replace(page, back_url=back_url))
        return f"{self._page_url}/{page.id}"

    def cancel_at_period_end(self, agreement_id: str, *, now: datetime) -> AgreementFact:
        page = self._as_of(agreement_id, now)
        if not page.ended and page.cancel_at is None:
            # An agreement that is past due has no paid time left: it ends at once.
            ends = now.isoformat() if page.past_due_at else page.paid_until or now.isoformat()
            page = replace(page, cancel_at=ends, ended=bool(page.past_due_at))
            self._write(page)
        return self._fact(page, now)

    def cancel_now(self, agreement_id: str, *, now: datetime) -> AgreementFact:
        page = self._as_of(agreement_id, now)
        if not page.ended:
            page = replace(page, ended=True, cancel_at=now.isoformat())
            self._write(page)
        return self._fact(page, now)

    def refund(self, agreement_id: str) -> Refund | None:
        page = self._read(agreement_id)
        if page.refunded >= page.payments:
            return None
        self._write(replace(page, refunded=page.payments))
        return Refund(f"{page.id}.{page.payments}", self._cents, self._cents, "usd")

    def read_object(self, agreement_id: str, *, now: datetime) -> AgreementFact:
        page = self._as_of(agreement_id, now)
        if page.started_at is None:
            raise NoSuchAgreement("That checkout was not finished.")
        return self._fact(page, now)

    def finished_checkout(self, checkout_id: str) -> str | None:
        return checkout_id if self._read(checkout_id).started_at else None

    def parse_webhook(
        self, body: bytes, headers: Mapping[str, str], now: datetime
    ) -> tuple[WebhookEvent, ...]:
        raise ForgedWebhook("The offline processor sends no webhooks.")

    # What this processor's own page shows, and what its buttons do.

    def look(self, page_id: str, *, now: datetime) -> StoredAgreement:
        """Return the agreement as of now. Raises ``NoSuchAgreement``."""
        return self._as_of(page_id, now)

    def pay(self, page_id: str, *, now: datetime) -> Payment | None:
        """Pay: the checkout becomes an agreement, or what is owed is paid. None when nothing was charged."""
        page = self._as_of(page_id, now)
        if page.ended or (page.started_at and not page.past_due_at):
            return None
        free_until = datetime.fromisoformat(page.trial_ends_at) if page.trial_ends_at else now
        charged = free_until <= now or page.started_at is not None
        until = now + MONTH if charged else free_until
        page = replace(
            page,
            started_at=page.started_at or now.isoformat(),
            paid_until=until.isoformat(),
            past_due_at=None,
            fails=False,
            payments=page.payments + charged,
        )
        self._write(page)
        return self._payment(page, now, until) if charged else None

    def let_fail(self, page_id: str, *, now: datetime) -> None:
        """Let the next payment fail: it is owed from now on."""
        page = self._as_of(page_id, now)
        if page.started_at and not page.ended and page.past_due_at is None:
            self._write(replace(page, past_due_at=now.isoformat(), fails=True))

    def _payment(self, page: StoredAgreement, now: datetime, until: datetime) -> Payment:
        return Payment(f"{page.id}.{page.payments}", self._cents, "usd", now, until)

    def _fact(self, page: StoredAgreement, now: datetime) -> AgreementFact:
        trialing = page.trial_ends_at is not None and now < datetime.fromisoformat(page.trial_ends_at)
        status = (
            CANCELED if page.ended else PAST_DUE if page.past_due_at else TRIALING if trialing else ACTIVE
        )
        return AgreementFact(
            processor_id=page.id,
            status=status,
            started_at=datetime.fromisoformat(page.started_at or page.begun_at),
            paid_until=_moment(page.paid_until),
            past_due_at=_moment(page.past_due_at),
            cancel_at=_moment(page.cancel_at),
            changed_at=now,
            reference=page.reference,
            month_cents=self._cents,
        )

    def _as_of(self, page_id: str, now: datetime) -> StoredAgreement:
        """Return the agreement with the renewals, and the requested end, that are due by ``now``."""
        page = self._read(page_id)
        if page.started_at is None or page.ended:
            return page
        if page.cancel_at is not None:
            return replace(page, ended=True) if datetime.fromisoformat(page.cancel_at) <= now else page
        until = datetime.fromisoformat(page.paid_until or page.started_at)
        paid = page.payments
        while until <= now and page.past_due_at is None:
            until, paid = until + MONTH, paid + 1
        return replace(page, paid_until=until.isoformat(), payments=paid)

    def _read(self, page_id: str) -> StoredAgreement:
        if not _ID.fullmatch(page_id):
            raise NoSuchAgreement("There is no such checkout.")
        try:
            return StoredAgreement(**json.loads((self._folder / f"{page_id}.json").read_text()))
        except FileNotFoundError:
            raise NoSuchAgreement("There is no such checkout.") from None
        except (OSError, ValueError, TypeError) as error:
            raise ProcessorUnreachable("The files of the offline processor cannot be read.") from error

    def _write(self, page: StoredAgreement) -> None:
        target = self._folder / f"{page.id}.json"
        fresh = target.with_suffix(f".{secrets.token_hex(4)}.new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(asdict(page)))
            fresh.replace(target)
        except OSError as error:
            raise ProcessorUnreachable("The files of the offline processor cannot be written.") from error


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
