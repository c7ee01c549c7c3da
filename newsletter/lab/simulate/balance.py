"""Whether everything balances: what readers hoped for, what the mailboxes got, what the ledger, the lists and the money say."""

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
from newsletter.lab.simulate.oracle import Hope, hope
from newsletter.lab.simulate.readers import Life
from newsletter.lab.simulate.run import Played
from newsletter.settings import Settings
from newsletter.subscribers.access import Access, Facts, access

ERRAND_TAKES: Final = timedelta(hours=2)  # to type an address, get the link at a tick, and act


@dataclass(frozen=True)
class Entry:
    """One line of the books: two numbers that must be the same, found in two ways."""

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
    """The Issues, oldest first."""
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


def balance(sessions: db.Sessions, settings: Settings, played: Played, mailboxes: Mailboxes) -> list[Entry]:
    """Every line of the books. Judged by the mailboxes' own log and the readers' own record."""
    with db.reading(sessions) as session:
        return [
            *_mail(session, played, mailboxes),
            *_hopes(session, played, mailboxes.letters),
            *_notices(session, played.lives, mailboxes.letters),
            *_lists(session, played),
            *_money(session, settings, played.lives, mailboxes),
            _errands(played.lives, mailboxes.clock()),
            Entry("steps that failed", session.scalar(_failed_runs()) or 0, 0),
            Entry("readers who got lost on the site", len(played.lost), 0),
        ]


def _mail(session: Session, played: Played, mailboxes: Mailboxes) -> Iterable[Entry]:
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
    for number, frozen in played.frozen.items():
        if frozen.owed + frozen.left_out != frozen.subscribers:
            yield Entry(
                f"subscribers owed or left out of issue {number}",
                frozen.owed + frozen.left_out,
                frozen.subscribers,
            )


def _hopes(session: Session, played: Played, letters: list[Letter]) -> Iterable[Entry]:
    """Reader by reader and Issue by Issue."""
    issue_of = dict(session.execute(select(Delivery.id, Delivery.issue_id)).all())
    got = Counter((issue_of[int(x.reference.partition(":")[2])], x.to) for x in letters if x.is_issue)
    musts = missed = against = 0
    went_out = select(Issue).where(Issue.frozen_at.is_not(None), Issue.state != "withdrawn")
    days = {issue.issued_on for issue in session.scalars(went_out)}
    for issue in session.scalars(select(Issue).where(Issue.state == "dispatched")):
        assert issue.frozen_at is not None
        for life in played.lives:
            wish = hope(life, issue.issued_on, issue.frozen_at, earlier=days)
            had = got[issue.id, life.address]
            musts += wish is Hope.MUST
            missed += wish is Hope.MUST and had == 0
            against += wish is Hope.MUST_NOT and had > 0
    yield Entry("issues that readers were owed and got", musts - missed, musts)
    yield Entry("issues that reached somebody who did not want them", against, 0)
    yield Entry("issues that reached somebody twice", sum(1 for times in got.values() if times > 1), 0)


def _notices(session: Session, lives: list[Life], letters: list[Letter]) -> Iterable[Entry]:
    waiting = session.scalar(
        select(func.count(Notice.id)).where(Notice.state.in_(("submitting", "uncertain")))
    )
    yield Entry("notices in doubt", waiting or 0, 0)
    kinds = dict(session.execute(select(Notice.id, Notice.kind)).all())
    welcomed = Counter(
        x.to for x in letters if not x.is_issue and kinds.get(int(x.reference.partition(":")[2])) == "welcome"
    )
    kept = [life for life in lives if life.confirmed_at is not None and life.erased_at is None]
    yield Entry(
        "readers who were welcomed once", sum(welcomed[life.address] == 1 for life in kept), len(kept)
    )


def _lists(session: Session, played: Played) -> Iterable[Entry]:
    """Suppressions by reason beside what the readers know of themselves; the closing hours are still being heard."""
    found = dict(session.execute(select(Suppression.reason, func.count()).group_by(Suppression.reason)).all())
    erased = [life for life in played.lives if life.erased_at is not None]
    yield Entry("erased and suppressed", found.get("erased", 0), len(erased))
    gone = set(session.scalars(select(Subscriber.address)))
    yield Entry("erased readers whose address is still kept", sum(life.address in gone for life in erased), 0)


def _errands(lives: list[Life], end: datetime) -> Entry:
    """Who set out for their account early enough to get there: a link that never came would make no line of the books wrong."""
    done, begun = 0, 0
    for life in lives:
        early = sum(at < end - ERRAND_TAKES for at in life.errands)
        begun += early
        done += min(early, life.errands_done)
    return Entry("errands in the account that were done", done, begun)


def _money(session: Session, settings: Settings, lives: list[Life], mailboxes: Mailboxes) -> Iterable[Entry]:
    paying = [life for life in lives if life.pays_since is not None]
    yield Entry("agreements", session.scalar(select(func.count(Subscription.id))) or 0, len(paying))
    running = [life for life in paying if life.stopped_paying_at is None and not life.card_broken]
    active = Subscription.cancel_at.is_(None) & Subscription.status.in_(("active", "trialing"))
    yield Entry(
        "agreements that run on",
        session.scalar(select(func.count(Subscription.id)).where(active)) or 0,
        len(running),
    )
    now, trial = mailboxes.clock(), timedelta(days=settings.TRIAL_DAYS)
    by_address = {life.address: life for life in lives}
    full = 0
    for reader in session.scalars(select(Subscriber)):
        life = by_address.get(reader.address)
        if life is not None and life in running:
            full += (
                access(Facts(reader.trial_started_at, tuple(reader.subscriptions), trial), now=now)
                is Access.FULL
            )
    yield Entry("paying readers with the full edition", full, len(running))


def _failed_runs() -> Select[int]:
    """Steps that failed for good or for a while; too little news to make an Issue of is no fault of a Step."""
    return select(func.count(Run.id)).where(Run.outcome == "failed", Run.step != "compose")
