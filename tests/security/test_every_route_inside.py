"""Every route once more, with an operator and a reader signed in and something real at every address.

GET changes no table, no form is taken from another site or without its token, nothing personal may be kept by a cache, and
what caches may keep is the same for everybody. Routes are found, not listed: a new one is held to this by itself.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import IntegerConverter, Rule

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models import Delivery, Feed, Report, SignIn, Story
from newsletter.settings import Settings
from newsletter.subscribers import operators
from newsletter.subscribers.tokens import CHECKOUT, CONFIRM, DESK, SIGNIN, UNSUBSCRIBE, subject_of
from newsletter.web.http.page_cache import PageCache
from tests.conftest import MORNING
from tests.security.test_every_route import EVIL, tables
from tests.subscribers.readers import KEY, link_for, make_reader, tokens_at
from tests.web.sample_site import publish_sample

READER, OPERATOR = "zelda.quill@mail.example.net", "chief.editor@desk.example.org"
# They carry their own proof instead of a form token: a signature, or the mailed link itself (RFC 8058).
OWN_PROOF = {"webhooks.provider_events", "stripe_webhook.stripe", "signup.confirm", "unsubscribe.leave",
             "unsubscribe.undo", "checkout.begin_for"}  # fmt: skip


@dataclass
class Form:
    """A form as it stands on a page."""

    page: str
    action: str
    fields: dict[str, str]


class Forms(HTMLParser):
    """The POST forms of a page with what they would send as they stand."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page, self.found, self._open = page, list[Form](), False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        if tag == "form" and given.get("method", "").lower() == "post":
            self.found.append(Form(self.page, given.get("action", ""), {}))
            self._open = True
        elif tag in ("input", "button", "textarea") and self._open and given.get("name"):
            self.found[-1].fields.setdefault(given["name"], given.get("value", "x"))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False


@dataclass
class Inside:
    """The site with somebody signed in, and real values for each variable of its routes."""

    site: Flask
    client: FlaskClient
    values: dict[str, dict[str, Any]]
    guessed: set[str] = field(default_factory=set)  # endpoints with a made-up variable
    _forms: list[Form] | None = None

    def get(self, address: str, client: FlaskClient | None = None) -> Any:
        answer = (client or self.client).get(address)
        assert answer.data is not None  # read whole, so that a file behind it is closed
        answer.close()
        return answer

    def addresses(self, method: str) -> dict[str, str]:
        """Address → endpoint."""
        adapter = self.site.url_map.bind("127.0.0.1")
        found = {}
        for rule in self.site.url_map.iter_rules():
            if method in (rule.methods or ()):
                values = {n: self._value(rule, n) for n in rule.arguments}
                found[adapter.build(rule.endpoint, values, method=method)] = rule.endpoint
        return found

    def _value(self, rule: Rule, name: str) -> Any:
        """Something real for a variable; a new route nobody told us about gets a guess."""
        for beginning, values in self.values.items():
            if rule.endpoint.startswith(beginning) and name in values:
                return values[name]
        self.guessed.add(rule.endpoint)
        return 1 if isinstance(rule._converters[name], IntegerConverter) else "2026-03-02"

    def forms(self) -> list[Form]:
        """Every form on every page."""
        if self._forms is None:
            self._forms = self._crawl()
        return self._forms

    def _crawl(self) -> list[Form]:
        found = []
        for address in self.addresses("GET"):
            answer = self.get(address)
            if answer.mimetype == "text/html":
                reader = Forms(address)
                reader.feed(answer.text)
                found += reader.found
        return found


