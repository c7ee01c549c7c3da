"""Only signed-in operators can open the desk, and no form of another site can act there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models import AuditEntry, Issue, Notice, Operator, SignIn
from newsletter.desk.guard import PUBLIC_ENDPOINTS
from newsletter.subscribers import operators, pending_requests
from newsletter.subscribers.tokens import CONFIRM, SIGNIN, fresh_secret

Make = Callable[..., object]
ARGUMENTS = {"day": "2026-03-02", "name": "delivery-1.eml", "number": 1, "token": "x"}


def _rules(site: Flask, method: str) -> list[tuple[str, str]]:
    with site.test_request_context():
        adapter = site.url_map.bind("127.0.0.1")
        return [
            (
                rule.endpoint,
                adapter.build(rule.endpoint, {a: ARGUMENTS[a] for a in rule.arguments}, method=method),
            )
            for rule in site.url_map.iter_rules()
            if rule.endpoint.startswith("desk.") and method in (rule.methods or ())
        ]


def test_every_page_but_the_sign_in_is_closed_to_strangers(site: Flask) -> None:
    seen = 0
    for endpoint, path in _rules(site, "GET"):
        if endpoint in PUBLIC_ENDPOINTS:
            continue
        answer = site.test_client().get(path)
        assert answer.status_code == 303, (endpoint, answer.status_code)
        assert answer.headers["Location"] == "/desk/signin"
        assert "deskbar" not in answer.text
        seen += 1
    assert seen > 15


def test_no_act_is_open_to_strangers(site: Flask, sessions: db.Sessions) -> None:
    acts = [(e, p) for e, p in _rules(site, "POST") if e not in PUBLIC_ENDPOINTS]
    assert len(acts) > 15
    for endpoint, path in acts:
        answer = site.test_client().post(path, data={"reason": "because", "after": "accepted"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/desk/signin"), endpoint
    with db.reading(sessions) as session:
        assert session.scalars(select(Issue.state)).all() == ["draft"]
        assert session.scalars(select(AuditEntry)).all() == []


def test_every_act_wants_the_form_token_of_this_very_sign_in(make_desk: Make, site: Flask) -> None:
    one, other = make_desk("one@example.com").sign_in(), make_desk("two@example.com").sign_in()
    stolen = other.fields("issues/2026-03-02", "/desk/signout")
    for endpoint, path in _rules(site, "POST"):
        if endpoint in PUBLIC_ENDPOINTS:
            continue
        assert one.post(path).status_code == 400, endpoint
        assert one.post(path, **stolen).status_code == 400, endpoint


def test_another_site_cannot_press_our_buttons(desk: object) -> None:
    fields = desk.fields("", "/desk/signout")
    desk.headers = {"Sec-Fetch-Site": "cross-site"}
    assert desk.post("signout", **fields).status_code == 403
    desk.headers = {"Origin": "https://elsewhere.example"}
    assert desk.post("signout", **fields).status_code == 403
    assert desk.get().status_code == 200


def test_looking_at_the_link_spends_nothing_and_the_button_spends_it_once(
    make_desk: Make, sessions: db.Sessions
) -> None:
    desk = make_desk()
    with sessions.begin() as session:
        operator = operators.add(session, "ed@example.com", now=desk.service.clock())
        link = operators.signin_link(operator, tokens=desk.service.tokens, links=desk.service.links)
    path = link.removeprefix("http://127.0.0.1:8000")
    for _ in range(3):
        answer = desk.get(path)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
    fields = desk.fields(path, path)
    assert desk.post(path, **fields).headers["Location"] == "/desk/"
    again = desk.post(path, **fields)
    assert again.status_code == 410
    assert "Set-Cookie" not in again.headers
    assert desk.get(path).status_code == 410


@pytest.mark.parametrize("purpose", [CONFIRM, SIGNIN])
def test_a_link_for_something_else_does_not_open_the_desk(make_desk: Make, purpose: str) -> None:
    desk = make_desk()
    with desk.service.sessions.begin() as session:
        operator = operators.add(session, "ed@example.com", now=desk.service.clock())
        number = operator.id
    path = f"/desk/signin/{desk.service.tokens.make(purpose, f'{number}.{fresh_secret()[:16]}')}"
    assert desk.get(path).status_code == 404
    with desk.client.application.test_request_context():
        from newsletter.web.http.csrf import FIELD, form_token

        token = form_token("desk-link", path.rpartition("/")[2])
    answer = desk.post(path, **{FIELD: token})
    assert answer.status_code == 404
    assert "Set-Cookie" not in answer.headers


def test_the_cookie_is_for_this_host_and_for_no_script(make_desk: Make, make_site: Make) -> None:
    desk = make_desk(SITE_URL="https://news.example")
    with desk.service.sessions.begin() as session:
        operator = operators.add(session, "ed@example.com", now=desk.service.clock())
        link = operators.signin_link(operator, tokens=desk.service.tokens, links=desk.service.links)
    path = link.removeprefix("http://127.0.0.1:8000")
    cookie = desk.post(path, **desk.fields(path, path)).headers["Set-Cookie"]
    assert cookie.startswith("__Host-desk=")
    for word in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
        assert word in cookie
    assert "Domain" not in cookie


def test_the_answer_to_asking_is_the_same_for_everybody(make_desk: Make, sessions: db.Sessions) -> None:
    desk = make_desk()
    with sessions.begin() as session:
        known = operators.add(session, "ed@example.com", now=desk.service.clock()).id
    answers = [
        desk.submit("signin", "signin", address=address)
        for address in ("ed@example.com", "nobody@example.com", "not an address", "")
    ]
    assert {a.status_code for a in answers} == {200}
    assert len({a.text for a in answers}) == 1
    pending_requests.run(sessions, desk.service.settings, clock=desk.service.clock)
    with db.reading(sessions) as session:
        assert [(n.kind, n.operator_id) for n in session.scalars(select(Notice))] == [("desk", known)]


def test_a_stranger_fills_no_operators_mailbox_and_locks_nobody_out(
    make_desk: Make, sessions: db.Sessions
) -> None:
    """Asked for 720 times a day, in an operator's name and from many networks."""
    desk = make_desk()
    start = desk.service.clock()
    with sessions.begin() as session:
        known = operators.add(session, "ed@example.com", now=start)
        for n in range(720):
            operators.ask_for_link(
                session,
                "ed@example.com",
                settings=desk.service.settings,
                now=start + timedelta(minutes=2 * n),
                network=f"203.0.{n % 100}.{n % 7}",
            )
    with db.reading(sessions) as session:
        due = [n.due_at for n in session.scalars(select(Notice))]
        link = operators.signin_link(known, tokens=desk.service.tokens, links=desk.service.links)
    assert len(due) == operators.LINKS_A_DAY
    assert max(sum(at <= d < at + timedelta(hours=1) for d in due) for at in due) == operators.LINKS_AN_HOUR
    assert desk.client.get(link.partition("8000")[2]).status_code == 200, "one printed on the server works"


