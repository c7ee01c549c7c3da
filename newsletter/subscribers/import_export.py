"""Imports and exports files of subscribers, with the proof of their consent.

An import mails nobody and changes nothing about a known reader. It does not restore a reader who unsubscribed here, was erased or
bounced. A line that says left, bounced, complained, blocked or paused is imported as that, so that our own export and those of other
services mail nobody anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from newsletter import db, log
from newsletter.db.models import AuditEntry, Subscriber, Suppression
from newsletter.delivery import suppressions
from newsletter.settings import Settings
from newsletter.subscribers.access import pays
from newsletter.subscribers.addresses import address_hash, person_hash
from newsletter.subscribers.subscriber_csv import (
    BadRow,
    Reading,
    Row,
    csv_lines,
    ignored_columns,
    read_rows,
)

_BATCH_SIZE = 500  # readers in one transaction; a second run of an import that was killed does the rest

Progress = Callable[[int, int, str], None]
_log = log.get("subscribers")


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or would do when ``dry_run``. ``refused`` and ``unproved`` hold pairs of line and reason."""

    rows: int
    imported: int
    known: int  # readers who were known before; nothing about them was changed
    refused: tuple[tuple[int, str], ...]
    unproved: tuple[tuple[int, str], ...]  # imported, but not confirmed: they get no mail
    ignored_columns: tuple[str, ...]
    dry_run: bool
    stopped: Mapping[str, int] = field(
        default_factory=dict
    )  # imported readers who get no mail: "unsubscribed", the reason of a Suppression or "paused" → how many


def import_file(
    sessions: db.Sessions,
    text: str,
    *,
    settings: Settings,
    now: datetime,
    by: str,
    reading: Reading | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import the subscribers in ``text`` (CSV with a header). A second import changes nothing. Raises ``FileError``.

    ``reading`` names columns and consent that the file does not; ``by`` is for the audit trail. ``progress`` is called with the lines done, all lines, and "".
    """
    tell = progress or (lambda done, of, what: None)
    reading = reading or Reading(zone=settings.EDITION_TZ, now=now)
    read = list(read_rows(text, reading))
    good = [r for r in read if isinstance(r, Row)]
    refused = [(r.line, r.reason) for r in read if isinstance(r, BadRow)]
    unproved: list[tuple[int, str]] = []
    counts: Counter[str] = Counter()
    stopped: Counter[str] = Counter()
    for start in range(0, len(good), _BATCH_SIZE):
        done = _import_batch(
            sessions, good[start : start + _BATCH_SIZE], settings=settings, now=now, dry_run=dry_run
        )
        counts.update(done.counts)
        refused += done.refused
        unproved += [(r.line, r.unproved) for r in done.fresh if r.unproved]
        stopped.update(why for r in done.fresh if (why := _stopped_by(r, now)))
        tell(counts.total() + len(refused), len(read), "")
    report = ImportReport(
        rows=len(read),
        imported=counts["imported"],
        known=counts["known"],
        refused=tuple(sorted(refused)),
        unproved=tuple(unproved),
        ignored_columns=tuple(ignored_columns(text, reading.columns)),
        dry_run=dry_run,
        stopped=dict(stopped),
    )
    if report.imported and not dry_run:
        detail = {"imported": report.imported, "refused": len(report.refused)}
        with sessions.begin() as session:
            session.add(AuditEntry(at=now, by=by, act="subscribers.imported", detail=detail))
        _log.info("subscribers.imported", **detail)
    return report


def export_file(session: Session, *, now: datetime) -> Iterator[str]:
    """The lines of a file of all subscribers, oldest first."""
    suppressed = dict(session.execute(select(Suppression.address_hash, Suppression.reason)).all())
    readers = session.scalars(
        select(Subscriber)
        .options(selectinload(Subscriber.subscriptions))
        .order_by(Subscriber.id)
        .execution_options(yield_per=_BATCH_SIZE)
    )
    return csv_lines(_cells(reader, suppressed.get(reader.address_hash, ""), now) for reader in readers)


@dataclass(frozen=True)
class _Batch:
    """The result of one batch."""

    counts: Counter[str]
    refused: list[tuple[int, str]]
    fresh: list[Row]


def _import_batch(
    sessions: db.Sessions, rows: Sequence[Row], *, settings: Settings, now: datetime, dry_run: bool
) -> _Batch:
    secret = settings.hash_key
    hashes = {row.line: address_hash(secret, row.address) for row in rows}
    with db.reading(sessions) if dry_run else sessions.begin() as session:
        known = set(
            session.scalars(
                select(Subscriber.address_hash).where(Subscriber.address_hash.in_(hashes.values()))
            )
        )
        suppressed = dict(
            session.execute(
                select(Suppression.address_hash, Suppression.reason).where(
                    Suppression.address_hash.in_(hashes.values())
                )
            ).all()
        )
        fresh = [r for r in rows if hashes[r.line] not in known and hashes[r.line] not in suppressed]
        if not dry_run:
            # The insert does not touch anybody who signed up since the query above.
            added = db.insert_new(
                session, Subscriber, [_values(r, hashes[r.line], secret, now) for r in fresh]
            )
            against = {hashes[r.line]: (r.suppressed, now) for r in fresh if r.suppressed}
            suppressions.keep(session, against)
        else:
            added = len(fresh)
    refused = [
        (r.line, f"the address is suppressed ({suppressed[hashes[r.line]]})")
        for r in rows
        if hashes[r.line] in suppressed and hashes[r.line] not in known
    ]
    counts = Counter(imported=added, known=len(rows) - len(refused) - added)
    return _Batch(counts, refused, fresh)


def _stopped_by(row: Row, now: datetime) -> str:
    """Why an imported reader whose consent may well be proved gets no mail; "" when they get it."""
    if row.suppressed or row.unsubscribed_at:
        return row.suppressed or "unsubscribed"
    return "paused" if row.paused_until and row.paused_until > now.date() else ""


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
        "paused_until": row.paused_until,
        "trial_started_at": None,  # only signing up here starts a Trial
        "imported": True,
    }


def _cells(reader: Subscriber, suppressed: str, now: datetime) -> dict[str, str]:
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
