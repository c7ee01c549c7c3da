"""SendGrid's event webhook over real HTTP: only what is signed now gets in, once, and "taken" means committed."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as some
from sqlalchemy import delete, func, select, update
from werkzeug.serving import make_server

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models import Delivery, DeliveryEvent, Issue, Notice, Suppression
from newsletter.delivery import events, ledger
from newsletter.delivery.providers.protocol import Outcome, Receipt
from newsletter.web.api.webhooks import EVENTS_CAP
from tests.delivery.mailing import frozen_issue
from tests.servers.event_signing import MOMENT, SIGNATURE, Signer, body_of, word

SIGNER = Signer()


@contextmanager
def served(app: Flask) -> Iterator[int]:
    """The site on a port of its own, by a real server with threads."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def post(port: int, body: bytes, headers: dict[str, str], *, to: str = "sendgrid") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", f"/webhooks/{to}", body, headers)
    answer = connection.getresponse()
    said = answer.read().decode()
    connection.close()
    return answer.status, said


@pytest.fixture
def here(each_sessions, settings, now) -> Iterator[tuple[db.Sessions, int]]:
    """The served site over an Issue of 20 readers: 1 and 2 uncertain, 3 in somebody's hands, 4–10 accepted, others pending."""
    _issue(each_sessions, settings, now)
    mine = settings.model_copy(
        update={"SENDGRID_WEBHOOK_KEY": SIGNER.public, "OPERATORS": "desk@example.com"}
    )
    with served(create_app(mine, sessions=each_sessions, clock=clock.fixed(now))) as port:
        yield each_sessions, port


def _issue(sessions: db.Sessions, settings, now) -> None:
    issue_id = frozen_issue(sessions, settings, 20)
    with sessions.begin() as session:
        claimed = ledger.claim(session, issue_id, limit=10, now=now)
        doubt = {1: Outcome.UNCERTAIN, 2: Outcome.UNCERTAIN}
        told = [
            Receipt(r.reference, doubt.get(r.delivery_id, Outcome.ACCEPTED))
            for r in claimed.rows
            if r.delivery_id != 3
        ]
        ids = [r.delivery_id for r in claimed.rows if r.delivery_id != 3]
        rows = tuple(r for r in claimed.rows if r.delivery_id in ids)
        part = ledger.Claimed(issue_id, claimed.token, claimed.lease_until, rows, templates=claimed.templates)
        ledger.record(session, part, told, now=now, provider="sendgrid")


def _standing(sessions: db.Sessions) -> dict[str, list]:
    with db.reading(sessions) as session:
        return {
            "lines": [(d.id, d.state) for d in session.scalars(select(Delivery).order_by(Delivery.id))],
            "events": sorted(
                (e.provider_event_id, e.kind, e.bounce, e.delivery_id)
                for e in session.scalars(select(DeliveryEvent))
            ),
            "suppressed": sorted(
                (s.address_hash, s.reason, s.suppressed_at) for s in session.scalars(select(Suppression))
            ),
        }


def _told(port: int, words: list[dict], *, at) -> int:
    body = body_of(words)
    return post(port, body, SIGNER.headers(body, at=at))[0]


def words(now) -> list[dict]:
    later = now + timedelta(seconds=30)
    return [
        word("a1", "processed", "delivery:1", at=now),
        word("a2", "delivered", "delivery:2", at=later),
        word("a3", "processed", "delivery:3", at=now),
        word("a4", "bounce", "delivery:4", at=later, type="bounce", reason="550 nobody@example.com"),
        word("a5", "spamreport", "delivery:4", at=later + timedelta(hours=1)),
        word("a6", "group_unsubscribe", "delivery:5", at=later, asm_group_id=3),
        word("a7", "unsubscribe", "delivery:5", at=now),
        word("a8", "bounce", "delivery:6", at=later, type="blocked", reason="451 later"),
        word("a9", "dropped", "delivery:7", at=later, reason="Bounced Address"),
        word("b1", "processed", "delivery:12", at=now),
        word("b2", "open", "delivery:8", at=now),
        word("b3", "delivered", "delivery:4711", at=now),
        word("b4", "delivered", "", at=now),
    ]


