"""Reads reports of bounces and complaints that arrive as mail, which an SMTP relay sends because it has no webhook.

The mailbox is a Maildir (folders ``new`` and ``cur``), into which any mail server can deliver. A report is proven when it contains the
unsubscribe link of the reader whose Delivery it is about. It is deleted once its event is committed, because it names an address.
Other reports are kept for people to read for :data:`UNPROVEN_KEPT`; mail written by people is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import select

from newsletter import db, log
from newsletter.db.models import Delivery
from newsletter.delivery import events
from newsletter.delivery.events import EventsReport
from newsletter.delivery.providers.smtp.bounce_mail import (
    LONGEST,
    Report,
    is_from_a_machine,
    is_report,
    names,
    read_report,
)
from newsletter.errors import NotFound
from newsletter.links import Links
from newsletter.subscribers.tokens import UNSUBSCRIBE, TokenError, Tokens, number_in

BATCH_SIZE: Final = 500  # mails in one transaction
UNPROVEN_KEPT: Final = timedelta(days=7)  # from the arrival of a report without proof
_log = log.get("subscribers")


@dataclass(frozen=True)
class BounceCounts:
    """What was found in a mailbox."""

    mails: int = 0
    proven: int = 0
    unproven: int = 0  # reports without the right link: forged, or about a reader who was erased
    others: int = 0  # not reports of our mail; they are left in place
    settled: EventsReport = field(default_factory=EventsReport)


def run(
    sessions: db.Sessions,
    folder: Path,
    *,
    tokens: Tokens,
    links: Links,
    now: datetime,
    include_seen: bool = False,
) -> BounceCounts:
    """Read the new mails of a Maildir, and record the events that its proven reports are about. Raises :class:`NotFound`.

    A proven report is deleted once its event is committed, an unproven one is moved to ``cur``, other mail stays where it is. With
    ``include_seen`` the mails in ``cur`` are read as well, where a mail program may have moved them, and unproven reports older than
    :data:`UNPROVEN_KEPT` are deleted.
    """
    if not (folder / "new").is_dir():
        raise NotFound(f"{folder} is no Maildir: it has no folder named new.")
    total = BounceCounts()
    waiting = list(_mails(folder, "new", *(["cur"] if include_seen else [])))
    for start in range(0, len(waiting), BATCH_SIZE):
        part = {path: _head(path) for path in waiting[start : start + BATCH_SIZE]}
        reports = {path: report for path, raw in part.items() if (report := read_report(raw, now=now))}
        proven = _proven(sessions, reports.values(), tokens, links)
        settled = events.run(sessions, [r.event for r in proven], provider="smtp", now=now)
        for path, raw in part.items():
            report = reports.get(path)
            if report in proven or (include_seen and _is_expired(path, now) and is_report(raw)):
                path.unlink(missing_ok=True)
            elif report is not None:
                _mark_seen(folder, path)
        total = BounceCounts(
            total.mails + len(part),
            total.proven + len(proven),
            total.unproven + len(reports) - len(proven),
            total.others + len(part) - len(reports),
            total.settled + settled,
        )
    if total.mails > total.others:
        _log.info("bounces.read", mails=total.mails, proven=total.proven, unproven=total.unproven)
    return total


def delete_about(folder: Path, address: str) -> int:
    """Delete the mails of machines that name this address, and return how many there were. Mail written by people stays.

    A mailbox that cannot be read does not stop an erasure: that is logged, and its reports are deleted when they expire.
    """
    deleted = 0
    try:
        for path in _mails(folder, "new", "cur"):
            raw = _head(path)
            if names(raw, address) and is_from_a_machine(raw):
                path.unlink(missing_ok=True)
                deleted += 1
    except OSError as error:
        _log.error("bounces.not_deleted", reason=error.strerror)
    return deleted


def _mails(folder: Path, *parts: str) -> Iterable[Path]:
    """The mails in these folders, in the order of their names, which begin with the time of arrival."""
    for part in parts:
        if (folder / part).is_dir():
            yield from sorted(p for p in (folder / part).iterdir() if p.is_file())


def _is_expired(path: Path, now: datetime) -> bool:
    """Whether a mail is older than :data:`UNPROVEN_KEPT`."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) < now - UNPROVEN_KEPT
    except FileNotFoundError:  # another process has moved it
        return False


def _proven(sessions: db.Sessions, reports: Iterable[Report], tokens: Tokens, links: Links) -> list[Report]:
    """The reports that contain the unsubscribe link of the reader whose Delivery they are about."""
    reports = list(reports)
    numbers = {r: int((r.event.reference or "").rpartition(":")[2]) for r in reports}
    with db.reading(sessions) as session:
        statement = select(Delivery.id, Delivery.address_hash).where(Delivery.id.in_(set(numbers.values())))
        owners = {number: known_as for number, known_as in session.execute(statement)}
    return [r for r in reports if _proves(r.link, owners.get(numbers[r]), tokens, links)]


def _proves(link: str, known_as: str | None, tokens: Tokens, links: Links) -> bool:
    before = links.unsubscribe("")
    if known_as is None or not link.startswith(before):
        return False
    try:
        _, beginning = number_in(tokens.read(UNSUBSCRIBE, link.removeprefix(before)))
    except TokenError:
        return False
    return known_as.startswith(beginning)


def _head(path: Path) -> bytes:
    """The beginning of a mail, long enough for a report; empty when it was moved meanwhile."""
    try:
        with path.open("rb") as file:
            return file.read(LONGEST + 1)
    except FileNotFoundError:  # a mail program moved it, or another process has it
        return b""


def _mark_seen(folder: Path, path: Path) -> None:
    """Move a mail to ``cur`` with the flag S (seen), as the Maildir specification says."""
    if path.parent.name == "cur":
        return
    (folder / "cur").mkdir(exist_ok=True)
    with suppress(FileNotFoundError):
        path.replace(folder / "cur" / f"{path.name}:2,S")
