"""The breakdowns of the ledger by zone, provider and edition all have the ledger's sum."""

from __future__ import annotations

from sqlalchemy import delete, update

from newsletter import db
from newsletter.db.models import Delivery, DeliveryEvent, LeftOut, Subscriber
from newsletter.delivery import ledger
from newsletter.delivery.breakdown import breakdown
from tests.delivery.mailing import MORNING, frozen_issue


def test_every_cut_of_the_ledger_adds_up(each_sessions, settings) -> None:
    issue = frozen_issue(each_sessions, settings, 10)
    with each_sessions.begin() as session:
        zone = Subscriber.id.in_([1, 2, 3])
        session.execute(update(Subscriber).where(zone).values(zone="Asia/Tokyo"))
        session.execute(update(Subscriber).where(~zone).values(zone="Europe/London"))
        taken = {"state": "accepted", "provider": "smtp"}
        session.execute(update(Delivery).where(Delivery.subscriber_id.in_([1, 2, 4])).values(**taken))
        session.execute(
            update(Delivery)
            .where(Delivery.subscriber_id == 5)
            .values(state="failed", reason="no such mailbox")
        )
        session.execute(
            update(Delivery)
            .where(Delivery.subscriber_id.in_([6, 7]))
            .values(state="uncertain", reason="it broke off")
        )
        one = session.query(Delivery.id).filter_by(subscriber_id=1).scalar()
        for n, kind in enumerate(("delivered", "delivered", "bounced")):
            session.add(
                DeliveryEvent(
                    provider="smtp",
                    provider_event_id=str(n),
                    delivery_id=one,
                    kind=kind,
                    happened_at=MORNING,
                    received_at=MORNING,
                    reason="",
                )
            )
        session.add(LeftOut(issue_id=issue, subscriber_id=8, reason="paused"))
        session.execute(update(Delivery).where(Delivery.subscriber_id == 10).values(subscriber_id=None))
        session.execute(delete(Subscriber).where(Subscriber.id == 10))
    with db.reading(each_sessions) as session:
        cut, whole = breakdown(session, issue), ledger.sum_up(session, issue)
    for by in (cut.zones, cut.providers, cut.renditions):
        for state in ("pending", "accepted", "failed", "uncertain"):
            assert sum(line.get(state, 0) for line in by.values()) == getattr(whole, state)
    assert dict(cut.zones["Asia/Tokyo"]) == {"accepted": 2, "pending": 1}
    assert dict(cut.zones[""]) == {"pending": 1}  # erased since
    assert dict(cut.providers["smtp"]) == {"accepted": 3}
    assert cut.reasons == (("uncertain", "it broke off", 2), ("failed", "no such mailbox", 1))
    assert cut.left_out == (("paused", 1),)
    assert cut.heard == (("delivered", 1), ("bounced", 1)) or cut.heard == (("bounced", 1), ("delivered", 1))
