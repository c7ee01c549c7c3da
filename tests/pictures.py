"""The pictures in the README: ``python -m tests.pictures [FOLDER]`` makes them anew out of the sample edition.

Twelve hundred invented readers and their invented past stand around it, so that the figures have something to draw; the
issue is stopped half-way, so that the dispatch is live. Everything lies in a temporary folder.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any, Literal, NamedTuple

from sqlalchemy import select, update
from werkzeug.serving import make_server

from newsletter import clock, db, log
from newsletter.app import create_app
from newsletter.db.models import (
    Base,
    Delivery,
    DeliveryEvent,
    Issue,
    Read,
    Report,
    Story,
    Subscriber,
    SubscriptionEvent,
)
from newsletter.feeds import sample
from newsletter.issues.service import IssueService
from newsletter.jobs import pipeline
from newsletter.settings import Settings
from newsletter.subscribers import operators
from newsletter.subscribers.addresses import address_hash
from newsletter.web.services import KEY
from tests.browsing import follow
from tests.conftest import MORNING
from tests.desk.conftest import plant_loaded, take_out_loaded

READERS = 1200
PAST = 29  # Issues before today's
ZONES = (
    "America/New_York",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "Europe/London",
    "Asia/Tokyo",
)
DOMAINS = ("post.example", "post.example", "mail.example", "inbox.example", "quay.example", "box.example")


class Shot(NamedTuple):
    """One picture: its file, the page, and how much of it."""

    name: str
    path: str  # ``{story}`` is the address of the issue's first Story
    width: int
    longest: int  # height, in pixels
    scheme: Literal["light", "dark"] = "light"


SHOTS = (  # the first is of a draft; for the others it is on its way
    Shot("desk.png", "/desk/", 375, 1500),
    Shot("desk-dispatch.png", "/desk/issues/2026-03-02/dispatch", 375, 1500),
    Shot("desk-figures.png", "/desk/figures", 1280, 1340),
    Shot("email.png", "/desk/issues/2026-03-02/frame?scheme=light", 640, 1500),
    Shot("email-dark.png", "/desk/issues/2026-03-02/frame?scheme=dark", 640, 1500),
    Shot("landing.png", "/", 1280, 1000),
    Shot("story.png", "{story}", 1280, 1340),
)


def main(folder: Path) -> None:
    """Make the pictures in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    log.configure(json=True)
    with tempfile.TemporaryDirectory() as made:
        settings = Settings(
            _env_file=None,
            DATABASE_URL=f"sqlite:///{made}/pictures.db",
            OUTBOX_DIR=Path(made) / "outbox",
            FENCE_DIR=Path(made) / "fence",
            LEAVING_DIR=Path(made) / "leaving",
            APPROVAL="manual",
            BATCH_SIZE=50,
            POSTAL_ADDRESS="Evenhand, 1 Quay, Port Ellery",
        )  # type: ignore[call-arg]
        engine = db.make_engine(settings.DATABASE_URL)
        db.upgrade(engine)
        sessions = db.make_sessions(engine)
        app = create_app(settings, sessions=sessions, clock=clock.fixed(MORNING))
        service: IssueService = app.extensions[KEY].issues
        numbers = fill(sessions, settings, MORNING)
        parts = pipeline.Parts(service, sample.catalogue(), sample.fetcher(MORNING), is_sample=True)
        for step in ("gather", "group", "summarize", "compose", "check"):
            pipeline.run_step(parts, step, due_at=MORNING)
        plant_loaded(sessions)  # so that a check of the draft has something to say
        service.render(MORNING.date())
        service.check(MORNING.date())
        server = make_server("127.0.0.1", 0, app, threaded=True)
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            with sessions.begin() as session:
                operator = operators.add(session, "ed@example.com", now=MORNING)
                link = operators.signin_link(operator, tokens=service.tokens, links=service.links)
            place = f"http://127.0.0.1:{server.server_port}"
            story = service.view(MORNING.date()).stories[0].slug
            link = link.replace(settings.SITE_URL, place)
            shoot(place, link, folder, f"/stories/{story}", lambda: half_way(service, numbers))
        finally:
            server.shutdown()
            engine.dispose()


def fill(sessions: db.Sessions, settings: Settings, now: datetime) -> list[int]:
    """Invent readers and a month of Issues behind them. Returns the readers' numbers."""
    dice = random.Random(20260302)
    key = settings.SECRET_KEY.get_secret_value()
    readers, facts = [], []
    for n in range(1, READERS + 1):
        address = f"reader{n}@{DOMAINS[dice.randrange(len(DOMAINS))] if n % 90 else f'own{n}.example'}"
        came = now - timedelta(days=int(180 * dice.random() ** 1.7), hours=dice.randrange(24))
        left = came + timedelta(days=dice.randrange(3, 90)) if dice.random() < 0.12 else None
        readers.append(
            {
                "id": n, "address": address, "address_hash": address_hash(key, address), "person_hash": address,
                "asked_at": came, "confirmed_at": came if dice.random() < 0.9 else None,
                "unsubscribed_at": left if left and left < now else None, "hour": 5, "zone": dice.choice(ZONES),
                "cadence": "daily", "trial_started_at": came, "consent_from": "landing", "consent_words": "",
                "consent_version": "", "imported": False,
            }
        )  # fmt: skip
        facts += _money(n, came, now, dice)
    with sessions.begin() as session:
        _add(session, Subscriber, readers)
        _add(session, SubscriptionEvent, facts)
        for back in range(PAST, 0, -1):
            _past_issue(session, readers, now - timedelta(days=back), dice)
    return [r["id"] for r in readers]


