"""Answers whether today's Issue reaches readers, and if not, what an operator must do. Read-only.

The desk, the command ``status``, ``/healthz`` and the alerts all use this answer.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import formatting
from newsletter.billing import subscriptions
from newsletter.db.models import AuditEntry, Check, Delivery, Issue, Notice, PendingRequest, Run, Subscriber
from newsletter.delivery import ledger, webhook_health
from newsletter.delivery.states import FAILED, PENDING, SUBMITTING, UNCERTAIN
from newsletter.jobs.dispatch_wait import dispatch_wait, how_to_mend
from newsletter.jobs.due import GRACE, TICK, Rhythm, latest_compose
from newsletter.settings import Settings
from newsletter.subscribers.preferences import due_at, zone_or

LOOK_BACK: Final = timedelta(days=4)  # Issues older than that are not looked at
COMPOSE_TIME: Final = timedelta(minutes=20)  # an Issue not composed by then is missing
BEHIND: Final = timedelta(minutes=15)  # when copies or Notices are due for so long, nothing is submitted
QUIET: Final = timedelta(
    minutes=45
)  # without any Run for so long the scheduler does not run: feeds are gathered every half hour
CLOCK_DOUBT: Final = timedelta(
    minutes=10
)  # a Run that began so far in the future was recorded by a clock that was wrong, or is wrong now
STUCK: Final = timedelta(minutes=15)  # so long after its lease ended a copy should be uncertain
WAITS_FOR: Final = timedelta(hours=1)  # age at which an uncertain copy needs an operator
REFUSED_SHARE: Final = 0.05  # share of today's copies
REFUSED_FROM: Final = 20  # refused copies, at least
UNREAD_FROM: Final = 10  # unread bounce mails in a day, at least
SHORT: Final = 500_000_000  # bytes free on the disk


@dataclass(frozen=True)
class Trouble:
    """A problem for an operator. ``about`` names the cause; ``words`` is a sentence that says what is wrong and what to do."""

    about: str
    words: str


@dataclass(frozen=True)
class Answer:
    """``tone`` is "calm" (it reaches readers, or will by itself), "look" (somebody should decide) or "stop" (somebody must)."""

    tone: str
    sentence: str
    troubles: tuple[Trouble, ...] = ()

    @property
    def is_well(self) -> bool:
        return self.tone == "calm" and not self.troubles

    @property
    def in_one_sentence(self) -> str:
        """The answer, and the most serious other problem."""
        more = f" (And {len(self.troubles) - 1} more.)" if len(self.troubles) > 1 else ""
        return f"{self.sentence} But: {self.troubles[0].words}{more}" if self.troubles else self.sentence


def answer(session: Session, settings: Settings, *, now: datetime) -> Answer:
    """Return the answer for the Issue whose compose moment came last."""
    rhythm = _rhythm(settings)
    latest = latest_compose(now, rhythm)
    beside = tuple(troubles(session, settings, now=now))
    if latest is None:
        return Answer("calm", "No issue was due yet.", beside)
    day, moment = latest
    issue = session.scalars(select(Issue).where(Issue.issued_on == day)).one_or_none()
    if issue is None:
        tone, sentence = _of_none(day, moment, now)
    else:
        tone, sentence = _of_issue(session, settings, issue, now)
    return Answer(tone, sentence, beside)


def first_hour(session: Session, settings: Settings, issue: Issue) -> datetime | None:
    """Return when the first reader expects the Issue (UTC); None without readers."""
    chosen = select(Subscriber.hour, Subscriber.zone).where(
        Subscriber.confirmed_at.is_not(None), Subscriber.unsubscribed_at.is_(None)
    )
    stale_at = issue.composed_at + timedelta(hours=settings.STALE_AFTER)
    hours = (
        due_at(
            issue.issued_on,
            hour,
            zone_or(zone, settings.EDITION_TZ),
            ready_at=issue.composed_at,
            stale_at=stale_at,
        )
        for hour, zone in session.execute(chosen.distinct())
    )
    return min(hours, default=None)


def minutes_left(first: datetime | None, now: datetime) -> str:
    """Return how long it is until the first reader's hour, or since that hour, as a clause; empty without readers."""
    if first is None:
        return ""
    minutes = int((first - now) / timedelta(minutes=1))
    if minutes > 0:
        return f"{formatting.counted(minutes, 'minute')} left until the first reader's hour"
    since = formatting.counted(-minutes, "minute") if minutes > -120 else f"{-minutes // 60} hours"
    return f"the first reader's hour passed {since} ago"


