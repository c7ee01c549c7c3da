"""Translates Stripe's objects into our own. Pure.

Two generations of Stripe's API are understood, for a webhook speaks the one that its account was set to: since 2025 the
period stands on a subscription's lines, and an invoice names its subscription under ``parent``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from newsletter.billing.processors.protocol import (
    ACTIVE,
    CANCELED,
    PAST_DUE,
    TRIALING,
    AgreementFact,
    Dispute,
    Payment,
    ProcessorUnreachable,
    Refund,
    UnreadableWebhook,
    WebhookEvent,
)

# Stripe's eight states as our four. ``incomplete`` and ``paused`` never paid and read nothing; ``unpaid`` still owes.
_STATUS: Final[Mapping[str, str]] = {
    "trialing": TRIALING,
    "active": ACTIVE,
    "past_due": PAST_DUE,
    "unpaid": PAST_DUE,
    "canceled": CANCELED,
    "incomplete": CANCELED,
    "incomplete_expired": CANCELED,
    "paused": CANCELED,
}
_PAID = "invoice.paid"
_REFUNDED = "charge.refunded"
_DISPUTED = "charge.dispute."  # created, updated, funds_withdrawn, funds_reinstated, closed


def fact_in(said: Mapping[str, Any], now: datetime) -> AgreementFact:
    """Return the state of a Stripe subscription. Raises ``ProcessorUnreachable`` when it is not one."""
    try:
        status = _STATUS[said["status"]]
        start, end = _period(said)
        if end is None and status in (ACTIVE, TRIALING):
            raise ValueError("it has no end")  # and would give Access without end
        ended = _moment(said.get("ended_at")) or _moment(said.get("canceled_at"))
        ends = _moment(said.get("cancel_at")) or (end if said.get("cancel_at_period_end") else None)
        return AgreementFact(
            processor_id=said["id"],
            status=status,
            started_at=_moment(said.get("start_date") or said["created"]) or now,
            # A period begins before it is paid: while a payment is owed, only the one before is.
            paid_until=start if status == PAST_DUE else end,
            past_due_at=_owed_since(said) if status == PAST_DUE else None,
            cancel_at=(ended or now) if status == CANCELED else ends,
            changed_at=now,
            reference=str((said.get("metadata") or {}).get("reference", "")),
            month_cents=_month_cents(said),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
        raise ProcessorUnreachable("The payment processor's answer makes no sense.") from None


def _period(said: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """Begin and end of the period that runs. It stands on the lines since Stripe's API of 2025, before on the whole."""
    lines = [line for line in (said.get("items") or {}).get("data", ()) if line.get("current_period_end")]
    latest = max(lines, key=lambda line: line["current_period_end"], default=said)
    return _moment(latest.get("current_period_start")), _moment(latest.get("current_period_end"))


def _month_cents(said: Mapping[str, Any]) -> int | None:
    """Return what all lines cost a month; a yearly price counts for its twelfth. None when a line does not say."""
    total = 0.0
    lines = (said.get("items") or {}).get("data", ())
    for line in lines:
        price = line.get("price") or {}
        every = price.get("recurring") or {}
        months = {"month": 1, "year": 12}.get(every.get("interval", ""), 0) * int(
            every.get("interval_count") or 1
        )
        if price.get("unit_amount") is None or not months:
            return None
        total += int(price["unit_amount"]) * int(line.get("quantity") or 1) / months
    return round(total) if lines else None


def _owed_since(said: Mapping[str, Any]) -> datetime | None:
    invoice = said.get("latest_invoice")
    if not isinstance(invoice, Mapping):
        return None
    final = (invoice.get("status_transitions") or {}).get("finalized_at")
    return _moment(final or invoice.get("created"))


