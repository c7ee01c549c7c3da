"""The status line: problems beside today's Issue, each with a link to its page. Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from newsletter.db.models import Delivery, Feed, Issue, Outlet, Report, Run
from newsletter.delivery import webhook_health
from newsletter.delivery.states import UNCERTAIN
from newsletter.desk.outlets import state_of
from newsletter.desk.times import clock_time
from newsletter.formatting import counted, short_day
from newsletter.jobs import today
from newsletter.jobs.alerts import LOOK_BACK
from newsletter.jobs.pipeline import STEPS
from newsletter.settings import Settings
from newsletter.summaries import changed_articles


@dataclass(frozen=True)
class Problem:
    """One thing that needs attention: a clause, and the desk's page about it."""

    words: str
    place: str


# Where an operator sees more of a trouble that is named by no other line here.
_PLACES = {
    "clock": "runs",
    "scheduler": "runs",
    "disk": "runs",
    "queue": "runs",
    "payments": "readers",
    "payment_events": "audit",
    "stuck": "issues",
    "refused": "issues",
}


def problems(
    session: Session, settings: Settings, shown: Issue | None, *, now: datetime
) -> tuple[Problem, ...]:
    """Return the problems, the most serious first. ``shown`` is an Issue to leave out, because its own page shows its state."""
    return tuple(_find_problems(session, settings, shown.id if shown else 0, now))


def _find_problems(session: Session, settings: Settings, shown: int, now: datetime) -> Iterator[Problem]:
    recent_issues = session.scalars(
        select(Issue)
        .where(Issue.composed_at > now - LOOK_BACK, Issue.id != shown)
        .order_by(Issue.issued_on.desc())
    ).all()
    for issue in recent_issues:
        if issue.state == "held":
            yield Problem(f"the issue of {short_day(issue.issued_on)} is held", f"issues/{issue.issued_on}")
        if copies := _uncertain(session, issue):
            words = f"{counted(copies, 'copy', 'copies')} of {short_day(issue.issued_on)} uncertain"
            yield Problem(words, f"issues/{issue.issued_on}/dispatch#uncertain")
    if webhook_health.unheard_because(settings) or webhook_health.silent_because(session, settings, now=now):
        last = session.scalar(select(func.max(Issue.issued_on)).where(Issue.frozen_at.is_not(None)))
        yield Problem(
            "the email provider reports nothing", f"issues/{last}/dispatch" if last else "help#alerts"
        )
    for step, at in _failing(session):
        yield Problem(f"{step} fails since {at}", "runs?only=failed")
    for found in changed_articles.changed(session, now=now):
        words = f"an article cited on {short_day(found.issued_on)} was changed"
        yield Problem(words, f"issues/{found.issued_on}#story-{found.story_id}")
    if feeds := _feeds_in_trouble(session, now):
        yield Problem(f"{counted(feeds, 'feed')} in trouble", "outlets?only=trouble")
    for trouble in today.troubles(session, settings, now=now):
        if (kind := trouble.about.partition(":")[0]) in _PLACES:
            yield Problem(f"{trouble.words[0].lower()}{trouble.words[1:]}".rstrip("."), _PLACES[kind])
    if settings.BOUNCE_MAILDIR and (unread := today.bounce_mails(session, now=now)[1]):
        yield Problem(f"{counted(unread, 'bounce mail')} not booked since yesterday", "bounces")
    if reports := session.scalar(select(func.count()).where(Report.resolved_at.is_(None))):
        yield Problem(f"{counted(reports, 'report')} by readers open", "reports")


def _uncertain(session: Session, issue: Issue) -> int:
    return (
        session.scalar(select(func.count()).where(Delivery.issue_id == issue.id, Delivery.state == UNCERTAIN))
        or 0
    )


def _failing(session: Session) -> Iterator[tuple[str, str]]:
    """Yield the Steps whose latest Run failed, and since when they fail."""
    for step in STEPS:
        ended = select(Run).where(Run.step == step, Run.outcome != "running").order_by(Run.due_at.desc())
        last = session.scalars(ended.limit(1)).first()
        if last is None or last.outcome != "failed":
            continue
        last_success = session.scalars(ended.where(Run.outcome != "failed").limit(1)).first()
        since = select(func.min(Run.due_at)).where(Run.step == step, Run.outcome == "failed")
        if last_success is not None:
            since = since.where(Run.due_at > last_success.due_at)
        yield step, clock_time(session.scalar(since) or last.due_at)


def _feeds_in_trouble(session: Session, now: datetime) -> int:
    feeds = session.scalars(
        select(Feed)
        .join(Outlet, Outlet.id == Feed.outlet_id)
        .where(Outlet.listed.is_(True))
        .options(joinedload(Feed.outlet))
    )
    return sum(state_of(feed, now) in ("failing", "silent") for feed in feeds)
