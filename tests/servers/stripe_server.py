"""Enough of Stripe over real HTTP: form-encoded requests, ids, idempotency keys, signed webhooks, and what goes wrong.

The API is that of 2025 and later (periods on lines, invoices with a parent). Its clock stands until told to move. Faults
are taken from a queue, one for each request: a status, "reset", "half" (of an answer) or "slow".
"""

from __future__ import annotations

import hmac
import json
import re
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

KEY = "sk_test_a_key_of_the_tests"
WEBHOOK_SECRET = "whsec_a_secret_of_the_tests"
PRICE = "price_one_month"
CENTS = 500
MONTHLY = {
    "id": PRICE,
    "unit_amount": CENTS,
    "currency": "usd",
    "recurring": {"interval": "month", "interval_count": 1},
}
MONTH = timedelta(days=30)
SLOW = 1.0  # seconds; longer than a test's client waits

Json = dict[str, Any]


class Refusal(Exception):
    """An error answer in Stripe's form."""

    def __init__(self, status: int, kind: str, code: str = "", said: str = "No.") -> None:
        super().__init__(said)
        self.status, self.body = status, {"error": {"type": kind, "code": code, "message": said}}


def missing(what: str, status: int = 404) -> Refusal:
    return Refusal(status, "invalid_request_error", "resource_missing", f"No such object: '{what}'")


def unfold(pairs: list[tuple[str, str]]) -> Json:
    """``a[b][0][c]=1`` as nested dicts, the way Stripe reads forms."""
    tree: Json = {}
    for name, value in pairs:
        head, *rest = [p for p in re.split(r"[\[\]]", name) if p] or [name]
        node = tree
        for key, after in zip([head, *rest], [*rest, None], strict=True):
            if after is None:
                node[key] = value
            else:
                node = node.setdefault(key, {})
    return tree


