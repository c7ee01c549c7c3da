"""The ledger opened: the Audience of an approved Issue frozen into Deliveries, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.errors import Refused
from newsletter.mailroom.approved_bytes import stored_templates, wrong_bytes
from newsletter.mailroom.lines import move_issue
from newsletter.mailroom.states import PENDING
from newsletter.models import Delivery, Instance, Issue, LeftOut

FREEZE_CHUNK = 10_000  # rows inserted at once: flat memory however large the Audience

_log = log.get("mailroom")


class AudienceRow(NamedTuple):
    """One line of the Audience: who, under which keyed address hash, gets which Rendition, and when at the earliest."""

    subscriber_id: int
    address_hash: str
    rendition: str  # "full" or "metered"
    due_at: datetime


def freeze(
    session: Session,
    issue: Issue,
    audience: Iterable[AudienceRow],
    left_out: Iterable[tuple[int, str]],
    *,
    now: datetime,
) -> bool:
    """Open the ledger of an approved Issue: one Delivery per line of the Audience, one reason per Subscriber left out.

    All in the caller's one transaction. False, and nothing done, when it was frozen before. Raises :class:`Refused` unless the
    Issue is approved and its Renditions are the approved bytes.
    """
    session.refresh(issue)
    if issue.frozen_at is not None:
        return False
    if issue.state != "approved":
        raise Refused(
            f"The Issue of {issue.issued_on} is {issue.state}, not approved: its Audience stays open."
        )
    here = session.get(Instance, 1)
    if here and here.restored_on and issue.issued_on <= here.restored_on and issue.released_at is None:
        move_issue(session, issue, "held", hold_reason=_MAY_HAVE_HAD_IT)
        return False
    templates = stored_templates(session, issue.id)
    if reason := wrong_bytes(issue, templates):
        raise Refused(f"The Issue of {issue.issued_on} cannot go out: {reason}.")
    if not move_issue(session, issue, "dispatching", frozen_at=now):
        return False  # another process froze it in this very moment
    hashes = {kind: t.content_hash for kind, t in templates.items()}
    lines = (
        (
            issue.id,
            row.subscriber_id,
            row.address_hash,
            row.rendition,
            hashes[row.rendition],
            row.due_at,
            PENDING,
            0,
        )
        for row in audience
    )
    reasons = ((issue.id, who, why) for who, why in left_out)
    try:
        size = _insert_all(session, Delivery, _LINE, lines)
        left = _insert_all(session, LeftOut, _REASON, reasons)
    except IntegrityError:
        raise Refused("The Audience names a Subscriber or an address twice: nothing was frozen.") from None
    session.execute(update(Issue).where(Issue.id == issue.id).values(audience_size=size))
    session.refresh(issue)
    _log.info("ledger.frozen", issue_id=issue.id, audience=size, left_out=left)
    return True


_MAY_HAVE_HAD_IT = "this database was restored on that day: its readers may have had the Issue; resume it to send it all the same"
_LINE = (
    "issue_id",
    "subscriber_id",
    "address_hash",
    "rendition",
    "content_hash",
    "due_at",
    "state",
    "attempts",
)
_REASON = ("issue_id", "subscriber_id", "reason")


def _insert_all(session: Session, table: Any, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> int:
    """In chunks, because the Audience may be read over the same connection while it is walked."""
    count = 0
    rows = iter(rows)
    while chunk := list(islice(rows, FREEZE_CHUNK)):
        db.insert_many(session, table, columns, chunk)
        count += len(chunk)
    return count
