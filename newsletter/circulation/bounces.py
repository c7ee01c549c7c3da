"""Takes in reports of bounces and complaints that came as mail, for those who send through a relay: it has no webhook.

Their mailbox is a Maildir (``new`` and ``cur``), where any mail server can deliver. A report is believed when it returns the
unsubscribe link of the very reader whose copy it is about; anything else is left for people.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import select

from newsletter import db, log
from newsletter.circulation.tokens import UNSUBSCRIBE, TokenError, Tokens, number_in
from newsletter.errors import NotFound
from newsletter.links import Links
from newsletter.mailroom import settle
from newsletter.mailroom.providers.bounce_mail import LONGEST, Report, read_report
from newsletter.mailroom.settle import SettleReport
from newsletter.models import Delivery

AT_ONCE: Final = 500  # mails
_log = log.get("circulation")


@dataclass(frozen=True)
class BouncesReport:
    """What a mailbox brought."""

    mails: int = 0
    believed: int = 0
    doubted: int = 0  # reports whose proof does not fit: forged, or about a reader who is gone
    others: int = 0  # no reports of ours: left where they are
    settled: SettleReport = field(default_factory=SettleReport)


def run(sessions: db.Sessions, folder: Path, *, tokens: Tokens, links: Links, now: datetime) -> BouncesReport:
    """Take in what is new in a Maildir. A report is moved to ``cur`` once it is committed; other mail stays new. Raises :class:`NotFound`."""
    if not (folder / "new").is_dir():
        raise NotFound(f"{folder} is no Maildir: it has no folder named new.")
    total = BouncesReport()
    waiting = sorted(p for p in (folder / "new").iterdir() if p.is_file())
    for start in range(0, len(waiting), AT_ONCE):
        part = waiting[start : start + AT_ONCE]
        read = {path: read_report(_head(path), now=now) for path in part}
        reports = {path: report for path, report in read.items() if report is not None}
        believed = _believed(sessions, reports.values(), tokens, links)
        settled = settle.run(sessions, [r.event for r in believed], provider="smtp", now=now)
        for path in reports:
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
    with path.open("rb") as file:
        return file.read(LONGEST + 1)


def _seen(folder: Path, path: Path) -> None:
    (folder / "cur").mkdir(exist_ok=True)
    path.replace(folder / "cur" / f"{path.name}:2,S")