def _money(n: int, came: datetime, now: datetime, dice: random.Random) -> list[dict[str, Any]]:
    """A Trial, and for one in four what it became."""
    same = {"processor": "offline", "agreement": None, "status": None, "paid_until": None, "past_due_at": None,
            "cancel_at": None, "month_cents": None, "cents": None, "currency": None}  # fmt: skip
    trial = {
        **same,
        "key": f"t{n}",
        "kind": "trial",
        "at": came,
        "received_at": came,
        "processor": "",
        "trial": f"t{n}",
    }
    paid_at = came + timedelta(days=7)
    if dice.random() > 0.26 or paid_at > now:
        return [trial]
    paid = {**same, "key": f"c{n}", "kind": "changed", "at": paid_at, "received_at": paid_at, "trial": f"t{n}",
            "agreement": f"a{n}", "status": "active", "paid_until": now + timedelta(days=20), "month_cents": 500}  # fmt: skip
    ends = paid_at + timedelta(days=dice.randrange(20, 120))
    if dice.random() < 0.2 and ends < now:
        over = {
            **paid,
            "key": f"x{n}",
            "at": ends,
            "received_at": ends,
            "status": "canceled",
            "cancel_at": ends,
        }
        return [trial, paid, over]
    return [trial, paid]


def _past_issue(session: Any, readers: list[dict[str, Any]], at: datetime, dice: random.Random) -> None:
    there = [
        r for r in readers
        if r["confirmed_at"] and r["confirmed_at"] < at and not (r["unsubscribed_at"] and r["unsubscribed_at"] < at)
    ]  # fmt: skip
    issue = Issue(
        issued_on=at.date(), state="dispatched", subject="An invented issue", composed_at=at, approved_at=at, frozen_at=at,
        audience_size=len(there), dispatched_at=at + timedelta(hours=6), is_sample=True,
    )  # fmt: skip
    session.add(issue)
    session.flush()
    first = issue.id * 10_000
    rows, events = [], []
    for n, r in enumerate(there):
        bad = "quay.example" in r["address"] and dice.random() < 0.04
        rows.append(
            {"id": first + n, "issue_id": issue.id, "subscriber_id": r["id"], "address_hash": r["address_hash"],
             "rendition": "full" if r["trial_started_at"] > at - timedelta(days=7) or r["id"] % 5 == 0 else "metered",
             "content_hash": "x", "due_at": at, "state": "accepted", "attempts": 1, "submitted_at": at, "settled_at": at,
             "provider": "outbox", "claim": None, "lease_until": None, "provider_id": None, "reason": None}
        )  # fmt: skip
        kind = "bounced" if bad else "complained" if dice.random() < 0.0006 else "delivered"
        if dice.random() < 0.992:
            events.append(
                {"id": first + n, "provider": "outbox", "provider_event_id": f"{first + n}", "delivery_id": first + n,
                 "kind": kind, "bounce": "soft" if bad else None, "happened_at": at, "received_at": at, "reason": ""}
            )  # fmt: skip
    _add(session, Delivery, rows)
    _add(session, DeliveryEvent, events)


def _add(session: Any, model: type[Base], rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(model.__table__.insert(), rows)


def half_way(service: IssueService, numbers: list[int]) -> None:
    """Approve, and dispatch until something under half of what is due has gone; three copies are in doubt."""
    day = MORNING.date()
    take_out_loaded(service.sessions)
    service.render(day)
    service.approve(day, by="operator:1")
    service.dispatch(day, limit=450)
    dice = random.Random(7)
    with service.sessions.begin() as session:
        stories = session.scalars(select(Story.id).order_by(Story.id)).all()
        rows = (
            session.query(Delivery)
            .filter(Delivery.state == "accepted", Delivery.content_hash != "x")
            .limit(400)
            .all()
        )
        for row in rows[-3:]:
            session.execute(
                update(Delivery)
                .where(Delivery.id == row.id)
                .values(state="uncertain", reason="the connection broke while it was handed over")
            )
        for n in range(0, 400):
            at = MORNING - timedelta(days=29 * dice.random())
            session.add(
                Read(reader=f"r{n}", story_id=stories[n % len(stories)], month=f"{at:%Y-%m}", read_at=at)
            )
        for n in range(6):
            session.add(
                Report(
                    story_id=stories[n], reason="fact", words="", reported_at=MORNING - timedelta(days=4 * n)
                )
            )


def shoot(place: str, link: str, folder: Path, story: str, between: Callable[[], None]) -> None:
    """Sign in and take the pictures; ``between`` is done after the first of them."""
    from playwright.sync_api import sync_playwright

    from newsletter.issues.preview import find_browser

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = chromium.new_context(device_scale_factor=1, reduced_motion="reduce").new_page()
        page.goto(link)
        follow(page, page.get_by_role("button", name="Sign me in"))
        for n, shot in enumerate(SHOTS):
            if n == 1:
                between()
            page.set_viewport_size({"width": shot.width, "height": shot.longest})
            page.emulate_media(color_scheme=shot.scheme)
            page.goto(place + shot.path.format(story=story))
            if (opening := page.locator(f'form[action="{story}"] button')).count():
                follow(page, opening.first)  # read on, on the meter
            page.wait_for_load_state("networkidle")
            height = min(shot.longest, page.evaluate("document.documentElement.scrollHeight"))
            clip = {"x": 0, "y": 0, "width": shot.width, "height": height}
            page.screenshot(path=folder / shot.name, clip=clip)
            print(folder / shot.name)
        chromium.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs"))
