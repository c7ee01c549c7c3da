"""One tick of the scheduler: reads the facts from the database, asks :mod:`newsletter.jobs.due` what is due, and does it.

Ticks may come late, twice, or from several processes at once: a Step's Run is unique on its moment.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import log
from newsletter.db import reading
from newsletter.db.models import Check, Delivery, Issue, Notice, PendingRequest, Run
from newsletter.errors import NewsletterError
from newsletter.jobs import alerts, due, external_alerts, pipeline
from newsletter.jobs.dispatch_wait import DispatchWait
from newsletter.jobs.due import DueStep, Facts, IssueFact, Rhythm, RunFact
from newsletter.jobs.pipeline import AlreadyDone, Parts
from newsletter.settings import Settings

LOOK_BACK = timedelta(days=4)  # Runs and Issues older than that decide nothing
MOST_ROUNDS = 12  # a Step may make the next one due: so often one tick asks again
# A dispatch may take half an hour while people wait for the mails to confirm or sign in: after so long the other Steps run.
DISPATCH_TURN = timedelta(seconds=60)
_log = log.get("schedule")


def tick(parts: Parts, now: datetime) -> list[DueStep]:
    """Do the Steps that are due, in order, until none is. Returns the Steps that were done.

    A Step that fails is recorded and reported to operators, and the others run: :mod:`newsletter.jobs.due` returns it again later.
    """
    parts = replace(parts, turn=DISPATCH_TURN)
    done: list[DueStep] = []
    tried: Counter[DueStep] = Counter()
    rhythm = rhythm_of(parts.service.settings)
    for _ in range(MOST_ROUNDS):
        with reading(parts.service.sessions) as session:
            steps = due.due(now, rhythm, facts(session, now=now))
        fresh = [step for step in steps if not tried[step]]
        if not fresh or _stopping(parts):
            break
        for step in fresh:
            tried[step] += 1
            if not _stopping(parts) and _do(parts, step):
                done.append(step)
        now = max(now, parts.now)
    if not _stopping(parts):
        alerts.alert_about_state(parts.service, now)
    return done


def _do(parts: Parts, step: DueStep) -> bool:
    try:
        run = pipeline.run_step(parts, step.step, due_at=step.due_at, day=step.day)
    except AlreadyDone:
        return False
    except NewsletterError as error:
        _log.error("step.refused", step=step.step, reason=str(error))
        alerts.step_failed(parts.service, step, str(error))
        return False
    except Exception as error:  # noqa: BLE001 - one Step's defect must not keep the mail of another from going
        _log.error("step.failed", step=step.step, error=type(error).__name__, reason=str(error))
        alerts.step_failed(parts.service, step, f"a defect of the program ({type(error).__name__})")
        return False
    if step.step == "summarize":
        alerts.cited_articles_changed(parts.service)
    if step.step == "check" and step.day is not None:
        alerts.issue_blocked(parts.service, step.day)
    if step.step == "dispatch" and step.day is not None:
        external_alerts.report_dispatched(parts.service, step.day)
        alerts.issue_held(parts.service, step.day)
        if because := run.detail.get("paused_because"):
            until = datetime.fromisoformat(run.detail["paused_until"])
            refused_us = bool(run.detail.get("refused_us", False))
            alerts.dispatch_waits(parts.service, step.day, DispatchWait(because, until, refused_us))
    if step.step == "settle":
        alerts.webhook_silent(parts.service)
    return True


def _stopping(parts: Parts) -> bool:
    return parts.service.stop is not None and parts.service.stop.is_set()


def rhythm_of(settings: Settings) -> Rhythm:
    """Return the Settings that decide when Steps are due."""
    return Rhythm(
        zone=settings.EDITION_TZ,
        compose_at=settings.compose_time,
        auto_approval=settings.APPROVAL == "auto",
        stale_after=timedelta(hours=settings.STALE_AFTER),
    )


def facts(session: Session, *, now: datetime) -> Facts:
    """Return the facts of the last days that :mod:`newsletter.jobs.due` needs."""
    runs = session.execute(
        select(Run.step, Run.due_at, Run.started_at, Run.outcome).where(Run.due_at >= now - LOOK_BACK)
    ).all()
    issues = session.scalars(select(Issue).where(Issue.issued_on >= (now - LOOK_BACK).date()))
    return Facts(
        runs=[RunFact(*run) for run in runs],
        issues=[_issue_fact(session, issue) for issue in issues],
        next_notice_at=_first(
            session.scalar(select(func.min(Notice.due_at)).where(Notice.state == "pending")),
            session.scalar(select(func.min(PendingRequest.asked_at))),  # granting it queues a Notice
        ),
    )


def _first(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _issue_fact(session: Session, issue: Issue) -> IssueFact:
    changed_at = max([issue.composed_at, *(r.rendered_at for r in issue.renditions)])
    checks = session.execute(select(Check.level, Check.checked_at).where(Check.issue_id == issue.id)).all()
    waiting = select(func.min(Delivery.due_at)).where(
        Delivery.issue_id == issue.id, Delivery.state.in_(("pending", "submitting"))
    )
    return IssueFact(
        issued_on=issue.issued_on,
        state=issue.state,
        changed_at=changed_at,
        checked=bool(checks) and min(at for _, at in checks) >= changed_at,
        blocked=any(level == "block" for level, _ in checks),
        frozen=issue.frozen_at is not None,
        next_delivery_at=session.scalar(waiting) if issue.state in ("approved", "dispatching") else None,
    )