def test_signed_events_are_taken_and_settle_the_ledger(here, now) -> None:
    sessions, port = here
    assert _told(port, words(now), at=now) == 204
    found = _standing(sessions)
    states = dict(found["lines"])
    assert [states[n] for n in (1, 2, 3, 12, 13)] == [
        "accepted",
        "accepted",
        "submitting",
        "accepted",
        "pending",
    ]
    assert [e[0] for e in found["events"]] == ["a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9"]
    assert [s[:2] for s in found["suppressed"]] == [
        ("hash4", "complained"),
        ("hash5", "unsubscribed"),
        ("hash7", "bounced"),
    ]


def test_the_word_that_came_while_it_was_in_our_hands_settles_the_later_doubt(here, now) -> None:
    sessions, port = here
    assert _told(port, words(now), at=now) == 204
    with sessions.begin() as session:
        ledger.expire(session, 1, now=now + timedelta(hours=1))
    assert dict(_standing(sessions)["lines"])[3] == "accepted"


def test_twice_is_once(here, now) -> None:
    sessions, port = here
    assert _told(port, words(now), at=now) == 204
    before = _standing(sessions)
    assert _told(port, words(now) + words(now), at=now) == 204
    assert _standing(sessions) == before


@pytest.fixture
def started(sessions, settings, now) -> Iterator[tuple[db.Sessions, int]]:
    _issue(sessions, settings, now)
    mine = settings.model_copy(update={"SENDGRID_WEBHOOK_KEY": SIGNER.public})
    with served(create_app(mine, sessions=sessions, clock=clock.fixed(now))) as port:
        yield sessions, port


ENDS: list[dict] = []


