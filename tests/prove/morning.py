"""One Issue of the proof: its readers, its approval, and its dispatch until nobody is owed a copy."""

from __future__ import annotations

import random
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select

from newsletter import db
from newsletter.db.models import Delivery, Issue, Rendition, Subscriber, Suppression
from newsletter.delivery.mail.messages import content_hash
from newsletter.subscribers.addresses import address_hash, person_hash
from newsletter.subscribers.tokens import UNSUBSCRIBE, Tokens, subject_of
from tests.delivery.mailing import add_issue
from tests.prove.deployment import SECRET, Deployment, numbers
from tests.prove.judge import Roll, Verdict, judge

READERS = 200
ZONES = ("America/New_York", "America/New_York", "Europe/Berlin", "America/Chicago", "Asia/Tokyo")
LEASE_AND_MORE = 11 * 60.0  # seconds
QUIET_AND_MORE = 32 * 60.0


@dataclass
class Tally:
    """What was done, and what came of it."""

    done: Counter[str] = field(default_factory=Counter)
    killed_at: Counter[str] = field(default_factory=Counter)
    hit_at: Counter[str] = field(default_factory=Counter)
    outcome: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return self.killed_at.total()

    @property
    def hits(self) -> int:
        """Kills of a process that had a batch in its hands."""
        return self.hit_at.total()

    def take(self, verdict: Verdict) -> None:
        self.outcome.update(verdict.counts)
        self.faults += verdict.faults

    def expect(self, true: Any, what: str) -> None:
        self.done["expectations"] += 1
        if not true:
            self.faults.append(what)


