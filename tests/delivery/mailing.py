"""An approved Issue with invented Renditions, readers, and a provider that keeps what it gets, for tests of delivery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Text, case, cast, insert, null, select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import Issue, Rendition, Subscriber
from newsletter.delivery import approval, dispatch, ledger
from newsletter.delivery.ledger import Audience
from newsletter.delivery.mail.messages import Message, content_hash
from newsletter.delivery.providers.protocol import (
    CLAIM_EXPIRED,
    EmailProvider,
    MayBegin,
    Outcome,
    Receipt,
    always,
)
from newsletter.links import Links
from newsletter.settings import Settings

MORNING = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LINKS = Links("http://127.0.0.1:8000")
HTML = '<p>Good morning.</p><p><a href="%%unsubscribe_url%%">Unsubscribe</a> <a href="%%account_url%%">Account</a></p>'
TEXT = "Good morning.\n\nUnsubscribe: %%unsubscribe_url%%\nAccount: %%account_url%%\n"


def add_issue(session: Session, *, now: datetime = MORNING, on: date = date(2026, 3, 2)) -> Issue:
    """A rendered draft."""
    issue = Issue(issued_on=on, subject="Bridge reopens", preheader="after a year", composed_at=now)
    session.add(issue)
    session.flush()
    for kind in ("full", "metered"):
        html = HTML.replace("morning", f"morning, {kind}")
        digest = content_hash("Bridge reopens", html, TEXT, "after a year")
        session.add(
            Rendition(
                issue_id=issue.id,
                kind=kind,
                subject="Bridge reopens",
                preheader="after a year",
                html=html,
                text=TEXT,
                content_hash=digest,
                rendered_at=now,
            )
        )
    session.flush()
    return issue


def add_subscribers(session: Session, count: int, *, now: datetime = MORNING) -> list[int]:
    """Confirmed readers reader1@example.com, … Returns their numbers."""
    rows: list[dict[str, Any]] = [
        {
            "id": n,
            "address": f"reader{n}@example.com",
            "address_hash": f"hash{n}",
            "person_hash": f"hash{n}",
            "asked_at": now,
            "confirmed_at": now,
        }
        for n in range(1, count + 1)
    ]
    if rows:
        session.execute(insert(Subscriber), rows)
    return [r["id"] for r in rows]


def audience_of(
    numbers: Iterable[int], *, due_at: datetime = MORNING, left_out: Mapping[int, str] | None = None
) -> Audience:
    """These readers, every other one of them metered, all due at one moment; and those who are left out, with their reasons."""
    left_out = left_out or {}
    reader = Subscriber
    everybody = select(
        reader.id.label("subscriber_id"),
        reader.address_hash,
        case((reader.id % 2 == 1, "full"), else_="metered").label("rendition"),
        reader.hour,
        reader.zone,
        (case(left_out, value=reader.id) if left_out else cast(null(), Text)).label("reason"),
    ).where(reader.id.in_([*numbers, *left_out]))
    return Audience(everybody, lambda hour, zone: due_at)


def frozen_issue(
    sessions: db.Sessions,
    settings: Settings,
    count: int,
    *,
    now: datetime = MORNING,
    due_at: datetime = MORNING,
    on: date = date(2026, 3, 2),
) -> int:
    """An Issue approved and frozen for ``count`` readers. Returns its number."""
    with sessions.begin() as session:
        issue = add_issue(session, now=now, on=on)
        numbers = add_subscribers(session, count, now=now)
        approval.approve(session, issue, by="test", now=now, settings=settings, findings=[])
        ledger.freeze(session, issue, audience_of(numbers, due_at=due_at), now=now)
        return issue.id


def slots_for(subscriber_id: int, address: str) -> Mapping[str, str]:
    return {
        "unsubscribe_url": LINKS.unsubscribe(f"token-of-{subscriber_id}"),
        "account_url": LINKS.account(),
    }


class Postbox:
    """A provider in memory that counts what it took. ``answer`` decides the Receipt of each Message; it accepts by default."""

    name = "postbox"
    at_once = 1

    def __init__(
        self,
        answer: Callable[[Message], Receipt | None] | None = None,
        *,
        batch_size: int = 10,
        before: Callable[[Sequence[Message]], None] | None = None,
    ) -> None:
        self.batch_size = batch_size
        self.taken: Counter[str] = Counter()
        self.calls = 0
        self._answer = answer
        self._before = before

    def submit(self, messages: Sequence[Message], *, may_begin: MayBegin = always) -> list[Receipt]:
        self.calls += 1
        if self._before:
            self._before(messages)
        receipts = []
        for message in messages:
            if not may_begin():
                receipts.append(Receipt(message.reference, Outcome.RETRY, reason=CLAIM_EXPIRED))
                continue
            receipt = self._answer(message) if self._answer else None
            receipt = receipt or Receipt(
                message.reference, Outcome.ACCEPTED, provider_id=f"id-{message.reference}"
            )
            if receipt.outcome is Outcome.ACCEPTED:
                self.taken[message.to] += 1
            receipts.append(receipt)
        return receipts

    def close(self) -> None:
        pass


class Ticking:
    """A clock that is moved by hand."""

    def __init__(self, moment: datetime = MORNING) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def ahead(self, **by: float) -> None:
        self.moment += timedelta(**by)


OPTIONS = {field.name for field in fields(dispatch.RunOptions)}


def run_dispatch(sessions: db.Sessions, provider: EmailProvider, **given: Any) -> dispatch.DispatchReport:
    """``dispatch.run`` with its options given as keywords."""
    options = dispatch.RunOptions(**{name: given.pop(name) for name in OPTIONS & given.keys()})
    return dispatch.run(sessions, provider, options=options, **given)
