"""What a stranger can learn or cause without signing in: who is a reader, and how much mail can be triggered."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from random import Random

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models import Notice, Operator, Subscriber
from newsletter.delivery.providers.sendgrid.events import MOMENT, SIGNATURE
from newsletter.settings import Settings
from newsletter.subscribers import operators, pending_requests
from newsletter.subscribers.tokens import CHECKOUT, CONFIRM, DESK, SIGNIN, UNSUBSCRIBE
from tests.security.test_every_route import EVIL, tables
from tests.servers.event_signing import Signer
from tests.subscribers.readers import link_for, make_reader

FORMS = {"/signup": {"hour": "6", "zone": "UTC"}, "/signin": {}, "/desk/signin": {}}


def ask(browser: FlaskClient, path: str, address: str, **headers: str) -> tuple[int, str, list[str]]:
    """Status, page and header names; the address itself may not be in them."""
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', browser.get(path).text))
    assert hidden["form_token"]
    given = {**FORMS[path], **hidden, "address": address}
    answer = browser.post(path, data=given, headers=headers)
    return answer.status_code, answer.text, sorted(answer.headers.keys())


@pytest.mark.parametrize("path", list(FORMS))
def test_known_unknown_suppressed_and_unconfirmed_look_the_same(
    path: str, make_settings: Callable[..., Settings], sessions: db.Sessions, now: datetime
) -> None:
    settings = make_settings(OPERATORS="chief@desk.example.org")
    make_reader(sessions, now, address="known@example.com")
    make_reader(sessions, now, address="left@example.com", unsubscribed_at=now)
    make_reader(sessions, now, address="new@example.com", confirmed_at=None, trial_started_at=None)
    browser = create_app(settings, sessions=sessions, clock=clock.fixed(now)).test_client()
    seen = [
        ask(browser, path, f"{who}@{where}")
        for who, where in (
            ("known", "example.com"), ("left", "example.com"), ("new", "example.com"), ("nobody", "example.com"),
            ("chief", "desk.example.org"),
        )
    ]  # fmt: skip
    assert all(answer == seen[0] for answer in seen)
    assert seen[0][0] == 200


def network_kept(
    settings: Settings, sessions: db.Sessions, now: datetime, number: int, **headers: str
) -> str | None:
    """What the site takes for the stranger's network, kept with the consent."""
    browser = create_app(settings, sessions=sessions, clock=clock.fixed(now)).test_client()
    assert ask(browser, "/signup", f"a{number}@example.com", **headers)[0] == 200
    pending_requests.run(sessions, settings, clock=clock.fixed(now))
    with db.reading(sessions) as session:
        return session.scalars(select(Subscriber.consent_ip).order_by(Subscriber.id.desc())).first()


