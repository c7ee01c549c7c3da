"""Suppresses addresses of which the provider said, while we submitted, that no such mailbox exists.

A relay that reports over no webhook says so only then. The caller commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from newsletter import log
from newsletter.delivery import events
from newsletter.delivery.providers.protocol import Outcome, ProviderEvent, Receipt

# So many of one batch, with nothing accepted beside them, say that the relay is set up wrongly rather than that they are all gone.
DOUBTED_FROM: Final = 10

_log = log.get("delivery")


def suppress_missing(session: Session, receipts: Sequence[Receipt], *, provider: str, now: datetime) -> int:
    """Store a hard bounce for each Receipt that says so, and suppress its address. Returns how many are newly suppressed."""
    missing = [r for r in receipts if r.no_such_mailbox]
    if len(missing) >= DOUBTED_FROM and all(r.outcome is not Outcome.ACCEPTED for r in receipts):
        _log.warning("missing_mailboxes.doubted", mailboxes=len(missing))
        return 0
    if not missing:
        return 0
    bounced = [
        ProviderEvent(f"refused-{r.reference}", r.reference, "bounced", now, "hard", r.reason)
        for r in missing
    ]
    return events.take(session, bounced, provider=provider, now=now).suppressed
