"""What SendGrid reports later: its signed event webhook, read into ProviderEvents. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from newsletter.delivery.providers.bounce_reasons import is_about_us
from newsletter.delivery.providers.protocol import ForgedEvents, ProviderEvent
from newsletter.delivery.providers.reasons import short_reason

SIGNATURE: Final = "X-Twilio-Email-Event-Webhook-Signature"
MOMENT: Final = "X-Twilio-Email-Event-Webhook-Timestamp"
WINDOW: Final = timedelta(minutes=10)  # between signing and arriving; older or later is a replay

# SendGrid's name → our kind. "processed" is its word for having taken the mail.
_KINDS: Final[Mapping[str, str]] = {
    "processed": "accepted",
    "delivered": "delivered",
    "deferred": "deferred",
    "bounce": "bounced",
    "dropped": "bounced",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
}
# Why SendGrid drops a mail itself: what stands behind it already happened once, with another mail.
_DROPPED: Final[Mapping[str, str]] = {
    "unsubscribed address": "unsubscribed",
    "spam reporting address": "complained",
}
_DROPPED_FOR_GOOD: Final = ("bounced address", "invalid")


def verify(body: bytes, headers: Mapping[str, str], *, key: str, now: datetime) -> None:
    """Raise :class:`ForgedEvents` unless SendGrid signed exactly these bytes within :data:`WINDOW` of ``now``."""
    signature, moment = headers.get(SIGNATURE, ""), headers.get(MOMENT, "")
    if not signature or not re.fullmatch(r"[0-9]{1,12}", moment):
        raise ForgedEvents("The events are not signed.")
    if abs(now.timestamp() - int(moment)) > WINDOW.total_seconds():
        raise ForgedEvents("The events were signed at another time: a replay, or a clock is wrong.")
    try:
        public_key(key).verify(base64.b64decode(signature), moment.encode() + body, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise ForgedEvents("The events' signature is wrong.") from None
    except ValueError as error:  # no base64, no key
        raise ForgedEvents("The events' signature cannot be read.") from error


@lru_cache(maxsize=4)
def public_key(key: str) -> ec.EllipticCurvePublicKey:
    """Return the key that signs the events (``SENDGRID_WEBHOOK_KEY``: DER in base64). Raises ValueError for what is none."""
    try:
        found = serialization.load_der_public_key(base64.b64decode(key))
    except UnsupportedAlgorithm as error:
        raise ValueError("a key of an unknown kind") from error
    if not isinstance(found, ec.EllipticCurvePublicKey):
        raise ValueError("not an elliptic-curve key")
    return found


def read_events(body: bytes) -> list[ProviderEvent]:
    """Return the events we keep, from the webhook's JSON; opens and clicks are none of ours. Raises ValueError for what is no list.

    A byte that is no UTF-8 is replaced: it costs a character of one event, which may quote what a mail server said, never the others.
    """
    try:
        found = json.loads(body.decode("utf-8-sig", "replace"))
    except RecursionError:
        raise ValueError("the events are nested without end") from None
    if not isinstance(found, list):
        raise ValueError("the events are not a list")
    return [event for one in found if isinstance(one, dict) and (event := _read(one))]


def _read(one: Mapping[str, Any]) -> ProviderEvent | None:
    kind = _KINDS.get(str(one.get("event")))
    event_id, at = one.get("sg_event_id"), one.get("timestamp")
    if kind is None or not isinstance(event_id, str) or not isinstance(at, int | float):
        return None
    if (
        not event_id.isprintable()
    ):  # a database refuses some of those characters, and the whole batch with them
        event_id = ascii(event_id)
    if not 0 <= at < 4_102_444_800:  # before 2100: anything else is no moment
        return None
    said = str(one.get("reason") or one.get("response") or "")
    bounce = None
    if one.get("event") == "dropped":
        kind = _DROPPED.get(said.lower(), kind)
        bounce = "hard" if said.lower() in _DROPPED_FOR_GOOD else "soft"
    elif kind == "bounced":
        is_soft = one.get("type") == "blocked" or is_about_us(str(one.get("status", "")), said)
        bounce = "soft" if is_soft else "hard"
    reference = one.get("reference")
    return ProviderEvent(
        provider_event_id=event_id[:200],
        reference=reference if isinstance(reference, str) else None,
        kind=kind,
        happened_at=datetime.fromtimestamp(at, UTC),
        bounce=bounce if kind == "bounced" else None,
        reason=_short_reason(said),
    )


# Receiving servers have few things to say, and say them to thousands of readers.
_short_reason = lru_cache(maxsize=4096)(short_reason)
