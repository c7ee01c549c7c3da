"""Takes in reports of bounces and complaints that came as mail, for those who send through a relay: it has no webhook.

Their mailbox is a Maildir (``new`` and ``cur``), where any mail server can deliver. A report is believed when it returns the
unsubscribe link of the very reader whose copy it is about, and it is deleted once that is committed: an address stands in it.
Other reports are left for people to look at for :data:`DOUBTED_KEPT`; what people wrote is never touched.
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
from newsletter.delivery.events import SettleReport
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

AT_ONCE: Final = 500  # mails
DOUBTED_KEPT: Final = timedelta(days=7)  # a report that was not believed, from its arrival
_log = log.get("subscribers")


@dataclass(frozen=True)
class BouncesReport:
    """What a mailbox brought."""

    mails: int = 0
    believed: int = 0
    doubted: int = 0  # reports whose proof does not fit: forged, or about a reader who is gone
    others: int = 0  # no reports of ours: left where they are
    settled: SettleReport = field(default_factory=SettleReport)


def run(
    sessions: db.Sessions,
    folder: Path,
    *,
    tokens: Tokens,
    links: Links,
    now: datetime,
    also_seen: bool = False,
) -> BouncesReport:
    """Take in what is new in a Maildir. Raises :class:`NotFound`.

    A report that is believed is deleted once it is committed, a doubted one is moved to ``cur``, other mail stays where it is.
    ``also_seen``: those in ``cur`` as well, where a mail program may have moved them, and reports that were doubted go when it is time.
    """
    if not (folder / "new").is_dir():
        raise NotFound(f"{folder} is no Maildir: it has no folder named new.")
    total = BouncesReport()
    waiting = list(_mails(folder, "new", *(["cur"] if also_seen else [])))
    for start in range(0, len(waiting), AT_ONCE):
        part = {path: _head(path) for path in waiting[start : start + AT_ONCE]}
        reports = {path: report for path, raw in part.items() if (report := read_report(raw, now=now))}
        believed = _believed(sessions, reports.values(), tokens, links)
        settled = events.run(sessions, [r.event for r in believed], provider="smtp", now=now)
        for path, raw in part.items():
            report = reports.get(path)
            if report in believed or (also_seen and _is_over(path, now) and is_report(raw)):
                path.unlink(missing_ok=True)
            elif report is not None:
                _seen(folder, path)
        total = BouncesReport(
            total.mails + len(part),
            total.believed + len(believed),
            total.doubted + len(reports) - len(believed),
            total.others + len(part) - len(reports),
            total.settled + settled,
        )
    if total.mails > total.others:
        _log.info("bounces.taken", mails=total.mails, believed=total.believed, doubted=total.doubted)
    return total


def forget(folder: Path, address: str) -> int:
    """Delete what machines wrote of this address, booked or not; how many mails. What people wrote stays.

    A mailbox that is closed to us keeps nobody from being erased: it is logged, and reports go by themselves.
    """
    gone = 0
    try:
        for path in _mails(folder, "new", "cur"):
            raw = _head(path)
            if names(raw, address) and is_from_a_machine(raw):
                path.unlink(missing_ok=True)
                gone += 1
    except OSError as error:
        _log.error("bounces.not_forgotten", reason=error.strerror)
    return gone


def _mails(folder: Path, *parts: str) -> Iterable[Path]:
    """In the order of their names, which begin with the moment of their arrival."""
    for part in parts:
        if (folder / part).is_dir():
            yield from sorted(p for p in (folder / part).iterdir() if p.is_file())


def _is_over(path: Path, now: datetime) -> bool:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) < now - DOUBTED_KEPT
    except FileNotFoundError:  # another process was faster
        return False


def _believed(sessions: db.Sessions, reports: Iterable[Report], tokens: Tokens, links: Links) -> list[Report]:
    """Those whose returned link was made for the reader of that very Delivery."""
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
    try:
        with path.open("rb") as file:
            return file.read(LONGEST + 1)
    except FileNotFoundError:  # a mail program moved it, or another process has it
        return b""


def _seen(folder: Path, path: Path) -> None:
    if path.parent.name == "cur":
        return
    (folder / "cur").mkdir(exist_ok=True)
    with suppress(FileNotFoundError):
        path.replace(folder / "cur" / f"{path.name}:2,S")
