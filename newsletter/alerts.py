"""Telling the operators by mail what they must know: in their words, once for each cause and day, never in a flood."""

from __future__ import annotations

from datetime import date
from hashlib import sha256

from sqlalchemy import func, select

from newsletter import db
from newsletter.circulation import operators
from newsletter.clock import day_in
from newsletter.due import DueStep
from newsletter.mailroom import notify
from newsletter.models import Check, Issue, Notice
from newsletter.pressroom import Pressroom

MOST_A_DAY = 20  # to each operator: past that, more mail hides what matters
_WHAT_STOPS = {
    "gather": "The feeds could not be gathered",
    "group": "The articles could not be grouped into stories",
    "summarize": "The stories could not be told",
    "compose": "There is no issue",
    "check": "The issue could not be checked",
    "approve": "The issue was not approved",
    "dispatch": "The issue could not be dispatched",
    "settle": "Notices could not be sent",
    "lapse": "The day's housekeeping failed",
}


def step_failed(press: Pressroom, step: DueStep, reason: str) -> None:
    """A Step was refused or failed: say which, and why."""
    day = step.day or day_in(press.settings.EDITION_TZ, step.due_at)
    _tell(press, f"{step.step}:{day}", f"{_WHAT_STOPS[step.step]} ({day}): {reason}")


def issue_blocked(press: Pressroom, day: date) -> None:
    """A Check blocks the Issue: it waits for an operator."""
    with db.reading(press.sessions) as session:
        reasons = session.scalars(
            select(Check.reason)
            .join(Issue, Issue.id == Check.issue_id)
            .where(Issue.issued_on == day, Issue.state == "draft", Check.level == "block")
            .order_by(Check.id)
        ).all()
    if reasons:
        _tell(press, f"blocked:{day}", f"The issue of {day} waits for you: {' '.join(reasons)}")


def issue_held(press: Pressroom, day: date) -> None:
    """The ledger's brakes, or the age of its news, stopped an Issue on its way: it waits for an operator."""
    with db.reading(press.sessions) as session:
        reason = session.scalar(
            select(Issue.hold_reason).where(Issue.issued_on == day, Issue.state == "held")
        )
    if reason:
        about = (
            f"held:{day}:{sha256(reason.encode()).hexdigest()[:8]}"  # held again for another reason is news
        )
        _tell(press, about, f"The issue of {day} was stopped on its way: {reason}")


def _tell(press: Pressroom, about: str, what: str) -> None:
    now = press.clock()
    today = day_in(press.settings.EDITION_TZ, now)
    with press.sessions.begin() as session:
        for operator in operators.on_duty(session, press.settings, now=now):
            begins = f"alert:{operator.id}:{today}:"
            told = session.scalar(select(func.count()).where(Notice.key.startswith(begins, autoescape=True)))
            if (told or 0) < MOST_A_DAY:
                notify.queue(
                    session,
                    "alert",
                    key=begins + about,
                    due_at=now,
                    operator_id=operator.id,
                    values={"what": what},
                )
