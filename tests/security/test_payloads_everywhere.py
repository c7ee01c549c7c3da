"""A morning on which every outlet sends attacks in every headline and summary: followed into the mail, the site, the Atom feed,
the desk, an export and SendGrid's JSON, and looked at in a real browser. Nothing runs, loads, links elsewhere or opens a slot.
"""

from __future__ import annotations

import email
import email.policy
import html
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import cycle
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from sqlalchemy import select, update
from werkzeug.serving import make_server

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.db.models import Article, Story, StoryRevision
from newsletter.feeds import sample
from newsletter.settings import Settings
from newsletter.subscribers import operators
from tests.conftest import MORNING
from tests.subscribers.readers import KEY, make_reader, tokens_at
from tests.web.sample_site import publish_sample

READER = "zelda.quill@mail.example.net"
ATTACKS = (
    "<script>alert(1)</script>", "</script></title></style></textarea><script>alert(2)</script>", "<svg/onload=alert(3)>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(4)>", "<mj-raw><script>alert(5)</script></mj-raw></mj-text>",
    "{{ 7*7 }}{% raw %}{{ settings.SECRET_KEY }}", "%%unsubscribe_url%%", "-unsubscribe_url- <%asm_group_unsubscribe_raw_url%> [unsubscribe]",
    '"onmouseover="alert(6)" x="', "=HYPERLINK('https://evil.example','x')", "\u202egnp.exe\u2066 \u200b\ufeff\u2028",
    "<a href='javascript:alert(7)'>y</a><base href=https://evil.example><meta http-equiv=refresh content=0>",
    "\r\nBcc: victim@evil.example\r\n\r\n.\r\n", "<!--<img title='--><img src=1 onerror=alert(8)>'>", "]]><x/>&#0;&#x202e;&bogus;",
)  # fmt: skip
# What a page, or a mail, may be made of; ours have no other elements, so none of a stranger's can hide.
ACTIVE = {
    "script",
    "svg",
    "math",
    "iframe",
    "object",
    "embed",
    "base",
    "audio",
    "video",
    "mj-raw",
    "mglyph",
    "noscript",
    "template",
}
INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufeff]")


