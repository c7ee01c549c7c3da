"""Stripe through its official SDK: Checkout, Billing Portal, signed webhooks. Nothing personal but the address goes there.

Money moves only by calls that carry an idempotency key, so the SDK's own second attempt and our own repeat charge or
refund once.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil
from typing import Any, Final, TypeVar

import stripe
from requests import RequestException

from newsletter.billing.processors.protocol import (
    AgreementFact,
    ForgedWebhook,
    NoSuchAgreement,
    Price,
    ProcessorError,
    ProcessorUnreachable,
    Refund,
    UnreadableWebhook,
    WebhookEvent,
)
from newsletter.billing.processors.stripe_answers import event_in, fact_in, id_in, payment_intent_in
from newsletter.billing.revenue import amount

TOLERANCE: Final = timedelta(seconds=300)  # between a webhook's signing and its arrival, either way
TIMEOUT: Final = (5.0, 15.0)  # seconds to connect, and between two bytes
RETRIES: Final = 1  # the SDK's own, after 409, 5xx and broken connections
# Stripe takes the end of a free period only when it is this far off; nearer ones become whole days, in the reader's favour.
NEAREST_TRIAL_END: Final = timedelta(hours=48, minutes=10)

_MOST_BODY = 256 * 1024  # bytes of a webhook

T = TypeVar("T")


class StripeProcessor:
    """See the module. ``base`` is the address of the API; another one than Stripe's is for tests."""

    name = "stripe"

    def __init__(
        self,
        key: str,
        *,
        base: str,
        webhook_secret: str,
        timeout: float | tuple[float, float] = TIMEOUT,
        retries: int = RETRIES,
    ) -> None:
        self._secret = webhook_secret
        self._v1 = stripe.StripeClient(
            key,
            base_addresses={"api": base},
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=timeout),
        ).v1

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
        agreement: dict[str, Any] = {"metadata": {"reference": reference}, **_trial(trial_ends_at, now)}
        asked: dict[str, Any] = {
            "mode": "subscription",
            "client_reference_id": reference,
            "customer_email": address,
            "line_items": [{"price": price.id, "quantity": 1}],
            "subscription_data": agreement,
            # Stripe writes the id where the braces are.
            "success_url": f"{done_url}?checkout={{CHECKOUT_SESSION_ID}}",
            "cancel_url": back_url,
        }
        minute = int(now.timestamp()) // 60
        once = sha256(json.dumps([asked, minute], sort_keys=True).encode()).hexdigest()[:40]
        made = _request(
            lambda: self._v1.checkout.sessions.create(asked, {"idempotency_key": f"checkout-{once}"})  # type: ignore[arg-type]
        )
        return _https(made.get("url"))

    def portal_url(self, agreement_id: str, *, back_url: str) -> str:
        customer = id_in(self._read(agreement_id).get("customer"))
        if not customer:
            raise ProcessorError("The payment processor knows no customer for this agreement.")
        made = _request(
            lambda: self._v1.billing_portal.sessions.create({"customer": customer, "return_url": back_url})
        )
        return _https(made.get("url"))

    def cancel_at_period_end(self, agreement_id: str, *, now: datetime) -> AgreementFact:
        known = self._read(agreement_id)
        if known.get("status") in ("past_due", "unpaid", "incomplete"):
            return self.cancel_now(
                agreement_id, now=now
            )  # nothing paid for is left, and no attempt should follow
        if known.get("status") in ("canceled", "incomplete_expired") or known.get("cancel_at_period_end"):
            return fact_in(known, now)
        changed = _request(
            lambda: self._v1.subscriptions.update(
                agreement_id, {"cancel_at_period_end": True, "expand": ["latest_invoice"]}
            )
        )
        return fact_in(changed, now)

    def cancel_now(self, agreement_id: str, *, now: datetime) -> AgreementFact:
        known = self._read(agreement_id)
        if known.get("status") in ("canceled", "incomplete_expired"):
            return fact_in(known, now)
        return fact_in(_request(lambda: self._v1.subscriptions.cancel(agreement_id)), now)

    def refund(self, agreement_id: str) -> Refund | None:
        found = _request(
            lambda: self._v1.invoices.list(
                {"subscription": agreement_id, "status": "paid", "limit": 10, "expand": ["data.payments"]}
            )
        )
        invoice = next((i for i in found.get("data", ()) if i.get("amount_paid")), None)
        intent = payment_intent_in(invoice or {})
        if invoice is None or intent is None:
            return None
        before = _request(lambda: self._v1.refunds.list({"payment_intent": intent, "limit": 1}))
        if before.get("data"):
            return None
        key = {"idempotency_key": f"refund-{invoice['id']}"}
        made = _request(lambda: self._v1.refunds.create({"payment_intent": intent}, key))  # type: ignore[arg-type]
        cents = int(made.get("amount") or 0)
        return Refund(intent, cents, cents, str(invoice.get("currency") or ""))

    def read_object(self, agreement_id: str, *, now: datetime) -> AgreementFact:
        return fact_in(self._read(agreement_id), now)

    def price_problem(self, price: Price, *, cents: int) -> str | None:
        """Return why a checkout at this price would fail or charge another amount than ``cents`` a month, as a sentence; None when it is right."""
        try:
            found = _request(lambda: self._v1.prices.retrieve(price.id))
        except NoSuchAgreement:
            return f"Stripe knows no price {price.id}: see STRIPE_PRICE_ID."
        except (ProcessorError, ProcessorUnreachable) as error:
            return str(error)
        every = found.get("recurring") or {}
        if not found.get("active"):
            return f"The price {price.id} is not active at Stripe."
        if (every.get("interval"), every.get("interval_count", 1)) != ("month", 1):
            return f"The price {price.id} is not charged once a month."
        if found.get("unit_amount") != cents:
            charged = amount(int(found.get("unit_amount") or 0), str(found.get("currency") or ""))
            return f"Stripe charges {charged} a month, and PRICE tells readers another amount."
        return None

    def finished_checkout(self, checkout_id: str) -> str | None:
        if not checkout_id.startswith("cs_") or not checkout_id.replace("_", "").isalnum():
            raise NoSuchAgreement("There is no such checkout.")
        made = _request(lambda: self._v1.checkout.sessions.retrieve(checkout_id))
        return id_in(made.get("subscription")) if made.get("status") == "complete" else None

    def parse_webhook(
        self, body: bytes, headers: Mapping[str, str], now: datetime
    ) -> tuple[WebhookEvent, ...]:
        if len(body) > _MOST_BODY:
            raise ForgedWebhook("The webhook is larger than any of Stripe's.")
        signed_at = _signed_at(body, headers.get("Stripe-Signature", ""), self._secret)
        if abs(now.timestamp() - signed_at) > TOLERANCE.total_seconds():
            raise ForgedWebhook("The webhook was signed too long ago.")
        try:
            said = json.loads(body.decode("utf-8-sig", "replace"))
        except (ValueError, RecursionError):
            raise UnreadableWebhook from None
        event = event_in(said)
        return () if event is None else (event,)

    def _read(self, agreement_id: str) -> dict[str, Any]:
        return _request(lambda: self._v1.subscriptions.retrieve(agreement_id, {"expand": ["latest_invoice"]}))


