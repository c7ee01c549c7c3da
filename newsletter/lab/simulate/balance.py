"""Compares what readers should have got with the mailboxes, the ledger, the Suppressions and the Subscriptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.db.models import Delivery, Issue, Notice, Run, Subscriber, Subscription, Suppression
from newsletter.delivery import ledger
from newsletter.lab.simulate.mailboxes import Letter, Mailboxes
from newsletter.lab.simulate.oracle import Expected, expected_of
from newsletter.lab.simulate.readers import Reader
from newsletter.lab.simulate.run import SimulationResult
from newsletter.settings import Settings
from newsletter.subscribers.access import Access, Facts, access

VISIT_TAKES: Final = timedelta(hours=2)  # time to type an address, get the link at a tick, and act


@dataclass(frozen=True)
class Entry:
    """Two numbers that must be equal, found in two independent ways."""

    what: str
    found: int
    expected: int

    @property
    def balances(self) -> bool:
        return self.found == self.expected


@dataclass(frozen=True)
class IssueLine:
    """One Issue of the replay."""

    issued_on: str
    state: str
    stories: int
    audience: int
    full: int
    in_words: str
    adds_up: bool


def issue_lines(sessions: db.Sessions) -> list[IssueLine]:
    """Return the Issues, oldest first."""
    lines = []
    with db.reading(sessions) as session:
        for issue in session.scalars(select(Issue).order_by(Issue.issued_on)):
            sums = ledger.sum_up(session, issue.id)
            full = select(func.count()).where(Delivery.issue_id == issue.id, Delivery.rendition == "full")
            lines.append(
                IssueLine(
                    issue.issued_on.isoformat(),
                    issue.state,
                    len(issue.placements),
                    sums.audience,
                    session.scalar(full) or 0,
                    sums.in_words,
                    sums.adds_up,
                )
            )
    return lines


def balance(
    sessions: db.Sessions, settings: Settings, result: SimulationResult, mailboxes: Mailboxes
) -> list[Entry]:
    """Return all comparisons: our tables against the mailboxes' own log and the readers' own records."""
    with db.reading(sessions) as session:
        return [
            *_mail(session, result, mailboxes),
            *_issues_got(session, result, mailboxes.letters),
            *_notices(session, result.readers, mailboxes.letters),
            *_lists(session, result),
            *_money(session, settings, result.readers, mailboxes),
            _account_visits(result.readers, mailboxes.clock()),
            Entry("steps that failed", session.scalar(_failed_runs()) or 0, 0),
            Entry("readers who got lost on the site", len(result.lost), 0),
        ]


def _mail(session: Session, result: SimulationResult, mailboxes: Mailboxes) -> Iterable[Entry]:
    issues = session.scalars(select(Issue).where(Issue.frozen_at.is_not(None))).all()
    yield Entry(
        "issues whose ledger adds up", sum(ledger.sum_up(session, i.id).adds_up for i in issues), len(issues)
    )
    yield Entry("mails handed over twice", sum(1 for times in mailboxes.asked.values() if times > 1), 0)
    asked = {int(r.partition(":")[2]) for r in mailboxes.asked if r.startswith("delivery:")}
    states = dict(session.execute(select(Delivery.id, Delivery.state)).all())
    settled = {number for number, state in states.items() if state in ("accepted", "uncertain")}
    yield Entry(
        "copies the ledger takes for handed over, and the mailboxes were asked to take",
        len(settled & asked),
        len(settled),
    )
    yield Entry(
        "copies the mailboxes were asked to take, and the ledger does not know of", len(asked - settled), 0
    )
    yield Entry("copies in doubt at the end", sum(1 for s in states.values() if s == "uncertain"), 0)
    for number, frozen in result.frozen.items():
        if frozen.owed + frozen.left_out != frozen.subscribers:
            yield Entry(
                f"subscribers owed or left out of issue {number}",
                frozen.owed + frozen.left_out,
                frozen.subscribers,
            )


def _issues_got(session: Session, result: SimulationResult, letters: list[Letter]) -> Iterable[Entry]:
    """Compares, for each reader and Issue, what arrived with what the oracle expects."""
    issue_of = dict(session.execute(select(Delivery.id, Delivery.issue_id)).all())
    got = Counter((issue_of[int(x.reference.partition(":")[2])], x.to) for x in letters if x.is_issue)
    musts = missed = against = 0
    went_out = select(Issue).where(Issue.frozen_at.is_not(None), Issue.state != "withdrawn")
    days = {issue.issued_on for issue in session.scalars(went_out)}
    for issue in session.scalars(select(Issue).where(Issue.state == "dispatched")):
        assert issue.frozen_at is not None
        for reader in result.readers:
            expected = expected_of(reader, issue.issued_on, issue.frozen_at, earlier=days)
            had = got[issue.id, reader.address]
            musts += expected is Expected.MUST
            missed += expected is Expected.MUST and had == 0
            against += expected is Expected.MUST_NOT and had > 0
    yield Entry("issues that readers were owed and got", musts - missed, musts)
    yield Entry("issues that reached somebody who did not want them", against, 0)
    yield Entry("issues that reached somebody twice", sum(1 for times in got.values() if times > 1), 0)


def _notices(session: Session, readers: list[Reader], letters: list[Letter]) -> Iterable[Entry]:
    waiting = session.scalar(
        select(func.count(Notice.id)).where(Notice.state.in_(("submitting", "uncertain")))
    )
    yield Entry("notices in doubt", waiting or 0, 0)
    kinds = dict(session.execute(select(Notice.id, Notice.kind)).all())
    welcomed = Counter(
        x.to for x in letters if not x.is_issue and kinds.get(int(x.reference.partition(":")[2])) == "welcome"
    )
    kept = [reader for reader in readers if reader.confirmed_at is not None and reader.erased_at is None]
    yield Entry(
        "readers who were welcomed once", sum(welcomed[reader.address] == 1 for reader in kept), len(kept)
    )


def _lists(session: Session, result: SimulationResult) -> Iterable[Entry]:
    """Compares the Suppressions and kept addresses with what each simulated reader did."""
    found = dict(session.execute(select(Suppression.reason, func.count()).group_by(Suppression.reason)).all())
    erased = [reader for reader in result.readers if reader.erased_at is not None]
    yield Entry("erased and suppressed", found.get("erased", 0), len(erased))
    gone = set(session.scalars(select(Subscriber.address)))
    yield Entry(
        "erased readers whose address is still kept", sum(reader.address in gone for reader in erased), 0
    )


def _account_visits(readers: list[Reader], end: datetime) -> Entry:
    """Readers who asked for a sign-in link, and those of them who reached their account. No other entry would notice a missing link."""
    done, begun = 0, 0
    for reader in readers:
        early = sum(at < end - VISIT_TAKES for at in reader.account_visits)
        begun += early
        done += min(early, reader.account_visits_done)
    return Entry("errands in the account that were done", done, begun)


def _money(
    session: Session, settings: Settings, readers: list[Reader], mailboxes: Mailboxes
) -> Iterable[Entry]:
    paying = [reader for reader in readers if reader.pays_since is not None]
    yield Entry("agreements", session.scalar(select(func.count(Subscription.id))) or 0, len(paying))
    running = [reader for reader in paying if reader.stopped_paying_at is None and not reader.card_broken]
    active = Subscription.cancel_at.is_(None) & Subscription.status.in_(("active", "trialing"))
    yield Entry(
        "agreements that run on",
        session.scalar(select(func.count(Subscription.id)).where(active)) or 0,
        len(running),
    )
    now, trial = mailboxes.clock(), timedelta(days=settings.TRIAL_DAYS)
    by_address = {reader.address: reader for reader in readers}
    full = 0
    for subscriber in session.scalars(select(Subscriber)):
        if by_address.get(subscriber.address) in running:
            facts = Facts(subscriber.trial_started_at, tuple(subscriber.subscriptions), trial)
            full += access(facts, now=now) is Access.FULL
    yield Entry("paying readers with the full edition", full, len(running))


def _failed_runs() -> Select[int]:
    """Counts failed Runs. A failed compose Step is left out: too little news for an Issue is not a fault."""
    return select(func.count(Run.id)).where(Run.outcome == "failed", Run.step != "compose")
