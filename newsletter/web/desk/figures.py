"""Growth and deliverability in figures. Sums only: nobody's reading is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Response, make_response, render_template
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.clock import day_in
from newsletter.models import Delivery, DeliveryEvent, Issue, Subscriber
from newsletter.web.desk.days import today
from newsletter.web.desk.guard import bp
from newsletter.web.desk.plots import Plot, Series, plot
from newsletter.web.services import services

DAYS = 30
ISSUES = 30


@bp.get("/figures")
def figures() -> Response:
    with db.reading(services().sessions) as session:
        plots = [growth(session), deliverability(session)]
    return make_response(render_template("desk/figures.html", plots=plots))


def growth(session: Session) -> Plot:
    """Asked, confirmed and unsubscribed on each of the last days, in the newsletter's zone."""
    zone = services().settings.EDITION_TZ
    days = [today() - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    since = datetime.combine(days[0], time(), tzinfo=ZoneInfo(zone))

    def counted(column: object) -> list[int]:
        moments: Iterable[datetime] = session.scalars(select(column).where(column >= since))  # type: ignore[operator, call-overload]
        found = Counter(day_in(zone, at) for at in moments)
        return [found[day] for day in days]

    return plot(
        "growth",
        "Sign-ups and leavings",
        "Readers on each of the last 30 days.",
        "Day",
        [_label(d) for d in days],
        [
            Series("Asked", "a", counted(Subscriber.asked_at)),
            Series("Confirmed", "b", counted(Subscriber.confirmed_at)),
            Series("Unsubscribed", "c", counted(Subscriber.unsubscribed_at)),
        ],
    )


def deliverability(session: Session) -> Plot:
    """What became of each of the last Issues' copies, in copies."""
    issues = session.scalars(
        select(Issue).where(Issue.frozen_at.is_not(None)).order_by(Issue.issued_on.desc()).limit(ISSUES)
    ).all()[::-1]
    numbers = [i.id for i in issues]
    states = {
        (issue_id, state): count
        for issue_id, state, count in session.execute(
            select(Delivery.issue_id, Delivery.state, func.count())
            .where(Delivery.issue_id.in_(numbers))
            .group_by(Delivery.issue_id, Delivery.state)
        )
    }
    heard = {
        (issue_id, kind): count
        for issue_id, kind, count in session.execute(
            select(
                Delivery.issue_id,
                DeliveryEvent.kind,
                func.count(func.distinct(DeliveryEvent.delivery_id)),
            )
            .join(Delivery, Delivery.id == DeliveryEvent.delivery_id)
            .where(Delivery.issue_id.in_(numbers))
            .group_by(Delivery.issue_id, DeliveryEvent.kind)
        )
    }
    return plot(
        "deliverability",
        "What became of the copies",
        "The last 30 issues. We submit, the provider accepts, the mailbox delivers.",
        "Issue",
        [_label(i.issued_on) for i in issues],
        [
            Series("Accepted", "b", [states.get((n, "accepted"), 0) for n in numbers]),
            Series("Delivered", "a", [heard.get((n, "delivered"), 0) for n in numbers]),
            Series("Bounced", "c", [heard.get((n, "bounced"), 0) for n in numbers]),
            Series("Complained", "c", [heard.get((n, "complained"), 0) for n in numbers]),
            Series("Failed", "c", [states.get((n, "failed"), 0) for n in numbers]),
            Series("Uncertain", "c", [states.get((n, "uncertain"), 0) for n in numbers]),
        ],
        drawn=2,
    )


def _label(day: date) -> str:
    return f"{day.day} {day:%b}"
