"""Announces the ends of Trials, reminds people who did not confirm, and deletes records past their retention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session, selectinload

from newsletter import db
from newsletter.db.models import (
    Notice,
    PendingRequest,
    RateLimitHit,
    Read,
    Run,
    SignIn,
    Subscriber,
    Subscription,
    UsedToken,
)
from newsletter.delivery import notices
from newsletter.settings import Settings
from newsletter.subscribers import metrics, rate_limits
from newsletter.subscribers.access import COMP, pays
from newsletter.subscribers.meter import month_of

ANNOUNCED_BEFORE = timedelta(days=2)  # how long before a Trial's end
ANNOUNCED_FOR = timedelta(days=1)  # an end longer ago is not announced
REMINDED_AFTER = timedelta(hours=48)  # after a sign-up that was not confirmed, once
REMINDED_UNTIL = timedelta(hours=72)  # nobody is reminded later
UNCONFIRMED_KEPT = timedelta(days=30)
PENDING_REQUEST_KEPT = timedelta(days=2)  # age at which a request that could not be granted is deleted
SIGNIN_KEPT = timedelta(days=30)  # after it ended
# Links are valid for minutes, but one made while the clock was ahead (MAX_CLOCK_SKEW in tokens.py) is valid for a day.
USED_TOKEN_KEPT = timedelta(days=2)
IP_KEPT = timedelta(days=90)
RUNS_KEPT = timedelta(days=90)  # a busy day has about a thousand, and every tick reads the latest


@dataclass(frozen=True)
class LapseReport:
    """How many records one run deleted, and how many Notices it queued."""

    trials_ending: int = 0
    trials_ended: int = 0
    unconfirmed_deleted: int = 0
    consent_ips_cleared: int = 0
    reminded: int = 0
    reads_deleted: int = 0
    rate_limit_hits_deleted: int = 0
    pending_requests_deleted: int = 0
    signins_deleted: int = 0
    used_tokens_deleted: int = 0
    runs_deleted: int = 0
    issues_summed: int = 0


def run(sessions: db.Sessions, settings: Settings, *, now: datetime) -> LapseReport:
    """Queue the trial notices that are due by ``now`` and delete records past their retention. A second run changes nothing."""
    with sessions.begin() as session:
        trial = timedelta(days=settings.TRIAL_DAYS)
        return LapseReport(
            trials_ending=0
            if settings.is_free
            else _announce(session, now - trial, ANNOUNCED_BEFORE, "2", trial=trial, now=now),
            trials_ended=0
            if settings.is_free
            else _announce(session, now - trial - ANNOUNCED_FOR, ANNOUNCED_FOR, "0", trial=trial, now=now),
            unconfirmed_deleted=_delete_unconfirmed(session, now=now),
            consent_ips_cleared=db.changed(
                session,
                update(Subscriber)
                .where(Subscriber.consent_ip.is_not(None), Subscriber.asked_at < now - IP_KEPT)
                .values(consent_ip=None),
            ),
            reminded=_remind(session, now=now),
            # The Meter counts the current month only.
            reads_deleted=db.changed(session, delete(Read).where(Read.month < month_of(settings, now))),
            rate_limit_hits_deleted=db.changed(
                session, delete(RateLimitHit).where(RateLimitHit.at < now - rate_limits.HITS_KEPT)
            ),
            pending_requests_deleted=db.changed(
                session, delete(PendingRequest).where(PendingRequest.asked_at < now - PENDING_REQUEST_KEPT)
            ),
            signins_deleted=db.changed(
                session,
                delete(SignIn).where(
                    (SignIn.expires_at < now - SIGNIN_KEPT) | (SignIn.revoked_at < now - SIGNIN_KEPT)
                ),
            ),
            used_tokens_deleted=db.changed(
                session, delete(UsedToken).where(UsedToken.used_at < now - USED_TOKEN_KEPT)
            ),
            runs_deleted=db.changed(session, delete(Run).where(Run.due_at < now - RUNS_KEPT)),
            issues_summed=metrics.store_sums(session, now=now),
        )


def _delete_unconfirmed(session: Session, *, now: datetime) -> int:
    """Delete Subscribers who never confirmed within :data:`UNCONFIRMED_KEPT`, with their comps, unless they pay; return how many."""
    over = Subscriber.confirmed_at.is_(None) & (Subscriber.asked_at < now - UNCONFIRMED_KEPT)
    theirs = Subscription.subscriber_id.in_(select(Subscriber.id).where(over))
    session.execute(delete(Subscription).where(Subscription.processor == COMP, theirs))
    paying = exists().where(Subscription.subscriber_id == Subscriber.id)
    return db.changed(session, delete(Subscriber).where(over, ~paying))


def _remind(session: Session, *, now: datetime) -> int:
    """Queue one more confirmation mail to people who signed up two days ago, were mailed then, and did not confirm; once for each
    person, ever."""
    mailed = exists().where(
        Notice.subscriber_id == Subscriber.id, Notice.kind == "confirm", Notice.state == "accepted"
    )
    waiting = session.scalars(
        select(Subscriber)
        .where(
            Subscriber.confirmed_at.is_(None),
            Subscriber.unsubscribed_at.is_(None),
            Subscriber.asked_at > now - REMINDED_UNTIL,
            Subscriber.asked_at <= now - REMINDED_AFTER,
            mailed,
        )
        .order_by(Subscriber.id)
    )
    return sum(
        notices.queue(
            session,
            "confirm",
            # By person_hash, so that two spellings of one mailbox get one reminder.
            key=f"reminder:{reader.person_hash[:32]}",
            due_at=now,
            subscriber_id=reader.id,
            values={"again": True},
        )
        for reader in waiting
    )


def _announce(
    session: Session, after: datetime, within: timedelta, name: str, *, trial: timedelta, now: datetime
) -> int:
    """Queue one Notice of this ``name`` to each reader whose Trial began in that period, who wants mail and does not pay."""
    readers = session.scalars(
        select(Subscriber)
        .where(
            Subscriber.trial_started_at > after,
            Subscriber.trial_started_at <= after + within,
            Subscriber.confirmed_at.is_not(None),
            Subscriber.unsubscribed_at.is_(None),
        )
        .options(selectinload(Subscriber.subscriptions))
        .order_by(Subscriber.id)
    )
    return sum(
        notices.queue(
            session,
            "trial_ending",
            key=f"trial_ending:{reader.id}:{name}",
            due_at=now,
            subscriber_id=reader.id,
            values={"days_left": _days_left(reader, trial, now=now)},
        )
        for reader in readers
        if not any(pays(s, now=now) for s in reader.subscriptions)
    )


def _days_left(reader: Subscriber, trial: timedelta, *, now: datetime) -> int:
    """Return the days left of this Trial, rounded up; 0 when it is over. Fewer than two when the Trial is short, or no scheduler
    ran for a while."""
    assert reader.trial_started_at is not None
    return max(0, ceil((reader.trial_started_at + trial - now) / timedelta(days=1)))
