"""Computes which Steps are due, from the clock and the recorded Runs. Pure; imports only the standard library.

The scheduler asks at every tick. It does not matter how often, how late or in how many processes: a Step is due for a moment
(``due_at``), and a Run is unique on (step, due_at), so a Step is done once for each moment. There are no timers: after a jump of
the clock the answer is what it is for the new time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

GATHER_EVERY = timedelta(minutes=30)
TICK = timedelta(seconds=30)  # the resolution of the moments for which a Step is due
GRACE = timedelta(minutes=10)  # how long an operator can look before APPROVAL=auto approves
DEAD_AFTER = timedelta(minutes=15)  # an unfinished Run older than this belongs to a process that died
RETRY_AFTER = timedelta(minutes=10)  # from the start of a failed Run until it is due again
SETTLE_EVERY = timedelta(minutes=10)
LAPSE_EVERY = timedelta(hours=1)  # how often Trials and retention are looked at
_MAKING = ("gather", "group", "read", "summarize")


@dataclass(frozen=True)
class Rhythm:
    """The Settings that decide when Steps are due: EDITION_TZ, COMPOSE_AT, APPROVAL=auto, STALE_AFTER."""

    zone: str
    compose_at: tuple[int, int]  # hour and minute, local
    auto_approval: bool
    stale_after: timedelta


@dataclass(frozen=True)
class RunFact:
    """A recorded Run. ``outcome`` is running, done, nothing or failed."""

    step: str
    due_at: datetime
    started_at: datetime
    outcome: str


@dataclass(frozen=True)
class IssueFact:
    """An Issue. Of one that is dispatched, held or withdrawn only its existence matters."""

    issued_on: date
    state: str
    changed_at: datetime  # composed, or last edited
    checked: bool = False  # whether its Checks are newer than that
    blocked: bool = False  # whether one of them blocks
    frozen: bool = False  # whether the Audience is in the ledger
    next_delivery_at: datetime | None = (
        None  # when the earliest pending Delivery is due; None when none is pending
    )


@dataclass(frozen=True)
class Facts:
    """The Runs and Issues of the last days, and the earliest pending Notice, read from the database."""

    runs: Sequence[RunFact] = ()
    issues: Sequence[IssueFact] = ()
    next_notice_at: datetime | None = None  # None when none is pending


@dataclass(frozen=True)
class DueStep:
    """A Step to do now, and the moment for which it is due.

    ``day`` is the Issue's day where the Step is about one Issue. It may be in the past when no scheduler ran for a while.
    """

    step: str
    due_at: datetime
    day: date | None = None


def due(now: datetime, rhythm: Rhythm, facts: Facts) -> list[DueStep]:
    """Return the Steps to do now, in order.

    A Step may make the next one due (gather → group → read → summarize → compose → check): the caller does them, reads the facts
    again and asks again, or leaves that to the next tick.
    """
    runs = _Runs(now, facts.runs)
    steps = [*_making(now, runs)]
    quiet = not steps and not runs.busy(_MAKING)
    # An Issue is composed from the newest Stories, so not while they are being made.
    if quiet and (composing := _composing(now, rhythm, facts)):
        steps += runs.open([composing])
    for issue in sorted(facts.issues, key=lambda i: i.issued_on):
        steps += runs.open(_of_issue(now, rhythm, issue))
    if facts.next_notice_at is not None and facts.next_notice_at <= now:
        steps += runs.open([DueStep("settle", floor(now, TICK))])
    else:
        steps += runs.open([DueStep("settle", floor(now, SETTLE_EVERY))])
    steps += runs.open([DueStep("lapse", floor(now, LAPSE_EVERY))])
    return steps


def floor(now: datetime, every: timedelta) -> datetime:
    """Return the latest whole multiple of ``every`` since 1970 (UTC), at or before ``now``."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return now.astimezone(UTC) - (now - epoch) % every


def compose_moment(day: date, compose_at: tuple[int, int], zone: str) -> datetime | None:
    """Return when (UTC) the Issue of ``day`` is composed; None if ``zone`` skipped that whole day.

    A local time that the clocks skip becomes the first moment after the gap; one that they repeat means its first occurrence.
    """
    tz = ZoneInfo(zone)
    wall = datetime.combine(day, time(*compose_at))
    # PEP 495: in a gap, fold=0 is read with the old offset (a moment after the jump), fold=1 with the new one (before).
    after = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if after.astimezone(tz).replace(tzinfo=None) == wall:
        return after
    before = wall.replace(tzinfo=tz, fold=1).astimezone(UTC)
    jump = _jump_between(before, after, tz)
    if day in ((jump - timedelta(seconds=1)).astimezone(tz).date(), jump.astimezone(tz).date()):
        return jump
    return None  # such as 30 December 2011 in Samoa