def test_signing_out_ends_it_on_the_server_too(desk: object, sessions: db.Sessions) -> None:
    kept = desk.client.get_cookie("desk").value
    assert desk.submit("signout", "").headers["Location"] == "/desk/signin"
    assert desk.client.get_cookie("desk") is None
    desk.client.set_cookie("desk", kept)
    assert desk.get().status_code == 303
    with db.reading(sessions) as session:
        assert session.scalars(select(SignIn.revoked_at)).all() != [None]


def test_an_operator_who_was_removed_is_out_at_once(make_desk: Make, sessions: db.Sessions) -> None:
    boss, leaving = make_desk("boss@example.com").sign_in(), make_desk("leaving@example.com").sign_in()
    assert boss.submit(f"operators/{leaving.operator_id}/remove", "operators").status_code == 303
    assert leaving.get().status_code == 303
    with db.reading(sessions) as session:
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.by == f"operator:{boss.operator_id}"))
        assert "operator.removed" in acts.all()


def test_the_last_manager_stays(desk: object, sessions: db.Sessions) -> None:
    assert desk.submit(f"operators/{desk.operator_id}/remove", "operators").status_code == 409
    assert desk.submit(f"operators/{desk.operator_id}/duty", "operators").status_code == 409
    with db.reading(sessions) as session:
        assert session.scalars(select(Operator.duty)).all() == ["manager"]


def test_an_editor_decides_about_issues_and_about_nothing_else(make_desk: Make) -> None:
    editor = make_desk().sign_in("editor")
    day = "issues/2026-03-02"
    assert editor.submit(f"{day}/hold", day, reason="wait").status_code == 303
    token = editor.fields(day, "/desk/signout")
    for act in ("operators", "operators/1/remove", "operators/1/duty", "readers/1/suppress", "readers"):
        assert editor.post(act, **token, address="x@example.com", duty="manager").status_code == 403, act
    assert editor.get("readers/1").status_code == 403


def test_a_sign_in_ends_after_its_hours(settings: object, sessions: db.Sessions, desk: object) -> None:
    later = desk.service.clock() + operators.SIGNED_IN_FOR + timedelta(seconds=1)
    evening = create_app(settings, sessions=sessions, clock=clock.fixed(later)).test_client()
    evening.set_cookie("desk", desk.client.get_cookie("desk").value)
    assert evening.get("/desk/").status_code == 303


def test_no_cache_keeps_a_desk_page_and_nobody_frames_it(desk: object) -> None:
    answer = desk.get()
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert re.search(r"script-src 'self'", answer.headers["Content-Security-Policy"])