@dataclass
class StripeServer:
    """The stand-in. ``calls`` are the requests that arrived, as (method, path, form)."""

    now: datetime
    faults: deque[str] = field(default_factory=deque)
    calls: list[tuple[str, str, Json]] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    checkouts: dict[str, Json] = field(default_factory=dict)
    agreements: dict[str, Json] = field(default_factory=dict)
    invoices: dict[str, Json] = field(default_factory=dict)
    refunds: dict[str, Json] = field(default_factory=dict)
    price: Json = field(default_factory=lambda: {**MONTHLY, "object": "price", "active": True})
    refused: set[str] = field(default_factory=set)  # agreements that are not told of

    def __post_init__(self) -> None:
        self._count = 0
        self._answers: dict[str, tuple[Json, Json]] = {}
        self._lock = threading.RLock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or each answer waits 40 ms for an acknowledgement
            wbufsize = 1 << 16

            def log_message(self, *_: Any) -> None:
                """Silence."""

            def _answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                fault = server.faults.popleft() if server.faults else ""
                if fault == "reset":
                    # An RST instead of a goodbye.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    self.close_connection = True
                    return
                try:
                    if fault.isdigit() and fault != "500":
                        kind = "rate_limit_error" if fault == "429" else "api_error"
                        raise Refusal(int(fault), kind, "lock_timeout" if fault == "409" else "")
                    status, body = 200, server.take(self.command, self.path, raw, self.headers)
                    if fault == "500":  # done, and then the answer is lost
                        raise Refusal(500, "api_error")
                except Refusal as refusal:
                    status, body = refusal.status, refusal.body
                if fault == "slow":
                    time.sleep(SLOW)
                said = b"[]" if fault == "nonsense" else json.dumps(body).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said[: len(said) // 2] if fault == "half" else said)
                    self.wfile.flush()
                except OSError:
                    fault = "half"
                if fault == "half":
                    self.close_connection = True

            do_GET = do_POST = do_DELETE = _answer

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    # ---- the API

    def take(self, method: str, target: str, raw: str, headers: Any) -> Json:
        path = urlsplit(target).path
        form = unfold(parse_qsl(raw if method == "POST" else urlsplit(target).query, keep_blank_values=True))
        with self._lock:
            self.calls.append((method, path, form))
            if headers.get("Authorization") != f"Bearer {KEY}":
                raise Refusal(401, "invalid_request_error", said="Invalid API Key provided")
            key = headers.get("Idempotency-Key")
            if method == "POST" and key:
                if key in self._answers:
                    asked, answer = self._answers[key]
                    if asked != form:
                        raise Refusal(400, "idempotency_error", said="Keys are used with the same parameters")
                    return answer
                answer = json.loads(json.dumps(self._do(method, path, form)))
                self._answers[key] = (form, answer)
                return answer
            return json.loads(json.dumps(self._do(method, path, form)))

    def _do(self, method: str, path: str, form: Json) -> Json:
        match (method, path.removeprefix("/v1/").split("/")):
            case ("POST", ["checkout", "sessions"]):
                return self._begin(form)
            case ("GET", ["checkout", "sessions", id]):
                return self._known(self.checkouts, id)
            case ("POST", ["billing_portal", "sessions"]):
                if not any(a["customer"] == form.get("customer") for a in self.agreements.values()):
                    raise missing("customer", 400)
                return {"object": "billing_portal.session", "url": f"{self.base}/portal/{form['customer']}"}
            case ("GET", ["prices", id]):
                return self._known({PRICE: self.price}, id)
            case ("GET", ["subscriptions", id]):
                return self._agreement(id, form)
            case ("POST", ["subscriptions", id]):
                return self._change(id, form)
            case ("DELETE", ["subscriptions", id]):
                agreement = self._known(self.agreements, id)
                if agreement["status"] == "canceled":
                    raise missing(id)
                self.end(id)
                return agreement
            case ("GET", ["invoices"]):
                found = [
                    i
                    for i in self.invoices.values()
                    if i["parent"]["subscription_details"]["subscription"] == form.get("subscription")
                    and form.get("status") in (None, i["status"])
                ]
                return {"object": "list", "data": found[::-1], "has_more": False, "url": path}
            case ("GET", ["refunds"]):
                data = [r for r in self.refunds.values() if r["payment_intent"] == form["payment_intent"]]
                return {"object": "list", "data": data, "has_more": False, "url": path}
            case ("POST", ["refunds"]):
                return self._refund(form["payment_intent"])
        raise Refusal(404, "invalid_request_error", said="Unrecognized request URL")

    def _begin(self, form: Json) -> Json:
        lines = form.get("line_items", {})
        if form.get("mode") != "subscription" or not form.get("success_url"):
            raise Refusal(400, "invalid_request_error", "parameter_missing")
        if lines.get("0", {}).get("price") != PRICE:
            raise missing("price", 400)
        about = form.get("subscription_data", {})
        if "trial_end" in about and int(about["trial_end"]) < self._stamp() + 48 * 3600:
            raise Refusal(400, "invalid_request_error", said="trial_end must be at least 48 hours off")
        if int(about.get("trial_period_days", 1)) < 1 or {"trial_end", "trial_period_days"} <= set(about):
            raise Refusal(400, "invalid_request_error", said="the trial makes no sense")
        made = {
            "object": "checkout.session",
            "id": self._fresh("cs_test"),
            "status": "open",
            "subscription": None,
            "client_reference_id": form.get("client_reference_id"),
            "customer_email": form.get("customer_email"),
            "success_url": form["success_url"],
        }
        made["url"] = f"{self.base}/pay/{made['id']}"
        self.checkouts[made["id"]] = made
        made["_asked"] = about
        return made

    def _agreement(self, id: str, form: Json) -> Json:
        if id in self.refused:
            raise Refusal(400, "invalid_request_error", "parameter_invalid")
        agreement = dict(self._known(self.agreements, id))
        if "latest_invoice" in (form.get("expand") or {}).values():
            agreement["latest_invoice"] = self.invoices.get(agreement["latest_invoice"])
        return agreement

    def _change(self, id: str, form: Json) -> Json:
        agreement = self._known(self.agreements, id)
        if agreement["status"] == "canceled":
            raise Refusal(
                400, "invalid_request_error", said="A canceled subscription can only update details"
            )
        if form.get("cancel_at_period_end") == "true":
            end = agreement["items"]["data"][0]["current_period_end"]
            agreement |= {"cancel_at_period_end": True, "cancel_at": end, "canceled_at": self._stamp()}
            self._tell("customer.subscription.updated", agreement)
        return self._agreement(id, form)

    def _refund(self, intent: str) -> Json:
        if any(r["payment_intent"] == intent for r in self.refunds.values()):
            raise Refusal(400, "invalid_request_error", "charge_already_refunded")
        made = {"object": "refund", "id": self._fresh("re"), "amount": CENTS, "payment_intent": intent}
        self.refunds[made["id"]] = made
        self._refunded(intent, CENTS, before=0)
        return made

    # ---- what readers and time do

    def pay(self, checkout_url: str) -> str:
        """The reader fills in their card. The id of the agreement."""
        checkout = self.checkouts[checkout_url.rpartition("/")[2]]
        asked, now = checkout["_asked"], self._stamp()
        free = int(asked.get("trial_end") or 0)
        if days := asked.get("trial_period_days"):
            free = now + int(days) * 86_400
        agreement = {
            "object": "subscription",
            "id": self._fresh("sub"),
            "customer": self._fresh("cus"),
            "status": "trialing" if free else "active",
            "created": now,
            "start_date": now,
            "metadata": asked.get("metadata", {}),
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": None,
            "ended_at": None,
            "latest_invoice": None,
            "items": {
                "object": "list",
                "data": [
                    {"quantity": 1, "price": MONTHLY, "current_period_start": now, "current_period_end": free}
                ],
            },
        }
        self.agreements[agreement["id"]] = agreement
        if not free:
            self._period(agreement)
        self._tell("customer.subscription.created", agreement)
        self._invoice(agreement, 0 if free else CENTS, paid=True)
        checkout |= {"status": "complete", "subscription": agreement["id"]}
        self._tell("checkout.session.completed", checkout)
        return str(agreement["id"])

    def renew(self, id: str, *, paid: bool = True) -> None:
        """The period ends and the next one begins; the card works, or does not."""
        agreement = self.agreements[id]
        self.now = max(
            self.now, datetime.fromtimestamp(agreement["items"]["data"][0]["current_period_end"], UTC)
        )
        if agreement["cancel_at_period_end"]:
            return self.end(id)
        self._period(agreement)
        agreement["status"] = "active" if paid else "past_due"
        self._invoice(agreement, CENTS, paid=paid)
        self._tell("customer.subscription.updated", agreement)
        return None

    def recover(self, id: str) -> None:
        """The second attempt at the card works."""
        agreement = self.agreements[id]
        invoice = self.invoices[agreement["latest_invoice"]]
        self._settle(invoice)
        agreement["status"] = "active"
        self._tell("customer.subscription.updated", agreement)

    def end(self, id: str) -> None:
        self.agreements[id] |= {
            "status": "canceled",
            "ended_at": self._stamp(),
            "canceled_at": self._stamp(),
        }
        self._tell("customer.subscription.deleted", self.agreements[id])

    def webhook(
        self, event: Json, *, secret: str = WEBHOOK_SECRET, at: datetime | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a delivery of this event, signed now."""
        return self.signed(json.dumps(event).encode(), secret=secret, at=at)

    def signed(
        self, body: bytes, *, secret: str = WEBHOOK_SECRET, at: datetime | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """These bytes, and headers that say they were signed now."""
        stamp = int((at or self.now).timestamp())
        signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
        return body, {"Stripe-Signature": f"t={stamp},v1={signature},v0=ignored"}

    def refund_by_hand(self, agreement_id: str, cents: int) -> None:
        """Somebody gives a part of the last payment back in Stripe's own pages."""
        invoice = self.invoices[self.agreements[agreement_id]["latest_invoice"]]
        intent = invoice["payments"]["data"][0]["payment"]["payment_intent"]
        before = sum(r["amount"] for r in self.refunds.values() if r["payment_intent"] == intent)
        made = {"object": "refund", "id": self._fresh("re"), "amount": cents, "payment_intent": intent}
        self.refunds[made["id"]] = made
        self._refunded(intent, before + cents, before=before)

    def _refunded(self, intent: str, in_all: int, *, before: int) -> None:
        charge = {
            "object": "charge",
            "id": f"ch_{intent.removeprefix('pi_')}",
            "payment_intent": intent,
            "amount_refunded": in_all,
            "currency": "usd",
        }
        self._tell("charge.refunded", charge)
        self.events[-1]["data"]["previous_attributes"] = {"amount_refunded": before}

    def dispute(self, agreement_id: str, status: str = "needs_response", *, id: str = "du_1") -> None:
        """The cardholder's bank takes the last payment back, asks whether to, or decides."""
        invoice = self.invoices[self.agreements[agreement_id]["latest_invoice"]]
        case = {
            "object": "dispute",
            "id": id,
            "amount": CENTS,
            "currency": "usd",
            "reason": "product_not_received",
            "status": status,
            "created": self._stamp(),
            "payment_intent": invoice["payments"]["data"][0]["payment"]["payment_intent"],
            "evidence_details": {"due_by": self._stamp() + 9 * 86_400},
        }
        self._tell(f"charge.dispute.{'closed' if status in ('won', 'lost') else 'created'}", case)

    # ---- books

    def _period(self, agreement: Json) -> None:
        start = self._stamp()
        agreement["items"]["data"][0] |= {
            "current_period_start": start,
            "current_period_end": start + int(MONTH.total_seconds()),
        }

    def _invoice(self, agreement: Json, cents: int, *, paid: bool) -> None:
        line = agreement["items"]["data"][0]
        made = {
            "object": "invoice",
            "id": self._fresh("in"),
            "status": "open",
            "created": self._stamp(),
            "currency": "usd",
            "amount_due": cents,
            "amount_paid": 0,
            "parent": {"subscription_details": {"subscription": agreement["id"]}},
            "status_transitions": {"finalized_at": self._stamp(), "paid_at": None},
            "lines": {"data": [{"period": {"start": self._stamp(), "end": line["current_period_end"]}}]},
            "payments": {"data": []},
        }
        self.invoices[made["id"]] = made
        agreement["latest_invoice"] = made["id"]
        if paid:
            self._settle(made)
        else:
            self._tell("invoice.payment_failed", made)

    def _settle(self, invoice: Json) -> None:
        invoice |= {"status": "paid", "amount_paid": invoice["amount_due"]}
        invoice["status_transitions"]["paid_at"] = self._stamp()
        if invoice["amount_due"]:
            payment = {"payment_intent": self._fresh("pi"), "type": "payment_intent"}
            invoice["payments"]["data"].append({"status": "paid", "payment": payment})
        self._tell("invoice.paid", invoice)

    def _tell(self, kind: str, about: Json) -> None:
        """Note an event with the object as it is now."""
        said = {"id": self._fresh("evt"), "object": "event", "type": kind, "created": self._stamp()}
        self.events.append({**said, "data": {"object": json.loads(json.dumps(about))}})

    def _known(self, table: dict[str, Json], id: str) -> Json:
        if id not in table:
            raise missing(id)
        return table[id]

    def _fresh(self, prefix: str) -> str:
        with self._lock:
            self._count += 1
            return f"{prefix}_{self._count:08d}"

    def _stamp(self) -> int:
        return int(self.now.timestamp())