@pytest.fixture(scope="module")
def settings(_migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A site of this module's own, which its tests leave as it was: that is what they show."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(_migrated_sqlite, folder / "newsletter.db")
    return Settings(
        _env_file=None,
        DATABASE_URL=f"sqlite:///{folder}/newsletter.db",
        OUTBOX_DIR=folder / "outbox",
        SECRET_KEY=KEY,
        OPERATORS=OPERATOR,
    )  # type: ignore[call-arg]


@pytest.fixture(scope="module")
def sessions(settings: Settings) -> Iterator[db.Sessions]:
    engine = db.make_engine(settings.DATABASE_URL)
    yield db.make_sessions(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def inside(settings: Settings, sessions: db.Sessions) -> Inside:
    return signed_in(settings, sessions)


def signed_in(settings: Settings, sessions: db.Sessions) -> Inside:
    """The sample day, mailed to one reader, who is signed in as is an operator."""
    now = MORNING
    reader = make_reader(sessions, now, address=READER, hour=3)
    issue = publish_sample(sessions, settings, now)
    site = create_app(settings, sessions=sessions, clock=clock.fixed(now))
    client = site.test_client()
    with sessions.begin() as session:
        operator = operators.add(session, OPERATOR, now=now)
        operator.duty = "manager"
        desk = operators.signin_link(
            operator, tokens=tokens_at(now), links=site.extensions["newsletter"].paths
        )
        story = session.scalars(select(Story).order_by(Story.id)).first()
        session.add(Report(story_id=story.id, reason="wrong", words="It was on Monday.", reported_at=now))
        session.flush()
        number = session.scalars(select(Report.id)).one()
        feed = session.scalars(select(Feed.id)).first()
        session.scalars(select(Delivery)).first().state = "uncertain"
        slug, story_id, day = story.slug, story.id, issue.issued_on.isoformat()
    signin = f"/signin/{tokens_at(now).make(SIGNIN, subject_of(reader.id, reader.address_hash) + '.one')}"
    for link in (desk, signin):
        form = dict(re.findall(r'name="(form_token)" value="([^"]+)"', client.get(link).text))
        assert client.post(link, data=form).status_code == 303
    with db.reading(sessions) as session:
        number_of_signin = session.scalars(select(SignIn.id).where(SignIn.operator_id.is_not(None))).one()
        reader_signin = session.scalars(select(SignIn.id).where(SignIn.subscriber_id.is_not(None))).one()
    mail = next(settings.OUTBOX_DIR.rglob("*.eml")).name
    values: dict[str, dict[str, Any]] = {
        "desk.end_sign_in": {"number": number_of_signin}, "desk.resolve_report": {"number": number},
        "desk.story": {"number": story_id}, "desk.regroup": {"number": story_id},
        "desk.pause_feed": {"number": feed}, "desk.resume_feed": {"number": feed},
        "desk.remove_operator": {"number": operator.id}, "desk.give_duty": {"number": operator.id},
        "desk.kept": {"name": mail}, "desk": {"number": reader.id, "day": day, "token": tokens_at(now).make(DESK, "1.x")},
        "stories": {"slug": slug}, "pictures": {"slug": slug, "day": day}, "account": {"number": reader_signin}, "issues": {"day": day}, "assets": {"name": "site.css"},
        "signup": {"token": link_for(reader, CONFIRM, now)}, "unsubscribe": {"token": link_for(reader, UNSUBSCRIBE, now)},
        "signin": {"token": tokens_at(now).make(SIGNIN, subject_of(reader.id, reader.address_hash) + ".two")},
        "checkout": {"token": link_for(reader, CHECKOUT, now)}, "offline_checkout": {"page_id": "nobody.x"},
    }  # fmt: skip
    return Inside(site, client, values)


@pytest.mark.slow
def test_get_changes_no_table_and_nothing_personal_is_kept_by_a_cache(
    inside: Inside, sessions: db.Sessions
) -> None:
    before = tables(sessions)
    stranger = inside.site.test_client()
    personal, shared, refused = set(), set(), set()
    for address, endpoint in inside.addresses("GET").items():
        answer = inside.get(address)
        assert answer.status_code < 500, (address, answer.data[:500])
        kept = answer.headers["Cache-Control"]
        theirs = inside.get(address, stranger)
        if "public" in kept or "public" in theirs.headers["Cache-Control"]:
            shared.add(endpoint)
            assert (answer.status_code, answer.data) == (theirs.status_code, theirs.data), address
            assert "Set-Cookie" not in answer.headers, address
            assert "Cookie" not in answer.headers.get("Vary", ""), address
        else:
            assert kept == "private, no-store", address
        if answer.status_code >= 400:
            refused.add(endpoint)
        if READER.encode() in answer.data or OPERATOR.encode() in answer.data:
            personal.add(endpoint)
            assert kept == "private, no-store", address
            assert answer.status_code != 200 or READER.encode() not in theirs.data, address
    assert tables(sessions) == before
    # That the test looks at real pages: nearly all answer, and personal ones are among them.
    assert {"account.page", "account.export", "desk.reader", "desk.operators_page"} <= personal
    assert {"landing.landing", "issues.issue", "issues.atom"} <= shared
    assert refused - inside.guessed <= {"offline_checkout.show", "desk.link_page", "desk.bounces"}


@pytest.mark.slow
def test_a_form_of_ours_with_its_token_is_refused_from_another_site(
    inside: Inside, sessions: db.Sessions
) -> None:
    """The wall of origin by itself: the token shown is the right one."""
    proved = {a for a, endpoint in inside.addresses("POST").items() if endpoint in OWN_PROOF}
    forms = [f for f in inside.forms() if "form_token" in f.fields and f.action not in proved]
    assert len({f.action for f in forms}) > 25
    before = tables(sessions)
    for form in forms:
        for headers in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": f"https://{EVIL}"},
            {"Origin": "null"},
        ):
            answer = inside.client.post(form.action or form.page, data=form.fields, headers=headers)
            assert answer.status_code == 403, (form.action, headers)
        # A stranger's name that leads to our machine: its page agrees with itself. It gets no cookie of ours.
        for said in ({"Origin": f"http://{EVIL}"}, {"Origin": "null"}):
            poisoned = {**said, "Host": EVIL, "Sec-Fetch-Site": "same-origin"}
            answer = inside.client.post(form.action or form.page, data=form.fields, headers=poisoned)
            assert answer.status_code == 403 or "signin" in answer.headers["Location"], form.action
            assert answer.status_code == 403 or not form.action.startswith(("/sign", "/stories")), form.action
    assert tables(sessions) == before


def test_no_act_is_done_without_its_token(inside: Inside, sessions: db.Sessions) -> None:
    """The wall of tokens by itself: the browser says nothing of where it comes from."""
    before = tables(sessions)
    tokens = {
        f"{name}={token}" for f in inside.forms() for name, token in f.fields.items() if name == "form_token"
    }
    assert len(tokens) > 5, "each form has a token of its own"
    for address, endpoint in inside.addresses("POST").items():
        if endpoint in OWN_PROOF:
            continue
        for shown in ({}, {"form_token": "0" * 40}, {"form_token": "ø"}):
            answer = inside.client.post(address, data={"sure": "yes", "reason": "x", **shown})
            assert 400 <= answer.status_code < 500, (address, answer.status_code)
    assert tables(sessions) == before


def test_a_token_of_one_form_is_none_of_another(inside: Inside, sessions: db.Sessions) -> None:
    public = {f.fields["form_token"] for f in inside.forms() if f.action.startswith(("/signup", "/signin"))}
    before = tables(sessions)
    for address in ("/account", "/account/erase", "/desk/signout", "/checkout", "/checkout/cancel"):
        for token in public:
            answer = inside.client.post(address, data={"form_token": token, "sure": "yes"})
            assert answer.status_code == 400, address
    assert tables(sessions) == before


def test_every_post_form_of_ours_carries_a_token(inside: Inside) -> None:
    bare = {f.action for f in inside.forms() if "form_token" not in f.fields}
    assert {unescape(a).split("/")[1] for a in bare} == {"confirm", "unsubscribe"}, (
        "there the mailed link is the proof"
    )


@pytest.mark.slow
def test_a_site_that_keeps_pages_for_seconds_answers_as_one_that_keeps_none(
    inside: Inside, settings: Settings, sessions: db.Sessions
) -> None:
    """As in production: each page is asked for by somebody signed in, then by a stranger, then again."""
    cache = PageCache()
    keeping = create_app(settings, sessions=sessions, clock=clock.fixed(MORNING), page_cache=cache)
    theirs, stranger, plain = keeping.test_client(), keeping.test_client(), inside.site.test_client()
    for cookie in inside.client._cookies.values():
        theirs.set_cookie(cookie.key, cookie.value, path=cookie.path)
    shared = set()
    for address in inside.addresses("GET"):
        if address in ("/metrics", "/desk/"):  # they tell of the process, and of this very second
            continue
        expected = {client: inside.get(address, client) for client in (inside.client, plain)}
        for client, like in ((theirs, inside.client), (stranger, plain), (theirs, inside.client)):
            answer, wanted = inside.get(address, client), expected[like]
            assert (answer.status_code, answer.data) == (wanted.status_code, wanted.data), address
            assert answer.headers["Cache-Control"] == wanted.headers["Cache-Control"], address
        if "public" in expected[plain].headers["Cache-Control"]:
            shared.add(address)
    kept = {key[1] for key in cache.kept_keys() if key[0] == "page"}
    assert {"/", "/issues", "/about", "/issues.atom"} <= kept <= shared


@pytest.mark.parametrize("cookie", ["reader", "desk", "meter"])
def test_a_stolen_or_planted_cookie_of_another_kind_opens_nothing(inside: Inside, cookie: str) -> None:
    """What signs in a reader does not sign in an operator, and no cookie can be chosen for somebody beforehand."""
    mine = {c.key: c.value for c in inside.client._cookies.values()}
    thief = inside.site.test_client()
    others = [v for k, v in mine.items() if k != cookie]
    for value in [*others, "planted", "", "' OR 1=1 --", "x" * 3_000]:
        thief.set_cookie(cookie, value)
        assert READER not in thief.get("/account").text
        assert thief.get("/desk/readers").status_code == 303
        assert thief.get("/account/export").status_code == 303
