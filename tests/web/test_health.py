"""Addresses for monitoring: alive, ready, and the state of the service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from newsletter import db
from newsletter.db.models import Run, Subscriber


def test_a_living_process_says_so_without_the_database(browser: FlaskClient, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        session.execute(text("DROP TABLE alembic_version"))
    assert browser.get("/healthz").json == {"status": "ok"}
    answer = browser.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["reasons"]


def test_the_detail_says_whether_todays_issue_reaches_readers_to_our_own_network_only(
    browser: FlaskClient, sessions: db.Sessions
) -> None:
    said = browser.get("/healthz?detail=1").json
    assert said is not None
    assert (said["status"], said["is_well"]) == ("ok", False)
    assert "There is no issue of" in said["said"]
    outside = {"REMOTE_ADDR": "93.184.215.14"}
    assert browser.get("/healthz?detail=1", environ_overrides=outside).status_code == 404
    assert browser.get("/healthz", environ_overrides=outside).json == {"status": "ok"}


def test_a_site_with_its_tables_is_ready(browser: FlaskClient) -> None:
    assert browser.get("/readyz").json == {"status": "ready"}


def test_metrics_count_and_name_nobody(browser: FlaskClient, sessions: db.Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        session.add(
            Subscriber(
                address="ann@example.com", address_hash="a", person_hash="p", asked_at=now, confirmed_at=now
            )
        )
        session.add(Run(step="gather", due_at=now, started_at=now, finished_at=now, outcome="done"))
        session.add(Run(step="compose", due_at=now, started_at=now, finished_at=now, outcome="failed"))
    page = browser.get("/metrics")
    assert page.content_type.startswith("text/plain")
    assert "newsletter_subscribers 1.0" in page.text
    line = next(
        x for x in page.text.splitlines() if x.startswith('newsletter_step_finished_seconds{step="gather"}')
    )
    assert float(line.split()[-1]) == now.timestamp()
    assert 'newsletter_steps_failed{step="compose"} 1.0' in page.text
    assert "ann@" not in page.text


def test_metrics_are_not_for_strangers(make_site: Callable[..., Flask]) -> None:
    client = make_site(TRUSTED_PROXIES=1).test_client()
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "8.8.8.8"}).status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "8.8.8.8"}).status_code == 404