def _signed_at(body: bytes, header: str, secret: str) -> int:
    """Return when Stripe signed exactly these bytes, in Unix seconds. Raises ``ForgedWebhook`` when it did not.

    The SDK checks a signature over text, so that it takes bytes that are no UTF-8 for forged.
    """
    fields = [field.partition("=") for field in header.split(",")]
    stamp = next((value for name, _, value in fields if name == "t"), "")
    if not secret or not re.fullmatch(r"[0-9]{1,12}", stamp):
        raise ForgedWebhook("The webhook is not signed by Stripe.")
    made = hmac.new(secret.encode(), stamp.encode() + b"." + body, sha256).hexdigest().encode()
    given = [value.encode("utf-8", "replace") for name, _, value in fields if name == "v1"]
    if not any(hmac.compare_digest(made, one) for one in given):
        raise ForgedWebhook("The webhook's signature is wrong.")
    return int(stamp)


def _trial(ends_at: datetime | None, now: datetime) -> dict[str, int]:
    """Stripe's words for a free beginning."""
    if ends_at is None or ends_at <= now:
        return {}
    if ends_at - now >= NEAREST_TRIAL_END:
        return {"trial_end": int(ends_at.timestamp())}
    return {"trial_period_days": ceil((ends_at - now) / timedelta(days=1))}


def _request(call: Callable[[], Any]) -> dict[str, Any]:
    """Return what Stripe answers, as plain values; what went wrong, in our words and without Stripe's (they may name people)."""
    try:
        answer = call().to_dict()
    except stripe.InvalidRequestError as error:
        if error.http_status == 404 or error.code == "resource_missing":
            raise NoSuchAgreement("The payment processor knows nothing under that id.") from None
        raise ProcessorError(f"The payment processor refused ({error.code or 'invalid request'}).") from None
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise ProcessorUnreachable(
            f"The payment processor did not answer ({type(error).__name__})."
        ) from None
    except stripe.APIError as error:
        raise ProcessorUnreachable(f"The payment processor broke off ({error.http_status}).") from None
    except (stripe.AuthenticationError, stripe.PermissionError):
        raise ProcessorError("The payment processor does not accept STRIPE_API_KEY.") from None
    except stripe.StripeError as error:
        raise ProcessorError(f"The payment processor refused ({type(error).__name__}).") from None
    except (RequestException, AttributeError, TypeError, ValueError, KeyError) as error:
        # Half an answer, or something that is not Stripe's.
        raise ProcessorUnreachable(f"The answer makes no sense ({type(error).__name__}).") from None
    if not isinstance(answer, dict):
        raise ProcessorUnreachable("The payment processor's answer makes no sense.")
    return answer


def _https(url: Any) -> str:
    """Return an address to lead a reader to. Raises ``ProcessorUnreachable`` for anything else."""
    if not isinstance(url, str) or not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise ProcessorUnreachable("The payment processor's answer makes no sense.")
    return url
