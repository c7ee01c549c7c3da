"""Provider events give the same final state in any order and with any repetitions."""

from __future__ import annotations

import base64
import json
import random
from datetime import date, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import insert, select, update

from newsletter import db
from newsletter.db.models import Delivery, DeliveryEvent, Issue, Notice, Suppression
from newsletter.delivery import approval, ledger, notices, suppressions
from newsletter.delivery import events as settle
from newsletter.delivery.providers.protocol import Outcome, ProviderEvent, Receipt
from newsletter.delivery.providers.sendgrid.events import MOMENT, SIGNATURE, ForgedEvents, read_events, verify
from tests.delivery.mailing import MORNING, frozen_issue

LATER = MORNING + timedelta(minutes=5)


def event(
    n: int, kind: str, number: int, *, minutes: int = 1, bounce: str | None = None, line="delivery"
) -> ProviderEvent:
    return ProviderEvent(f"e{n}", f"{line}:{number}", kind, MORNING + timedelta(minutes=minutes), bounce)


def _take(sessions, events) -> settle.EventsReport:
    with sessions.begin() as session:
        return settle.take(session, events, provider="sendgrid", now=LATER)


def _standing(sessions) -> tuple:
    with db.reading(sessions) as session:
        return (
            sorted((d.id, d.state) for d in session.scalars(select(Delivery))),
            sorted(
                (e.provider_event_id, e.kind, e.delivery_id) for e in session.scalars(select(DeliveryEvent))
            ),
            sorted((s.address_hash, s.reason, s.suppressed_at) for s in session.scalars(select(Suppression))),
        )


@pytest.fixture
def dispatched(each_sessions, settings):
    """Ten Deliveries: all accepted but 1 and 2, of which we did not hear."""
    issue_id = frozen_issue(each_sessions, settings, 10)
    with each_sessions.begin() as session:
        claimed = ledger.claim(session, issue_id, limit=10, now=MORNING)
        receipts = [
            Receipt(r.reference, Outcome.UNCERTAIN if r.delivery_id <= 2 else Outcome.ACCEPTED)
            for r in claimed.rows
        ]
        ledger.record(session, claimed, receipts, now=MORNING, provider="sendgrid")
    return each_sessions


BUNCH = [
    event(1, "accepted", 1),
    event(2, "delivered", 3, minutes=2),
    event(3, "bounced", 4, bounce="hard", minutes=3),
    event(4, "complained", 4, minutes=4),
    event(5, "unsubscribed", 4, minutes=2),
    event(6, "unsubscribed", 5),
    event(7, "bounced", 6, bounce="soft"),
    event(8, "deferred", 7),
    event(9, "delivered", 7, minutes=3),
    event(10, "bounced", 999, bounce="hard"),
    ProviderEvent("e11", None, "delivered", MORNING),
    ProviderEvent("e12", "delivery:1; DROP", "delivered", MORNING),
]


