"""Readers brought along from elsewhere, and handed out: files of subscribers with the proof of their consent.

Nobody is mailed by an import, and nothing about a reader we know is changed by one. Somebody who unsubscribed here, was
erased or bounced does not come back through a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from newsletter import db, log
from newsletter.db.models import AuditEntry, Subscriber, Suppression
from newsletter.settings import Settings
from newsletter.subscribers.access import pays
from newsletter.subscribers.addresses import address_hash, person_hash
from newsletter.subscribers.subscriber_rows import BadRow, Row, ignored_columns, read_rows, written

_AT_ONCE = (
    500  # readers in one transaction: a killed import leaves whole readers, and its second run does the rest
)

Progress = Callable[[int, int, str], None]
_log = log.get("subscribers")


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or would do. ``refused`` and ``unproved`` are (line, reason)."""

    rows: int
    imported: int
    known: int  # readers we have already; nothing about them was changed
    refused: tuple[tuple[int, str], ...]
    unproved: tuple[tuple[int, str], ...]  # imported, but not confirmed: no mail goes to them
    ignored_columns: tuple[str, ...]
    dry_run: bool


def take_in(
    sessions: db.Sessions,
    text: str,
    *,
    settings: Settings,
    now: datetime,
    by: str,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import the subscribers in ``text`` (CSV with a header). Twice changes nothing. Raises ``FileError``."""
    tell = progress or (lambda done, of, what: None)
    read = list(read_rows(text, zone=settings.EDITION_TZ, now=now))
    good = [r for r in read if isinstance(r, Row)]
    refused = [(r.line, r.reason) for r in read if isinstance(r, BadRow)]
    unproved: list[tuple[int, str]] = []
    counts: Counter[str] = Counter()
    for start in range(0, len(good), _AT_ONCE):
        done = _take(sessions, good[start : start + _AT_ONCE], settings=settings, now=now, dry_run=dry_run)
        counts.update(done.counts)
        refused += done.refused
        unproved += [(r.line, r.unproved) for r in done.fresh if r.unproved]
        tell(counts.total() + len(refused), len(read), "")
    report = ImportReport(
        rows=len(read),
        imported=counts["imported"],
        known=counts["known"],
        refused=tuple(sorted(refused)),
        unproved=tuple(unproved),
        ignored_columns=tuple(ignored_columns(text)),
        dry_run=dry_run,
    )
    if report.imported and not dry_run:
        detail = {"imported": report.imported, "refused": len(report.refused)}
        with sessions.begin() as session:
            session.add(AuditEntry(at=now, by=by, act="subscribers.imported", detail=detail))
        _log.info("subscribers.imported", **detail)
    return report


def hand_out(session: Session, *, now: datetime) -> Iterator[str]:
    """The file of all subscribers, piece by piece, oldest first."""
    suppressed = dict(session.execute(select(Suppression.address_hash, Suppression.reason)).all())
    readers = session.scalars(
        select(Subscriber)
        .options(selectinload(Subscriber.subscriptions))
        .order_by(Subscriber.id)
        .execution_options(yield_per=_AT_ONCE)
    )
    return written(_line(reader, suppressed.get(reader.address_hash, ""), now) for reader in readers)


@dataclass(frozen=True)
class _Done:
    counts: Counter[str]
    refused: list[tuple[int, str]]
    fresh: list[Row]


def _take(
    sessions: db.Sessions, rows: Sequence[Row], *, settings: Settings, now: datetime, dry_run: bool
) -> _Done:
    secret = settings.hash_key
    hashes = {row.line: address_hash(secret, row.address) for row in rows}
    with db.reading(sessions) if dry_run else sessions.begin() as session:
        known = set(
            session.scalars(
                select(Subscriber.address_hash).where(Subscriber.address_hash.in_(hashes.values()))
            )
        )
        against = dict(
            session.execute(
                select(Suppression.address_hash, Suppression.reason).where(
                    Suppression.address_hash.in_(hashes.values())
                )
            ).all()
        )
        fresh = [r for r in rows if hashes[r.line] not in known and hashes[r.line] not in against]
        if not dry_run:
            # Whoever signed up since we looked is left as they are by the insert itself.
            added = db.insert_new(
                session, Subscriber, [_values(r, hashes[r.line], secret, now) for r in fresh]
            )
        else:
            added = len(fresh)
    refused = [
        (r.line, f"the address is suppressed ({against[hashes[r.line]]})")
        for r in rows
        if hashes[r.line] in against and hashes[r.line] not in known
    ]
    counts = Counter(imported=added, known=len(rows) - len(refused) - added)
    return _Done(counts, refused, fresh)


def _values(row: Row, hashed: str, secret: str, now: datetime) -> dict[str, Any]:
    return {
        "address": row.address,
        "address_hash": hashed,
        "person_hash": person_hash(secret, row.address),
        "asked_at": row.consent_at or now,
        "confirmed_at": row.consent_at,
        "unsubscribed_at": row.unsubscribed_at,
        "consent_from": row.consent_from,
        "consent_words": row.consent_words,
        "consent_version": row.consent_version,
        "hour": row.hour,
        "zone": row.zone,
        "cadence": row.cadence,
        "topics": list(row.topics) if row.topics else None,
        "trial_started_at": None,  # a Trial is for who signs up here
        "imported": True,
    }


def _line(reader: Subscriber, suppressed: str, now: datetime) -> dict[str, str]:
    return {
        "address": reader.address,
        "consent_at": _text(reader.confirmed_at),
        "consent_from": reader.consent_from,
        "consent_words": reader.consent_words,
        "consent_version": reader.consent_version,
        "hour": str(reader.hour),
        "zone": reader.zone,
        "cadence": reader.cadence,
        "topics": "|".join(reader.topics or ()),
        "unsubscribed_at": _text(reader.unsubscribed_at),
        "asked_at": _text(reader.asked_at),
        "trial_started_at": _text(reader.trial_started_at),
        "paused_until": _text(reader.paused_until),
        "suppressed": suppressed,
        "paying": "yes" if any(pays(s, now=now) for s in reader.subscriptions) else "",
    }


def _text(moment: date | None) -> str:
    return moment.isoformat() if moment else ""
