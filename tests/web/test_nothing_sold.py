"""``PRICE`` empty: everything is free, and no page, no mail and nothing on the desk says a word of prices or trials."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Article, Delivery, Notice, Rendition, Story, StoryRevision
from newsletter.delivery.mail import templates
from newsletter.jobs import lapse
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers import signup
from newsletter.subscribers.access import Access
from newsletter.subscribers.meter import access_of
from newsletter.subscribers.tokens import CONFIRM
from tests.conftest import MORNING
from tests.security.test_every_route_inside import OPERATOR, Inside, signed_in
from tests.subscribers.readers import KEY, link_for, make_reader, tokens_at

SAID = re.compile(
    r"(?i)\$\s?\d|\bpric|\btrial|\bpay|\bpaid\b|\bcharg|\bfree\b|\bmetered|\beditions?\b|\bplan\b|\bcard\b|\ba month\b"
    r"|\bcheckout|\bmoney|\brevenue|\bpresent to\b|\binvoice|\breceipt|\bstripe|\bcancel"
)
# Words of ours that have another meaning.
INNOCENT = re.compile(r"(?i)sample edition|distraction-free|free disk|EDITION_TZ")
# For programs: a description of all addresses, and what we hold of a reader.
FOR_PROGRAMS = {"/openapi.json", "/robots.txt", "/account/export"}
# Mails about an agreement; there is none where nothing was ever sold.
ABOUT_AN_AGREEMENT = {"receipt", "cancelled", "trial_ending"}


class Words(HTMLParser):
    """What a page says: its texts, and the attributes that are read out or shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said, self._silent = list[str](), 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        shown = ("title", "alt", "aria-label", "placeholder", "content", "value")
        self.said += [value for name, value in attrs if name in shown and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.said.append(data)


def selling(texts: list[str], told: str) -> list[str]:
    """The words about selling with two more on each side, without those that stand so in the news."""
    found = []
    for text in texts:
        plain = INNOCENT.sub("", re.sub(r" ?\[\d+\]|\*|https?://[^\s\"<]+", "", " ".join(text.split())))
        for match in SAID.finditer(plain):
            before, after = plain[: match.start()].split(" "), plain[match.start() :].split(" ")
            around = " ".join([*before[-3:-1], before[-1] + after[0], *after[1:3]])
            known = any(part in told for part in (around.strip(" .,“”’"), around.partition(". ")[0]))
            found += [] if known else [around]
    return found


def strings(value: object) -> list[str]:
    """Every text in a JSON value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value] if isinstance(value, str) else [text for one in inner for text in strings(one)]


@pytest.fixture(scope="module")
def settings(_migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("free")
    shutil.copy(_migrated_sqlite, folder / "newsletter.db")
    return Settings(
        _env_file=None,
        DATABASE_URL=f"sqlite:///{folder}/newsletter.db",
        OUTBOX_DIR=folder / "outbox",
        SECRET_KEY=KEY,
        OPERATORS=OPERATOR,
        PRICE="",
    )  # type: ignore[call-arg]


@pytest.fixture(scope="module")
def sessions(settings: Settings) -> Iterator[db.Sessions]:
    engine = db.make_engine(settings.DATABASE_URL)
    yield db.make_sessions(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def inside(settings: Settings, sessions: db.Sessions) -> Inside:
    return signed_in(settings, sessions)


@pytest.fixture(scope="module")
def told(inside: Inside, sessions: db.Sessions) -> str:
    """All that the sample's articles and stories say."""
    with db.reading(sessions) as session:
        texts = [f"{a.headline}\n{a.excerpt}" for a in session.scalars(select(Article))]
        texts += [text for r in session.scalars(select(StoryRevision)) for text in strings(r.words)]
    return " ".join("\n".join(texts).split())


def test_no_page_says_a_word_of_it(inside: Inside, told: str) -> None:
    stranger = inside.site.test_client()
    found, seen = {}, 0
    for address in inside.addresses("GET").keys() - FOR_PROGRAMS:
        for client in (inside.client, stranger):
            answer = inside.get(address, client)
            assert answer.status_code < 500, address
            seen += answer.status_code == 200
            if answer.mimetype == "text/html":
                texts = Words(answer.text).said
            elif answer.mimetype in (
                "text/plain",
                "application/json",
                "application/atom+xml",
                "application/xml",
            ):
                texts = answer.text.splitlines()
            else:
                continue  # pictures, styles and scripts, which are the same everywhere
            if spoken := selling(texts, told):
                found[address] = spoken
    assert seen > 60
    assert found == {}


def test_there_is_no_till(inside: Inside) -> None:
    for address in ("/checkout", "/checkout/done", "/checkout/offline/x"):
        assert inside.get(address).status_code == 404
        assert inside.client.post(address).status_code == 404
    assert inside.client.post("/webhooks/stripe").status_code in (403, 404)


def test_a_stranger_reads_every_story_in_full_and_is_not_counted(
    inside: Inside, sessions: db.Sessions
) -> None:
    with db.reading(sessions) as session:
        slugs = list(session.scalars(select(Story.slug)))
    assert len(slugs) > 5
    for slug in slugs:
        page = inside.get(f"/stories/{slug}", inside.site.test_client()).text
        assert "story--locked" not in page
        assert "shown.svg" not in page
        assert '"isAccessibleForFree": true' in page


def test_no_mail_says_a_word_of_it(
    inside: Inside, settings: Settings, sessions: db.Sessions, told: str
) -> None:
    """What was mailed, the preview of both Renditions, and each kind of Notice."""
    links = Links(settings.SITE_URL)
    mailed = sorted(settings.OUTBOX_DIR.rglob("*.eml"))
    assert mailed
    for path in mailed:
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
        assert (
            selling([mail["Subject"], *text.replace("\r", "").split("\n\n"), *Words(html).said], told) == []
        )
    with db.reading(sessions) as session:
        for made in session.scalars(select(Rendition)):
            texts = [made.subject, *made.text.replace("\r", "").split("\n\n"), *Words(made.html).said]
            assert selling(texts, told) == [], made.kind
    for kind in sorted(set(templates.NOTICE_VALUES) - ABOUT_AN_AGREEMENT):
        notice = templates.notice(kind, templates.NOTICE_VALUES[kind], settings=settings, links=links)
        texts = [notice.subject, *notice.text.replace("\r", "").split("\n\n"), *Words(notice.html).said]
        assert selling(texts, told) == [], kind


def test_everybody_gets_everything_and_no_trial_begins_or_ends(
    inside: Inside, settings: Settings, sessions: db.Sessions
) -> None:
    now = MORNING
    with db.reading(sessions) as session:
        assert set(session.scalars(select(Delivery.rendition).where(Delivery.rendition.is_not(None)))) == {
            "full"
        }
    asked = make_reader(sessions, now, "new@mail.example.net", confirmed_at=None, trial_started_at=None)
    with sessions.begin() as session:
        token = link_for(asked, CONFIRM, now)
        done = signup.confirm(session, token, tokens=tokens_at(now), settings=settings, now=now)
        assert (done.trial, done.subscriber.trial_started_at) == (False, None)
    old = make_reader(sessions, now, address="old@mail.example.net", trial_started_at=now - timedelta(days=6))
    for days in range(12):
        report = lapse.run(sessions, settings, now=now + timedelta(days=days))
        assert (report.trials_ending, report.trials_ended) == (0, 0)
    with db.reading(sessions) as session:
        for reader in (done.subscriber.id, old.id):
            known = access_of(session, reader, settings=settings, now=now + timedelta(days=40))
            assert known is Access.FULL
        assert "trial_ending" not in set(session.scalars(select(Notice.kind)))