def test_what_is_heard_settles_what_was_uncertain(dispatched) -> None:
    report = _take(dispatched, BUNCH)
    assert (report.new, report.unmatched, report.accepted, report.suppressed) == (9, 3, 1, 2)
    lines, events, suppressed = _standing(dispatched)
    assert dict(lines)[1] == "accepted"
    assert dict(lines)[2] == "uncertain"
    assert [e[0] for e in events] == ["e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9"]
    assert suppressed == [
        ("hash4", "complained", MORNING + timedelta(minutes=2)),
        ("hash5", "unsubscribed", MORNING + timedelta(minutes=1)),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_any_order_and_any_repeats_end_the_same(dispatched, seed) -> None:
    chance = random.Random(seed)
    bunch = [*BUNCH, *chance.sample(BUNCH, 6)]
    chance.shuffle(bunch)
    while bunch:
        size = chance.randint(1, 5)
        _take(dispatched, bunch[:size])
        bunch = bunch[size:]
    shuffled = _standing(dispatched)
    assert _take(dispatched, BUNCH).accepted == 0
    assert _standing(dispatched) == shuffled
    _, events, suppressed = shuffled
    assert len(events) == 8
    assert [(s[0], s[1]) for s in suppressed] == [("hash4", "complained"), ("hash5", "unsubscribed")]
    assert suppressed[0][2] == MORNING + timedelta(minutes=2)


def test_a_repeat_does_not_suppress_again_what_was_lifted(dispatched) -> None:
    _take(dispatched, BUNCH)
    with dispatched.begin() as session:
        for one in session.scalars(select(Suppression)):
            session.delete(one)
    assert _take(dispatched, BUNCH).known == 8
    assert _standing(dispatched)[2] == []


def test_a_notice_is_settled_and_its_reader_suppressed(dispatched) -> None:
    with dispatched.begin() as session:
        notices.queue(session, "confirm", key="k", due_at=MORNING, subscriber_id=9)
        session.execute(update(Notice).values(state="uncertain"))
    report = _take(dispatched, [event(50, "bounced", 1, bounce="hard", line="notice")])
    assert (report.accepted, report.suppressed) == (1, 1)
    assert _standing(dispatched)[2][0][:2] == ("hash9", "bounced")


def _issues_for_one_reader(sessions, settings, count: int) -> list[int]:
    """So many accepted Deliveries of different Issues to reader 1."""
    frozen_issue(sessions, settings, 1)
    with sessions.begin() as session:
        for n in range(1, count):
            day = date(2026, 1, 1) + timedelta(days=n)
            issue = Issue(issued_on=day, state="dispatched", subject="x", composed_at=MORNING)
            session.add(issue)
            session.flush()
            line = {"issue_id": issue.id, "subscriber_id": 1, "address_hash": "hash1", "rendition": "full"}
            session.execute(
                insert(Delivery).values(**line, content_hash="h", due_at=MORNING, state="accepted")
            )
        return list(session.scalars(select(Delivery.id).order_by(Delivery.id)))


DAY = 24 * 60  # minutes


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("soft_on", "delivered_on", "since"),
    [
        ([1, 2, 3, 4, 5, 6], [], 5),  # taken for dead at the fifth
        ([1, 2, 3, 4, 5, 6], [0], 5),
        ([1, 2, 3, 4, 5, 6], [1.5], 6),  # five since it was last alive
        ([1, 2, 3, 4, 5, 6], [2.5], None),
        ([1, 2, 3, 4, 5, 6], [6.5], None),
        ([1, 8, 15, 22, 29], [], 29),  # a weekly reader's
        ([1, 9, 17, 25, 33], [], None),  # too far apart
        ([1, 3, 20, 31.5, 32, 33, 34], [], 33),  # the first within the window, not the first of all
    ],
)
def test_a_worn_out_mailbox_is_found_in_any_order(
    sessions, settings, seed, soft_on, delivered_on, since
) -> None:
    chance = random.Random(seed)
    ids = _issues_for_one_reader(sessions, settings, len(soft_on) + 1)
    bunch = [
        event(n, "bounced", ids[n], bounce="soft", minutes=int(on * DAY)) for n, on in enumerate(soft_on, 1)
    ]
    bunch += [event(100 + n, "delivered", ids[0], minutes=int(on * DAY)) for n, on in enumerate(delivered_on)]
    chance.shuffle(bunch)
    while bunch:
        size = chance.randint(1, 3)
        _take(sessions, bunch[:size])
        bunch = bunch[size:]
    expected = [] if since is None else [("hash1", "bounced", MORNING + timedelta(days=since))]
    assert _standing(sessions)[2] == expected


def test_a_late_delivery_lifts_nothing_that_stands_for_another_reason(sessions, settings) -> None:
    ids = _issues_for_one_reader(sessions, settings, 7)
    softs = [event(n, "bounced", ids[n], bounce="soft", minutes=n * DAY) for n in range(1, 6)]
    _take(sessions, [*softs, event(50, "bounced", ids[6], bounce="hard", minutes=9 * DAY)])
    _take(sessions, [event(60, "delivered", ids[0], minutes=3 * DAY)])
    assert [s[1] for s in _standing(sessions)[2]] == ["bounced"]


