"""One reader's page: their consent, what they got and why, and suppressing their address.

The search form is posted, so that no address gets into a log or a browser's history.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Response, make_response, render_template, request
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.billing import comps
from newsletter.clock import day_in
from newsletter.db.models import Notice, Subscriber, Suppression
from newsletter.delivery.ledger_queries import DeliveryHistory, history_of
from newsletter.desk.background_counts import Counted, count_in_background
from newsletter.desk.guard import actor, bp, full_duty_required, redirect_to
from newsletter.desk.issue.decisions import reason
from newsletter.errors import NotFound, Refused
from newsletter.subscribers.access import Access, Facts, access
from newsletter.subscribers.preferences import zone_or
from newsletter.subscribers.unsubscribing import operator_suppressions
from newsletter.subscribers.why import Answer, why_by_hash
from newsletter.web.services import services

FOUND = 20  # readers
SHORTEST = 3  # letters searched for
REUSE_FACTOR = 60.0  # seconds of reuse for each second that the count took


@dataclass(frozen=True)
class Reader:
    """Everything the page of one reader shows."""

    row: Subscriber
    access: Access
    why: Answer
    suppression: Suppression | None
    issues: tuple[DeliveryHistory, ...]
    notices: tuple[Notice, ...]


@bp.get("/readers")
def readers() -> Response:
    return make_response(render_template("desk/readers.html", counts=_reader_counts(), found=None, wanted=""))


@bp.post("/readers")
@full_duty_required
def find_reader() -> Response:
    wanted = request.form.get("address", "").strip()[:254]
    with db.reading(services().sessions) as session:
        found = _search(session, wanted) if len(wanted) >= SHORTEST else []
    if len(found) == 1:
        return redirect_to(f"readers/{found[0].id}")
    html = render_template(
        "desk/readers.html", counts=_reader_counts(), found=found, wanted=wanted, most=FOUND
    )
    return make_response(html)


@bp.get("/readers/<int:number>")
@full_duty_required
def reader(number: int) -> Response:
    site = services()
    with db.reading(site.sessions) as session:
        row = session.get(Subscriber, number)
        if row is None:
            raise NotFound("There is no such reader.")
        shown = Reader(
            row=row,
            access=access(
                Facts(
                    row.trial_started_at,
                    tuple(row.subscriptions),
                    timedelta(days=site.settings.trial_days),
                    site.settings.is_free,
                ),
                now=site.now(),
            ),
            why=why_by_hash(session, row.address_hash, now=site.now()),
            suppression=operator_suppressions.suppression_of(session, row),
            issues=tuple(history_of(session, row.id)),
            notices=tuple(
                session.scalars(
                    select(Notice)
                    .where(Notice.subscriber_id == row.id)
                    .order_by(Notice.due_at.desc())
                    .limit(30)
                )
            ),
        )
    today = day_in(zone_or(row.zone, site.settings.EDITION_TZ), site.now())
    paused = row.paused_until if row.paused_until and row.paused_until > today else None
    return make_response(render_template("desk/reader.html", reader=shown, row=shown.row, paused=paused))


@bp.post("/readers/<int:number>/suppress")
@full_duty_required
def suppress_reader(number: int) -> Response:
    site = services()
    with site.sessions.begin() as session:
        operator_suppressions.suppress(session, number, reason=reason(), now=site.now(), by=actor())
    return redirect_to(f"readers/{number}")


@bp.post("/readers/<int:number>/release")
@full_duty_required
def release_reader(number: int) -> Response:
    site = services()
    with site.sessions.begin() as session:
        operator_suppressions.release(session, number, reason=reason(), now=site.now(), by=actor())
    return redirect_to(f"readers/{number}")


@bp.post("/readers/<int:number>/give")
@full_duty_required
def give_comp(number: int) -> Response:
    """Give the full edition free of charge, for a number of days or without end."""
    site, days = services(), request.form.get("days", "").strip()
    if days and not re.fullmatch(r"[1-9][0-9]{0,3}", days, re.ASCII):
        raise Refused("Nothing was done: give a number of days from 1 to 9999, or none for ever.")
    until = site.now() + timedelta(days=int(days)) if days else None
    with site.sessions.begin() as session:
        comps.give(session, number, until=until, reason=reason(), by=actor(), now=site.now())
    return redirect_to(f"readers/{number}")


@bp.post("/readers/<int:number>/end-comp")
@full_duty_required
def end_comp(number: int) -> Response:
    site = services()
    with site.sessions.begin() as session:
        if not comps.end(session, number, reason=reason(), by=actor(), now=site.now()):
            raise Refused("Nothing was done: there is no present to take back.")
    return redirect_to(f"readers/{number}")


def _search(session: Session, wanted: str) -> list[Subscriber]:
    like = func.lower(Subscriber.address).contains(wanted.lower(), autoescape=True)
    # An exact match comes first: more than FOUND addresses may contain a short one.
    itself = func.lower(Subscriber.address) == wanted.lower()
    statement = select(Subscriber).where(like).order_by(itself.desc(), Subscriber.address).limit(FOUND)
    found = list(session.scalars(statement))
    return [r for r in found if r.address.lower() == wanted.lower()] or found


def _reader_counts() -> Counted[list[tuple[str, int]]] | None:
    now = services().now()
    with db.reading(services().sessions) as session:
        size = readers_known(session)
    return count_in_background("readers", lambda own: _counts(own, now), size, reuse_factor=REUSE_FACTOR)


def _counts(session: Session, now: datetime) -> list[tuple[str, int]]:
    """Return the number of readers of each kind."""
    trial = timedelta(days=services().settings.trial_days)
    confirmed, left = Subscriber.confirmed_at.is_not(None), Subscriber.unsubscribed_at.is_not(None)
    kinds = {
        "Confirmed and reading": confirmed & ~left,
        "In their trial": confirmed & ~left & (Subscriber.trial_started_at > now - trial),
        "Asked, not confirmed": ~confirmed & ~left,
        "Unsubscribed": left,
    }
    if services().settings.is_free:
        del kinds["In their trial"]
    row = session.execute(select(*(func.sum(case((kind, 1), else_=0)) for kind in kinds.values()))).one()
    suppressed = session.scalar(select(func.count()).select_from(Suppression)) or 0
    return [
        *((words, int(n or 0)) for words, n in zip(kinds, row, strict=True)),
        ("Suppressed addresses", suppressed),
    ]


def readers_known(session: Session) -> int:
    """Return the approximate number of readers: the highest id."""
    return session.scalar(select(func.max(Subscriber.id))) or 0
