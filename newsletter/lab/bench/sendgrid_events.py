"""Makes events as SendGrid reports and signs them, for the bench of events."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from newsletter.delivery.providers.sendgrid.events import MOMENT, SIGNATURE

# Of a thousand mails so many have this event; invented for load, not measured.
DEFERRED, HARD, SOFT, COMPLAINED, LEFT = 40, 8, 12, 1, 3
TWICE = 0.03  # share of events that come a second time
LARGE, SMALL = 1000, 10  # events in one post
SMALL_SHARE = 0.1  # share of events in small posts


@dataclass(frozen=True)
class Post:
    """One signed call of the webhook."""

    body: bytes
    headers: dict[str, str]
    events: int


@dataclass(frozen=True)
class Words:
    """Posts in the order in which they are made, and what must be in the database after all of them."""

    posts: list[Post]
    events: int
    kept: int  # different events that become a DeliveryEvent
    suppressed: int  # addresses


def events_about(
    deliveries: Sequence[int], key: ec.EllipticCurvePrivateKey, *, at: datetime, seed: int
) -> Words:
    """Return all events about these Deliveries, shuffled, some of them twice, in large posts and in small ones.

    They are signed at ``at``, and the webhook accepts them for ten minutes.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    said: list[dict[str, Any]] = []
    suppressed = 0
    for number in deliveries:
        fate = chance.randrange(1000)
        names: list[tuple[str, dict[str, Any]]] = [("processed", {})]
        if fate < HARD:
            names.append(
                ("bounce", {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such mailbox"})
            )
        elif fate < HARD + SOFT:
            names.append(
                ("bounce", {"type": "blocked", "status": "4.2.2", "reason": "452 4.2.2 mailbox full"})
            )
        else:
            if fate < HARD + SOFT + DEFERRED:
                names.append(("deferred", {"response": "451 4.7.1 try again later", "attempt": "1"}))
            names.append(("delivered", {"response": "250 2.0.0 OK 1762930000 queued"}))
            after = fate - HARD - SOFT - DEFERRED
            if 0 <= after < COMPLAINED:
                names.append(("spamreport", {}))
            elif 0 <= after < COMPLAINED + LEFT:
                names.append(("group_unsubscribe", {"asm_group_id": 1}))
        suppressed += names[-1][0] in ("spamreport", "group_unsubscribe") or fate < HARD
        said += [_event(number, name, at, seed, more) for name, more in names]
    kept = sum(one["event"] != "processed" for one in said)
    said += chance.sample(said, int(TWICE * len(said)))
    chance.shuffle(said)
    small = int(SMALL_SHARE * len(said))
    parts = [said[n : n + SMALL] for n in range(0, small, SMALL)]
    parts += [said[n : n + LARGE] for n in range(small, len(said), LARGE)]
    chance.shuffle(parts)
    return Words([_signed(part, key, at) for part in parts], len(said), kept, suppressed)


def new_key() -> tuple[ec.EllipticCurvePrivateKey, str]:
    """Return a private key to sign with, and its public key in the form of ``SENDGRID_WEBHOOK_KEY``."""
    key = ec.generate_private_key(ec.SECP256R1())
    how = serialization.PublicFormat.SubjectPublicKeyInfo
    return key, base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, how)).decode()


def _event(number: int, name: str, at: datetime, seed: int, more: dict[str, Any]) -> dict[str, Any]:
    return {
        "email": f"reader.{number}@example.com",
        "timestamp": int(at.timestamp()),
        "smtp-id": f"<delivery.{number}@news.example.com>",
        "event": name,
        "sg_event_id": base64.urlsafe_b64encode(f"{name}-{seed}-{number:08d}-bench".encode()).decode(),
        "sg_message_id": f"loopback{number:08d}.filter0001.16648.5515E0B88.{number}",
        "ip": "203.0.113.7",
        "tls": 1,
        "reference": f"delivery:{number}",
        **more,
    }


def _signed(part: list[dict[str, Any]], key: ec.EllipticCurvePrivateKey, at: datetime) -> Post:
    body = json.dumps(part).encode()
    moment = str(int(at.timestamp()))
    made = key.sign(moment.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {SIGNATURE: base64.b64encode(made).decode(), MOMENT: moment, "Content-Type": "application/json"}
    return Post(body, headers, len(part))