def test_a_flood_is_written_down_in_small_transactions_and_repeats_in_none(dispatched, monkeypatch) -> None:
    monkeypatch.setattr(settle, "EVENTS_PER_TRANSACTION", 4)
    commits = []
    real = settle._store
    monkeypatch.setattr(settle, "_store", lambda *a: commits.append(1) or real(*a))
    report = settle.run(dispatched, BUNCH, provider="sendgrid", now=LATER)
    assert (report.new, report.unmatched, report.accepted, report.suppressed) == (9, 3, 1, 2)
    assert len(commits) == 3
    again = settle.run(dispatched, BUNCH, provider="sendgrid", now=LATER)
    assert (again.known, again.new, len(commits)) == (8, 1, 3)  # "processed" of what is accepted is not kept


@pytest.mark.parametrize(("delivered_between", "dead"), [(False, True), (True, False)])
def test_a_mailbox_that_always_bounces_softly_is_taken_for_dead(
    sessions, settings, delivered_between, dead
) -> None:
    frozen_issue(sessions, settings, 1)
    with sessions.begin() as session:
        for n in range(2, suppressions.SOFT_BOUNCES + 1):
            issue = Issue(issued_on=date(2026, 2, n), state="dispatched", subject="x", composed_at=MORNING)
            session.add(issue)
            session.flush()
            line = {"issue_id": issue.id, "subscriber_id": 1, "address_hash": "hash1", "rendition": "full"}
            session.execute(
                insert(Delivery).values(**line, content_hash="h", due_at=MORNING, state="accepted")
            )
        ids = session.scalars(select(Delivery.id).order_by(Delivery.id)).all()
    for n, number in enumerate(ids):
        assert _standing(sessions)[2] == []
        if delivered_between and n == 2:
            _take(sessions, [event(100, "delivered", number, minutes=n)])
        _take(sessions, [event(n, "bounced", number, bounce="soft", minutes=n)])
    assert bool(_standing(sessions)[2]) is dead


def test_a_surge_of_bounces_holds_the_issue(sessions, settings) -> None:
    issue_id = frozen_issue(sessions, settings, 300)
    with sessions.begin() as session:
        claimed = ledger.claim(session, issue_id, limit=200, now=MORNING)
        told = [Receipt(r.reference, Outcome.ACCEPTED) for r in claimed.rows]
        ledger.record(session, claimed, told, now=MORNING, provider="sendgrid")
    few = [event(n, "bounced", n, bounce="hard") for n in range(1, settle.MIN_SURGE)]
    assert _take(sessions, few).held == ()
    assert _take(sessions, [event(500, "complained", 150)]).held == (date(2026, 3, 2),)
    with db.reading(sessions) as session:
        issue = session.get_one(Issue, issue_id)
        assert (issue.state, "100 of 200" in (issue.hold_reason or "")) == ("held", True)
        assert "the copies that go from then on are judged anew" in (issue.hold_reason or ""), (
            "said on the desk"
        )


def test_a_surge_of_blocks_holds_the_issue(each_sessions, settings) -> None:
    """A receiver that turns our address away says it softly, of one mail after the other. A mail turned away twice is one."""
    issue_id = frozen_issue(each_sessions, settings, 1200)
    with each_sessions.begin() as session:
        claimed = ledger.claim(session, issue_id, limit=1001, now=MORNING)
        told = [Receipt(r.reference, Outcome.ACCEPTED) for r in claimed.rows]
        ledger.record(session, claimed, told, now=MORNING, provider="sendgrid")
    blocks = [event(n, "bounced", n, bounce="soft") for n in range(1, 101)]
    again = [event(1000 + n, "bounced", n, bounce="soft", minutes=2) for n in range(1, 50)]
    slow = [event(2000 + n, "deferred", n) for n in range(200, 900)]
    assert _take(each_sessions, [*blocks, *again, *slow]).held == ()
    assert _take(each_sessions, [event(500, "bounced", 150, bounce="soft")]).held == (date(2026, 3, 2),)
    with db.reading(each_sessions) as session:
        issue = session.get_one(Issue, issue_id)
        assert issue.state == "held"
        assert "101 of 1001 accepted Messages bounced, 101 of them for now" in (issue.hold_reason or "")


