"""Every route of the site, signed out: GET changes no table, a poisoned Host reaches no page, headers protect each answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import IntegerConverter

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models.base import Base
from newsletter.settings import Settings
from tests.subscribers.readers import make_reader

EVIL = "evil.example.net"


@pytest.fixture
def site(settings: Settings, sessions: db.Sessions, now: datetime) -> Flask:
    make_reader(sessions, now)
    return create_app(settings, sessions=sessions, clock=clock.fixed(now))


def tables(sessions: db.Sessions) -> dict[str, list[Any]]:
    with db.reading(sessions) as session:
        return {
            t.name: [tuple(row) for row in session.execute(select(t).order_by(*t.primary_key.columns))]
            for t in Base.metadata.sorted_tables
        }


def addresses(site: Flask, method: str) -> list[str]:
    """Each route that takes the method, its variables filled with what belongs to nobody."""
    found = set()
    adapter = site.url_map.bind("127.0.0.1")
    for rule in site.url_map.iter_rules():
        if method in (rule.methods or ()):
            values: dict[str, Any] = {
                name: 1 if isinstance(converter, IntegerConverter) else "2026-03-02"
                for name, converter in rule._converters.items()
            }
            found.add(adapter.build(rule.endpoint, values, method=method))
    assert len(found) > 3
    return sorted(found)


def test_get_changes_no_table_and_each_answer_carries_its_protection(
    site: Flask, sessions: db.Sessions
) -> None:
    before = tables(sessions)
    for address in addresses(site, "GET"):
        answer = site.test_client().get(address)
        assert answer.status_code < 500 or address == "/readyz", address
        assert answer.headers["X-Content-Type-Options"] == "nosniff", address
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors" in policy, address
        assert "unsafe" not in policy, address
    assert tables(sessions) == before


def test_a_poisoned_host_reaches_no_page_and_no_redirect(site: Flask) -> None:
    for address in addresses(site, "GET"):
        answer = site.test_client().get(address, headers={"Host": EVIL, "X-Forwarded-Host": EVIL})
        assert EVIL.encode() not in answer.data, address
        assert EVIL not in answer.headers.get("Location", ""), address


def test_a_form_from_another_site_changes_no_table(site: Flask, sessions: db.Sessions) -> None:
    before = tables(sessions)
    for address in addresses(site, "POST"):
        answer = site.test_client().post(
            address,
            data={"address": "ann@example.com"},
            headers={"Origin": f"https://{EVIL}", "Sec-Fetch-Site": "cross-site"},
        )
        assert 300 <= answer.status_code < 500, (address, answer.status_code)
    assert tables(sessions) == before
