"""A dispatch in a process of its own that kills itself (SIGKILL) at a named place. Run by test_kill.py, never imported.

    dispatch_and_die.py DATABASE_URL OUTBOX_DIR PLACE NTH [MUTANT]

``PLACE`` is one of the dispatch's waypoints, "freezing" (the readers looked at; then their Deliveries in, the reasons not) or "mid-batch" (half a batch written).
The provider writes a journal of its own: one line for each Message it was handed, before it keeps it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from newsletter import clock, db
from newsletter.db.models import Issue
from newsletter.delivery import ledger
from newsletter.delivery.mail.messages import Message
from newsletter.delivery.providers.outbox.send import Outbox
from newsletter.delivery.providers.protocol import MayBegin, Outcome, Receipt, always
from newsletter.settings import Settings
from tests.delivery.mailing import LINKS, MORNING, audience_of, run_dispatch, slots_for

READERS = 60
BATCH = 10


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Journaled(Outbox):
    """The Outbox, keeping a journal of what it was handed: its own evidence, not ours."""

    batch_size = BATCH

    def __init__(self, folder: Path, waypoint: Callable[[str], None] | None = None) -> None:
        super().__init__(folder, sender="Evenhand <morning@example.com>", now=clock.fixed(MORNING))
        self._journal = folder.parent / "journal.txt"
        self._waypoint = waypoint or (lambda _: None)

    def submit(self, messages: Sequence[Message], *, may_begin: MayBegin = always) -> list[Receipt]:
        receipts = []
        for n, message in enumerate(messages):
            if n == len(messages) // 2:
                self._waypoint("mid-batch")
            with open(self._journal, "a", encoding="utf-8") as journal:
                journal.write(f"{message.reference}\n")
            receipts += super().submit([message], may_begin=may_begin)
        return receipts


class MarksFirst(Journaled):
    """Half of a mutant: says "accepted" and hands over only afterwards (see ``mark-before-send``)."""

    def __init__(self, folder: Path, waypoint: Callable[[str], None] | None = None) -> None:
        super().__init__(folder, waypoint)
        self.waiting: list[Message] = []

    def submit(self, messages: Sequence[Message], *, may_begin: MayBegin = always) -> list[Receipt]:
        earlier, self.waiting = self.waiting, list(messages)
        super().submit(earlier)
        return [Receipt(m.reference, Outcome.ACCEPTED) for m in messages]


def settings_for(url: str, folder: str) -> Settings:
    return Settings(
        _env_file=None,
        DATABASE_URL=url,
        OUTBOX_DIR=Path(folder),
        BATCH_SIZE=BATCH,
        FENCE_DIR=Path(folder).parent / "fence",
    )  # type: ignore[call-arg]


def main(url: str, folder: str, place: str, nth: str, mutant: str = "") -> None:
    left = int(nth)

    def waypoint(at: str) -> None:
        nonlocal left
        if at == place:
            left -= 1
            if left == 0:
                die()

    sessions = db.make_sessions(db.make_engine(url))
    with sessions.begin() as session:
        issue = session.get_one(Issue, 1)
        ledger.freeze(session, issue, audience_of(range(1, READERS + 1)), now=MORNING, waypoint=waypoint)
        waypoint("frozen-uncommitted")
    waypoint("frozen")
    kind = MarksFirst if mutant == "mark-before-send" else Journaled
    run_dispatch(
        sessions,
        kind(Path(folder), waypoint),
        issue_id=1,
        settings=settings_for(url, folder),
        links=LINKS,
        now=clock.fixed(MORNING),
        slots_for=slots_for,
        waypoint=waypoint,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