class Surging:
    """An Issue of 1,200 of which 400 went and 150 bounced for good, held at the hundredth and resumed an hour later."""

    def __init__(self, sessions, settings) -> None:
        self.sessions, self.next = sessions, 1
        self.issue_id = frozen_issue(sessions, settings, 1200)
        self.goes(400, MORNING)
        assert self.bounce(99, MORNING) == ()
        assert self.bounce(1, MORNING) == (date(2026, 3, 2),)
        assert self.bounce(50, MORNING) == (), "held already"
        self.resume(MORNING + timedelta(hours=1))

    def goes(self, count: int, at: datetime) -> None:
        """So many more are accepted; from then on it is they who bounce."""
        with self.sessions.begin() as session:
            claimed = ledger.claim(session, self.issue_id, limit=count, now=at)
            told = [Receipt(r.reference, Outcome.ACCEPTED) for r in claimed.rows]
            ledger.record(session, claimed, told, now=at, provider="sendgrid")
            self.next = min(r.delivery_id for r in claimed.rows)

    def bounce(self, count: int, at: datetime) -> tuple[date, ...]:
        some = [event(n, "bounced", n, bounce="hard") for n in range(self.next, self.next + count)]
        self.next += count
        return settle.run(self.sessions, some, provider="sendgrid", now=at).held

    def resume(self, at: datetime) -> None:
        with self.sessions.begin() as session:
            approval.resume(session, session.get_one(Issue, self.issue_id), by="operator:1", now=at)

    def reason(self) -> str:
        with db.reading(self.sessions) as session:
            return session.get_one(Issue, self.issue_id).hold_reason or ""


def test_after_an_operator_looked_the_brake_judges_the_copies_that_go_from_then_on(
    each_sessions, settings
) -> None:
    surging = Surging(each_sessions, settings)
    later = MORNING + timedelta(hours=2)
    assert surging.bounce(1, later) == (), "the next bounce of what the operator knew of holds nothing"
    surging.goes(300, later)
    assert surging.bounce(99, later) == ()
    assert surging.bounce(1, later) == (date(2026, 3, 2),)
    assert "100 of 300 accepted Messages bounced" in surging.reason()
    assert "since it was resumed" in surging.reason()
    surging.resume(later + timedelta(hours=1))
    surging.goes(500, later + timedelta(hours=2))
    assert surging.bounce(99, later + timedelta(hours=2)) == (), "and anew each time"


def test_bounces_of_what_went_before_hold_it_again_when_they_have_doubled(each_sessions, settings) -> None:
    surging = Surging(each_sessions, settings)
    later = MORNING + timedelta(hours=2)
    assert surging.bounce(149, later) == ()
    assert surging.bounce(1, later) == (date(2026, 3, 2),)
    assert (
        "300 of 400 accepted Messages bounced or were complained about, twice as many as" in surging.reason()
    )


@pytest.mark.parametrize(
    ("lasting", "in_all", "accepted", "holds"),
    [(99, 99, 99, False), (100, 100, 1_999, True), (100, 100, 2_000, False), (0, 99, 99, False), (0, 100, 999, True),
     (0, 100, 1_000, False), (60, 120, 1_200, False), (60, 121, 1_200, True), (0, 5_000, 1_000_000, False)],
)  # fmt: skip
def test_when_too_much_went_badly(lasting: int, in_all: int, accepted: int, holds: bool) -> None:
    assert bool(settle.surge_reason(lasting, in_all, accepted)) is holds


