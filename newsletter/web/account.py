"""A reader's account: when the mail comes, the plan, and all stored data. Forms are bound to this Sign-in."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.billing import cancellation
from newsletter.billing.processors.protocol import ProcessorError
from newsletter.db.models import Subscriber
from newsletter.errors import Refused
from newsletter.stories.topic_words import TOPICS
from newsletter.subscribers import erasure, preferences, signin
from newsletter.subscribers.preferences import known_zones, zone_or
from newsletter.subscribers.tokens import UNSUBSCRIBE, fingerprint, subject_of
from newsletter.web.http.cookies import READER
from newsletter.web.http.csrf import check_form, form_token
from newsletter.web.plan import plan_of
from newsletter.web.reader import current_reader
from newsletter.web.services import services

bp = Blueprint("account", __name__)
FORM = "account"


@bp.get("/account")
def page() -> Response:
    site = services()
    with db.reading(site.sessions) as session:
        found = signin.reader_of(session, READER.value(), now=site.now())
        if found is None:
            return make_response(redirect(site.paths.signin(), 303))
        return _page(session, found, saved=request.args.get("saved") == "yes")


@bp.post("/account")
def choose() -> Response:
    """Save hour, zone, cadence, pause and Topics, either all or none."""
    form = request.form

    def act(session: Session, found: Subscriber) -> None:
        preferences.choose(
            found,
            hour=_hour(form.get("hour", "")),
            zone=form.get("zone", "")[:64],
            cadence=form.get("cadence", ""),
            paused_until=_day(form.get("paused_until", "")),
            topics=form.getlist("topic"),
            today=_today(found),
        )

    return _run_for_reader(act) or _saved()


@bp.post("/account/resume")
def resume() -> Response:
    """End the pause, so that mail comes again from the next Issue on."""
    return _run_for_reader(lambda _, found: preferences.resume(found)) or _saved()


@bp.get("/account/export")
def export() -> Response:
    """All data stored about the reader, as a JSON file."""
    site = services()
    with db.reading(site.sessions) as session:
        found = signin.reader_of(session, READER.value(), now=site.now())
        if found is None:
            return make_response(redirect(site.paths.signin(), 303))
        answer = make_response(json.dumps(erasure.export(session, found), indent=2, ensure_ascii=False))
    answer.headers["Content-Type"] = "application/json; charset=utf-8"
    answer.headers["Content-Disposition"] = "attachment; filename=my-data.json"
    return answer


@bp.post("/account/signout")
def sign_out() -> Response:
    return (
        _run_for_reader(lambda session, _: signin.sign_out(session, READER.value(), now=services().now()))
        or _signed_out()
    )


@bp.post("/account/signout/<int:number>")
def sign_out_one(number: int) -> Response:
    """End one Sign-in, such as that of a lost browser."""

    def act(session: Session, found: Subscriber) -> None:
        signin.sign_out_one(session, found.id, number, now=services().now())

    return _run_for_reader(act) or _redirect(services().paths.account())


@bp.post("/account/signout-everywhere")
def sign_out_everywhere() -> Response:
    return (
        _run_for_reader(
            lambda session, found: signin.sign_out_everywhere(session, found.id, now=services().now())
        )
        or _signed_out()
    )


@bp.post("/account/erase")
def erase_me() -> Response:
    """Erase the reader permanently, if the box is ticked. A Subscription that would charge again is ended first."""
    site, number = services(), current_reader()

    def act(session: Session, found: Subscriber) -> None:
        if request.form.get("sure") != "yes":
            raise Refused("Please tick the box to say that you are sure.")
        outbox = site.settings.OUTBOX_DIR if site.settings.MAIL_PROVIDER == "outbox" else None
        mailbox = site.settings.BOUNCE_MAILDIR
        erasure.erase(session, found, now=site.now(), outbox=outbox, mailbox=mailbox)

    if number is not None and request.form.get("sure") == "yes":
        check_form(FORM, fingerprint(READER.value()))
        try:
            cancellation.cancel_now(site.sessions, site.processor, number, clock=site.now)
        except (ProcessorError, Refused):
            return _refused(
                "We could not end your payment just now, so nothing was erased. Please try again in a minute."
            )
    refused = _run_for_reader(act)
    if refused is not None:
        return refused
    answer = make_response(render_template("account_erased.html"))
    READER.delete(answer)
    return answer


def _run_for_reader(act: Callable[[Session, Subscriber], Any]) -> Response | None:
    """Run ``act`` for the signed-in reader in one transaction. Returns None when it succeeds, else the response with the reason."""
    check_form(FORM, fingerprint(READER.value()))
    site = services()
    try:
        with site.sessions.begin() as session:
            found = signin.reader_of(session, READER.value(), now=site.now())
            if found is None:
                return make_response(redirect(site.paths.signin(), 303))
            act(session, found)
    except Refused as refusal:
        return _refused(str(refusal))
    return None


def _refused(reason: str) -> Response:
    """Return the unchanged page with the reason why nothing was done."""
    site = services()
    with db.reading(site.sessions) as session:
        found = signin.reader_of(session, READER.value(), now=site.now())
        return _page(session, found, error=reason) if found else abort(409, reason)


def _page(session: Session, found: Subscriber, *, error: str = "", saved: bool = False) -> Response:
    site = services()
    now = site.now()
    today = _today(found)
    token = site.tokens.make(UNSUBSCRIBE, subject_of(found.id, found.address_hash))
    html = render_template(
        "account.html",
        reader=found,
        error=error,
        saved=saved,
        plan=plan_of(found),
        topics=TOPICS,
        signins=signin.signed_in(session, found.id, now=now),
        this_signin=fingerprint(READER.value()),
        # The reader's own zone is listed even under an old name such as "Japan"; otherwise the browser would select another.
        zones=sorted({z for z in known_zones() if "/" in z or z == "UTC"} | {found.zone}),
        tomorrow=today + timedelta(days=1),
        # A pause that has ended is not shown, because its day could not be saved again.
        paused_until=found.paused_until if found.paused_until and found.paused_until > today else None,
        unsubscribe=site.paths.unsubscribe(token),
        account_token=form_token(FORM, fingerprint(READER.value())),
    )
    return make_response(html, 422 if error else 200)


def _today(found: Subscriber) -> date:
    """Return today's date in the reader's zone."""
    site = services()
    return site.now().astimezone(ZoneInfo(zone_or(found.zone, site.settings.EDITION_TZ))).date()


def _hour(text: str) -> int:
    """Return the chosen hour, or -1, which is not valid, for anything that is not a number."""
    return int(text) if len(text) <= 2 and text.isdecimal() else -1


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Refused("Please write the day as year-month-day, such as 2026-12-31.") from None


def _saved() -> Response:
    """Redirect to the page, with a new secret when this browser's is old."""
    site = services()
    answer = _redirect(f"{site.paths.account()}?saved=yes")
    with site.sessions.begin() as session:
        new_secret = signin.rotate(session, READER.value(), now=site.now())
    if new_secret:
        READER.set(answer, new_secret)
    return answer


def _signed_out() -> Response:
    answer = _redirect(services().paths.home())
    READER.delete(answer)
    return answer


def _redirect(path: str) -> Response:
    return make_response(redirect(path, 303))