class Looked(HTMLParser):
    """What in a document could do something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.leads: set[str] = set()
        self._in_data = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._in_data = tag == "script" and given.get("type") == "application/ld+json"
        ours = {
            "svg": given.get("class") == "tally",
            "script": self._in_data or str(given.get("src")).startswith("/static/"),
            "iframe": given.get("sandbox") == "" and str(given.get("src")).startswith("/desk/"),
        }
        if tag in ACTIVE and not ours.get(tag, False):
            self.wrong.append(str(self.get_starttag_text()))
        self.wrong += [
            f"{tag} {name}={value}" for name, value in attrs if name.startswith("on") or name == "srcdoc"
        ]
        for name in ("href", "src", "action", "formaction"):
            if given.get(name) is not None:
                self.leads.add(str(given[name]))

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        if self._in_data and data.strip():
            json.loads(data)  # a block of data that a stranger closed would not be whole

    def handle_endtag(self, tag: str) -> None:
        self._in_data = False


def look(text: str, where: str) -> None:
    found = Looked(text)
    assert found.wrong == [], where
    for lead in found.leads:
        parts = urlsplit(html.unescape(lead))
        assert parts.scheme in ("", "http", "https", "mailto"), (where, lead)
        assert "evil" not in parts.netloc, (where, lead)
    assert not INVISIBLE.search(text), where


@pytest.fixture(scope="module")
def morning(
    _migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Settings, db.Sessions]]:
    folder = tmp_path_factory.mktemp("payloads")
    shutil.copy(_migrated_sqlite, folder / "newsletter.db")
    settings = Settings(_env_file=None, DATABASE_URL=f"sqlite:///{folder}/newsletter.db", OUTBOX_DIR=folder / "outbox",
                        SECRET_KEY=KEY)  # type: ignore[call-arg]  # fmt: skip
    engine = db.make_engine(settings.DATABASE_URL)
    sessions = db.make_sessions(engine)
    make_reader(sessions, MORNING, address=READER, hour=3, trial_started_at=MORNING)
    attacks, honest = cycle(ATTACKS), sample.articles()

    @cache  # asked for by each feed, in threads: the same each time
    def poisoned() -> tuple[sample.SampleArticle, ...]:
        made = []
        for place, article in enumerate(honest):
            evil = next(attacks)
            for _ in range(place % 4):  # feeds escape up to three times over
                evil = html.escape(evil)
            excerpt = article.excerpt.replace(". ", f" {evil}. ", 1)
            made.append(
                replace(article, headline=f"{article.headline} {evil}", excerpt=f"{evil} {excerpt} {evil}")
            )
        return tuple(made)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sample, "articles", poisoned)
        publish_sample(sessions, settings, MORNING)
    yield settings, sessions
    engine.dispose()


@pytest.fixture(scope="module")
def browser(morning: tuple[Settings, db.Sessions]) -> Any:
    """Signed in on the desk."""
    settings, sessions = morning
    site = create_app(settings, sessions=sessions, clock=clock.fixed(MORNING))
    client = site.test_client()
    with sessions.begin() as session:
        operator = operators.add(session, "chief@desk.example.org", now=MORNING)
        link = operators.signin_link(
            operator, tokens=tokens_at(MORNING), links=site.extensions["newsletter"].paths
        )
    form = dict(re.findall(r'name="(form_token)" value="([^"]+)"', client.get(link).text))
    assert client.post(link, data=form).status_code == 303
    return client


def slugs(sessions: db.Sessions) -> list[str]:
    with db.reading(sessions) as session:
        told = select(StoryRevision.story_id)  # a Story that cannot be told has no page
        return list(session.scalars(select(Story.slug).where(Story.id.in_(told))))


def test_what_is_kept_is_plain_text(morning: tuple[Settings, db.Sessions]) -> None:
    with db.reading(morning[1]) as session:
        articles = session.scalars(select(Article)).all()
    assert len(articles) > 80
    kept = [a.headline + a.excerpt for a in articles]
    assert not any(INVISIBLE.search(k) or "\u200b" in k or "\n" in k for k in kept)
    assert sum("%%unsubscribe_url%%" in k for k in kept) >= 3, "the attacks did arrive"
    assert sum("{{ 7*7 }}" in k for k in kept) >= 3


def test_the_mail(morning: tuple[Settings, db.Sessions]) -> None:
    settings, _ = morning
    (file,) = settings.OUTBOX_DIR.rglob("*.eml")
    raw = file.read_bytes()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail["To"] == READER
    assert "Bcc" not in mail
    assert [n for n in list(mail) if n.lower() not in _HEADERS] == []
    parts = {p.get_content_type(): p.get_content() for p in mail.walk() if not p.is_multipart()}
    look(parts["text/html"], "mail")
    for part in parts.values():
        # Filled are only our own places; a stranger's are defused or stand there as they were written.
        assert part.count("/unsubscribe/") == parts["text/plain"].count("/unsubscribe/") or "html" in part
        assert not re.search(r"%%\w+%%", part)
        assert KEY not in part
        assert not INVISIBLE.search(part)


_HEADERS = {"from", "to", "subject", "date", "message-id", "mime-version", "content-type", "list-unsubscribe",
            "list-unsubscribe-post", "list-id", "feedback-id", "precedence", "auto-submitted", "x-auto-response-suppress",
            "reply-to", "x-delivery", "x-newsletter-reference"}  # fmt: skip


def test_the_site_and_the_desk(morning: tuple[Settings, db.Sessions], browser: Any) -> None:
    pages = ["/", "/issues", "/issues/2026-03-02", "/about", "/sitemap.xml"]
    pages += [f"/stories/{slug}" for slug in slugs(morning[1])]
    pages += [f"/desk/{p}" for p in ("", "issues/2026-03-02?form=text", "issues/2026-03-02/frame", "stories", "outlets", "audit",
                                     "issues/2026-03-02/edit", "issues/2026-03-02/dispatch", "outbox")]  # fmt: skip
    pages += [f"/desk/stories/{n}" for n in (1, 2, 3)]
    for page in pages:
        answer = browser.get(page)
        assert answer.status_code == 200, page
        look(answer.text, page)
        assert KEY not in answer.text
        policy = answer.headers["Content-Security-Policy"]
        # Only the mail in its frame has styles of its own, and there nothing else may happen.
        assert "unsafe" not in policy or policy.startswith(
            "sandbox; default-src 'none'; style-src 'unsafe-inline'"
        )


def test_the_atom_feed(browser: Any) -> None:
    root = ElementTree.fromstring(browser.get("/issues.atom").data)
    contents = [
        (e.get("type", "text"), e.text or "")
        for e in root.iter()
        if e.tag.endswith(("title", "content", "summary"))
    ]
    assert len(contents) > 2
    for kind, text in contents:
        assert kind in ("text", "html", "xhtml")
        if kind == "html":
            look(text, "atom")


@pytest.mark.browser
def test_a_real_browser_runs_nothing_and_asks_nobody_else(
    morning: tuple[Settings, db.Sessions], browser: Any, chromium: Any
) -> None:
    sessions = morning[1]
    server = make_server("127.0.0.1", 0, browser.application, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    context = chromium.new_context()
    context.add_cookies([{"name": c.key, "value": c.value, "url": here} for c in browser._cookies.values()])
    page = context.new_page()
    ran: list[str] = []
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda asked: ran.append(asked.url) if not asked.url.startswith(here) else None)
    page.on("console", lambda said: ran.append(said.text) if said.type == "error" else None)
    try:
        for path in (
            "/",
            f"/stories/{slugs(sessions)[0]}",
            "/desk/",
            "/desk/issues/2026-03-02",
            "/desk/issues/2026-03-02/frame",
        ):
            answer = page.goto(here + path, wait_until="load")
            assert answer.status == 200
            page.mouse.move(200, 300)
            assert (
                page.evaluate(
                    "document.querySelectorAll('svg[onload], [onerror], [onmouseover], base').length"
                )
                == 0
            )
    finally:
        context.close()
        server.shutdown()
        server.server_close()
    assert ran == []


def test_a_story_told_with_attacks_in_a_link_leads_nowhere_else(
    morning: tuple[Settings, db.Sessions], browser: Any
) -> None:
    """What the fetcher would refuse, put straight into the table, still is no link on a page."""
    _, sessions = morning
    with sessions.begin() as session:
        session.execute(
            update(Article).values(
                url="https://a.example/?x='\"><script>alert(9)</script>&id=" + Article.id.concat("")
            )
        )
    for slug in slugs(sessions)[:4]:
        look(browser.get(f"/stories/{slug}").text, slug)