@given(data=some.data())
@rules(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_in_any_parts_with_any_repeats_ends_the_same(started, now, data) -> None:
    sessions, port = started
    with sessions.begin() as session:  # back to the beginning
        session.execute(delete(DeliveryEvent))
        session.execute(delete(Suppression))
        session.execute(update(Delivery).where(Delivery.id.in_((1, 2))).values(state="uncertain"))
        session.execute(update(Delivery).where(Delivery.id > 10).values(state="pending"))
    bunch = data.draw(some.permutations(words(now)))
    bunch += data.draw(some.lists(some.sampled_from(bunch), max_size=5))
    while bunch:
        size = data.draw(some.integers(1, len(bunch)))
        assert _told(port, bunch[:size], at=now) == 204
        bunch = bunch[size:]
    ENDS.append(_standing(sessions))
    assert ENDS[-1] == ENDS[0]


def test_what_is_not_signed_now_by_them_is_refused_and_leaves_no_trace(here, now) -> None:
    sessions, port = here
    before = _standing(sessions)
    body = body_of(words(now))
    good = SIGNER.headers(body, at=now)
    forged = Signer().headers(body, at=now)
    for name, (sent, headers) in {
        "no signature": (body, {}),
        "another key": (body, forged),
        "other bytes": (body + b" ", good),
        "another moment": (body, {**good, MOMENT: str(int(now.timestamp()) + 1)}),
        "stale": (body, SIGNER.headers(body, at=now - timedelta(minutes=11))),
        "from the future": (body, SIGNER.headers(body, at=now + timedelta(minutes=11))),
        "garbage": (body, {**good, SIGNATURE: "%%%"}),
        "half a signature": (body, {**good, SIGNATURE: good[SIGNATURE][:40]}),
        "no moment": (body, {**good, MOMENT: "now"}),
    }.items():
        assert post(port, sent, headers)[0] == 403, name
        assert _standing(sessions) == before, name


def test_without_a_key_nothing_is_believed(make_site, now) -> None:
    with served(make_site()) as port:
        body = body_of(words(now))
        assert post(port, body, SIGNER.headers(body, at=now))[0] == 404


@pytest.mark.parametrize("name", ["smtp", "outbox", "nobody", "stripe"])
def test_who_reports_nothing_has_no_route_and_payments_keep_theirs(make_site, now, name) -> None:
    with served(make_site()) as port:
        body = body_of(words(now))
        status, said = post(port, body, SIGNER.headers(body, at=now), to=name)
    assert status == 404
    assert said.startswith("Stripe is not set up" if name == "stripe" else "No email provider reports events")


@pytest.mark.parametrize(
    ("place", "odd"),
    [
        ("reason", b"550 Empf\xe4nger unbekannt"),
        ("reason", b"550 half a letter \xe2\x82"),
        ("reason", rb"550 \ud800 half a pair"),
        ("reason", rb"550 \u0000 nothing"),
        ("event_id", rb"x\u0000y"),
        ("event_id", rb"x\ud800y"),
        ("event_id", b"x\xe4y"),
        ("reference", rb"delivery:4\u0000"),
        ("reference", b"delivery:\xb2"),
    ],
)
def test_odd_bytes_in_one_event_cost_the_others_nothing(here, now, place, odd) -> None:
    sessions, port = here
    values = {"reason": b"550 no such user", "event_id": b"o1", "reference": b"delivery:4", place: odd}
    spoiled = word("EVENT", "bounce", "REFERENCE", at=now, type="bounce", status="5.1.1", reason="REASON")
    body = body_of([word("o2", "spamreport", "delivery:5", at=now), spoiled])
    for name, value in values.items():
        body = body.replace(name.replace("event_id", "event").upper().encode(), value)
    assert post(port, body, SIGNER.headers(body, at=now))[0] == 204
    gone = [("hash4", "bounced")] if place != "reference" else []
    assert [s[:2] for s in _standing(sessions)["suppressed"]] == [*gone, ("hash5", "complained")]


@pytest.mark.parametrize("body", [b"{}", b'"x"', b"[1,", b"", b"\xff\xfe"])
def test_signed_nonsense_is_said_to_be_nonsense(started, now, body) -> None:
    _, port = started
    assert post(port, body, SIGNER.headers(body, at=now))[0] == 400


def test_a_body_past_the_cap_is_not_read(started, now) -> None:
    _, port = started
    body = b"[" + b" " * EVENTS_CAP + b"]"
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused while we were still sending
        assert post(port, body, SIGNER.headers(body, at=now))[0] == 413


def test_a_large_post_within_the_cap_is_taken_whole(started, now) -> None:
    sessions, port = started
    many = [word(f"m{n}", "deferred", "delivery:4", at=now, response="x" * 300) for n in range(2000)]
    assert _told(port, many, at=now) == 204
    with db.reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(DeliveryEvent)) == 2000


def test_acknowledged_only_when_it_is_in_the_database(settings, sessions, now, monkeypatch) -> None:
    """A commit that fails is answered with an error, so that SendGrid posts the events again; then they are taken."""
    _issue(sessions, settings, now)
    mine = settings.model_copy(update={"SENDGRID_WEBHOOK_KEY": SIGNER.public})
    app = create_app(mine, sessions=sessions, clock=clock.fixed(now))
    with sessions.begin() as session:
        session.connection().exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON delivery_event BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    with served(app) as port:
        before = _standing(sessions)
        assert _told(port, words(now), at=now) == 503
        assert _standing(sessions) == before
        with sessions.begin() as session:
            session.connection().exec_driver_sql("DROP TRIGGER full")
        assert _told(port, words(now), at=now) == 204
        assert len(_standing(sessions)["events"]) == 8


def test_a_surge_of_bounces_stops_the_issue_and_tells_the_operators(here, now, monkeypatch) -> None:
    sessions, port = here
    monkeypatch.setattr(events, "MIN_SURGE", 3)
    bad = [word(f"s{n}", "bounce", f"delivery:{n}", at=now, type="bounce") for n in (4, 5, 6)]
    assert _told(port, bad, at=now) == 204
    assert _told(port, bad, at=now) == 204
    with db.reading(sessions) as session:
        assert session.get_one(Issue, 1).state == "held"
        told = session.scalars(select(Notice).where(Notice.kind == "alert")).all()
    assert ["bounced" in json.dumps(n.values) for n in told] == [True]