@pytest.mark.parametrize(
    ("proxies", "said", "kept"),
    [
        (0, "203.0.113.9", "127.0.0.1"),  # nobody is believed
        (1, "203.0.113.9", "203.0.113.9"),
        (
            1,
            "6.6.6.6, 203.0.113.9",
            "203.0.113.9",
        ),  # what the stranger wrote stands before what the proxy added
        (1, "6.6.6.6,7.7.7.7, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 198.51.100.1", "203.0.113.9"),
        (2, "203.0.113.9", "127.0.0.1"),  # came past the first proxy: not believed
        (1, "nonsense\t<script>", None),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_only_what_our_own_proxies_add_is_believed(
    proxies: int, said: str, kept: str | None,
    make_settings: Callable[..., Settings], sessions: db.Sessions, now: datetime,
) -> None:  # fmt: skip
    settings = make_settings(TRUSTED_PROXIES=proxies)
    assert network_kept(settings, sessions, now, 1, **{"X-Forwarded-For": said}) == kept


def test_a_forged_forwarded_for_does_not_get_round_the_cap(
    make_settings: Callable[..., Settings], sessions: db.Sessions, now: datetime
) -> None:
    settings = make_settings(TRUSTED_PROXIES=1)
    browser = create_app(settings, sessions=sessions, clock=clock.fixed(now)).test_client()
    for number in range(34):
        lie = {"X-Forwarded-For": f"9.9.{number}.1, 203.0.113.9"}
        assert ask(browser, "/signup", f"a{number}@example.com", **lie)[0] == 200
    pending_requests.run(sessions, settings, clock=clock.fixed(now))
    with db.reading(sessions) as session:
        assert [n.due_at for n in session.scalars(select(Notice))].count(now) == 30


def test_forwarded_host_and_prefix_change_nothing(
    settings: Settings, sessions: db.Sessions, now: datetime
) -> None:
    settings = settings.model_copy(update={"TRUSTED_PROXIES": 1})
    browser = create_app(settings, sessions=sessions, clock=clock.fixed(now)).test_client()
    lies = {"X-Forwarded-Host": EVIL, "X-Forwarded-Prefix": f"//{EVIL}", "X-Forwarded-Port": "666", "Host": EVIL,
            "X-Original-URL": "/desk/", "X-Rewrite-URL": "/desk/", "X-HTTP-Method-Override": "POST"}  # fmt: skip
    for path in (
        "/",
        "/issues.atom",
        "/sitemap.xml",
        "/feed.atom",
        "/account",
        "/.well-known/security.txt",
        "/robots.txt",
    ):
        answer = browser.get(path, headers=lies)
        assert EVIL not in answer.text + str(answer.headers), path
        assert "666" not in answer.headers.get("Location", "")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_metrics_are_closed_to_who_comes_through_a_proxy_we_do_not_know(
    header: str, settings: Settings, sessions: db.Sessions, now: datetime
) -> None:
    """A forgotten TRUSTED_PROXIES makes every stranger look like the proxy on our own network."""
    browser = create_app(settings, sessions=sessions, clock=clock.fixed(now)).test_client()
    assert browser.get("/metrics").status_code == 200
    assert browser.get("/metrics", headers={header: "203.0.113.9"}).status_code == 404


def test_security_txt_is_whole(settings: Settings, sessions: db.Sessions, now: datetime) -> None:
    """RFC 9116: a contact, and a day within the year on which it ends."""
    browser = create_app(settings, sessions=sessions, clock=clock.fixed(now)).test_client()
    answer = browser.get("/.well-known/security.txt")
    fields = dict(line.split(": ", 1) for line in answer.text.strip().splitlines())
    assert answer.mimetype == "text/plain"
    assert fields["Contact"].startswith("mailto:")
    assert 0 < (datetime.fromisoformat(fields["Expires"]) - now).days < 366
    assert fields["Canonical"].endswith("/.well-known/security.txt")


def statements(sessions: db.Sessions, act: Callable[[], object]) -> list[str]:
    """What the database is asked while ``act`` is done."""
    said: list[str] = []
    engine = sessions.kw["bind"]

    def listen(*args: object) -> None:
        said.append(str(args[2]))

    event.listen(engine, "before_cursor_execute", listen)
    act()
    event.remove(engine, "before_cursor_execute", listen)
    return said


@pytest.mark.parametrize("path", list(FORMS))
def test_the_work_is_the_same_for_everybody_and_only_who_should_is_mailed(
    path: str, make_settings: Callable[..., Settings], each_sessions: db.Sessions, now: datetime
) -> None:
    """An operator among those who ask: added, named in OPERATORS, or removed."""
    settings = make_settings(OPERATORS="chief@desk.example.org")
    make_reader(each_sessions, now, address="known@example.com")
    make_reader(each_sessions, now, address="left@example.com", unsubscribed_at=now)
    with each_sessions.begin() as session:
        added = operators.add(session, "added@desk.example.org", now=now)
        gone = operators.add(session, "gone@desk.example.org", now=now)
        gone.removed_at = now
    browser = create_app(settings, sessions=each_sessions, clock=clock.fixed(now)).test_client()
    names = ["known@example.com", "left@example.com", "nobody@example.com"]
    names += ["added@desk.example.org", "chief@desk.example.org", "gone@desk.example.org"]
    work = {tuple(statements(each_sessions, lambda name=name: ask(browser, path, name))) for name in names}
    assert len(work) == 1
    assert sum("INSERT INTO pending_request" in one for one in next(iter(work))) == 1
    assert pending_requests.run(each_sessions, settings, clock=clock.fixed(now)) == len(names)
    with db.reading(each_sessions) as session:
        mailed = [(n.kind, n.subscriber_id, n.operator_id) for n in session.scalars(select(Notice))]
        chief = session.scalars(select(Operator).where(Operator.address.startswith("chief"))).all()
    if path == "/desk/signin":
        assert {o for _, _, o in mailed} == {added.id, chief[0].id}
        assert {kind for kind, _, _ in mailed} == {"desk"}
    else:
        assert all(operator is None for _, _, operator in mailed), "readers' forms sign nobody in at the desk"


@pytest.mark.parametrize("path", ["/webhooks/sendgrid", "/webhooks/stripe"])
def test_a_forged_webhook_asks_the_database_nothing(
    path: str, make_settings: Callable[..., Settings], sessions: db.Sessions, now: datetime
) -> None:
    settings = make_settings(
        SENDGRID_WEBHOOK_KEY=Signer().public, STRIPE_API_KEY="sk_test", STRIPE_WEBHOOK_SECRET="whsec"
    )
    browser = create_app(settings, sessions=sessions, clock=clock.fixed(now)).test_client()
    stamp = str(int(now.timestamp()))
    lies = {
        "Stripe-Signature": f"t={stamp},v1={'0' * 64}",
        SIGNATURE: "MEUCIQ==",
        MOMENT: stamp,
    }
    answers: list[int] = []

    def forge(body: bytes) -> None:
        answers.append(browser.post(path, data=body, headers=lies).status_code)

    for body in (b"[]", b'[{"event":"bounce"}]', b"x" * 1000):
        assert statements(sessions, partial(forge, body)) == []
    assert answers == [403, 403, 403]


def test_guessing_opens_nothing_and_leaves_nothing(
    settings: Settings, sessions: db.Sessions, now: datetime
) -> None:
    """Cookies and links of every kind, made up and nearly right, a few hundred of them: no door opens, no table changes."""
    reader = make_reader(sessions, now)
    with sessions.begin() as session:
        operators.add(session, "ed@desk.example", now=now)
    site = create_app(settings, sessions=sessions, clock=clock.fixed(now))
    before = tables(sessions)
    chance = Random(7)
    kinds = {
        SIGNIN: "/signin",
        DESK: "/desk/signin",
        CONFIRM: "/confirm",
        UNSUBSCRIBE: "/unsubscribe",
        CHECKOUT: "/checkout/for",
    }
    for _ in range(60):
        browser = site.test_client()
        guess = "".join(
            chance.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", k=43)
        )
        for cookie in ("reader", "desk", "meter"):
            browser.set_cookie(cookie, guess)
        assert browser.get("/account").status_code == 303
        assert browser.get("/desk/readers").status_code == 303
        for purpose, path in kinds.items():
            real = link_for(reader, purpose, now)
            place = chance.randrange(len(real) - 1)
            near = real[:place] + chance.choice("abcxyz019".replace(real[place], "")) + real[place + 1 :]
            for token in (guess, near):
                assert browser.get(f"{path}/{token}").status_code in (404, 410), path
                assert browser.post(f"{path}/{token}").status_code in (400, 404, 405, 410), path
    assert tables(sessions) == before