def test_sendgrids_words_are_read() -> None:
    at = int(MORNING.timestamp())

    def one(name: str, **more):
        return {
            "event": name,
            "sg_event_id": f"id-{name}-{len(more)}",
            "timestamp": at,
            "email": "a@example.com",
            **more,
        }

    body = [
        one("processed", reference="delivery:1"),
        one("delivered", reference="delivery:1", response="250 OK for a@example.com"),
        one("bounce", type="bounce", status="5.1.1", reason="550 no such", reference="delivery:2"),
        one("bounce", type="blocked", status="5.7.1", reason="blocked", reference="delivery:2", x=1),
        one("dropped", reason="Bounced Address", reference="delivery:3"),
        one("dropped", reason="Unsubscribed Address", reference="delivery:3", x=1),
        one("dropped", reason="Spam Reporting Address", reference="delivery:3", x=1, y=1),
        one("dropped", reason="Spam Content", reference="delivery:3", x=1, y=1, z=1),
        one("spamreport"),
        one("group_unsubscribe", asm_group_id=1),
        one("open"),
        one("click"),
        {"event": "delivered"},
        "nonsense",
    ]
    found = read_events(json.dumps(body).encode())
    assert [(e.kind, e.bounce) for e in found] == [
        ("accepted", None), ("delivered", None), ("bounced", "hard"), ("bounced", "soft"), ("bounced", "hard"),
        ("unsubscribed", None), ("complained", None), ("bounced", "soft"), ("complained", None), ("unsubscribed", None),
    ]  # fmt: skip
    assert found[0].happened_at == MORNING
    assert all("@" not in e.reason for e in found)
    with pytest.raises(ValueError, match="not a list"):
        read_events(b"{}")


@pytest.mark.parametrize(
    ("status", "reason", "bounce"),
    [
        ("5.7.1", "550 5.7.1 we do not want this", "soft"),
        ("5.0.0", "550 your server is on a block list", "soft"),
        ("5.2.2", "552 5.2.2 the box is full", "soft"),
        ("5.0.0", "550 gone", "hard"),
    ],
)
def test_a_bounce_that_sendgrid_calls_lasting_is_read_over_why(status, reason, bounce) -> None:
    said = {"event": "bounce", "type": "bounce", "sg_event_id": "b1", "timestamp": int(MORNING.timestamp())}
    (found,) = read_events(json.dumps([{**said, "status": status, "reason": reason}]).encode())
    assert found.bounce == bounce


def test_only_what_sendgrid_signed_now_is_believed() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = base64.b64encode(
        key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).decode()
    body = '[{"event": "delivered", "name": "Grüße"}]\r\n'.encode()

    def headers(at, signed=body, by=key):
        moment = str(int(at.timestamp()))
        made = by.sign(moment.encode() + signed, ec.ECDSA(hashes.SHA256()))
        return {SIGNATURE: base64.b64encode(made).decode(), MOMENT: moment}

    verify(body, headers(MORNING), key=public, now=LATER)
    stale = MORNING + timedelta(minutes=11)
    for wrong in (
        lambda: verify(body + b" ", headers(MORNING), key=public, now=LATER),
        lambda: verify(
            body, headers(MORNING, by=ec.generate_private_key(ec.SECP256R1())), key=public, now=LATER
        ),
        lambda: verify(body, headers(MORNING), key=public, now=stale),
        lambda: verify(body, headers(stale), key=public, now=MORNING),
        lambda: verify(
            body, {**headers(MORNING), MOMENT: str(int(LATER.timestamp()))}, key=public, now=LATER
        ),
        lambda: verify(body, {**headers(MORNING), SIGNATURE: "%%%"}, key=public, now=LATER),
        lambda: verify(body, {}, key=public, now=LATER),
        lambda: verify(body, headers(MORNING), key="not a key", now=LATER),
    ):
        with pytest.raises(ForgedEvents):
            wrong()