def _rhythm(settings: Settings) -> Rhythm:
    stale_after = timedelta(hours=settings.STALE_AFTER)
    return Rhythm(settings.EDITION_TZ, settings.compose_time, settings.APPROVAL == "auto", stale_after)


def _of_none(day: date, moment: datetime, now: datetime) -> tuple[str, str]:
    named = f"the issue of {formatting.day(day)}"
    if now < moment + COMPOSE_TIME:
        return "calm", f"{named[0].upper()}{named[1:]} is being composed."
    due = formatting.utc_minute(moment)
    return (
        "stop",
        f"There is no issue of {formatting.day(day)}: it was to be composed at {due}. See the runs for why.",
    )


def _of_issue(session: Session, settings: Settings, issue: Issue, now: datetime) -> tuple[str, str]:
    named = f"The issue of {formatting.day(issue.issued_on)}"
    reason = _ended(issue.hold_reason or "an operator stopped it")
    match issue.state:
        case "draft":
            return _of_draft(session, settings, issue, named, now)
        case "approved":
            return "calm", f"{named} is approved and goes out at its readers' hours."
        case "held":
            return "stop", f"{named} is held: {reason} Nothing goes out until you resume or withdraw it."
        case "withdrawn":
            return "calm", f"{named} is withdrawn: {reason}"
    sums = ledger.sum_up(session, issue.id)
    copies = f"{sums.accepted:,} of {sums.audience:,} copies were accepted"
    if issue.state == "dispatched":
        return "calm", f"{named} went out: {copies}."
    if wait := dispatch_wait(session, now=now):
        said = f"{named} does not go out ({copies}): {_ended(wait.because)} {wait.in_words}"
        return ("stop", f"{said} {how_to_mend(settings)}") if wait.refused_us else ("look", said)
    if behind := _behind(session, issue, now):
        said = f"{named} does not go out: {formatting.counted(behind, 'copy is', 'copies are')} overdue ({copies})."
        return "stop", f"{said} See that a scheduler runs: python -m newsletter schedule."
    return "calm", f"{named} is on its way: {copies}."


def _of_draft(
    session: Session, settings: Settings, issue: Issue, named: str, now: datetime
) -> tuple[str, str]:
    blocks = session.scalars(
        select(Check.reason).where(Check.issue_id == issue.id, Check.level == "block").order_by(Check.id)
    ).all()
    left = minutes_left(first_hour(session, settings, issue), now)
    hurry = f" ({left})" if left else ""
    if blocks:
        return "stop", f"{named} waits for you{hurry}: {_ended(blocks[0])}"
    if settings.APPROVAL != "auto":
        return "stop", f"{named} waits for an operator to approve it{hurry}."
    if now < issue.composed_at + GRACE + COMPOSE_TIME:
        return "calm", f"{named} is composed and approves itself soon."
    return "stop", f"{named} has not been approved{hurry}: look it over and approve it."


def _behind(session: Session, issue: Issue, now: datetime) -> int:
    overdue = select(func.count()).where(
        Delivery.issue_id == issue.id, Delivery.state == PENDING, Delivery.due_at < now - BEHIND
    )
    begun = issue.released_at or issue.frozen_at
    return (session.scalar(overdue) or 0) if begun is None or begun < now - BEHIND else 0


