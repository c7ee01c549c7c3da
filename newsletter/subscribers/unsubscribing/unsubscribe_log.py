"""The unsubscribe log: who unsubscribed, was suppressed, paused or erased, in a file outside the database.

A restored backup is older than the database it replaces; with this file it mails nobody who left after the backup was taken. It also
lists the Deliveries of the latest Issues that were submitted, so that nobody gets one twice.

The file has one JSON object a line: first a heading that says which database it is from, last the number of lines between. Readers are
named by keyed hash, not by address. The keys and the suffix ``.leavers`` are those of earlier versions, whose files are read as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import atomic_files, db, formatting, log
from newsletter.db.models import Delivery, Instance, Issue, Run, Subscriber, Suppression
from newsletter.delivery.fence import RESTORED, marks_of
from newsletter.delivery.states import ACCEPTED, SUBMITTING, UNCERTAIN
from newsletter.errors import NewsletterError

ROLLING_WINDOW: Final = timedelta(days=35)  # longer than a backup may be kept (30 days)
ROLLING_NAME: Final = "standing-*.leavers"  # in LEAVING_DIR; * is the mark of the database
COPIES_WINDOW: Final = timedelta(days=3)  # Issues older than this are not sent any more
BATCH_SIZE: Final = 500  # readers in one transaction
_log = log.get("subscribers")


class UnreadableLog(NewsletterError):
    """The file is not an unsubscribe log, or is incomplete."""


def write(
    sessions: db.Sessions,
    path: Path,
    *,
    now: datetime,
    since: datetime | None = None,
    copies: bool = False,
    doubt: str | None = None,
) -> int:
    """Write the log of this database to ``path``, and return how many lines it has. Raises database errors and OSError.

    The file is written completely or not at all, readable by its owner alone. ``since`` limits it to who left after that moment;
    ``copies`` adds the submitted Deliveries of the latest Issues; ``doubt`` says why somebody may be missing in it.
    """
    if since is not None:
        doubt = f"the list is of {formatting.utc_minute(now)}, and who left after that is not in it"
    count = 0
    with atomic_files.written(path) as file, db.reading(sessions) as session:
        file.write(_line(_heading(session, now, doubt)))
        for line in chain(_left(session, now, since), _copies(session, now) if copies else ()):
            file.write(_line(line))
            count += 1
        file.write(_line({"lines": count}))
    return count


def write_rolling(sessions: db.Sessions, folder: Path, *, now: datetime) -> None:
    """Write the rolling log of this database, for the day on which the database itself cannot be read.

    It covers :data:`ROLLING_WINDOW`, which is longer than a backup is kept; rolling logs that were not written for as long are deleted.
    Nothing is written for a database that never mailed. Do not call this while the database is fenced: the file may know more.
    """
    with db.reading(sessions) as session:
        here = session.get(Instance, 1)
    if here is None or not here.identity:
        return
    try:
        write(sessions, folder / ROLLING_NAME.replace("*", here.mark), now=now, since=now - ROLLING_WINDOW)
        for old in rolling_logs(folder):
            if datetime.fromisoformat(read_heading(old)["written_at"]) < now - ROLLING_WINDOW:
                old.unlink(missing_ok=True)
    except OSError as error:
        _log.error("unsubscribe_log.not_written", reason=error.strerror)


def rolling_logs(folder: Path) -> list[Path]:
    """The complete rolling logs of all databases that mailed from here lately."""
    complete = []
    for path in sorted(folder.glob(ROLLING_NAME)):
        with suppress(UnreadableLog):
            read_heading(path)
            complete.append(path)
    return complete


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, default=lambda moment: moment.isoformat()) + "\n"


def _heading(session: Session, now: datetime, doubt: str | None) -> dict[str, Any]:
    # Single columns are selected, so that tables of another release can be read as well.
    fenced = session.scalar(select(Instance.fenced_because))
    if fenced and fenced != RESTORED:
        doubt = f"the list is of a database that itself did not know who left: {fenced}"
    latest = session.scalar(select(func.max(Run.started_at)))
    return {
        "leavers": 1,
        "written_at": now,
        "doubt": doubt,
        "marks": sorted(marks_of(session)),
        "latest_run_at": latest,
    }


def _left(session: Session, now: datetime, since: datetime | None) -> Iterator[dict[str, Any]]:
    left = select(Subscriber.address_hash, Subscriber.unsubscribed_at).where(
        Subscriber.unsubscribed_at.is_not(None)
    )
    suppressed = select(Suppression.address_hash, Suppression.reason, Suppression.suppressed_at)
    if since is not None:
        left = left.where(Subscriber.unsubscribed_at >= since)
        suppressed = suppressed.where(Suppression.suppressed_at >= since)
    for hashed, at in _stream(session, left):
        yield {"who": hashed, "left": at}
    for hashed, reason, at in _stream(session, suppressed):
        yield {"who": hashed, "suppressed": reason, "since": at}
    paused = select(Subscriber.address_hash, Subscriber.paused_until)
    for hashed, until in _stream(session, paused.where(Subscriber.paused_until > now.date())):
        yield {"who": hashed, "paused_until": until}


def _copies(session: Session, now: datetime) -> Iterator[dict[str, Any]]:
    """The submitted Deliveries of Issues that may still be in dispatch."""
    recent = Issue.issued_on >= (now - COPIES_WINDOW).date()
    submitted = Delivery.state.in_((ACCEPTED, SUBMITTING, UNCERTAIN))
    lines = select(Issue.issued_on, Delivery.address_hash, Delivery.state, Delivery.provider)
    for on, hashed, state, provider in _stream(
        session, lines.join(Issue, Issue.id == Delivery.issue_id).where(recent, submitted)
    ):
        yield {"who": hashed, "issue": on, "state": state, "provider": provider}


def _stream(session: Session, statement: Any) -> Iterator[Any]:
    yield from session.execute(statement.execution_options(yield_per=5_000))


def read_heading(path: Path) -> dict[str, Any]:
    """The heading of a complete log. Raises :class:`UnreadableLog`."""
    try:
        with path.open() as file:
            heading = json.loads(next(file, ""))
            datetime.fromisoformat(heading["written_at"]), heading["doubt"], heading["latest_run_at"]
            last, between = heading, -1
            for text in file:
                last = json.loads(text)
                between += 1
        if heading["leavers"] == 1 and last.get("lines") == between:
            return dict(heading)
    except OSError as error:
        raise UnreadableLog(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise UnreadableLog(f"{path} is no list of leavers, or not a whole one.")


def batches(path: Path) -> Iterator[list[dict[str, Any]]]:
    """The lines about readers, :data:`BATCH_SIZE` at a time."""
    with path.open() as file:
        lines = (line for line in map(json.loads, file) if "who" in line)
        while batch := list(islice(lines, BATCH_SIZE)):
            yield batch
