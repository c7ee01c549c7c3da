"""Every public page as a browser gets it: light, still, ours alone, and usable enlarged, re-spaced, printed and by keyboard."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.serving import make_server

from newsletter import clock, db
from newsletter.app import create_app
from newsletter.settings import Settings
from newsletter.subscribers.tokens import CONFIRM, SIGNIN, UNSUBSCRIBE, subject_of
from tests.browsing import follow
from tests.conftest import MORNING
from tests.subscribers.readers import KEY, link_for, make_reader, tokens_at
from tests.web.sample_site import publish_sample

pytestmark = pytest.mark.browser
WALKS = 5  # through all pages
HEAVIEST = 60 * 1024  # bytes over the wire: page, styles, script, pictures, header lines
PAGES = ("/", "/signup", "/issues", "/about", "/privacy", "/terms", "/signin", "/checkout", "/nowhere")
# WCAG 1.4.12: nothing is lost when a reader spaces text so.
SPACED = """* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
p { margin-bottom: 2em !important }"""
SHIFTS = """() => new Promise(done => { let sum = 0; new PerformanceObserver(list => { for (const e of list.getEntries())
if (!e.hadRecentInput) sum += e.value }).observe({type: 'layout-shift', buffered: true}); setTimeout(() => done(sum), 50) })"""
CUT_OFF = """() => [...document.querySelectorAll('main *, header *, footer *')].filter(e => e.scrollWidth > e.clientWidth + 1
&& ['hidden', 'clip'].includes(getComputedStyle(e).overflowX) && e.textContent.trim()).map(e => e.outerHTML.slice(0, 100))"""

LONG_WORDS = """() => { for (const e of document.querySelectorAll('main :is(h1, h2, p:not(.signup__hour, .coverage__line), summary,'
+ 'blockquote, li a:not(.cite), .tabs li > span:last-child, .side-name)')) e.append(' Donaudampf' + 'schifffahrt'.repeat(9)) }"""
TOUCHING = """() => { const all = [...document.querySelectorAll('.button, button')].map(e => [e, e.getBoundingClientRect()])
.filter(([, r]) => r.height); return all.flatMap(([a, r], n) => all.slice(n + 1).filter(([, s]) => Math.max(r.left, s.left)
- Math.min(r.right, s.right) < 3 && Math.max(r.top, s.top) - Math.min(r.bottom, s.bottom) < 3)
.map(([b]) => a.textContent.trim() + ' | ' + b.textContent.trim())) }"""


@pytest.fixture(scope="module")
def home(_migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The site with its sample edition, one reader, and where their pages are: {what: address}."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(_migrated_sqlite, folder / "newsletter.db")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(
        _env_file=None,
        DATABASE_URL=f"sqlite:///{folder}/newsletter.db",
        OUTBOX_DIR=folder / "outbox",
        SECRET_KEY=KEY,
        SITE_URL=f"http://127.0.0.1:{port}",
    )  # type: ignore[call-arg]
    engine = db.make_engine(settings.DATABASE_URL)
    sessions = db.make_sessions(engine)
    reader = make_reader(sessions, MORNING)
    day = publish_sample(sessions, settings, MORNING).issued_on
    app = create_app(settings, sessions=sessions, clock=clock.fixed(MORNING))
    slug = re.search(r'href="(/stories/[a-z0-9-]+)"', app.test_client().get(f"/issues/{day}").text)
    assert slug
    server = make_server("127.0.0.1", port, app, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    site = settings.SITE_URL
    who = subject_of(reader.id, reader.address_hash)
    once = [tokens_at(MORNING).make(SIGNIN, f"{who}.{n}") for n in range(WALKS)]  # each signs in once
    yield {
        **{path: site + path for path in PAGES},
        "issue": f"{site}/issues/{day}",
        "story": site + slug[1],
        "report": f"{site}{slug[1]}/report",
        "confirm": f"{site}/confirm/{link_for(reader, CONFIRM, MORNING)}",
        "unsubscribe": f"{site}/unsubscribe/{link_for(reader, UNSUBSCRIBE, MORNING)}",
        **{f"link {n}": f"{site}/signin/{token}" for n, token in enumerate(once)},
    }
    server.shutdown()
    server.server_close()
    engine.dispose()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Any]:
    contexts = []

    def make(width: int = 1280, height: int = 800, **how: Any) -> Any:
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, **how))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        return page

    yield make
    for context in contexts:
        context.close()


def walk(page: Any, home: dict[str, str]) -> Iterator[str]:
    """Open each page in turn, and the account once it is signed in to."""
    for what, address in home.items():
        if not what.startswith("link"):
            page.goto(address)
            yield what
    page.goto(home.pop(next(what for what in home if what.startswith("link"))))
    yield "the sign-in link"
    follow(page, page.get_by_role("button").first)
    assert page.url.endswith("/account")
    yield "the account"
    page.goto(home["/checkout"])
    yield "the checkout"


@pytest.mark.parametrize("width", [375, 1280])
def test_every_page_is_light_still_and_asks_nobody_else(
    open_page: Any, home: dict[str, str], width: int
) -> None:
    page = open_page(width)
    asked: list[Any] = []
    page.on("requestfinished", lambda request: asked.append(request))
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})  # as who comes for the first time
    weights = {}
    for what in walk(page, home):
        page.wait_for_load_state("load")
        assert page.evaluate(SHIFTS) == 0, what
        sizes = [r.sizes() for r in asked]
        weights[what] = sum(s["responseBodySize"] + s["responseHeadersSize"] for s in sizes)
        assert {urlsplit(r.url).hostname for r in asked} == {"127.0.0.1"}, what
        asked.clear()
    assert weights.keys() >= {"/", "issue", "story", "the account"}
    assert {what: size for what, size in weights.items() if size >= HEAVIEST} == {}


# How many citations stand on a line of their own, away from the end of their sentence.
ALONE = """() => [...document.querySelectorAll('.cite')].filter(cite => {
  const before = cite.previousSibling;
  const text = before && (before.nodeType === Node.TEXT_NODE ? before : before.lastChild);
  const end = text ? text.textContent.trimEnd().length : 0;
  if (!end) return false;
  const last = document.createRange();
  last.setStart(text, end - 1);
  last.setEnd(text, end);
  return cite.getClientRects()[0].top > last.getBoundingClientRect().bottom - 2;
}).length"""


def test_no_line_begins_with_a_citations_number(open_page: Any, home: dict[str, str]) -> None:
    page = open_page(375)
    page.goto(home["issue"])
    assert page.locator(".cite").count() > 5
    for width in range(320, 1281, 60):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(ALONE) == 0, width


def test_no_button_touches_another_on_a_phone(open_page: Any, home: dict[str, str]) -> None:
    page = open_page(375)
    for what in walk(page, home):
        assert page.evaluate(TOUCHING) == [], what


def test_every_page_stands_without_scripts_as_with_them(open_page: Any, home: dict[str, str]) -> None:
    plain, scripted = open_page(java_script_enabled=False), open_page()
    for what in ("/", "issue", "story", "/signup", "/about"):
        for page in (plain, scripted):
            page.goto(home[what])
        words = [page.locator("main").inner_text() for page in (plain, scripted)]
        assert words[0] == words[1], what
        assert len(words[0]) > 100, what


def test_every_page_can_be_enlarged_four_times_and_spaced_out(open_page: Any, home: dict[str, str]) -> None:
    page = open_page(320, 256)  # 1280 × 1024 at 400 %: WCAG 1.4.10
    for what in walk(page, home):
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) == 0, what
        page.evaluate(
            "css => { const s = new CSSStyleSheet(); s.replaceSync(css); document.adoptedStyleSheets = [s] }",
            SPACED,
        )
        assert page.evaluate(wider) == 0, (what, "spaced")
        assert page.evaluate(CUT_OFF) == [], (what, "spaced")


def test_one_long_word_makes_no_page_wider_than_a_phone(open_page: Any, home: dict[str, str]) -> None:
    """Headlines are strangers' words, and some hold an address or a compound of forty letters."""
    page = open_page(375, 700)
    for what in walk(page, home):
        page.evaluate(LONG_WORDS)
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) == 0, what


