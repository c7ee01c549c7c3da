"""Mails to operators about what needs their attention: one for each cause and day, and at most :data:`MOST_A_DAY` a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import db, formatting
from newsletter.billing import subscriptions
from newsletter.clock import day_in
from newsletter.db.models import AuditEntry, Check, Issue, Notice, Run
from newsletter.delivery import notices, states, webhook_health
from newsletter.issues.checks.circumstances import SILENT_SIDE_SHARE
from newsletter.issues.checks.context import answering
from newsletter.issues.service import IssueService
from newsletter.jobs import external_alerts, today
from newsletter.jobs.dispatch_wait import DispatchWait, how_to_mend
from newsletter.jobs.due import DueStep, Rhythm, latest_compose
from newsletter.subscribers import operators
from newsletter.summaries import changed_articles

LONG_PAUSE = timedelta(minutes=4)  # a pause that a provider asks for is reported from this length
STUCK_FOR = timedelta(minutes=15)  # of submissions that the provider all refused or postponed
LATE = timedelta(hours=1)  # after the moment of composing
LOOK_BACK = timedelta(days=4)  # Issues older than that are not looked at
LATELY = timedelta(days=1)
ESCALATE_AT = (60, 15, 0)  # minutes before the first reader's hour
MOST_A_DAY = 20  # to each operator, because more mail would hide what matters
_WHAT_STOPS = {
    "gather": "The feeds could not be gathered",
    "group": "The articles could not be grouped into stories",
    "read": "Articles' pages could not be read",
    "summarize": "The stories could not be told",
    "compose": "There is no issue",
    "check": "The issue could not be checked",
    "approve": "The issue was not approved",
    "dispatch": "The issue could not be dispatched",
    "settle": "Notices could not be sent",
    "lapse": "The day's housekeeping failed",
}


def step_failed(service: IssueService, step: DueStep, reason: str) -> None:
    """Report that a Step was refused or failed, and why."""
    day = step.day or day_in(service.settings.EDITION_TZ, step.due_at)
    # A refusal has days in ISO form, as commands take them; a mail has them in words.
    because = reason.replace(str(day), formatting.day(day))
    _alert(service, f"{step.step}:{day}", f"{_WHAT_STOPS[step.step]} ({formatting.day(day)}): {because}")


def issue_blocked(service: IssueService, day: date) -> None:
    """Report that a Check blocks the Issue, which waits for an operator."""
    with db.reading(service.sessions) as session:
        reasons = session.scalars(
            select(Check.reason)
            .join(Issue, Issue.id == Check.issue_id)
            .where(Issue.issued_on == day, Issue.state == "draft", Check.level == "block")
            .order_by(Check.id)
        ).all()
    if reasons:
        _alert(
            service,
            f"blocked:{day}",
            f"The issue of {formatting.day(day)} waits for you: {' '.join(reasons)}",
        )


def issue_held(service: IssueService, day: date) -> None:
    """Report that the circuit breaker, or the age of the news, stopped a dispatch: the Issue waits for an operator."""
    with db.reading(service.sessions) as session:
        reason = session.scalar(
            select(Issue.hold_reason).where(Issue.issued_on == day, Issue.state == "held")
        )
    if reason:
        about = f"held:{day}:{sha256(reason.encode()).hexdigest()[:8]}"  # a second hold with another reason is reported too
        _alert(service, about, f"The issue of {formatting.day(day)} was stopped on its way: {reason}")


def dispatch_waits(service: IssueService, day: date, wait: DispatchWait) -> None:
    """Report that the provider takes nothing: at once when it refuses us or asks for a long pause, otherwise when that lasts."""
    now = service.clock()
    if not wait.refused_us and wait.until - now < LONG_PAUSE and not _waits_for_long(service, now):
        return
    about = f"waits:{day}:{sha256(wait.because.encode()).hexdigest()[:8]}"
    what = f"The issue of {formatting.day(day)} does not go out: {wait.because}. {wait.in_words}"
    _alert(service, about, f"{what} {how_to_mend(service.settings)}" if wait.refused_us else what)


def _waits_for_long(service: IssueService, now: datetime) -> bool:
    with db.reading(service.sessions) as session:
        runs = session.execute(
            select(Run.due_at, Run.detail)
            .where(Run.step == "dispatch", Run.due_at > now - STUCK_FOR, Run.outcome == "done")
            .order_by(Run.due_at)
        ).all()
    # Where workers submit, the scheduler's own Runs only say that it deferred parts to them.
    tried = [(at, detail.get("paused_because")) for at, detail in runs if "deferred" not in detail]
    return all(why for _, why in tried) and len(tried) > 1 and tried[-1][0] - tried[0][0] >= STUCK_FOR / 2


def webhook_silent(service: IssueService) -> None:
    """Report that the provider's events do not reach us."""
    now = service.clock()
    with db.reading(service.sessions) as session:
        reason = webhook_health.silent_because(session, service.settings, now=now)
    if reason:
        _alert(service, "webhook", reason)


def cited_articles_changed(service: IssueService) -> None:
    """Report Articles that changed after an approved Issue cited them, because it may need a Correction."""
    with db.reading(service.sessions) as session:
        found = changed_articles.changed(session, now=service.clock())
    for c in found:
        _alert(
            service,
            f"changed:{c.issued_on}:{c.story_id}:{c.changed_at:%d%H%M%S}",
            f"{c.outlet} changed an article that “{c.headline}” in the issue of {formatting.day(c.issued_on)} cites. "
            "See on the desk whether the story needs a correction.",
        )


def alert_about_state(service: IssueService, now: datetime) -> None:
    """Alert operators about what no Step notices: a missing or held Issue, failing feeds, uncertain Deliveries, wrong charges."""
    with db.reading(service.sessions) as session:
        found = list(_noticed(session, service, now))
    for about, what in found:
        _alert(service, about, what)


