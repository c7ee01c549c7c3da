"""Who left, as a list outside the database: so that a restored backup, which is older, mails nobody who left after it was taken.

One JSON object a line: first what the list is of, last how many lines stand between. Readers are named by keyed hash, never by
address. Beside those who left it says which copies of the latest Issues were handed over, so that nobody gets one twice.
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

from newsletter import atomic_files, db, log
from newsletter.db.models import Delivery, Instance, Issue, Run, Subscriber, Suppression
from newsletter.delivery.fence import RESTORED, marks_of
from newsletter.delivery.states import ACCEPTED, SUBMITTING, UNCERTAIN
from newsletter.errors import NewsletterError

KEPT: Final = timedelta(days=35)  # longer than a backup may be kept (30 days)
STANDING: Final = "standing-*.leavers"  # in LEAVING_DIR, by the database's mark: of the last KEPT
HANDED_OVER: Final = timedelta(days=3)  # Issues as old as that are sent by nobody any more
AT_ONCE: Final = 500  # readers a transaction
_log = log.get("subscribers")


class UnreadableList(NewsletterError):
    """A list of leavers that is not whole, or is none."""


def write(
    sessions: db.Sessions,
    path: Path,
    *,
    now: datetime,
    since: datetime | None = None,
    copies: bool = False,
    doubt: str | None = None,
) -> int:
    """Write who left (``since`` then) to ``path``, whole or not at all, readable by its owner alone. How many lines.

    ``copies``: also those of the latest Issues that were handed over. ``doubt``: why somebody may be missing in what can be read.
    Raises what the database says, and OSError.
    """
    if since is not None:
        doubt = f"the list is of {now:%Y-%m-%d %H:%M} UTC, and who left after that is not in it"
    count = 0
    with atomic_files.written(path) as file, db.reading(sessions) as session:
        file.write(_line(_heading(session, now, doubt)))
        for line in chain(_gone(session, now, since), _copies(session, now) if copies else ()):
            file.write(_line(line))
            count += 1
        file.write(_line({"lines": count}))
    return count


def stand_by(sessions: db.Sessions, folder: Path, *, now: datetime) -> None:
    """Write this database's standing list anew, for the day on which it is itself out of reach. Who left longer ago than any backup
    may be old is not in it; a list that nobody wrote for as long goes.

    Nothing is written of a database that never mailed. Not to be called for one that may not mail: the list may know more.
    """
    with db.reading(sessions) as session:
        here = session.get(Instance, 1)
    if here is None:
        return
    try:
        write(sessions, folder / STANDING.replace("*", here.mark), now=now, since=now - KEPT)
        for old in standing(folder):
            if datetime.fromisoformat(look_through(old)["written_at"]) < now - KEPT:
                old.unlink(missing_ok=True)
    except OSError as error:
        _log.error("leavers.not_written", reason=error.strerror)


def standing(folder: Path) -> list[Path]:
    """The standing lists of every database that mailed from here lately and are whole."""
    whole = []
    for path in sorted(folder.glob(STANDING)):
        with suppress(UnreadableList):
            look_through(path)
            whole.append(path)
    return whole


def _line(said: dict[str, Any]) -> str:
    return json.dumps(said, default=lambda moment: moment.isoformat()) + "\n"


def _heading(session: Session, now: datetime, doubt: str | None) -> dict[str, Any]:
    # Columns one by one: the tables of another release can be read as well.
    closed = session.scalar(select(Instance.fenced_because))
    if closed and closed != RESTORED:
        doubt = f"the list is of a database that itself did not know who left: {closed}"
    latest = session.scalar(select(func.max(Run.started_at)))
    return {
        "leavers": 1,
        "written_at": now,
        "doubt": doubt,
        "marks": sorted(marks_of(session)),
        "latest_run_at": latest,
    }


def _gone(session: Session, now: datetime, since: datetime | None) -> Iterator[dict[str, Any]]:
    left = select(Subscriber.address_hash, Subscriber.unsubscribed_at).where(
        Subscriber.unsubscribed_at.is_not(None)
    )
    barred = select(Suppression.address_hash, Suppression.reason, Suppression.suppressed_at)
    if since is not None:
        left = left.where(Subscriber.unsubscribed_at >= since)
        barred = barred.where(Suppression.suppressed_at >= since)
    for known_as, at in _stream(session, left):
        yield {"who": known_as, "left": at}
    for known_as, reason, at in _stream(session, barred):
        yield {"who": known_as, "suppressed": reason, "since": at}
    paused = select(Subscriber.address_hash, Subscriber.paused_until)
    for known_as, until in _stream(session, paused.where(Subscriber.paused_until > now.date())):
        yield {"who": known_as, "paused_until": until}


def _copies(session: Session, now: datetime) -> Iterator[dict[str, Any]]:
    """Of Issues that might be sent still."""
    lately = Issue.issued_on >= (now - HANDED_OVER).date()
    gone = Delivery.state.in_((ACCEPTED, SUBMITTING, UNCERTAIN))
    lines = select(Issue.issued_on, Delivery.address_hash, Delivery.state, Delivery.provider)
    for on, known_as, state, provider in _stream(
        session, lines.join(Issue, Issue.id == Delivery.issue_id).where(lately, gone)
    ):
        yield {"who": known_as, "issue": on, "state": state, "provider": provider}


def _stream(session: Session, statement: Any) -> Iterator[Any]:
    yield from session.execute(statement.execution_options(yield_per=5_000))


def look_through(path: Path) -> dict[str, Any]:
    """The heading of a list that is whole. Raises :class:`UnreadableList`."""
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
        raise UnreadableList(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise UnreadableList(f"{path} is no list of leavers, or not a whole one.")


def batches(path: Path) -> Iterator[list[dict[str, Any]]]:
    with path.open() as file:
        lines = (line for line in map(json.loads, file) if "who" in line)
        while some := list(islice(lines, AT_ONCE)):
            yield some