def test_the_first_key_leads_to_the_words_and_every_focus_is_seen(
    open_page: Any, home: dict[str, str]
) -> None:
    page = open_page()
    for what in ("/", "issue", "story"):
        page.goto(home[what])
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip", what
        assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0"), what
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.tagName") == "MAIN", what
        for _ in range(12):
            page.keyboard.press("Tab")
            width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
            assert width >= 2, (what, page.evaluate("document.activeElement.outerHTML.slice(0, 100)"))


def test_who_wants_no_motion_sees_none(open_page: Any, home: dict[str, str]) -> None:
    page = open_page(reduced_motion="reduce")
    page.goto(home["story"])
    moving = """() => [document.documentElement, ...document.querySelectorAll('*')].map(e => getComputedStyle(e))
        .filter(s => parseFloat(s.transitionDuration) > 0 || s.animationName !== 'none' || s.scrollBehavior === 'smooth').length"""
    assert page.evaluate(moving) == 0


def test_on_paper_stand_the_words_and_nothing_to_press(open_page: Any, home: dict[str, str]) -> None:
    page = open_page(color_scheme="dark")
    page.goto(home["story"])
    page.emulate_media(media="print")
    assert page.locator("h1").is_visible()
    for pressed in ("form", "nav", "button"):
        seen = [e for e in page.locator(pressed).all() if e.is_visible()]
        assert seen == [], pressed
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