def _noticed(session: Session, service: IssueService, now: datetime) -> Iterator[tuple[str, str]]:
    settings = service.settings
    rhythm = Rhythm(
        settings.EDITION_TZ,
        settings.compose_time,
        settings.APPROVAL == "auto",
        timedelta(hours=settings.STALE_AFTER),
    )
    composed = latest_compose(now, rhythm)
    if composed and LATE <= now - composed[1] < rhythm.stale_after:
        day = composed[0]
        if session.scalar(select(Issue.id).where(Issue.issued_on == day)) is None:
            minutes = int(LATE.total_seconds()) // 60
            yield (
                f"missing:{day}",
                f"There is no issue of {formatting.day(day)}, {minutes} minutes after it should have been composed.",
            )
    yield from _unapproved(session, service, now)
    for found in today.troubles(session, settings, now=now):
        if (
            found.about != "webhook"
        ):  # reported after each settle Step, and not while an operator has switched reports off
            yield found.about, found.words
    yield from _charged_wrongly(session, now)
    if trouble := _feeds_in_trouble(session, now):
        yield "feeds", trouble
    lately = session.scalars(select(Issue).where(Issue.composed_at > now - LOOK_BACK)).all()
    for issue in lately:
        if issue.state == "held" and issue.hold_reason and not _held_by_somebody(session, issue):
            about = f"held:{issue.issued_on}:{sha256(issue.hold_reason.encode()).hexdigest()[:8]}"
            yield (
                about,
                f"The issue of {formatting.day(issue.issued_on)} was stopped on its way: {issue.hold_reason}",
            )


def _unapproved(session: Session, service: IssueService, now: datetime) -> Iterator[tuple[str, str]]:
    """Report a draft that only an operator can approve: when it is ready, and again shortly before the first reader's hour."""
    settings = service.settings
    drafts = session.scalars(select(Issue).where(Issue.state == "draft", Issue.composed_at > now - LATELY))
    for issue in drafts.all():
        levels = session.scalars(select(Check.level).where(Check.issue_id == issue.id)).all()
        if not levels or (settings.APPROVAL == "auto" and "block" not in levels):
            continue
        day, place = formatting.day(issue.issued_on), service.links.desk(f"issues/{issue.issued_on}")
        first = today.first_hour(session, settings, issue)
        left = today.minutes_left(first, now)
        if "block" not in levels:
            hurry = f" ({left})" if left else ""
            what = f"The draft of {day} is ready{hurry}. Look it over and approve it: {place}"
            yield f"ready:{issue.issued_on}", what
        if first is None:
            continue
        due = [minutes for minutes in ESCALATE_AT if now >= first - timedelta(minutes=minutes)]
        if due:
            what = f"Nobody has approved the issue of {day}, and {left}. Approve or withdraw it: {place}"
            yield f"unapproved:{issue.issued_on}:{min(due)}", what


def _charged_wrongly(session: Session, now: datetime) -> Iterator[tuple[str, str]]:
    """Report money that comes in and should not, because only a person can stop it."""
    found = session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.at > now - LATELY,
            AuditEntry.act.in_((subscriptions.CHARGED_TWICE, subscriptions.READER_ERASED)),
        )
        .order_by(AuditEntry.id)
    )
    for one in found:
        name = one.about.partition(":")[2]
        if one.act == subscriptions.CHARGED_TWICE:
            said = f"Reader {name} is charged by {one.by} for two agreements at once: end one, and give its money back."
        else:
            said = (
                f"The agreement {name} with {one.by} charges a reader who is no longer kept here: erased since, or unknown to"
                " a restored backup. Look it up there, and end it or give the money back."
            )
        yield f"{one.act}:{one.about}", said


def _feeds_in_trouble(session: Session, now: datetime) -> str:
    """Return for which Sides too many Feeds do not answer, as a sentence; empty when there are none, or nothing was gathered lately."""
    gathered = select(Run.id).where(
        Run.step == "gather", Run.outcome == "done", Run.started_at > now - LATELY
    )
    if session.scalar(gathered.limit(1)) is None:
        return ""
    said = []
    for a in answering(session, now=now):
        if a.outlets and len(a.silent) > SILENT_SIDE_SHARE * a.outlets:
            said.append(f"{len(a.silent)} of {a.outlets} outlets of the {a.side.value}")
    return f"Feeds fail: {', '.join(said)} did not answer within a day." if said else ""


def _held_by_somebody(session: Session, issue: Issue) -> bool:
    """Return whether an operator held the Issue, who then needs no alert."""
    acts = session.scalars(
        select(AuditEntry).where(
            AuditEntry.about == f"issue:{issue.issued_on}", AuditEntry.act == "issue.held"
        )
    )
    return any(act.detail.get("reason") == issue.hold_reason for act in acts)


def _alert(service: IssueService, about: str, what: str) -> None:
    external_alerts.send_alert(service, about, what)
    now = service.clock()
    today = day_in(service.settings.EDITION_TZ, now)
    with service.sessions.begin() as session:
        for operator in operators.on_duty(session, service.settings, now=now):
            begins = f"alert:{operator.id}:{today}:"
            # All states and the last days, so that the index on (state, due_at) is used: these are few of all Notices.
            lately = Notice.state.in_(states.STATES) & (Notice.due_at > now - 2 * LATELY)
            told = session.scalar(
                select(func.count()).where(lately, Notice.key.startswith(begins, autoescape=True))
            )
            if (told or 0) < MOST_A_DAY:
                notices.queue(
                    session,
                    "alert",
                    key=begins + about,
                    due_at=now,
                    operator_id=operator.id,
                    values={"what": what},
                )