def event_in(said: Any) -> WebhookEvent | None:
    """Return what of a signed webhook concerns us; None when nothing does. Raises ``UnreadableWebhook``."""
    try:
        kind, about = str(said["type"]), said["data"]["object"]
        if kind.startswith("customer.subscription."):
            agreement = about["id"]
        elif kind.startswith("checkout.session."):
            agreement = about.get("subscription")
        elif kind.startswith("invoice."):
            agreement = about.get("subscription") or _parent(about).get("subscription")
        elif kind == _REFUNDED:
            refund = _refund(about, said["data"].get("previous_attributes") or {})
            return None if refund is None else WebhookEvent(str(said["id"]), "", refund=refund)
        elif kind.startswith(_DISPUTED):
            return WebhookEvent(str(said["id"]), "", dispute=_dispute(about))
        else:
            return None
        if not (agreement := id_in(agreement)):
            return None
        return WebhookEvent(str(said["id"]), agreement, _payment(about) if kind == _PAID else None)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
        named = said if isinstance(said, Mapping) else {}
        raise UnreadableWebhook(str(named.get("id", "")), str(named.get("type", ""))) from None


def _parent(invoice: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where Stripe's API since 2025 says what an invoice is for."""
    return (invoice.get("parent") or {}).get("subscription_details") or {}


def _payment(invoice: Mapping[str, Any]) -> Payment | None:
    if not invoice.get("amount_paid"):
        return None
    paid_at = _known_moment((invoice.get("status_transitions") or {}).get("paid_at") or invoice["created"])
    ends = [line["period"]["end"] for line in (invoice.get("lines") or {}).get("data", ())]
    return Payment(
        processor_id=invoice["id"],
        cents=int(invoice["amount_paid"]),
        currency=str(invoice["currency"]),
        paid_at=paid_at,
        paid_until=_moment(max(ends, default=None)),
    )


def _refund(charge: Mapping[str, Any], before: Mapping[str, Any]) -> Refund | None:
    """Return what went back of a charge this time; Stripe says how much did in all, and how much had before."""
    in_all = int(charge.get("amount_refunded") or 0)
    cents = in_all - int(before.get("amount_refunded") or 0)
    name = id_in(charge.get("payment_intent")) or id_in(charge.get("id"))
    if cents <= 0 or not name:
        return None
    return Refund(name, cents, in_all, str(charge.get("currency") or ""))


def _dispute(said: Mapping[str, Any]) -> Dispute:
    """Return how a case stands, whichever event told it. An inquiry (``warning_…``) has taken no money."""
    status, opened_at = str(said["status"]), _known_moment(said["created"])
    standing = status if status in ("won", "lost") else "asked" if status.startswith("warning_") else "open"
    return Dispute(
        processor_id=_dispute_id(said["id"]),
        standing=standing,
        cents=int(said["amount"]),
        currency=str(said["currency"]),
        reason="".join(c for c in str(said.get("reason") or "") if c.isascii() and (c.isalpha() or c == "_"))[
            :40
        ],
        opened_at=opened_at,
        answer_by=_moment((said.get("evidence_details") or {}).get("due_by")),
    )


def _dispute_id(said: Any) -> str:
    """It is printed for operators: an id, and nothing else."""
    if not isinstance(said, str) or not re.fullmatch(r"[A-Za-z0-9_]{1,64}", said):
        raise ValueError("not an id")
    return said


def payment_intent_in(invoice: Mapping[str, Any]) -> str | None:
    for line in (invoice.get("payments") or {}).get("data", ()):
        if line.get("status") == "paid" and (
            found := id_in((line.get("payment") or {}).get("payment_intent"))
        ):
            return found
    return id_in(invoice.get("payment_intent"))


def id_in(value: Any) -> str | None:
    """Return the id, whether Stripe sent the id alone or the whole object."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) and found else None


def _moment(stamp: Any) -> datetime | None:
    return None if stamp is None else datetime.fromtimestamp(int(stamp), UTC)


def _known_moment(stamp: Any) -> datetime:
    """As :func:`_moment`, of what must have one. Raises ValueError."""
    if (moment := _moment(stamp)) is None:
        raise ValueError("no moment")
    return moment