def latest_compose(now: datetime, rhythm: Rhythm) -> tuple[date, datetime] | None:
    """Return the day whose compose moment came last, and that moment."""
    today = now.astimezone(ZoneInfo(rhythm.zone)).date()
    for back in range(-1, 4):
        day = today - timedelta(days=back)
        moment = compose_moment(day, rhythm.compose_at, rhythm.zone)
        if moment is not None and moment <= now:
            return day, moment
    return None


def _jump_between(before: datetime, after: datetime, tz: ZoneInfo) -> datetime:
    """Return the moment, to the second, at which the offset of ``tz`` changes between two moments."""
    old = before.astimezone(tz).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if middle.astimezone(tz).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def _making(now: datetime, runs: _Runs) -> Iterable[DueStep]:
    """Return gather for the latest half hour (missed ones are skipped), then group, read and summarize, each after the one before."""
    yield from runs.open([DueStep("gather", floor(now, GATHER_EVERY))])
    for before, step in (("gather", "group"), ("group", "read"), ("read", "summarize")):
        if (made_at := runs.latest_done(before)) is not None:
            yield from runs.open([DueStep(step, made_at)])


def _composing(now: datetime, rhythm: Rhythm, facts: Facts) -> DueStep | None:
    latest = latest_compose(now, rhythm)
    if latest is None:
        return None
    day, moment = latest
    if now >= moment + rhythm.stale_after or any(i.issued_on == day for i in facts.issues):
        return None
    return DueStep("compose", moment, day)


def _of_issue(now: datetime, rhythm: Rhythm, issue: IssueFact) -> Iterable[DueStep]:
    """Return the next of check, approve and dispatch for one Issue."""
    if issue.state == "draft":
        approved_at = issue.changed_at + GRACE
        fresh = now < issue.changed_at + rhythm.stale_after
        if not issue.checked:
            yield DueStep("check", issue.changed_at, issue.issued_on)
        elif rhythm.auto_approval and not issue.blocked and fresh and approved_at <= now:
            yield DueStep("approve", approved_at, issue.issued_on)
    elif issue.state in ("approved", "dispatching"):
        # The ledger decides at the claim whether the news is too old, and then holds the Issue.
        waiting = issue.next_delivery_at
        if not issue.frozen or (waiting is not None and waiting <= now):
            yield DueStep("dispatch", floor(now, TICK), issue.issued_on)


class _Runs:
    """Answers questions about the recorded Runs."""

    def __init__(self, now: datetime, runs: Sequence[RunFact]) -> None:
        self._now = now
        self._by_moment = {(r.step, r.due_at): r for r in runs}

    def open(self, steps: Iterable[DueStep]) -> list[DueStep]:
        """Return the Steps that were never started for their moment, whose process died, or that failed :data:`RETRY_AFTER` ago."""
        return [s for s in steps if self._is_open(self._by_moment.get((s.step, s.due_at)))]

    def busy(self, steps: Sequence[str]) -> bool:
        """Return whether some process runs one of these Steps."""
        return any(r.step in steps and self._alive(r) for r in self._by_moment.values())

    def latest_done(self, step: str) -> datetime | None:
        """Return the latest moment, not after now, for which the Step was done."""
        done = [
            r.due_at
            for r in self._by_moment.values()
            if r.step == step and r.outcome in ("done", "nothing") and r.due_at <= self._now
        ]
        return max(done, default=None)

    def _is_open(self, run: RunFact | None) -> bool:
        if run is None:
            return True
        if run.outcome == "running":
            return not self._alive(run)
        # A start in the future was recorded before the clock was set back.
        since = self._now - run.started_at
        return run.outcome == "failed" and (since >= RETRY_AFTER or since < -RETRY_AFTER)

    def _alive(self, run: RunFact) -> bool:
        return run.outcome == "running" and abs(self._now - run.started_at) <= DEAD_AFTER