def troubles(session: Session, settings: Settings, *, now: datetime) -> Iterator[Trouble]:
    """Return what needs an operator besides the state of the Issue, most serious first."""
    yield from _of_machine(session, settings, now)
    for issue in session.scalars(select(Issue).where(Issue.composed_at > now - LOOK_BACK)):
        yield from _of_copies(session, issue, now)
    waiting = session.scalar(
        select(func.count()).where(
            Notice.state == PENDING, Notice.due_at < now - BEHIND, Notice.kind != "alert"
        )
    )
    asked = session.scalar(select(func.count()).where(PendingRequest.asked_at < now - BEHIND))
    if late := (waiting or 0) + (asked or 0):
        said = formatting.counted(late, "mail to one person waits", "mails to single persons wait")
        yield Trouble("queue", f"{said} for more than a quarter of an hour: see the runs of the settle step.")
    heard = webhook_health.unheard_because(settings) or webhook_health.silent_because(
        session, settings, now=now
    )
    if heard:
        yield Trouble("webhook", heard)
    lapsed = (
        select(Run).where(Run.step == "lapse", Run.outcome == "done").order_by(Run.due_at.desc()).limit(1)
    )
    last = session.scalars(lapsed).first()
    if last is not None and last.detail.get("payments_read_again"):
        yield Trouble(
            "payments",
            "Payments were learned of by asking, not from the webhook: check that it reaches /webhooks/stripe.",
        )
    booked, lost = bounce_mails(session, now=now)
    if lost >= UNREAD_FROM and lost > booked:
        yield Trouble(
            "bounces",
            f"Of {booked + lost} bounce mails since yesterday {lost} could not be booked: see why on the desk (Bounces).",
        )
    unread = session.scalar(
        select(func.count()).where(
            AuditEntry.at > now - timedelta(days=1), AuditEntry.act == subscriptions.NOT_UNDERSTOOD
        )
    )
    if unread:
        said = formatting.counted(unread, "genuine payment event was", "genuine payment events were")
        yield Trouble(
            "payment_events",
            f"{said} not understood since yesterday: look it up at the payment processor by its id (desk, audit trail).",
        )


def bounce_mails(session: Session, *, now: datetime) -> tuple[int, int]:
    """Return how many bounce mails of the last day were booked, and how many could not be."""
    counted = (func.sum(Run.detail[name].as_integer()) for name in ("reports_by_mail", "reports_unread"))
    lately = (Run.step == "settle", Run.started_at > now - timedelta(days=1))
    booked, unread = session.execute(select(*counted).where(*lately)).one()
    return booked or 0, unread or 0


def _of_machine(session: Session, settings: Settings, now: datetime) -> Iterator[Trouble]:
    """Return the problems of the scheduler, the clock and the disk."""
    last = session.scalar(select(func.max(Run.started_at)))
    if last is not None and last > now + CLOCK_DOUBT:
        yield Trouble(
            "clock",
            f"The clock jumped: a step began at {formatting.utc_minute(last)}. Set the clock of each machine right.",
        )
    elif last is not None and last < now - QUIET - TICK:
        at = formatting.utc_minute(last)
        yield Trouble(
            "scheduler", f"No step has run since {at}: start a scheduler (python -m newsletter schedule)."
        )
    folder = next(p for p in (settings.LEAVING_DIR, *settings.LEAVING_DIR.absolute().parents) if p.exists())
    free = shutil.disk_usage(folder).free
    if free < SHORT:
        yield Trouble("disk", f"The disk is nearly full: {free // 1_000_000} MB are free. Make room.")


def _of_copies(session: Session, issue: Issue, now: datetime) -> Iterator[Trouble]:
    on = formatting.day(issue.issued_on)

    def count(*which: object) -> int:
        return session.scalar(select(func.count()).where(Delivery.issue_id == issue.id, *which)) or 0  # type: ignore[arg-type]

    if stuck := count(Delivery.state == SUBMITTING, Delivery.lease_until < now - STUCK):
        said = formatting.counted(stuck, "copy is", "copies are")
        yield Trouble(
            f"stuck:{issue.issued_on}",
            f"{said} stuck in the hands of a dead worker ({on}): see that a scheduler runs.",
        )
    refused = count(Delivery.state == FAILED)
    if refused >= REFUSED_FROM and refused > REFUSED_SHARE * (issue.audience_size or 0):
        share = formatting.share(refused, issue.audience_size or refused)
        yield Trouble(
            f"refused:{issue.issued_on}",
            f"{refused:,} copies of {on} ({share}) were refused: see the reasons on the desk.",
        )
    if doubt := count(Delivery.state == UNCERTAIN, Delivery.submitted_at < now - WAITS_FOR):
        said = formatting.counted(doubt, "copy is", "copies are")
        yield Trouble(f"uncertain:{issue.issued_on}", f"{said} of unknown fate in the issue of {on}: decide.")


def _ended(reason: str) -> str:
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."