@dataclass
class Morning:
    deployment: Deployment
    chance: random.Random
    tally: Tally
    number: int
    provider: str = "sendgrid"
    readers: int = READERS
    all_at_once: bool = False  # no hours of their own: everybody is due when the Issue is frozen

    def __post_init__(self) -> None:
        first = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)  # 05:00 in New York
        begins = max(first + timedelta(days=self.number), self.deployment.clock.now() + timedelta(hours=1))
        self.deployment.clock.set(begins)
        self.day = (date(2026, 3, 2) + timedelta(days=self.number)).isoformat()
        self.subject = f"The news of {self.day}"
        self._add_readers()
        self._add_issue()
        self.tally.done["issues"] += 1

    # --- making it ---

    def _add_readers(self) -> None:
        """As many as there were before, new ones for those who left."""
        deployment, now = self.deployment, self.deployment.clock.now()
        with deployment.sessions.begin() as session:
            gone = select(Suppression.address_hash)
            wanted = select(func.count()).where(
                Subscriber.unsubscribed_at.is_(None), Subscriber.address_hash.not_in(gone)
            )
            here = session.scalar(wanted) or 0
            highest = session.scalar(select(func.max(Subscriber.id))) or 0
            rows = [self._reader(highest + n, now) for n in range(1, self.readers - here + 1)]
            if rows:
                session.execute(insert(Subscriber), rows)

    def _reader(self, number: int, now: datetime) -> dict[str, Any]:
        name = "refused" if number % 90 == 7 else "reader"
        address = f"{name}{number}@example.com"
        return {
            "id": number,
            "address": address,
            "address_hash": address_hash(SECRET, address),
            "person_hash": person_hash(SECRET, address),
            "asked_at": now,
            "confirmed_at": now,
            "hour": 0 if self.all_at_once else self.chance.choice((5, 5, 6, 7)),
            "zone": "UTC" if self.all_at_once else self.chance.choice(ZONES),
        }

    def _add_issue(self) -> None:
        with self.deployment.sessions.begin() as session:
            now = self.deployment.clock.now()
            issue = add_issue(session, now=now, on=date.fromisoformat(self.day))
            issue.subject = self.subject
            for made in session.scalars(select(Rendition).where(Rendition.issue_id == issue.id)):
                made.subject = self.subject
                made.content_hash = content_hash(made.subject, made.html, made.text, made.preheader)
            session.flush()

    def approve(self, *, die_at: str = "") -> None:
        """By the command, as an operator does; the Checks of an Issue without Stories block, and a reason overrules them."""
        words = ("issue", "approve", self.day, "--despite", "the proof's own words")
        child = self.deployment.fork(*words, die_at=die_at)
        self.ended(child.wait(), "approved" if die_at else "", set())
        if self.deployment.state(self.day) == "draft":
            self.tally.expect(self.deployment.do(*words)[0] == 0, f"{self.day}: approve failed")
        with db.reading(self.deployment.sessions) as session:
            suppressed = set(session.scalars(select(Suppression.address_hash)))
            people = session.execute(
                select(Subscriber.address, Subscriber.address_hash, Subscriber.unsubscribed_at)
            )
            rows = people.all()
        self.away = frozenset(a for a, known_as, left in rows if left is not None or known_as in suppressed)
        self.roll = Roll(self.day, self.subject, frozenset(a for a, _, _ in rows))

    # --- what happens to it ---

    def ended(self, code: int, place: str, before: set[str]) -> bool:
        """Count how a process ended. True when it was killed with a batch in its hands."""
        if code != -9:
            self.tally.done[f"exit {code}"] += 1
            return False
        self.tally.killed_at[place] += 1
        hit = bool(self.deployment.claims() - before)
        self.tally.hit_at[place] += hit
        return hit

    def wake(self) -> bool:
        """Let time pass until something is due; False when nobody is owed anything any more."""
        if self.deployment.state(self.day) == "approved":
            return True  # its ledger is not open yet
        due, in_hand, next_due, lease = self.deployment.open_lines(self.day)
        now = self.deployment.clock.now()
        if not due and (next_due or in_hand):
            moment = min(filter(None, (next_due, lease)))
            self.deployment.later(max((moment - now).total_seconds(), 0) + 1)
        return bool(due or next_due or in_hand)

    def resume_if_held(self) -> None:
        """An operator looks, and lets it go on."""
        if self.deployment.state(self.day) == "held":
            self.tally.done["holds resumed"] += 1
            self.tally.expect(
                self.deployment.do("issue", "resume", self.day)[0] == 0, f"{self.day}: could not be resumed"
            )

    def reader_leaves(self, count: int = 2) -> None:
        """Readers who are still owed their copy press the mail program's one click, as RFC 8058 has it."""
        time.sleep(0.05)  # what a dead process had posted already is taken by now
        with db.reading(self.deployment.sessions) as session:
            waiting = session.execute(
                select(Subscriber.id, Subscriber.address, Subscriber.address_hash)
                .join(Delivery, Delivery.subscriber_id == Subscriber.id)
                .join(Issue, Issue.id == Delivery.issue_id)
                .where(Issue.issued_on == date.fromisoformat(self.day), Delivery.state == "pending")
                .order_by(Subscriber.id)
            ).all()
        for number, address, known_as in self.chance.sample(waiting, min(count, len(waiting))):
            token = Tokens(SECRET).make(UNSUBSCRIBE, subject_of(number, known_as))
            body = b"List-Unsubscribe=One-Click"
            with urllib.request.urlopen(
                f"{self.deployment.site}/unsubscribe/{token}", body, timeout=40
            ) as answer:
                assert answer.status == 200
            self.roll.left[address] = time.time()
            self.tally.done["readers who left on the way"] += 1

    def finish(self) -> None:
        """Undisturbed from here on, except by the provider: dispatch until nobody is owed anything."""
        for _ in range(80):
            self.resume_if_held()
            open_still = self.wake()
            if not open_still and self.deployment.state(self.day) in ("dispatched", "withdrawn"):
                return
            code = self.deployment.fork("step", "dispatch", provider=self.provider).wait()
            self.tally.done[f"exit {code}"] += 1
        self.tally.faults.append(f"{self.day}: still not dispatched after 80 runs")

    def settle(self) -> None:
        """The provider's quiet time passes; then the settle step looks at what is in doubt."""
        self.deployment.later(QUIET_AND_MORE)
        code = self.deployment.fork("step", "settle", provider=self.provider).wait()
        self.tally.expect(code == 0, f"{self.day}: settle ended with {code}")

    def judge(self) -> Verdict:
        self.deployment.flush(late=True)
        suppressed = set(self.deployment.sendgrid.ask("suppressing"))
        with db.reading(self.deployment.sessions) as session:
            named = select(Subscriber.address, Delivery.id).join(
                Delivery, Delivery.subscriber_id == Subscriber.id
            )
            told = {a for a, number in session.execute(named) if f"delivery:{number}" in suppressed}
        return judge(self.deployment, self.roll, known_away=self.away | told)

    def decide(self) -> None:
        """An operator looks into the provider's log and decides what is uncertain by what stands there."""
        self.deployment.flush(late=True)
        arrived = {m["reference"] for m in self.deployment.taken() if m["subject"] == self.subject}
        doubtful = self._doubtful()
        for decision, chosen in (
            ("arrived", [n for n in doubtful if f"delivery:{n}" in arrived]),
            ("once-more", [n for n in doubtful if f"delivery:{n}" not in arrived]),
        ):
            if chosen:
                words = ("issue", "decide", self.day, *numbers(chosen), "--as", decision)
                code, _ = self.deployment.do(*words, "--reason", "the provider's log")
                self.tally.expect(
                    not set(chosen) & set(self._doubtful()),
                    f"{self.day}: decide left doubts and ended with {code}",
                )
                self.tally.done[f"decided {decision}"] += len(chosen)

    def _doubtful(self) -> list[int]:
        with db.reading(self.deployment.sessions) as session:
            found = select(Delivery.id).join(Issue).where(Issue.issued_on == date.fromisoformat(self.day))
            return list(session.scalars(found.where(Delivery.state == "uncertain").order_by(Delivery.id)))
