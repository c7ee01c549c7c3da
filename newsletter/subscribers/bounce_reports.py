"""Reads reports of bounces and complaints that arrive as mail, which an SMTP relay sends because it has no webhook.

The mailbox is a Maildir (folders ``new`` and ``cur``), into which any mail server can deliver. A report is proven when it contains the
unsubscribe link of the reader whose Delivery it is about. It is deleted once its event is committed, because it names an address.
Other reports are kept for people to read for :data:`UNPROVEN_KEPT`, with the reason on the desk; mail written by people is never touched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import db, log
from newsletter.db.models import Delivery
from newsletter.delivery import events
from newsletter.delivery.events import EventsReport
from newsletter.delivery.providers.protocol import ProviderEvent
from newsletter.delivery.providers.smtp.bounce_mail import (
    LONGEST,
    Report,
    Unread,
    is_from_a_machine,
    is_report,
    names,
    read_report,
)
from newsletter.errors import NotFound
from newsletter.links import Links
from newsletter.subscribers.tokens import UNSUBSCRIBE, TokenError, Tokens, number_in

BATCH_SIZE: Final = 500  # mails in one transaction
UNPROVEN_KEPT: Final = timedelta(days=7)  # from the arrival of a report that was not booked
LISTED: Final = 300  # mails that are looked through for the desk
NOT_OURS: Final = "its unsubscribe link is none of that reader’s: forged, or of a reader who was erased"
_log = log.get("subscribers")


@dataclass(frozen=True)
class BounceCounts:
    """What was found in a mailbox."""

    mails: int = 0
    proven: int = 0
    others: int = 0  # not reports of our mail; they are left in place
    unread: Mapping[str, int] = field(
        default_factory=dict
    )  # reports that were not booked, by the reason as a clause
    settled: EventsReport = field(default_factory=EventsReport)

    @property
    def unproven(self) -> int:
        """Reports that were not booked."""
        return sum(self.unread.values())


@dataclass(frozen=True)
class UnreadMail:
    """A report in the mailbox that was not booked, for operators to look at."""

    name: str  # of the file in the folder ``cur``
    arrived_at: datetime
    size: int  # bytes
    reason: str  # a clause


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

    A proven report is deleted once its event is committed, another one is moved to ``cur``, other mail stays where it is. With
    ``include_seen`` the mails in ``cur`` are read as well, where a mail program may have moved them, and unbooked reports older than
    :data:`UNPROVEN_KEPT` are deleted.
    """
    if not (folder / "new").is_dir():
        raise NotFound(f"{folder} is no Maildir: it has no folder named new.")
    total = BounceCounts()
    unread: Counter[str] = Counter()
    waiting = list(_mails(folder, "new", *(["cur"] if include_seen else [])))
    for start in range(0, len(waiting), BATCH_SIZE):
        part = {path: _head(path) for path in waiting[start : start + BATCH_SIZE]}
        proven, reasons = _judge(sessions, part, tokens=tokens, links=links, now=now)
        settled = events.run(sessions, list(proven.values()), provider="smtp", now=now)
        for path, raw in part.items():
            if path in proven or (include_seen and _is_expired(path, now) and is_report(raw)):
                path.unlink(missing_ok=True)
            elif path in reasons:
                _mark_seen(folder, path)
        unread.update(reasons.values())
        total = BounceCounts(
            total.mails + len(part),
            total.proven + len(proven),
            total.others + len(part) - len(proven) - len(reasons),
            settled=total.settled + settled,
        )
    total = replace(total, unread=dict(unread))
    if total.mails > total.others:
        _log.info("bounces.read", mails=total.mails, proven=total.proven, unread=total.unread)
    return total


def list_unread(
    sessions: db.Sessions, folder: Path, *, tokens: Tokens, links: Links, now: datetime
) -> list[UnreadMail]:
    """The reports that were not booked and are kept for people, newest first; :data:`LISTED` at most are looked for.

    Raises :class:`NotFound` where no mailbox can be read.
    """
    if not (folder / "new").is_dir():
        raise NotFound(f"{folder} is no Maildir, or this process may not read it.")
    newest = sorted(_mails(folder, "cur"), reverse=True)[:LISTED]
    _, reasons = _judge(sessions, {path: _head(path) for path in newest}, tokens=tokens, links=links, now=now)
    found = []
    for path, reason in reasons.items():
        with suppress(FileNotFoundError):  # deleted meanwhile
            facts = path.stat()
            at = datetime.fromtimestamp(facts.st_mtime, UTC)
            found.append(UnreadMail(path.name, at, facts.st_size, reason))
    return found


def unread_file(folder: Path, name: str) -> bytes:
    """A report in ``cur``, by its name. Raises :class:`NotFound`; what is no report is not given out."""
    path = next((path for path in _mails(folder, "cur") if path.name == name), None)
    raw = _head(path) if path else b""
    if not raw or not is_report(raw):
        raise NotFound("There is no such bounce mail: it was deleted, or never was.")
    return raw


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


def _judge(
    sessions: db.Sessions, mails: Mapping[Path, bytes], *, tokens: Tokens, links: Links, now: datetime
) -> tuple[dict[Path, ProviderEvent], dict[Path, str]]:
    """The events of the reports that contain the unsubscribe link of the reader whose Delivery they are about, and why other reports
    cannot be booked. Mail that is no report is in neither."""
    proven: dict[Path, ProviderEvent] = {}
    reasons: dict[Path, str] = {}
    with db.reading(sessions) as session:
        for path, raw in mails.items():
            match read_report(raw, now=now):
                case Report() as report:
                    if event := _proven(session, report, tokens, links):
                        proven[path] = event
                    else:
                        reasons[path] = NOT_OURS
                case Unread(reason):
                    reasons[path] = reason
    return proven, reasons


def _proven(session: Session, report: Report, tokens: Tokens, links: Links) -> ProviderEvent | None:
    """The event of a report with the right link, which names a Delivery; None without the right link."""
    before = links.unsubscribe("")
    if not report.link.startswith(before):
        return None
    try:
        reader, beginning = number_in(tokens.read(UNSUBSCRIBE, report.link.removeprefix(before)))
    except TokenError:
        return None
    wanted = select(Delivery.id, Delivery.address_hash)
    if report.event.reference:
        number = int(report.event.reference.rpartition(":")[2])
        row = session.execute(wanted.where(Delivery.id == number)).one_or_none()
    else:  # the Message-ID was replaced on the way: it is about the reader's latest copy, or nearly
        wanted = wanted.where(Delivery.subscriber_id == reader, Delivery.submitted_at.is_not(None))
        row = session.execute(wanted.order_by(Delivery.submitted_at.desc()).limit(1)).one_or_none()
    if row is None or not row.address_hash.startswith(beginning):
        return None
    return replace(report.event, reference=f"delivery:{row.id}")


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
