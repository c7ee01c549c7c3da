"""Signs events as SendGrid does: ECDSA (P-256, SHA-256) over the timestamp and the raw bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
MOMENT = "X-Twilio-Email-Event-Webhook-Timestamp"


class Signer:
    """One key pair. ``public`` is what stands in ``SENDGRID_WEBHOOK_KEY``."""

    def __init__(self, private_pem: bytes | None = None) -> None:
        if private_pem is None:
            self._key = ec.generate_private_key(ec.SECP256R1())
        else:
            found = serialization.load_pem_private_key(private_pem, None)
            assert isinstance(found, ec.EllipticCurvePrivateKey)
            self._key = found
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.public = base64.b64encode(public).decode()

    def headers(self, body: bytes, *, at: datetime) -> dict[str, str]:
        """The two header lines that say these bytes were sent at ``at``."""
        moment = str(int(at.timestamp()))
        made = self._key.sign(moment.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {
            SIGNATURE: base64.b64encode(made).decode(),
            MOMENT: moment,
            "Content-Type": "application/json",
        }


def word(event_id: str, name: str, reference: str, *, at: datetime, **more: Any) -> dict[str, Any]:
    """One event in SendGrid's own words."""
    return {
        "event": name,
        "sg_event_id": event_id,
        "timestamp": int(at.timestamp()),
        "email": "someone@example.com",
        "reference": reference,
        **more,
    }


def body_of(words: Sequence[Mapping[str, Any]]) -> bytes:
    return json.dumps(list(words)).encode()
